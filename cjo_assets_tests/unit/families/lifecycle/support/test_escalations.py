"""Tests of escalations: triggers, states, waits, late records and checks. The as-of date is 20 January 2025."""

from collections.abc import Sequence
from typing import Any

import pytest

from cjo_assets.families.lifecycle.support.escalations import (
    Escalations,
    escalations,
    escalations_of_no_subject,
    rows_of_no_organization,
)
from cjo_assets.families.lifecycle.support.ticket_sla import ticket_sla
from cjo_assets_tests.support.lifecycle.conversations import conversations_of, talk
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.tickets import terms_of, ticket, tickets_of
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, rows_of


def of(
    *, tickets: Sequence[Row] = (), talks: Sequence[Row] = (), events: Sequence[Row] = (), offset: int = 0
) -> dict[str, Row]:
    """Return the escalations of a day, by subject."""
    log, made = events_of(*events), tickets_of(*tickets)
    clocks = ticket_sla(made, terms_of(), log, as_of(offset), RULES)
    table = escalations(made, conversations_of(*talks), clocks, log, as_of(offset), RULES)
    return by("subject_id", kept(Escalations, table, day(offset)))


def escalated(at: str, subject: str = "T1", **more: Any) -> Row:
    """Return an escalation."""
    return event("escalated", at, subject=subject, about="reason", **more)


def taken(at: str, subject: str = "T1", **more: Any) -> Row:
    """Return that a person took an escalation."""
    return event("escalation_taken", at, subject=subject, **more)


def new_ticket(created_at: str = "2025-01-20 23:00", **more: Any) -> Row:
    """Return a ticket whose clocks have not run yet."""
    return ticket(created_at, **more)


@pytest.mark.parametrize(
    ("more", "triggers"),
    [
        ({}, None),
        ({"ai_confidence": 0.6}, None),
        ({"ai_confidence": 0.59}, ["low_confidence"]),
        ({"asked_for_human": True}, ["asked_for_human"]),
        ({"ai_attempts": 1}, None),
        ({"ai_attempts": 2}, ["no_answer"]),
        ({"ai_attempts": 2, "resolved_at": "2025-01-20 23:30"}, None),
        ({"ai_attempts": 2, "resolved_at": "2025-01-21 00:00"}, ["no_answer"]),
        (
            {"ai_attempts": 3, "asked_for_human": True, "ai_confidence": 0.1},
            ["asked_for_human", "low_confidence", "no_answer"],
        ),
    ],
)
def test_triggers_of_a_ticket(more: dict[str, Any], triggers: list[str] | None) -> None:
    found = of(tickets=[new_ticket(**more)])
    assert (found["T1"]["triggers"] if found else None) == triggers
    if found:
        assert found["T1"]["first_trigger_at"] == instant("2025-01-20 23:00")


def test_a_broken_target_triggers_from_its_instant() -> None:
    """480 minutes of Friday for a first response of 480: broken on Monday at 9:00, 15 hours before the end of it."""
    row = of(tickets=[ticket("2025-01-17 09:00")])["T1"]
    assert (row["triggers"], row["first_trigger_at"]) == (["sla_breached"], instant("2025-01-20 09:00"))
    assert (row["state"], row["waited_minutes"], row["is_late"]) == ("late", 900.0, True)
    assert of(tickets=[ticket("2025-01-17 09:00")], offset=-1) == {}


def test_an_escalation_waits_until_a_person_takes_it() -> None:
    asked = new_ticket("2025-01-20 09:00", asked_for_human=True)
    log = [escalated("2025-01-20 11:30"), taken("2025-01-20 11:40")]
    row = of(tickets=[asked], events=log)["T1"]
    assert (row["escalated_at"], row["taken_at"]) == (instant("2025-01-20 11:30"), instant("2025-01-20 11:40"))
    assert (row["waited_minutes"], row["is_late"], row["state"]) == (10.0, False, "taken")
    late = of(tickets=[asked], events=[log[0], taken("2025-01-20 11:45:01")])["T1"]
    assert (round(late["waited_minutes"], 3), late["is_late"], late["state"]) == (15.017, True, "taken")


@pytest.mark.parametrize(("at", "state"), [("23:45", "waiting"), ("23:44", "late")])
def test_an_open_escalation_is_late_after_the_wait(at: str, state: str) -> None:
    row = of(tickets=[new_ticket("2025-01-20 23:00")], events=[escalated(f"2025-01-20 {at}")])["T1"]
    assert (row["triggers"], row["first_trigger_at"], row["state"]) == ([], None, state)


def test_a_ticket_solved_before_a_person_took_it_was_missed() -> None:
    solved = new_ticket("2025-01-20 09:00", asked_for_human=True, resolved_at="2025-01-20 10:00")
    row = of(tickets=[solved])["T1"]
    assert (row["state"], row["waited_minutes"], row["is_late"]) == ("missed", None, False)
    assert row["closed_at"] == instant("2025-01-20 10:00")


def test_a_second_escalation_waits_again() -> None:
    log = [escalated("2025-01-20 09:00"), taken("2025-01-20 09:10"), escalated("2025-01-20 23:50")]
    row = of(tickets=[new_ticket("2025-01-20 08:00")], events=log)["T1"]
    assert (row["escalated_at"], row["taken_at"]) == (instant("2025-01-20 23:50"), None)
    assert (row["waited_minutes"], row["state"]) == (10.0, "waiting")
    # A reminder before a person takes it does not shorten the wait.
    reminded = [escalated("2025-01-20 09:00"), escalated("2025-01-20 09:20"), taken("2025-01-20 09:30")]
    assert of(tickets=[new_ticket("2025-01-20 08:00")], events=reminded)["T1"]["waited_minutes"] == 30.0


def test_an_escalated_conversation_waits_beyond_its_end() -> None:
    talks = [
        talk("2025-01-20 12:15", "V1", status="escalated", ai_confidence=0.55, asked_for_human=True),
        talk("2025-01-20 12:15", "V2", asked_for_human=True),
        talk("2025-01-20 23:58", "V3", asked_for_human=True),
        talk("2025-01-20 12:15", "V4"),
    ]
    found = of(talks=talks)
    assert {name: (row["subject_kind"], row["state"]) for name, row in found.items()} == {
        "V1": ("conversation", "late"),
        "V2": ("conversation", "missed"),
        # It ends after midnight.
        "V3": ("conversation", "waiting"),
    }
    assert found["V1"]["triggers"] == ["asked_for_human", "low_confidence"]
    # Without an event the escalation is that of the end.
    assert found["V1"]["escalated_at"] == found["V1"]["closed_at"] == instant("2025-01-20 12:20")
    log = [escalated("2025-01-20 12:18", "V1"), taken("2025-01-20 12:26", "V1")]
    row = of(talks=talks, events=log)["V1"]
    assert (row["waited_minutes"], row["state"]) == (8.0, "taken")


def test_what_was_recorded_later_is_unknown() -> None:
    log = [escalated("2025-01-20 11:30"), taken("2025-01-20 11:40", recorded_at="2025-01-21 09:00")]
    opened = [new_ticket("2025-01-20 09:00")]
    assert of(tickets=opened, events=log)["T1"]["state"] == "late"
    tomorrow = of(tickets=opened, events=log, offset=1)["T1"]
    assert (tomorrow["state"], tomorrow["waited_minutes"]) == ("taken", 10.0)


def test_an_event_of_another_customer_has_no_effect() -> None:
    log = [escalated("2025-01-20 11:30") | {"customer_id": "C2"}]
    assert of(tickets=[new_ticket("2025-01-20 09:00")], events=log) == {}


def test_checks_report_what_needs_attention() -> None:
    tickets, talks = tickets_of(new_ticket(asked_for_human=True)), conversations_of(talk("2025-01-20 09:00"))
    log = events_of(escalated("2025-01-20 11:30", "T9"), escalated("2025-01-20 11:30", "V1"))
    clocks = ticket_sla(tickets, terms_of(), log, as_of(), RULES)
    table = escalations(tickets, talks, clocks, log, as_of(), RULES)
    assert [row["subject_id"] for row in rows_of(escalations_of_no_subject(tickets, talks, log, as_of()))] == ["T9"]
    assert rows_of(rows_of_no_organization(table, organizations_of("C1"))) == []
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 2
