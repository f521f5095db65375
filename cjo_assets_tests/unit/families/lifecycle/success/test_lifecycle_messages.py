"""Tests of messages: due days, states, contract years, and messages that are held."""

from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.success.lifecycle_messages import (
    LifecycleMessages,
    lifecycle_messages,
    unknown_messages,
)
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

NONE: Rows = []


def clocks(rows: Rows) -> ir.Table:
    """Return clocks of tickets as a table."""
    return table_of(TicketSla, rows)


def of(stage: str, account: Row, sent: Rows = NONE, tickets: Rows = NONE, offset: int = 0) -> dict[str, Row]:
    """Return the messages of one account, by message."""
    breached = [{"ticket_id": row["ticket_id"], "clock": "resolution", "state": "breached"} for row in tickets]
    table = lifecycle_messages(
        table_of(LifecycleStages, [{"customer_id": "C1", "stage": stage}]),
        table_of(Accounts, [{"customer_id": "C1"} | account]),
        table_of(Tickets, [{"customer_id": "C1", "priority": "urgent"} | row for row in tickets]),
        clocks(breached),
        events_of(*sent),
        as_of(offset),
        RULES,
    )
    return by("message", kept(LifecycleMessages, table, day(offset)))


def message(name: str, at: date) -> Row:
    """Return a message that was sent."""
    return event("message_sent", at.isoformat(), about=name)


def trial(days: int) -> Row:
    """Return an account on a day of its trial."""
    return {"trial_started_on": day(-days)}


@pytest.mark.parametrize(
    ("days", "states"),
    [
        (0, {"welcome": "upcoming", "success": "upcoming", "upgrade": "scheduled"}),
        (1, {"welcome": "due", "success": "upcoming", "upgrade": "scheduled"}),
        (4, {"welcome": "due", "success": "upcoming", "upgrade": "scheduled"}),
        (5, {"welcome": "missed", "success": "upcoming", "upgrade": "scheduled"}),
        (6, {"welcome": "missed", "success": "upcoming", "upgrade": "upcoming"}),
        (7, {"welcome": "missed", "success": "due", "upgrade": "upcoming"}),
        (13, {"welcome": "missed", "success": "missed", "upgrade": "due"}),
    ],
)
def test_states_of_a_trial(days: int, states: dict[str, str]) -> None:
    found = of("trial", trial(days))
    assert {name: found[name]["state"] for name in states} == states
    assert found["success"]["due_on"] == day(7 - days)
    assert (found["roi"]["state"], found["roi"]["due_on"]) == ("not_applicable", None)


def test_a_message_of_this_trial_was_sent() -> None:
    found = of("trial", trial(7), [message("welcome", day(-6)), message("success", day(-8))])
    assert (found["welcome"]["state"], found["welcome"]["sent_on"]) == ("sent", day(-6))
    # That of an earlier trial.
    assert (found["success"]["state"], found["success"]["sent_on"]) == ("due", None)
    later = of("active", trial(30) | {"paid_since": day(-10)}, [message("welcome", day(-29))])
    assert (later["welcome"]["state"], later["upgrade"]["state"]) == ("sent", "not_applicable")


@pytest.mark.parametrize(
    ("since", "roi", "renewal"),
    [
        (date(2024, 10, 15), date(2025, 4, 15), date(2025, 9, 15)),
        (date(2022, 2, 1), date(2024, 8, 1), date(2025, 1, 1)),
        # The contract year begins today.
        (date(2023, 1, 20), date(2025, 7, 20), date(2025, 12, 20)),
        (date(2023, 1, 21), date(2024, 7, 21), date(2024, 12, 21)),
        # Six months after 31 August is the last of February.
        (date(2024, 8, 31), date(2025, 2, 28), date(2025, 7, 31)),
        (date(2024, 2, 29), date(2024, 8, 29), date(2025, 1, 29)),
    ],
)
def test_due_days_of_a_contract_year(since: date, roi: date, renewal: date) -> None:
    found = of("active", {"paid_since": since})
    assert (found["roi"]["due_on"], found["renewal"]["due_on"]) == (roi, renewal)


def test_a_message_of_the_last_contract_year_is_not_this_years() -> None:
    account = {"paid_since": date(2022, 2, 1)}
    sent = [message("roi", date(2023, 8, 1)), message("renewal", date(2025, 1, 2))]
    found = of("renewal", account, sent)
    assert (found["roi"]["state"], found["renewal"]["state"]) == ("missed", "sent")


@pytest.mark.parametrize("stage", ["churned", "lead"])
def test_without_trial_or_payment_no_message_applies(stage: str) -> None:
    found = of(stage, {"trial_started_on": day(-20)})
    assert {row["state"] for row in found.values()} == {"not_applicable"}


def test_a_breached_urgent_ticket_holds_what_is_due() -> None:
    found = of("trial", trial(7), tickets=[{"ticket_id": "T1"}])
    assert {name: found[name]["state"] for name in ("welcome", "success", "upgrade")} == {
        "welcome": "missed",
        "success": "held",
        "upgrade": "upcoming",
    }
    assert found["success"]["held_by"] == ["urgent_ticket_breached"]
    resolved = [{"ticket_id": "T1", "resolved_at": instant("2025-01-20T08:00:00")}]
    assert of("trial", trial(7), tickets=resolved)["success"]["state"] == "due"
    # It is resolved tomorrow.
    resolved = [{"ticket_id": "T1", "resolved_at": instant("2025-01-21T00:00:00")}]
    assert of("trial", trial(7), tickets=resolved)["success"]["state"] == "held"
    assert of("trial", trial(7), tickets=[{"ticket_id": "T1", "priority": "high"}])["success"]["state"] == "due"


def test_a_customer_at_risk_gets_no_selling_message() -> None:
    selling: Any = RULES.model_copy(update={"messages": RULES.messages.model_copy(update={"selling": ("renewal",)})})
    table = lifecycle_messages(
        table_of(LifecycleStages, [{"customer_id": "C1", "stage": "at_risk"}]),
        table_of(Accounts, [{"customer_id": "C1", "paid_since": date(2024, 2, 20)}]),
        table_of(Tickets, []),
        clocks([]),
        events_of(),
        as_of(),
        selling,
    )
    found = by("message", kept(LifecycleMessages, table))
    assert (found["renewal"]["state"], found["renewal"]["held_by"]) == ("held", ["at_risk"])
    assert found["roi"]["held_by"] == []
    assert found["renewal"]["due_on"] == day(0)


def test_what_was_sent_later_is_unknown() -> None:
    sent = [message("success", day(0) + timedelta(days=1))]
    assert of("trial", trial(7), sent)["success"]["state"] == "due"


def test_unknown_messages_are_listed() -> None:
    log = events_of(message("welcome", day(-1)), message("birthday", day(-1)))
    assert [row["message"] for row in rows_of(unknown_messages(log, as_of()))] == ["birthday"]
