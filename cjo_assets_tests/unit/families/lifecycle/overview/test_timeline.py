"""Tests of the timeline: a row per event, step of a ticket, rated conversation and decision, with text and role."""

from cjo_assets.families.lifecycle.decisions.outbox import Outbox
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES
from cjo_assets.families.lifecycle.inputs.conversations import Conversations
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.families.lifecycle.overview.timeline import ROLE_OF_GROUP, Timeline, timeline
from cjo_assets_tests.support.lifecycle.events import event, events_of
from cjo_assets_tests.support.rows import Row, Rows, day, instant, kept, table_of

NONE: Rows = []


def of(*events: Row, tickets: Rows = NONE, conversations: Rows = NONE, outbox: Rows = NONE) -> list[tuple[str, ...]]:
    """Return source, kind, text and role of the rows, in order."""
    table = timeline(
        events_of(*events),
        table_of(Tickets, tickets),
        table_of(Conversations, conversations),
        table_of(Outbox, outbox),
    )
    rows = sorted(kept(Timeline, table), key=lambda row: (row["occurred_at"], row["kind"]))
    return [(row["source"], row["kind"], row["text"], row["role"]) for row in rows]


def test_events_have_their_words() -> None:
    assert of(
        event("qbr_held", "2025-01-01"),
        event("escalated", "2025-01-02", subject="T1", about="asked_for_human"),
        event("subscription_changed", "2025-01-03", subject="S1", about="monthly", amount=3000.0),
        event("agent_availability_set", "2025-01-04", None, "P1", about="online"),
        event("config_deployed", "2025-01-05", subject="CH1", about="production"),
        event("demo_delivered", "2025-01-06", subject="D1"),
    ) == [
        ("lifecycle_events", "qbr_held", "qbr held", "success_manager"),
        ("lifecycle_events", "escalated", "escalated: asked_for_human", "support_specialist"),
        ("lifecycle_events", "subscription_changed", "subscription changed: monthly, 3000.0", "success_manager"),
        ("lifecycle_events", "config_deployed", "config deployed: production", "platform_engineer"),
        ("lifecycle_events", "demo_delivered", "demo delivered", "sales_agent"),
    ]


def test_every_group_of_events_has_a_role() -> None:
    assert {kind.group for kind in EVENT_TYPES} == ROLE_OF_GROUP.keys()


def test_tickets_have_a_row_per_step() -> None:
    whole = {"ticket_id": "T1", "category": "bug_report", "priority": "high"}
    whole |= {name: instant(f"2025-01-0{place} 10:00") for place, name in enumerate(STEPS, start=1)}
    begun = whole | {"ticket_id": "T2", "first_response_at": None, "resolved_at": None}
    begun |= {"created_at": instant("2025-01-09 10:00"), "priority": "low"}
    assert of(tickets=[whole, begun]) == [
        ("tickets", "ticket_created", "ticket created, priority high: bug_report", "support_specialist"),
        ("tickets", "ticket_answered", "ticket answered, priority high: bug_report", "support_specialist"),
        ("tickets", "ticket_resolved", "ticket resolved, priority high: bug_report", "support_specialist"),
        ("tickets", "ticket_created", "ticket created, priority low: bug_report", "support_specialist"),
    ]


STEPS = ("created_at", "first_response_at", "resolved_at")


def test_conversations_are_shown_where_they_were_rated() -> None:
    talk = {"started_at": instant("2025-01-02 10:00"), "product": "voicebot", "csat": 2.0}
    assert of(conversations=[talk, talk | {"csat": None}]) == [
        ("conversations", "conversation_rated", "voicebot conversation rated 2.0 of 5", "support_specialist")
    ]


def test_decisions_begin_with_their_first_day() -> None:
    decision = {"customer_id": "C1", "what": "Remind of invoice 7.", "target_system": "messaging", "first_day": day(-3)}
    assert of(outbox=[decision, decision | {"customer_id": None}]) == [
        ("outbox", "decision", "Remind of invoice 7.", "success_manager")
    ]
    rows = kept(
        Timeline,
        timeline(
            events_of(),
            table_of(Tickets, NONE),
            table_of(Conversations, NONE),
            table_of(Outbox, [decision | {"target_system": "runtime"}]),
        ),
    )
    assert [(row["occurred_at"], row["role"]) for row in rows] == [(instant("2025-01-17"), "platform_engineer")]
