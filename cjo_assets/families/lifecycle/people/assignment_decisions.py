"""Decisions on who takes what needs a person: signups, handoffs, clients of absent people, invitations.

One row per as-of date and request. An assisted signup goes to its creator, anything else to the least loaded person
with the role and skill who has capacity, the longest waiting request first. Beyond the limits of all of them it is
`no_capacity`.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.people._assignment_events import SALES_AGENT
from cjo_assets.families.lifecycle.people._requests import COLUMNS, REQUEST_KINDS, requests_for_people
from cjo_assets.families.lifecycle.people._slots import REQUEST, by_creator, eligible, least_loaded, with_given
from cjo_assets.families.lifecycle.people.assignments import MINUTES_PER_HOUR
from cjo_assets.policy.lifecycle import LifecyclePolicy

CREATOR, LEAST_LOADED, NO_CAPACITY = "creator", "least_loaded", "no_capacity"


class AssignmentDecisions(DatedContract):
    """Who takes what needs a person. One row per as-of date and request."""

    kind: str = key(
        "signup: an organization to which a person was never assigned; handoff: a leg that is not accepted; absence: "
        "the assigned person left, or is offline for longer than the policy's absent_hours; invitation.",
        isin=REQUEST_KINDS,
    )
    subject_id: str = key("Customer of a signup, handoff, assignment or opportunity.")
    role: str = key("Role that is needed.")
    customer_id: str = column("Customer.", personal="customer")
    skill: str = column("Kind of opportunity that the person must know; null otherwise.", nullable=True)
    from_person: str = column("Person it comes from, who is not eligible; null where there is none.", nullable=True)
    requested_at: Instant = column("Instant since which a person is needed [UTC].")
    waited_hours: float = column("Time since then [hours], up = worse.", ge=0, decimals=SCORE_DECIMALS)
    person_id: str = column("Person who should take it; null: no_capacity.", nullable=True)
    rule: str = column(
        "creator: of the account; least_loaded: the lowest clients / max_clients, then the fewest open handoffs, then "
        "the person; no_capacity: no eligible person has a place left.",
        isin=[CREATOR, LEAST_LOADED, NO_CAPACITY],
    )
    eligible_people: int = column("People with the role, the skill and capacity [people].", ge=0)
    clients_before: int = column(
        "Clients of the person, with those of earlier decisions of the day; null: no_capacity.", ge=0, nullable=True
    )
    max_clients: int = column("Limit of that person [customers]; null: no_capacity.", ge=0, nullable=True)


def assignment_decisions(
    agent_scorecard: ir.Table,
    assignments: ir.Table,
    organizations: ir.Table,
    people: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return who should take each request."""
    requests = requests_for_people(organizations, people, assignments, lifecycle_events, as_of, policy)
    staff = agent_scorecard.filter(agent_scorecard.has_capacity)
    staff = staff.select("person_id", "roles", "skills", "clients", "max_clients", "open_handoffs")
    own = by_creator(requests, staff, SALES_AGENT)
    others = least_loaded(requests.anti_join(own, REQUEST), with_given(staff, own))
    given = ibis.union(
        own.mutate(rule=ibis.literal(CREATOR)),
        others.mutate(rule=ibis.literal(LEAST_LOADED)),
    )
    pairs = eligible(requests, staff)
    counts = pairs.group_by(REQUEST).agg(eligible_people=pairs.count())
    rows = lookup(lookup(requests.select(*COLUMNS), given, REQUEST), counts, REQUEST)
    rows = lookup(rows, staff, "person_id", "max_clients")
    end = days_after(as_of, 1).cast("timestamp")
    return rows.mutate(
        rule=rows.rule.fill_null(NO_CAPACITY),
        eligible_people=rows.eligible_people.fill_null(0),
        waited_hours=minutes_in(end.delta(rows.requested_at, unit="microsecond")) / MINUTES_PER_HOUR,
    )


@check(blocking=True)
def rows_of_no_organization(assignment_decisions: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return decisions whose organization is not in the file."""
    return without_organization(assignment_decisions, organizations)


@check(blocking=True)
def people_beyond_their_limit(assignment_decisions: ir.Table, agent_scorecard: ir.Table) -> ir.Table:
    """Return people who would have more clients than their limit."""
    counts = assignment_decisions.group_by("person_id").agg(decided=assignment_decisions.count())
    rows = lookup(agent_scorecard, counts, "person_id").filter(lambda row: row.decided > 0)
    rows = rows.filter((rows.clients + rows.decided > rows.max_clients).fill_null(True))
    return rows.select("person_id", "clients", "decided", "max_clients")


@check
def requests_without_capacity(assignment_decisions: ir.Table) -> ir.Table:
    """Return requests that no eligible person has a place for."""
    rows = assignment_decisions.filter(assignment_decisions.rule == NO_CAPACITY)
    return rows.select(*REQUEST, "customer_id", "skill", "eligible_people", "waited_hours")
