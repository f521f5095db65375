"""State of each assignment, leg of a handoff and invitation of a specialist, from its events."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, lookup

ASSIGNED, ENDED = "assigned", "assignment_ended"
HANDOFF_REQUESTED, HANDOFF_ACCEPTED, HANDOFF_REJECTED = "handoff_requested", "handoff_accepted", "handoff_rejected"
INVITED, CLOSED = "specialist_invited", "specialist_closed"
EVENTS = (ASSIGNED, ENDED, HANDOFF_REQUESTED, HANDOFF_ACCEPTED, HANDOFF_REJECTED, INVITED, CLOSED)
ASSISTED_SIGNUP, AUTO, HANDOFF, SPECIALIST = "assisted_signup", "auto", "handoff", "specialist"
KINDS = [ASSISTED_SIGNUP, AUTO, HANDOFF, SPECIALIST]
REQUESTED, ACTIVE, REJECTED, COMPLETED = "requested", "active", "rejected", "completed"
STATES = [REQUESTED, ACTIVE, REJECTED, COMPLETED]
OPEN_STATES = [REQUESTED, REJECTED]
SALES_AGENT, SALES_SPECIALIST = "sales_agent", "sales_specialist"
LATEST = [ibis.desc("occurred_at"), ibis.desc("event_id")]
EARLIEST = ["occurred_at", "event_id"]
SUBJECT = ["customer_id", "subject_id"]
LEG = ["customer_id", "subject_id", "about"]
ROLE = ["customer_id", "role"]
COLUMNS = {
    "kind": "string",
    "assignment_id": "string",
    "customer_id": "string",
    "role": "string",
    "skill": "string",
    "from_person": "string",
    "person_id": "string",
    "state": "string",
    "requested_at": "timestamp(6)",
    "accepted_at": "timestamp(6)",
    "ended_at": "timestamp(6)",
    "parts": "array<string>",
}


def given_assignments(events: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return the assignments of people to customers: the last event of an assignment gives its state."""
    given = first_per(events.filter(events.event_type == ASSIGNED), SUBJECT, LATEST)
    ended = events.filter(events.event_type == ENDED)
    ends = ended.group_by(SUBJECT).agg(last_end_at=ended.occurred_at.max())
    rows = lookup(lookup(given, ends, SUBJECT), organizations, "customer_id", "created_by")
    ended_at = (rows.last_end_at >= rows.occurred_at).ifelse(rows.last_end_at, ibis.null("timestamp"))
    is_by_creator = (rows.about == SALES_AGENT) & (rows.related_id == rows.created_by).fill_null(False)
    return _shaped(
        rows,
        kind=is_by_creator.ifelse(ASSISTED_SIGNUP, AUTO),
        role=rows.about,
        person_id=rows.related_id,
        state=ended_at.isnull().ifelse(ACTIVE, COMPLETED),
        accepted_at=rows.occurred_at,
        ended_at=ended_at,
    )


def handoff_legs(events: ir.Table, given: ir.Table) -> ir.Table:
    """Return the legs of handoffs, one for each role that a handoff goes to.

    The last event of a leg gives its state. One that is not accepted is completed by an assignment of the role that
    began after the request.

    Args:
        events: the events.
        given: the assignments of people to customers.
    """
    events = events.filter(events.event_type.isin([HANDOFF_REQUESTED, HANDOFF_ACCEPTED, HANDOFF_REJECTED]))
    last = first_per(events, LEG, LATEST).select(
        *LEG, last_type="event_type", last_at="occurred_at", last_actor="actor_id"
    )
    requests = first_per(events.filter(events.event_type == HANDOFF_REQUESTED), LEG, LATEST)
    rows = lookup(last, requests, LEG, requested_at="occurred_at", from_person="actor_id", parts="parts")
    rows = rows.rename(role="about")
    rows = lookup(rows, _first_after(rows, given), [*SUBJECT, "role"])
    is_accepted = rows.last_type == HANDOFF_ACCEPTED
    is_completed = is_accepted | rows.given_at.notnull()
    at = is_accepted.ifelse(rows.last_at, rows.given_at)
    return _shaped(
        rows,
        kind=ibis.literal(HANDOFF),
        from_person=rows.from_person,
        person_id=is_accepted.ifelse(rows.last_actor, rows.given_to),
        state=ibis.cases((is_completed, COMPLETED), (rows.last_type == HANDOFF_REJECTED, REJECTED), else_=REQUESTED),
        requested_at=rows.requested_at,
        accepted_at=at,
        ended_at=at,
        parts=rows.parts,
    )


def _first_after(legs: ir.Table, given: ir.Table) -> ir.Table:
    """Return the first assignment of the role and customer of each leg that began after the request."""
    starts = given.select(*ROLE, "assignment_id", given_at="accepted_at", given_to="person_id")
    pairs = legs.select(*SUBJECT, "role", "requested_at").join(starts, ROLE)
    pairs = pairs.filter(pairs.given_at >= pairs.requested_at)
    first = first_per(pairs, [*SUBJECT, "role"], ["given_at", "assignment_id"])
    return first.select(*SUBJECT, "role", "given_at", "given_to")


def specialist_invitations(events: ir.Table) -> ir.Table:
    """Return the opportunities to which a specialist was invited: the last event gives the state."""
    events = events.filter(events.event_type.isin([INVITED, CLOSED]))
    invited = events.filter(events.event_type == INVITED)
    last = first_per(events, SUBJECT, LATEST).select(*SUBJECT, last_type="event_type", last_at="occurred_at")
    first = first_per(invited, SUBJECT, EARLIEST)
    named = first_per(invited.filter(invited.related_id.notnull()), SUBJECT, LATEST)
    rows = lookup(first.rename(skill="about"), last, SUBJECT)
    rows = lookup(rows, named, SUBJECT, named_at="occurred_at", named_person="related_id")
    is_closed = rows.last_type == CLOSED
    return _shaped(
        rows,
        kind=ibis.literal(SPECIALIST),
        role=ibis.literal(SALES_SPECIALIST),
        from_person=rows.actor_id,
        person_id=rows.named_person,
        state=ibis.cases((is_closed, COMPLETED), (rows.named_at.notnull(), ACTIVE), else_=REQUESTED),
        requested_at=rows.occurred_at,
        accepted_at=rows.named_at,
        ended_at=is_closed.ifelse(rows.last_at, ibis.null("timestamp")),
    )


def _shaped(rows: ir.Table, **values: ir.Value) -> ir.Table:
    """Return rows in the columns that all kinds share; what is not given is a column of the rows, or null."""
    given = {"assignment_id": rows.subject_id} | values
    columns = {
        name: given[name]
        if name in given
        else rows[name]
        if name in rows.columns and name != "parts"
        else ibis.null(kind)
        for name, kind in COLUMNS.items()
    }
    return rows.select(**{name: value.cast(COLUMNS[name]) for name, value in columns.items()})
