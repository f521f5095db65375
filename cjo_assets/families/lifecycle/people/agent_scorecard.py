"""Load, capacity and results of each person of our staff, and of the AI beside them.

One row per as-of date and person, and one of the AI (`ai`). Clients are customers with an active assignment. Results
are those of the policy's window_days; a person without any has null, not 0.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS, exact_mean
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.people import _agent_results
from cjo_assets.families.lifecycle.people._agent_results import AI, PERSON
from cjo_assets.families.lifecycle.people._assignment_events import ACTIVE, HANDOFF, LATEST, OPEN_STATES
from cjo_assets.policy.lifecycle import LifecyclePolicy

ONLINE, BUSY, AWAY, OFFLINE = "online", "busy", "away", "offline"
AVAILABILITY_SET = "agent_availability_set"


class AgentScorecard(DatedContract):
    """Load, capacity and results of people. One row per as-of date and person, and one of the AI."""

    person_id: str = key("Person of our staff, or `ai`.")
    roles: TextList = column("Roles; empty of the AI.")
    skills: TextList = column("Kinds of opportunities the person can work on; empty of the AI.")
    has_left: bool = column("Whether the last day of work has passed.")
    availability: str = column(
        "Last recorded availability: online, busy, away or offline; null without a record.",
        isin=[ONLINE, BUSY, AWAY, OFFLINE],
        nullable=True,
    )
    clients: int = column("Customers with an active assignment [customers]; null of the AI.", ge=0, nullable=True)
    max_clients: int = column("Limit of clients, the person's or the policy's; null of the AI.", ge=0, nullable=True)
    utilisation: float = column(
        "clients over max_clients, up = fuller; null where the limit is 0 or there is none.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    open_handoffs: int = column(
        "Legs of handoffs that the person gave and that are not accepted [legs]; null of the AI.", ge=0, nullable=True
    )
    max_handoffs: int = column(
        "Limit of open handoffs, the person's or the policy's; null of the AI.", ge=0, nullable=True
    )
    has_capacity: bool = column("Whether the person is online, below both limits and works here; false of the AI.")
    tickets: int = column("Tickets created in the window that are theirs, or that the AI tried [tickets].", ge=0)
    tickets_resolved: int = column("Of these, tickets that are resolved [tickets].", ge=0)
    resolution_rate: float = column(
        "tickets_resolved over tickets [0-1]; null without tickets.", ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS
    )
    median_first_response: float = column(
        "Median time to the first response to these tickets [business minutes], up = worse; null without one.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    csat_answers: int = column("Answers on satisfaction in the window [answers].", ge=0)
    csat: float = column(
        "Mean satisfaction [1-5]; null below the policy's minimum_answers.",
        ge=1,
        le=5,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    nps_answers: int = column("Clients who stated in the window whether they recommend us [answers].", ge=0)
    nps: float = column(
        "Net promoter score [-100 to 100]; null below the policy's minimum_answers.",
        ge=-100,
        le=100,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    escalations_taken: int = column("Escalations taken in the window [cases].", ge=0)
    median_wait_minutes: float = column(
        "Median wait of the client before these [minutes], up = worse; null without one.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    completeness_given: float = column(
        "Mean completeness of the handoffs given in the window [0-1]; null without one.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    clients_health: float = column(
        "Mean health score of the clients [0-100]; null without a score.",
        ge=0,
        le=100,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    actions: int = column("Actions recorded in the window [actions].", ge=0)
    action_success: float = column(
        "Share of them that succeeded [0-1]; null without one.", ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS
    )
    peers_first_response: float = column(
        "Median of median_first_response of other people with a common role [business minutes]; null without one.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    peers_resolution_rate: float = column(
        "Median of resolution_rate of the same people [0-1]; null without one.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )


COUNTS = ("tickets", "tickets_resolved", "csat_answers", "nps_answers", "escalations_taken", "actions")


def agent_scorecard(
    people: ir.Table,
    assignments: ir.Table,
    tickets: ir.Table,
    ticket_sla: ir.Table,
    escalations: ir.Table,
    health_scores: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the load and the capacity of people on the as-of date, and the results of the window."""
    start = days_after(as_of, 1 - policy.people.window_days)
    events = known_events(lifecycle_events, as_of)
    recent = events.filter(events.occurred_at >= start)
    clients = _clients(assignments)
    handled, takers = _agent_results.with_handler(tickets, ticket_sla), _agent_results.takers_of(recent)
    scored = lookup(clients, health_scores, "customer_id", "score")
    rows = _staff(people, assignments, clients, events, as_of, policy)
    for part in (
        _agent_results.ticket_results(handled, start).rename(tickets_resolved="resolved"),
        _agent_results.satisfaction(recent, takers, handled),
        _agent_results.promoter_scores(recent, clients),
        _agent_results.escalations_taken(takers, escalations),
        _agent_results.handoffs_given(assignments, start),
        scored.group_by(PERSON).agg(clients_health=exact_mean(scored.score)),
        _agent_results.actions_of(recent),
    ):
        rows = lookup(rows, part, PERSON)
    least = policy.people.minimum_answers
    nothing = ibis.null("float64")
    rows = rows.mutate(
        **{name: rows[name].fill_null(0) for name in COUNTS},
        csat=(rows.csat_answers >= least).ifelse(rows.csat, nothing),
        nps=(rows.nps_answers >= least).ifelse(rows.nps, nothing),
        resolution_rate=rows.tickets_resolved / rows.tickets.nullif(0),
    )
    return lookup(rows, _peers(rows), PERSON)


def _clients(assignments: ir.Table) -> ir.Table:
    """Return the customers of each person, once each."""
    rows = assignments.filter(assignments.state == ACTIVE, assignments.person_id.notnull())
    return rows.select(PERSON, "customer_id").distinct()


def _staff(
    people: ir.Table,
    assignments: ir.Table,
    clients: ir.Table,
    events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return people of ours with their load and limits, and the AI without."""
    rules = policy.people
    staff = people.filter(people.customer_id.isnull()).drop("customer_id")
    counts = clients.group_by(PERSON).agg(clients=clients.count())
    open_legs = assignments.filter(assignments.kind == HANDOFF, assignments.state.isin(OPEN_STATES))
    handoffs = open_legs.group_by(person_id="from_person").agg(open_handoffs=open_legs.count())
    available = first_per(events.filter(events.event_type == AVAILABILITY_SET), "subject_id", LATEST)
    rows = lookup(lookup(staff, counts, PERSON), handoffs, PERSON)
    rows = lookup(rows, available, [(PERSON, "subject_id")], availability="about")
    rows = rows.select(
        PERSON,
        "roles",
        "skills",
        "availability",
        has_left=(rows.left_on < as_of).fill_null(False),
        clients=rows.clients.fill_null(0),
        max_clients=rows.max_clients.fill_null(rules.max_clients),
        open_handoffs=rows.open_handoffs.fill_null(0),
        max_handoffs=rows.max_handoffs.fill_null(rules.max_handoffs),
    )
    is_below = (rows.clients < rows.max_clients) & (rows.open_handoffs < rows.max_handoffs)
    rows = rows.mutate(
        has_capacity=(rows.availability == ONLINE).fill_null(False) & is_below & ~rows.has_left,
        utilisation=rows.clients / rows.max_clients.nullif(0),
    )
    return ibis.union(rows, _machine(rows.schema()))


def _machine(schema: ibis.Schema) -> ir.Table:
    """Return the row of the AI, without load and limits."""
    nothing = ibis.literal([], "array<string>")
    known = {PERSON: ibis.literal(AI), "roles": nothing, "skills": nothing}
    known |= {"has_left": ibis.literal(False), "has_capacity": ibis.literal(False)}
    values = {name: known.get(name, ibis.null(kind)).cast(kind).name(name) for name, kind in schema.items()}
    first, *others = values.values()
    return first.as_table().mutate(*others)


def _peers(rows: ir.Table) -> ir.Table:
    """Return the median results of other people with a common role."""
    own = rows.select(PERSON, "roles", "median_first_response", "resolution_rate").mutate(role=rows.roles.unnest())
    peers = own.select("role", "median_first_response", "resolution_rate", peer="person_id")
    pairs = own.select(PERSON, "role").join(peers, "role")
    pairs = pairs.filter(pairs.person_id != pairs.peer).drop("role").distinct()
    return pairs.group_by(PERSON).agg(
        peers_first_response=pairs.median_first_response.median(), peers_resolution_rate=pairs.resolution_rate.median()
    )


@check
def people_beyond_a_limit(agent_scorecard: ir.Table) -> ir.Table:
    """Return people with more clients or open handoffs than their limits."""
    rows = agent_scorecard
    is_beyond = (rows.clients > rows.max_clients) | (rows.open_handoffs > rows.max_handoffs)
    return rows.filter(is_beyond).select(PERSON, "clients", "max_clients", "open_handoffs", "max_handoffs")


@check
def clients_of_people_who_left(agent_scorecard: ir.Table) -> ir.Table:
    """Return people who left and still have clients."""
    rows = agent_scorecard.filter(agent_scorecard.has_left, agent_scorecard.clients > 0)
    return rows.select(PERSON, "clients")
