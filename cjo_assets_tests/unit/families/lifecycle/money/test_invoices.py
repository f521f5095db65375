"""Tests of invoices: payments, days overdue, steps of dunning, retries and checks."""

from datetime import timedelta

import pytest

from cjo_assets.families.lifecycle.money.invoices import (
    Invoices,
    events_of_no_invoice,
    invoices,
    invoices_without_plan,
    overpaid_invoices,
    payments_before_issue,
)
from cjo_assets.families.lifecycle.money.subscriptions import Subscriptions
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, rows_of, table_of

SUBSCRIPTIONS = table_of(Subscriptions, [{"subscription_id": "S1", "plan_id": "starter"}])


def issued(at: str = "2024-12-22", due: str = "2025-01-05", amount: float = 100.0, name: str = "I1") -> Row:
    """Return the issue of an invoice."""
    return event("invoice_issued", at, subject=name, related_id="S1", amount=amount, due_at=due)


def paid(at: str, amount: float, name: str = "I1") -> Row:
    """Return a payment."""
    return event("payment_received", at, subject=name, amount=amount)


def of(*events: Row, offset: int = 0) -> dict[str, Row]:
    """Return the invoices of a day, by id."""
    table = invoices(events_of(*events), SUBSCRIPTIONS, as_of(offset), RULES)
    return by("invoice_id", kept(Invoices, table, day(offset)))


def test_an_open_invoice_is_overdue_from_the_day_after_it_was_due() -> None:
    assert of(issued(), offset=-15)["I1"]["days_overdue"] == 0
    row = of(issued())["I1"]
    assert (row["status"], row["open"], row["days_overdue"], row["dunning"]) == ("open", 100.0, 15, "warning")
    assert (row["plan_id"], row["paid"]) == ("starter", 0.0)


def test_parts_add_up_to_a_paid_invoice() -> None:
    log = [issued(), paid("2025-01-10", 33.33), paid("2025-01-19", 66.67)]
    before, after = of(*log, offset=-2)["I1"], of(*log)["I1"]
    assert (before["status"], before["open"], before["days_overdue"]) == ("open", 66.67, 13)
    assert (after["status"], after["open"], after["days_overdue"], after["dunning"]) == ("paid", 0.0, 0, "none")


@pytest.mark.parametrize(
    ("days", "step"),
    [
        (6, "none"),
        (7, "reminder"),
        (13, "reminder"),
        (14, "warning"),
        (20, "warning"),
        (21, "suspension_notice"),
        (30, "suspension_notice"),
        (31, "suspend"),
    ],
)
def test_steps_of_dunning(days: int, step: str) -> None:
    due = day(0) - timedelta(days=days)
    assert of(issued(due=due.isoformat()))["I1"]["dunning"] == step


def test_a_voided_invoice_is_neither_open_nor_overdue() -> None:
    log = [issued(), event("invoice_voided", "2025-01-19", subject="I1")]
    row = of(*log)["I1"]
    assert (row["status"], row["open"], row["days_overdue"], row["dunning"]) == ("voided", 0.0, 0, "none")
    assert of(*log, offset=-2)["I1"]["status"] == "open"


@pytest.mark.parametrize(
    ("failures", "retry"),
    [
        (["2025-01-05T10:00:00"], "2025-01-06T10:00:00"),
        (["2025-01-05T10:00:00", "2025-01-06T10:00:00"], "2025-01-09T10:00:00"),
        (["2025-01-05T10:00:00", "2025-01-06T10:00:00", "2025-01-09T10:00:00"], "2025-01-16T10:00:00"),
        (["2025-01-05", "2025-01-06", "2025-01-09", "2025-01-16"], None),
    ],
)
def test_the_next_attempt_follows_the_last_failure(failures: list[str], retry: str | None) -> None:
    log = [issued(), *(event("payment_failed", at, subject="I1") for at in failures)]
    row = of(*log)["I1"]
    assert row["failed_payments"] == len(failures)
    assert row["next_retry_at"] == (instant(retry) if retry else None)


def test_a_paid_invoice_has_no_next_attempt() -> None:
    log = [issued(), event("payment_failed", "2025-01-05", subject="I1"), paid("2025-01-06", 100.0)]
    assert of(*log)["I1"]["next_retry_at"] is None


def test_what_was_recorded_later_is_unknown() -> None:
    log = [issued(), paid("2025-01-10", 100.0) | {"recorded_at": instant("2025-01-21T00:00:00")}]
    assert of(*log)["I1"]["status"] == "open"
    assert of(*log, offset=1)["I1"]["status"] == "paid"


def test_checks_report_unusual_invoices() -> None:
    log = events_of(
        issued(),
        paid("2024-12-20", 100.0),
        paid("2025-01-10", 0.5),
        paid("2025-01-10", 1.0, "I9"),
        event("invoice_issued", "2025-01-10", subject="I2", amount=1.0, due_at="2025-01-30"),
        issued(name="I3") | {"related_id": "S9"},
    )
    table = invoices(log, SUBSCRIPTIONS, as_of(), RULES)
    assert [row["invoice_id"] for row in rows_of(overpaid_invoices(table))] == ["I1"]
    assert [row["event_id"] for row in rows_of(payments_before_issue(log, table))] == ["E002"]
    assert [row["event_id"] for row in rows_of(events_of_no_invoice(log, table, as_of()))] == ["E004"]
    assert {row["invoice_id"] for row in rows_of(invoices_without_plan(table))} == {"I2", "I3"}
