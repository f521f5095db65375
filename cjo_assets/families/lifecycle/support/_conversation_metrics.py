"""Daily metrics of conversations, and the conversations that changed their version or were interrupted by a chat."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.conversations import ACTIVE, CHATBOT, COMPLETED, ESCALATED, VOICEBOT
from cjo_assets.families.lifecycle.support._deployments import deployments, recorded_on
from cjo_assets.families.lifecycle.support._metrics import combined, correction, share_of, summed
from cjo_assets.policy.lifecycle import LifecyclePolicy

REPLY, CSAT = "chat_reply_sent", "csat_given"
CALL_KEY = ["customer_id", "conversation_id"]


def conversation_metrics(conversations: ir.Table, lifecycle_events: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the metrics of conversations by customer and day."""
    started = summed(conversations, conversations.started_at.date(), {"conversations": (1, None)})
    return ibis.union(
        started,
        _of_ended(with_live_version(ended(conversations), lifecycle_events, policy), policy),
        _first_contacts(conversations, policy),
        _answers(conversations, lifecycle_events),
        _calls_without_reply(conversations, lifecycle_events),
    )


def ended(conversations: ir.Table) -> ir.Table:
    """Return the conversations that ended, with the instant `known_at`."""
    rows = conversations.filter(conversations.status != ACTIVE)
    return rows.mutate(known_at=ibis.coalesce(rows.ended_at, rows.started_at))


def with_live_version(rows: ir.Table, lifecycle_events: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add the version that was live shortly before the start, as known at the end of the day of `known_at`.

    It is the `live_version` that was last deployed to production, or returned to, `propagation_seconds` before the
    start; null where none is known.
    """
    live = deployments(lifecycle_events).drop("is_rollback")
    latest_at = rows.started_at - ibis.interval(seconds=policy.runtime.propagation_seconds)
    pairs = rows.select(*CALL_KEY, "config_id", "known_at", latest_at=latest_at)
    pairs = pairs.join(live, ["customer_id", "config_id"])
    pairs = pairs.filter(pairs.live_since <= pairs.latest_at, pairs.recorded_on <= pairs.known_at.date())
    last = first_per(pairs, "conversation_id", [ibis.desc("live_since"), ibis.desc("event_id")])
    return lookup(rows, last.select("conversation_id", "live_version"), "conversation_id")


def is_pinned(rows: ir.Table) -> ir.BooleanValue:
    """Return whether a conversation kept the version that was live; null where that is not known."""
    is_same = rows.config_version == rows.ended_version
    return is_same.ifelse(rows.config_version == rows.live_version, is_same)


def is_in_time(rows: ir.Table, policy: LifecyclePolicy) -> ir.BooleanValue:
    """Return whether the response times of a conversation are within the policy's limit; null where not measured."""
    return rows.p95_ms <= rows.product.cases(*policy.sla.latency_ms, else_=ibis.null("float64"))


def replies_during_calls(conversations: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    """Return the replies of chatbots to users who were in a call.

    Returns:
        One row per reply and call: customer_id, conversation_id (of the call), chat_id, replied_at, known_at (of the
        call), recorded_on.
    """
    replies = lifecycle_events.filter(lifecycle_events.event_type == REPLY)
    chats = conversations.filter(conversations.product == CHATBOT, conversations.user_id.notnull())
    chats = chats.select("customer_id", "user_id", chat_id="conversation_id", chat_began_at="started_at")
    sent = replies.select(
        "customer_id", chat_id="subject_id", replied_at="occurred_at", recorded_on=recorded_on(replies)
    ).join(chats, ["customer_id", "chat_id"])
    calls = _calls(conversations)
    calls = calls.select("customer_id", "conversation_id", "user_id", "started_at", "known_at")
    pairs = sent.join(calls, ["customer_id", "user_id"])
    pairs = pairs.filter(pairs.replied_at.between(pairs.started_at, pairs.known_at))
    pairs = pairs.mutate(recorded_on=ibis.greatest(pairs.recorded_on, pairs.chat_began_at.date()))
    return pairs.drop("user_id", "started_at", "chat_began_at")


def _calls(conversations: ir.Table) -> ir.Table:
    calls = ended(conversations)
    return calls.filter(calls.product == VOICEBOT, calls.user_id.notnull())


def _of_ended(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    completed = [COMPLETED, ESCALATED] if policy.runtime.escalated_is_completed else [COMPLETED]
    calls = rows.tool_calls.nullif(0)
    measures = {
        "completed": share_of(rows.status.isin(completed)),
        "resolved": share_of(rows.is_resolved),
        "escalated": share_of(rows.status == ESCALATED),
        "flagged": share_of(rows.is_flagged),
        "pinned_ok": share_of(is_pinned(rows)),
        "in_time": share_of(is_in_time(rows, policy)),
        "tool_ok": (calls - rows.tool_errors.fill_null(0), calls),
    }
    return summed(rows, rows.known_at.date(), measures)


def _first_contacts(conversations: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    of_user = ibis.window(group_by=["customer_id", "user_id"], order_by=["started_at", "conversation_id"])
    rows = conversations.filter(conversations.user_id.notnull())
    rows = ended(rows.mutate(next_at=rows.started_at.lead().over(of_user)))
    decided_at = rows.known_at + ibis.interval(days=policy.runtime.contact_days)
    is_first = rows.next_at.isnull() | (rows.next_at > decided_at)
    return summed(rows, decided_at.date(), {"first_contact": share_of(is_first)})


def _answers(conversations: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    """Return the satisfaction that events and conversations give; of a conversation with both, what was known first."""
    answers = lifecycle_events.filter(lifecycle_events.event_type == CSAT)
    answers = answers.select("customer_id", "quantity", conversation_id="subject_id", answered_on=recorded_on(answers))
    own = ended(conversations)
    own = own.filter(own.csat.notnull())
    own = own.select(*CALL_KEY, "csat", known_on=own.known_at.date())
    first = answers.group_by(CALL_KEY).agg(first_answered_on=answers.answered_on.min())
    own = lookup(own, first, CALL_KEY)
    given = own.filter((own.known_on <= own.first_answered_on).fill_null(True))
    others = lookup(answers, own, CALL_KEY, "known_on")
    others = others.filter((others.answered_on < others.known_on).fill_null(True))
    return combined(
        summed(given, given.known_on, {"csat": (given.csat, 1)}),
        summed(others, others.answered_on, {"csat": (others.quantity, 1)}),
    )


def _calls_without_reply(conversations: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    calls = _calls(conversations)
    replies = replies_during_calls(conversations, lifecycle_events)
    first = replies.group_by(CALL_KEY).agg(known_at=replies.known_at.max(), recorded_on=replies.recorded_on.min())
    day = ibis.greatest(first.known_at.date(), first.recorded_on)
    return combined(
        summed(calls, calls.known_at.date(), {"silent_ok": (1, 1)}), correction(first, "silent_ok", day, -1.0)
    )
