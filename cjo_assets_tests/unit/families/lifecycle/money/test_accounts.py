"""Tests of accounts: revenue and plan of several subscriptions, renewals, trials and departures."""

from datetime import date

import ibis
import pytest

from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.money._anniversaries import next_anniversary
from cjo_assets.families.lifecycle.money.accounts import Accounts, accounts, revenue_without_account
from cjo_assets.families.lifecycle.money.subscriptions import subscriptions
from cjo_assets_tests.support.engine import BACKEND
from cjo_assets_tests.support.lifecycle.events import (
    RULES,
    cancelled,
    event,
    events_of,
    organizations_of,
    started,
)
from cjo_assets_tests.support.rows import Row, as_of, by, kept, rows_of, table_of

PLANS = table_of(
    Plans,
    [
        {"plan_id": "starter", "included_voice_minutes": 0},
        {"plan_id": "voice", "included_voice_minutes": 100},
        {"plan_id": "unlimited", "included_voice_minutes": None},
    ],
)


def of(*events: Row, customers: tuple[str, ...] = ("C1",)) -> dict[str, Row]:
    """Return the accounts of the day, by customer."""
    log = events_of(*events)
    subscribed = subscriptions(log, as_of(), RULES)
    table = accounts(organizations_of(*customers), subscribed, log, PLANS, as_of(), RULES)
    return by("customer_id", kept(Accounts, table))


def test_an_organization_without_events_pays_nothing() -> None:
    found = of()["C1"]
    assert (found["mrr"], found["arr"], found["subscriptions"]) == (0.0, 0.0, 0)
    missing = ("plan_id", "has_voice", "trial_started_on", "first_paid_on", "paid_since", "renewal_on", "churned_on")
    assert [found[name] for name in missing] == [None] * 7


def test_subscriptions_are_added_and_the_dearest_names_the_plan() -> None:
    found = of(
        started("2022-02-01", 108_000.0, about="annual", related_id="voice"),
        started("2024-11-11", 17_000.0, subject="S2", about="annual"),
    )["C1"]
    # 9,000.00 and 1,416.67.
    assert (found["mrr"], found["arr"], found["subscriptions"]) == (10_416.67, 125_000.0, 2)
    assert (found["plan_id"], found["has_voice"]) == ("voice", True)
    assert (found["paid_since"], found["renewal_on"]) == (date(2022, 2, 1), date(2025, 2, 1))


@pytest.mark.parametrize(("plan", "has_voice"), [("starter", False), ("unlimited", True), ("gold", None)])
def test_voice_is_included_by_the_plan(plan: str, has_voice: bool | None) -> None:
    assert of(started("2024-11-11", 1.0, related_id=plan))["C1"]["has_voice"] is has_voice


def test_monthly_subscriptions_have_no_renewal() -> None:
    assert of(started("2024-11-11", 1.0))["C1"]["renewal_on"] is None


@pytest.mark.parametrize(
    ("start", "today", "renewal"),
    [
        (date(2024, 1, 20), date(2025, 1, 20), date(2025, 1, 20)),
        (date(2024, 1, 19), date(2025, 1, 20), date(2026, 1, 19)),
        (date(2024, 1, 21), date(2025, 1, 20), date(2025, 1, 21)),
        # It starts today: the first anniversary is in a year.
        (date(2025, 1, 20), date(2025, 1, 20), date(2026, 1, 20)),
        (date(2024, 2, 29), date(2024, 12, 31), date(2025, 2, 28)),
        (date(2020, 2, 29), date(2024, 2, 1), date(2024, 2, 29)),
    ],
)
def test_anniversaries(start: date, today: date, renewal: date) -> None:
    expression = next_anniversary(ibis.literal(start, "date"), ibis.literal(today, "date"))
    assert BACKEND.to_pyarrow(expression).as_py() == renewal


def test_a_customer_who_left_and_one_who_returned() -> None:
    found = of(
        started("2024-02-05", 700.0),
        cancelled("2025-01-10"),
        started("2023-06-01", 8000.0, "C2", "S2"),
        cancelled("2024-08-28", "C2", "S2", due_at="2024-09-30"),
        started("2024-12-16", 110_000.0, "C2", "S3", about="annual"),
        customers=("C1", "C2"),
    )
    assert (found["C1"]["churned_on"], found["C1"]["first_paid_on"]) == (date(2025, 1, 10), date(2024, 2, 5))
    assert (found["C1"]["paid_since"], found["C1"]["mrr"]) == (None, 0.0)
    assert (found["C2"]["churned_on"], found["C2"]["first_paid_on"]) == (None, date(2023, 6, 1))
    assert found["C2"]["paid_since"] == date(2024, 12, 16)


def test_the_last_trial_is_shown() -> None:
    found = of(
        event("trial_started", "2024-06-01", subject="S1"),
        event("trial_started", "2025-01-13", subject="S2", due_at="2025-01-27"),
        event("trial_started", "2025-01-01", "C2", "S3"),
        customers=("C1", "C2"),
    )
    assert (found["C1"]["trial_started_on"], found["C1"]["trial_ends_on"]) == (date(2025, 1, 13), date(2025, 1, 27))
    assert found["C2"]["trial_ends_on"] == date(2025, 1, 15)
    assert found["C1"]["first_paid_on"] is None


def test_an_organization_that_signs_up_later_has_an_account_only_if_it_pays() -> None:
    log = events_of(started("2025-01-01", 100.0))
    subscribed = subscriptions(log, as_of(), RULES)
    later = organizations_of("C1", "C2", signed_up_at="2025-01-21")
    table = accounts(later, subscribed, log, PLANS, as_of(), RULES)
    assert [(row["customer_id"], row["mrr"]) for row in kept(Accounts, table)] == [("C1", 100.0)]
    assert rows_of(revenue_without_account(table, subscribed)) == []
    assert rows_of(revenue_without_account(table.filter(table.customer_id == "C2"), subscribed)) != []
