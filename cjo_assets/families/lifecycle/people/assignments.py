"""Assignments of people to customers, handoffs between people, and invitations of specialists.

One row per as-of date and assignment, leg of a handoff, or opportunity to which a specialist was invited. A handoff to
two roles has two rows with one `assignment_id`. It waits from its request until it is accepted or a person is assigned
to its role; a rejected one still waits. The assignment that follows a handoff is a row of its own.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.people._assignment_events import (
    ACTIVE,
    EVENTS,
    HANDOFF,
    HANDOFF_ACCEPTED,
    HANDOFF_REJECTED,
    HANDOFF_REQUESTED,
    KINDS,
    LEG,
    ROLE,
    SPECIALIST,
    STATES,
    given_assignments,
    handoff_legs,
    specialist_invitations,
)
from cjo_assets.policy.lifecycle import LifecyclePolicy

MINUTES_PER_HOUR = 60
# What a handoff should give to the next person (seed).
CONTENTS = ["client_preferences", "context_notes", "technical_requirements"]
# The two legs of a handoff after the onboarding.
DUAL_ROLES = ["success_manager", "support_specialist"]


class Assignments(DatedContract):
    """Assignments, handoffs and invitations. One row per as-of date, kind, assignment and role."""

    kind: str = key(
        "assisted_signup: the seller created the account; auto: any other assignment; handoff: a leg of one; "
        "specialist: an invitation.",
        isin=KINDS,
    )
    assignment_id: str = key("Assignment, handoff or opportunity.")
    role: str = key("Role for the customer; of a handoff, the role it goes to.")
    customer_id: str = column("Customer.", personal="customer")
    skill: str = column("Kind of the opportunity of a specialist; null otherwise.", nullable=True)
    from_person: str = column("Person who handed over or invited; null where unknown.", nullable=True)
    person_id: str = column("Person who is or was assigned, accepted or was invited; null before.", nullable=True)
    state: str = column(
        "requested; active; rejected: the last answer to a handoff; completed: an assignment ended, a handoff was "
        "accepted, an opportunity closed.",
        isin=STATES,
    )
    requested_at: Instant = column(
        "Instant of the last request of a handoff, or first invitation [UTC]; null of an assignment.", nullable=True
    )
    accepted_at: Instant = column(
        "Instant it was assigned, accepted, or a specialist was named [UTC]; null before.", nullable=True
    )
    ended_at: Instant = column("Instant it was completed [UTC]; null before.", nullable=True)
    waited_hours: float = column(
        "Time from the request until it was accepted or ended, or so far [hours], up = worse; null without a request.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    is_late: bool = column("Whether that exceeds the policy's accept_hours.")
    completeness: float = column(
        "Share of context_notes, client_preferences and technical_requirements that a handoff gives [0-1]; null of "
        "others.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )


def assignments(
    organizations: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the assignments, handoffs and invitations that were known, with their state."""
    events = known_events(lifecycle_events, as_of, *EVENTS)
    given = given_assignments(events, organizations)
    rows = ibis.union(given, handoff_legs(events, given), specialist_invitations(events))
    end = days_after(as_of, 1).cast("timestamp")
    until = ibis.coalesce(rows.accepted_at, rows.ended_at, end)
    minutes = minutes_in(ibis.greatest(until.delta(rows.requested_at, unit="microsecond"), 0))
    hours = rows.requested_at.notnull().ifelse(minutes / MINUTES_PER_HOUR, ibis.null("float64"))
    is_given = (rows.kind == HANDOFF) & rows.requested_at.notnull()
    parts = ibis.coalesce(rows.parts, ibis.literal([], "array<string>")).unique()
    share = parts.filter(lambda part: part.isin(CONTENTS)).length() / len(CONTENTS)
    return rows.mutate(
        waited_hours=hours,
        is_late=(hours > policy.people.accept_hours).fill_null(False),
        completeness=is_given.ifelse(share, ibis.null("float64")),
    )


@check(blocking=True)
def rows_of_no_organization(assignments: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return assignments whose organization is not in the file."""
    return without_organization(assignments, organizations)


@check
def roles_with_two_people(assignments: ir.Table) -> ir.Table:
    """Return customers and roles that have more than one active person; specialists are one per opportunity."""
    rows = assignments.filter(assignments.state == ACTIVE, assignments.kind != SPECIALIST)
    counted = rows.group_by(ROLE).agg(people=rows.person_id.nunique())
    return counted.filter(counted.people > 1)


@check
def dual_handoffs_with_one_leg(assignments: ir.Table, people: ir.Table) -> ir.Table:
    """Return handoffs to support or success alone, of customers without a person of ours in the other role."""
    legs = assignments.filter(assignments.kind == HANDOFF, assignments.role.isin(DUAL_ROLES))
    handoffs = legs.group_by("customer_id", "assignment_id").agg(roles=legs.role.nunique(), role=legs.role.min())
    single = handoffs.filter(handoffs.roles < len(DUAL_ROLES))
    other = (single.role == DUAL_ROLES[0]).ifelse(DUAL_ROLES[1], DUAL_ROLES[0])
    single = single.select("customer_id", "assignment_id", "role", missing_role=other)
    staff = people.filter(people.customer_id.isnull())
    active = assignments.filter(assignments.state == ACTIVE, assignments.person_id.isin(staff.person_id))
    return single.anti_join(active.select("customer_id", missing_role="role"), ["customer_id", "missing_role"])


@check
def answers_to_no_handoff(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return acceptances and rejections of legs of handoffs that were never requested."""
    answers = known_events(lifecycle_events, as_of, HANDOFF_ACCEPTED, HANDOFF_REJECTED)
    requests = known_events(lifecycle_events, as_of, HANDOFF_REQUESTED)
    return answers.anti_join(requests, LEG).select("event_id", *LEG)


@check
def active_people_who_are_unknown(assignments: ir.Table, people: ir.Table) -> ir.Table:
    """Return active assignments to people who are not in the file, or not of our staff."""
    staff = people.filter(people.customer_id.isnull())
    rows = assignments.filter(assignments.state == ACTIVE)
    rows = rows.filter(rows.person_id.notin(staff.person_id))
    return rows.select("customer_id", "assignment_id", "role", "person_id")
