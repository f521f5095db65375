"""Tests of the use of plans: shares, use beyond the plan, projections, and what cannot be measured."""

from datetime import date
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.conversations import Conversations
from cjo_assets.families.lifecycle.inputs.model_calls import ModelCalls
from cjo_assets.families.lifecycle.inputs.plans import Plans
from cjo_assets.families.lifecycle.inputs.usage_daily import UsageDaily
from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.money.plan_usage import PlanUsage, plan_usage
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, table_of

STARTER = {
    "plan_id": "starter",
    "included_conversations": 25,
    "included_voice_minutes": 0,
    "included_api_calls": 1000,
    "conversation_price": 2.0,
    "voice_minute_price": 0.5,
    "api_call_price": 0.01,
    "model_cost_budget": 0.04,
}
UNLIMITED = {"plan_id": "unlimited", "included_conversations": None, "model_cost_budget": None}


def talks(number: int, customer: str = "C1", at: str = "2025-01-10T10:00:00") -> Rows:
    """Return conversations of a customer."""
    return [{"customer_id": customer, "started_at": instant(at)} for _ in range(number)]


def used(at: date, customer: str = "C1", **counts: int) -> Row:
    """Return a day of usage."""
    return {"customer_id": customer, "usage_date": at, **counts}


def of(
    conversations: Rows, usage: Rows, offset: int = 0, calls: Rows | None = None, **accounts: str | None
) -> dict[Any, Row]:
    """Return the use of the plans that customers have, by customer and meter."""
    rows = [{"customer_id": name, "plan_id": plan} for name, plan in (accounts or {"C1": "starter"}).items()]
    talked = [{"conversation_id": f"V{number}"} | row for number, row in enumerate(conversations)]
    table = plan_usage(
        table_of(Accounts, rows),
        table_of(Plans, [STARTER, UNLIMITED]),
        table_of(Conversations, talked),
        table_of(UsageDaily, usage),
        table_of(ModelCalls, calls or []),
        as_of(offset),
        RULES,
    )
    return by(("customer_id", "meter"), kept(PlanUsage, table, day(offset)))


def test_share_and_projection_of_the_month_so_far() -> None:
    found = of([*talks(22), *talks(5, at="2024-12-31T23:00:00"), *talks(3, at="2025-01-21T00:00:00")], [])
    row = found["C1", "conversations"]
    # 22 in 20 of 31 days.
    assert (row["used"], row["share"], row["projected"], row["state"]) == (22, 0.88, 34.1, "near")
    assert (row["overage_units"], row["overage_amount"], row["month"]) == (0, 0.0, date(2025, 1, 1))


@pytest.mark.parametrize(
    ("number", "state", "units"), [(19, "ok", 0), (20, "near", 0), (24, "near", 0), (25, "over", 0), (28, "over", 3)]
)
def test_states_begin_at_the_shares_of_the_policy(number: int, state: str, units: int) -> None:
    row = of(talks(number), [])["C1", "conversations"]
    assert (row["state"], row["overage_units"], row["overage_amount"]) == (state, units, 2.0 * units)


def test_units_of_days_are_added() -> None:
    usage = [
        used(day(-1), api_calls=700, voice_minutes=4),
        used(day(0), api_calls=500, voice_minutes=0),
        used(day(1), api_calls=9999),
        used(date(2024, 12, 31), api_calls=9999),
    ]
    found = of([], usage)
    assert (found["C1", "api_calls"]["used"], found["C1", "api_calls"]["overage_units"]) == (1200, 200)
    # None is included: the share is null, and any use is beyond the plan.
    voice = found["C1", "voice_minutes"]
    assert (voice["share"], voice["state"], voice["overage_amount"]) == (None, "over", 2.0)


def test_nothing_used_of_nothing_included_is_ok() -> None:
    assert of([], [used(day(0), voice_minutes=0)])["C1", "voice_minutes"]["state"] == "ok"


def test_an_unlimited_plan_has_no_share() -> None:
    row = of(talks(500), [], C1="unlimited")["C1", "conversations"]
    assert (row["included"], row["is_unlimited"], row["share"]) == (None, True, None)
    assert (row["state"], row["overage_units"], row["used"]) == ("ok", 0, 500)


def test_a_dataset_without_records_of_the_month_measures_nothing() -> None:
    found = of(talks(1), [used(date(2024, 12, 31), api_calls=5)])
    for meter in ("api_calls", "voice_minutes"):
        row = found["C1", meter]
        missing = ("used", "share", "overage_units", "overage_amount", "projected")
        assert [row[name] for name in missing] == [None] * 5
        assert row["state"] == "not_measurable"
    assert found["C1", "conversations"]["used"] == 1


def test_a_customer_without_records_used_nothing_where_others_have_some() -> None:
    found = of(talks(1), [], C1="starter", C2="starter")
    assert (found["C2", "conversations"]["used"], found["C2", "conversations"]["state"]) == (0, "ok")


def test_an_unknown_plan_is_not_unlimited() -> None:
    row = of(talks(1), [], C1="gold")["C1", "conversations"]
    assert (row["used"], row["is_unlimited"], row["overage_units"]) == (1, None, None)
    assert row["state"] == "not_measurable"


def test_customers_without_subscription_have_no_row() -> None:
    assert of(talks(1), [], C1=None) == {}


def test_the_first_day_of_a_month() -> None:
    row = of(talks(2, at="2025-02-01T08:00:00"), [], offset=12)["C1", "conversations"]
    assert (row["used"], row["projected"], row["month"]) == (2, 56.0, date(2025, 2, 1))


def call(at: str = "2025-01-10T10:00:00", **more: Any) -> Row:
    """Return a call of the large model that costs 0.0175."""
    return {
        "customer_id": "C1",
        "model": "large",
        "called_at": instant(at),
        "input_tokens": 700,
        "output_tokens": 350,
    } | more


@pytest.mark.parametrize(("number", "state"), [(1, "ok"), (2, "near"), (3, "over")])
def test_the_budget_of_language_models_is_a_meter(number: int, state: str) -> None:
    """0.0175, 0.035 and 0.0525 of 0.04; what the cache answered and calls of other months cost nothing."""
    calls = [call() for _ in range(number)]
    others = [call(is_cache_hit=True), call("2024-12-31T23:00:00"), call("2025-01-21T00:00:00")]
    row = of([], [], calls=[*calls, *others])["C1", "model_cost"]
    assert (row["used"], row["included"], row["state"]) == (pytest.approx(0.0175 * number), 0.04, state)
    assert (row["overage_units"], row["overage_amount"]) == (pytest.approx(max(0.0, 0.0175 * number - 0.04)), 0.0)
    assert row["share"] == pytest.approx(0.4375 * number)


def test_a_plan_without_a_budget_limits_nothing() -> None:
    row = of([], [], calls=[call()], C1="unlimited")["C1", "model_cost"]
    assert (row["is_unlimited"], row["state"], row["share"]) == (True, "ok", None)
    assert of(talks(1), [])["C1", "model_cost"]["state"] == "not_measurable"
