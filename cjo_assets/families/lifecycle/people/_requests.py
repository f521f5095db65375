"""Requests for a person: signups without a seller, open handoffs, clients of absent people, open invitations."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.organizations import known_organizations
from cjo_assets.families.lifecycle.people._assignment_events import (
    ACTIVE,
    ASSISTED_SIGNUP,
    AUTO,
    HANDOFF,
    LATEST,
    OPEN_STATES,
    REQUESTED,
    ROLE,
    SALES_AGENT,
    SPECIALIST,
)
from cjo_assets.families.lifecycle.people.agent_scorecard import AVAILABILITY_SET, OFFLINE
from cjo_assets.policy.lifecycle import LifecyclePolicy

SIGNUP, ABSENCE, INVITATION = "signup", "absence", "invitation"
REQUEST_KINDS = [SIGNUP, HANDOFF, ABSENCE, INVITATION]
COLUMNS = ("kind", "subject_id", "role", "customer_id", "skill", "from_person", "requested_at")


def requests_for_people(
    organizations: ir.Table,
    people: ir.Table,
    assignments: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return what needs a person on the as-of date, with the columns of `COLUMNS` and `created_by` of a signup."""
    given = assignments.filter(assignments.kind.isin([ASSISTED_SIGNUP, AUTO]))
    handoffs = assignments.filter(assignments.kind == HANDOFF, assignments.state.isin(OPEN_STATES))
    invitations = assignments.filter(assignments.kind == SPECIALIST, assignments.state == REQUESTED)
    active = assignments.filter(assignments.state == ACTIVE)
    absent = _absences(people, known_events(lifecycle_events, as_of, AVAILABILITY_SET), as_of, policy)
    left = active.drop("requested_at", "from_person").join(absent, "person_id")
    left = left.rename(from_person="person_id").anti_join(handoffs, ROLE)
    rows = ibis.union(
        _signups(known_organizations(organizations, as_of), given),
        _of_assignments(handoffs, HANDOFF),
        _of_assignments(left, ABSENCE),
        _of_assignments(invitations, INVITATION),
    )
    signups = organizations.select(subject_id="customer_id", kind=ibis.literal(SIGNUP), created_by="created_by")
    return lookup(rows, signups, ["kind", "subject_id"])


def _signups(organizations: ir.Table, given: ir.Table) -> ir.Table:
    """Return organizations to which a person was never assigned."""
    rows = organizations.filter(organizations.customer_id.notin(given.customer_id))
    return rows.select(
        kind=ibis.literal(SIGNUP),
        subject_id="customer_id",
        role=ibis.literal(SALES_AGENT),
        customer_id="customer_id",
        skill=ibis.null("string"),
        from_person=ibis.null("string"),
        requested_at="signed_up_at",
    )


def _of_assignments(rows: ir.Table, kind: str) -> ir.Table:
    return rows.drop("kind").rename(subject_id="assignment_id").mutate(kind=ibis.literal(kind)).select(*COLUMNS)


def _absences(people: ir.Table, availability: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the people who left, or are offline for longer than the policy's absent_hours, and since when."""
    last = first_per(availability, "subject_id", LATEST)
    rows = lookup(people, last, [("person_id", "subject_id")], availability="about", changed_at="occurred_at")
    left_at = (rows.left_on < as_of).ifelse(days_after(rows.left_on, 1).cast("timestamp(6)"), ibis.null("timestamp(6)"))
    limit = days_after(as_of, 1).cast("timestamp") - ibis.interval(hours=policy.people.absent_hours)
    is_offline = (rows.availability == OFFLINE) & (rows.changed_at < limit)
    offline_at = is_offline.ifelse(rows.changed_at, ibis.null("timestamp(6)"))
    rows = rows.select("person_id", requested_at=ibis.least(left_at, offline_at))
    return rows.filter(rows.requested_at.notnull())
