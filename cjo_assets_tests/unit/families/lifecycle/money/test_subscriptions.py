"""Tests of subscriptions: terms, cancellations, restarts, trials, and what was known on a day."""

from datetime import date
from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.money.subscriptions import (
    Subscriptions,
    events_without_start,
    rows_of_no_organization,
    subscriptions,
    unknown_plans,
)
from cjo_assets_tests.support.lifecycle.events import (
    RULES,
    cancelled,
    changed,
    event,
    events_of,
    organizations_of,
    started,
)
from cjo_assets_tests.support.rows import Row, as_of, by, day, kept, rows_of, table_of


def on(offset: int, *events: Row) -> dict[str, Row]:
    """Return the subscriptions on a day, by id."""
    table = subscriptions(events_of(*events), as_of(offset), RULES)
    return by("subscription_id", kept(Subscriptions, table, day(offset)))


def facts(row: Row) -> tuple[Any, ...]:
    """Return status, yearly revenue, start and end of a subscription."""
    return row["status"], row["arr"], row["started_on"], row["ended_on"]


def test_prices_of_months_and_years_become_yearly_and_monthly_revenue() -> None:
    found = on(0, started("2024-10-15", 1000.0), started("2024-11-18", 8000.0, subject="S2", about="annual"))
    assert (found["S1"]["arr"], found["S1"]["mrr"]) == (12_000.0, 1000.0)
    # 8,000 / 12, to the cent.
    assert (found["S2"]["arr"], found["S2"]["mrr"]) == (8000.0, 666.67)
    assert {row["status"] for row in found.values()} == {"active"}


def test_a_change_applies_from_its_day_and_the_last_of_a_day_counts() -> None:
    log = [
        started("2024-10-15", 1000.0),
        changed("2025-01-19T18:00:00", 3000.0, about="annual", related_id="growth"),
        changed("2025-01-19T08:00:00", 2000.0),
    ]
    assert on(-2, *log)["S1"]["arr"] == 12_000.0
    after = on(-1, *log)["S1"]
    assert (after["arr"], after["plan_id"], after["interval"]) == (3000.0, "growth", "annual")
    assert after["started_on"] == date(2024, 10, 15)


def test_two_changes_at_one_instant_are_ordered_by_id() -> None:
    log = [started("2024-10-15", 1000.0), changed("2025-01-19", 1.0), changed("2025-01-19", 2.0)]
    assert on(0, *log)["S1"]["mrr"] == 2.0


def test_a_contract_that_starts_on_the_day_counts() -> None:
    log = [started("2025-01-20T23:59:59", 1000.0)]
    assert on(-1, *log) == {}
    assert facts(on(0, *log)["S1"]) == ("active", 12_000.0, day(0), None)


@pytest.mark.parametrize(("due", "last_paid"), [(None, -4), ("2025-01-20", -1)])
def test_a_cancellation_ends_at_its_effect_or_when_it_occurred(due: str | None, last_paid: int) -> None:
    more = {} if due is None else {"due_at": due}
    log = [started("2024-10-15", 1000.0), cancelled("2025-01-17", **more)]
    before, after = on(last_paid, *log)["S1"], on(last_paid + 1, *log)["S1"]
    assert before["status"] == "active"
    assert facts(after) == ("cancelled", 0.0, date(2024, 10, 15), day(last_paid + 1))
    assert before["cancels_on"] == (day(0) if due else None)


def test_a_restart_before_the_effect_takes_the_cancellation_back() -> None:
    log = [
        started("2024-10-15", 1000.0),
        cancelled("2025-01-10", due_at="2025-01-31"),
        started("2025-01-12", 1200.0),
    ]
    found = on(0, *log)["S1"]
    assert facts(found) == ("active", 14_400.0, date(2025, 1, 12), None)
    assert (found["first_paid_on"], found["cancels_on"]) == (date(2024, 10, 15), None)


def test_a_change_does_not_take_the_cancellation_back() -> None:
    log = [started("2024-10-15", 1000.0), cancelled("2025-01-10", due_at="2025-01-19"), changed("2025-01-15", 500.0)]
    assert on(-2, *log)["S1"]["mrr"] == 500.0
    assert facts(on(0, *log)["S1"]) == ("cancelled", 0.0, date(2024, 10, 15), day(-1))


def test_a_change_after_the_end_changes_nothing() -> None:
    log = [started("2024-10-15", 1000.0), cancelled("2025-01-10"), changed("2025-01-15", 500.0)]
    assert facts(on(0, *log)["S1"]) == ("cancelled", 0.0, date(2024, 10, 15), date(2025, 1, 10))


def test_of_two_cancellations_the_last_applies() -> None:
    log = [
        started("2024-10-15", 1000.0),
        cancelled("2025-01-02", due_at="2025-01-05"),
        cancelled("2025-01-03", due_at="2025-02-28"),
    ]
    assert (on(0, *log)["S1"]["status"], on(0, *log)["S1"]["cancels_on"]) == ("active", date(2025, 2, 28))


def test_a_late_record_is_unknown_before_it_was_recorded() -> None:
    log = [started("2024-02-05", 700.0), cancelled("2025-01-10", recorded_at="2025-01-13")]
    assert on(-8, *log)["S1"]["status"] == "active"
    assert facts(on(-7, *log)["S1"]) == ("cancelled", 0.0, date(2024, 2, 5), date(2025, 1, 10))


def test_a_trial_pays_nothing_and_lapses_after_its_last_day() -> None:
    recorded = event("trial_started", "2025-01-13", subject="S1", due_at="2025-01-19")
    # 6 January and the policy's 14 days: the 20th is its last day.
    planned = event("trial_started", "2025-01-06", subject="S2")
    found = on(0, recorded, planned)
    assert facts(found["S1"]) == ("cancelled", 0.0, date(2025, 1, 13), day(0))
    assert facts(found["S2"]) == ("trial", 0.0, date(2025, 1, 6), None)
    assert found["S2"]["first_paid_on"] is None
    assert on(1, recorded, planned)["S2"]["status"] == "cancelled"


def test_a_change_of_a_trial_pays_nothing() -> None:
    log = [event("trial_started", "2025-01-13", subject="S1"), changed("2025-01-15", 500.0)]
    assert facts(on(0, *log)["S1"]) == ("trial", 0.0, date(2025, 1, 13), None)


def test_a_trial_becomes_a_subscription() -> None:
    log = [event("trial_started", "2025-01-13", subject="S1"), started("2025-01-18", 100.0)]
    assert facts(on(-3, *log)["S1"]) == ("trial", 0.0, date(2025, 1, 13), None)
    assert facts(on(0, *log)["S1"]) == ("active", 1200.0, date(2025, 1, 18), None)


def test_events_without_start_have_no_effect_and_are_reported() -> None:
    """One of them comes before the start of its subscription, whose first start may have been rejected."""
    log = events_of(
        changed("2025-01-15", 500.0),
        cancelled("2025-01-16", subject="S2"),
        started("2025-01-05", 1.0, subject="S3"),
        cancelled("2025-01-04", subject="S3"),
        changed("2025-01-06", 2.0, subject="S3"),
    )
    [row] = kept(Subscriptions, subscriptions(log, as_of(), RULES))
    assert (row["subscription_id"], row["status"], row["mrr"]) == ("S3", "active", 2.0)
    assert {row["event_id"] for row in rows_of(events_without_start(log, as_of()))} == {"E001", "E002", "E004"}


def table(*events: Row) -> ir.Table:
    """Return the subscriptions of the day as a table."""
    return subscriptions(events_of(*events), as_of(), RULES)


def test_checks_report_unknown_plans_and_organizations() -> None:
    found = table(started("2025-01-01", 1.0), started("2025-01-01", 1.0, "C2", "S2", related_id="gold"))
    plans = table_of(Plans, [{"plan_id": "starter"}])
    assert [row["subscription_id"] for row in rows_of(unknown_plans(found, plans))] == ["S2"]
    assert [row["customer_id"] for row in rows_of(rows_of_no_organization(found, organizations_of("C1")))] == ["C2"]
