"""Escalations: tickets and conversations that need a person, and how long the client has waited for one.

One row per as-of date and ticket or conversation that has a trigger or was escalated. A trigger counts from the
creation of the ticket or the start of the conversation, a broken SLA target from the instant it was broken. The wait
begins with the escalation, or with the first trigger where there is none, and ends when a person takes it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, any_of, column, key, names_where
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs import conversations as conversations_file
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.support._status_changes import RESOLUTION
from cjo_assets.policy.lifecycle import LifecyclePolicy

TICKET, CONVERSATION = "ticket", "conversation"
LOW_CONFIDENCE, ASKED_FOR_HUMAN, NO_ANSWER, SLA_BREACHED = (
    "low_confidence",
    "asked_for_human",
    "no_answer",
    "sla_breached",
)
TAKEN, WAITING, LATE, MISSED = "taken", "waiting", "late", "missed"
ESCALATED_EVENT, TAKEN_EVENT = "escalated", "escalation_taken"
SUBJECT = ["customer_id", "subject_id"]


class Escalations(DatedContract):
    """Tickets and conversations that need a person. One row per as-of date and ticket or conversation."""

    subject_kind: str = key("ticket or conversation.", isin=[TICKET, CONVERSATION])
    subject_id: str = key("Ticket or conversation.")
    customer_id: str = column("Customer.", personal="customer")
    triggers: TextList = column(
        "Reasons, sorted: asked_for_human; low_confidence: below the policy's; no_answer: the policy's attempts of the "
        "AI, unresolved; sla_breached. Empty: it was escalated without any."
    )
    first_trigger_at: Instant = column("Instant of the first of them [UTC]; null without any.", nullable=True)
    escalated_at: Instant = column("Instant of the escalation [UTC]; null without one.", nullable=True)
    taken_at: Instant = column("Instant a person took it [UTC]; null before.", nullable=True)
    closed_at: Instant = column(
        "Instant the ticket was solved or the conversation ended [UTC]; null while it is open.", nullable=True
    )
    waited_minutes: float = column(
        "Time until a person took it, or so far [minutes], up = worse; null where missed.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    is_late: bool = column("Whether the wait exceeds the policy's wait_minutes; false where missed.")
    state: str = column(
        "taken; waiting; late: waiting for longer than the policy's wait_minutes; missed: closed before a person took "
        "it.",
        isin=[TAKEN, WAITING, LATE, MISSED],
    )


def escalations(
    tickets: ir.Table,
    conversations: ir.Table,
    ticket_sla: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the tickets and conversations that need or needed a person, with their state."""
    end = days_after(as_of, 1).cast("timestamp")
    subjects = ibis.union(_tickets(tickets, ticket_sla, end, policy), _conversations(conversations, end, policy))
    rows = _with_escalation(subjects, known_events(lifecycle_events, as_of, ESCALATED_EVENT, TAKEN_EVENT))
    rows = rows.filter((rows.triggers.length() > 0) | rows.escalated_at.notnull())
    # A user whose conversation was escalated waits beyond its end.
    waits_beyond_end = (rows.subject_kind == CONVERSATION) & rows.escalated_at.notnull()
    is_missed = rows.taken_at.isnull() & rows.closed_at.notnull() & ~waits_beyond_end
    since = ibis.coalesce(rows.escalated_at, rows.first_trigger_at)
    waited = minutes_in(ibis.coalesce(rows.taken_at, end).delta(since, unit="microsecond"))
    waited = is_missed.ifelse(ibis.null("float64"), ibis.greatest(waited, 0.0))
    is_late = (waited > policy.escalation.wait_minutes).fill_null(False)
    state = ibis.cases((is_missed, MISSED), (rows.taken_at.notnull(), TAKEN), (is_late, LATE), else_=WAITING)
    return rows.mutate(waited_minutes=waited, is_late=is_late, state=state)


def _tickets(tickets: ir.Table, ticket_sla: ir.Table, end: ir.TimestampScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the tickets created by the end of a day, with their triggers."""
    solved = ticket_sla.filter(ticket_sla.clock == RESOLUTION).select("ticket_id", closed_at="stopped_at")
    broken = ticket_sla.group_by("ticket_id").agg(breached_at=ticket_sla.breached_at.min())
    rows = tickets.filter(tickets.created_at < end)
    rows = lookup(lookup(rows, solved, "ticket_id"), broken, "ticket_id").mutate(handed_over_at=ibis.null("timestamp"))
    is_unanswered = (rows.ai_attempts >= policy.escalation.attempts) & rows.closed_at.isnull()
    conditions = _of_the_ai(rows, policy) | {NO_ANSWER: is_unanswered, SLA_BREACHED: rows.breached_at.notnull()}
    return _with_triggers(rows, TICKET, "ticket_id", "created_at", conditions)


def _conversations(conversations: ir.Table, end: ir.TimestampScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the conversations started by the end of a day, with their triggers."""
    rows = conversations.filter(conversations.started_at < end)
    has_ended = rows.ended_at < end
    is_escalated = (rows.status == conversations_file.ESCALATED) & has_ended
    rows = rows.mutate(
        closed_at=has_ended.ifelse(rows.ended_at, ibis.null("timestamp")),
        handed_over_at=is_escalated.ifelse(rows.ended_at, ibis.null("timestamp")),
        breached_at=ibis.null("timestamp"),
    )
    return _with_triggers(rows, CONVERSATION, "conversation_id", "started_at", _of_the_ai(rows, policy))


def _of_the_ai(rows: ir.Table, policy: LifecyclePolicy) -> dict[str, ir.BooleanValue]:
    return {
        LOW_CONFIDENCE: rows.ai_confidence < policy.escalation.confidence,
        ASKED_FOR_HUMAN: rows.asked_for_human,
    }


def _with_triggers(
    rows: ir.Table, kind: str, name: str, begun_at: str, conditions: dict[str, ir.BooleanValue]
) -> ir.Table:
    conditions = {trigger: condition.fill_null(False) for trigger, condition in conditions.items()}
    is_from_start = any_of(condition for trigger, condition in conditions.items() if trigger != SLA_BREACHED)
    first = ibis.coalesce(is_from_start.ifelse(rows[begun_at], ibis.null("timestamp")), rows.breached_at)
    return rows.select(
        "customer_id",
        subject_kind=ibis.literal(kind),
        subject_id=rows[name],
        triggers=names_where(conditions),
        first_trigger_at=first.cast("timestamp"),
        handed_over_at=rows.handed_over_at.cast("timestamp"),
        closed_at=rows.closed_at.cast("timestamp"),
    )


def _with_escalation(subjects: ir.Table, events: ir.Table) -> ir.Table:
    """Add the escalation that counts: the first after the last take, else the first, with the take that followed."""
    is_taken, at = events.event_type == TAKEN_EVENT, events.occurred_at
    takes = events.group_by(SUBJECT).agg(last_taken_at=at.max(where=is_taken))
    found = lookup(events, takes, SUBJECT)
    is_escalated = found.event_type == ESCALATED_EVENT
    is_open = is_escalated & (found.last_taken_at.isnull() | (found.occurred_at > found.last_taken_at))
    sums = found.group_by(SUBJECT).agg(
        open_at=found.occurred_at.min(where=is_open), first_at=found.occurred_at.min(where=is_escalated)
    )
    found = lookup(found, sums, SUBJECT)
    is_answer = (found.event_type == TAKEN_EVENT) & (found.first_at.isnull() | (found.occurred_at >= found.first_at))
    answers = found.group_by(SUBJECT).agg(answered_at=found.occurred_at.min(where=is_answer))
    rows = lookup(lookup(subjects, sums, SUBJECT), answers, SUBJECT)
    return rows.mutate(
        escalated_at=ibis.coalesce(rows.open_at, rows.first_at, rows.handed_over_at),
        taken_at=rows.open_at.isnull().ifelse(rows.answered_at, ibis.null("timestamp")),
    )


@check(blocking=True)
def rows_of_no_organization(escalations: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return escalations whose organization is not in the file."""
    return without_organization(escalations, organizations)


@check
def escalations_of_no_subject(
    tickets: ir.Table, conversations: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Return escalations of tickets and conversations that are not in the files, which therefore have no effect."""
    events = known_events(lifecycle_events, as_of, ESCALATED_EVENT, TAKEN_EVENT)
    is_known = events.subject_id.isin(tickets.ticket_id) | events.subject_id.isin(conversations.conversation_id)
    return events.filter(~is_known).select("event_id", "event_type", "customer_id", "subject_id")
