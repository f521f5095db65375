"""Tests of stages: the first rule that applies, renewals, engagement, cohorts, and since when a stage was published."""

from datetime import date
from typing import Any

import pytest

from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.success.health_contributions import HealthContributions
from cjo_assets.families.lifecycle.success.health_scores import HealthScores
from cjo_assets.families.lifecycle.success.lifecycle_stages import (
    LifecycleStages,
    accounts_without_stage,
    lifecycle_stages,
    revenue_that_differs_from_stage,
)
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.lifecycle.health import metric, metrics_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, day, days_of, kept, rows_of, table_of

PAYS = {"subscriptions": 1, "mrr": 100.0, "first_paid_on": date(2024, 1, 1), "paid_since": date(2024, 1, 1)}


def stage(
    account: Row,
    band: str | None = None,
    trend: float | None = None,
    metrics: Rows = (),  # type: ignore[assignment]
    earlier: Rows = (),  # type: ignore[assignment]
) -> Row:
    """Return the row of one account."""
    scores = [{"customer_id": "C1", "band": band}] if band else []
    trends = [{"customer_id": "C1", "measure": "volume_trend", "value": trend}]
    table = lifecycle_stages(
        table_of(Accounts, [{"customer_id": "C1"} | account]),
        table_of(HealthScores, scores),
        table_of(HealthContributions, trends),
        metrics_of(metrics),
        days_of(LifecycleStages, [{"customer_id": "C1"} | row for row in earlier]),
        as_of(),
        RULES,
    )
    [row] = kept(LifecycleStages, table)
    return row


def tickets(number: int, offset: int = 0) -> Row:
    """Return tickets of a day."""
    return metric("tickets", offset, number)


@pytest.mark.parametrize(
    ("account", "expected", "reasons"),
    [
        ({}, "lead", []),
        (PAYS, "active", []),
        ({"first_paid_on": day(-90), "churned_on": day(-1)}, "churned", []),
        ({"trial_started_on": day(0), "trial_ends_on": day(14)}, "trial", []),
        ({"trial_started_on": day(-14), "trial_ends_on": day(0)}, "trial", []),
        ({"trial_started_on": day(-15), "trial_ends_on": day(-1)}, "lead", ["trial_lapsed"]),
        # It pays before its trial ends.
        (PAYS | {"trial_started_on": day(-5), "trial_ends_on": day(9)}, "active", []),
        # It left, and tries again.
        ({"first_paid_on": day(-90), "churned_on": day(-9), "trial_started_on": day(0), "trial_ends_on": day(14)},
         "churned", []),
        (PAYS | {"renewal_on": day(0)}, "renewal", []),
        (PAYS | {"renewal_on": day(30)}, "renewal", []),
        (PAYS | {"renewal_on": day(31)}, "active", []),
    ],
)  # fmt: skip
def test_the_first_stage_that_applies(account: Row, expected: str, reasons: list[str]) -> None:
    row = stage(account)
    assert (row["stage"], row["reasons"]) == (expected, reasons)


def test_days_of_trial_and_renewal() -> None:
    assert stage({"trial_started_on": day(-7), "trial_ends_on": day(7)})["trial_day"] == 7
    assert stage({"trial_started_on": day(-15), "trial_ends_on": day(-1)})["trial_day"] is None
    assert stage(PAYS | {"renewal_on": day(12)})["days_to_renewal"] == 12


@pytest.mark.parametrize(
    ("band", "trend", "number", "reasons"),
    [
        ("red", None, 0, ["red_health"]),
        ("red", 0.5, 2, ["declining_engagement", "red_health"]),
        ("green", 0.79, 2, ["declining_engagement"]),
        ("green", 0.8, 2, []),
        ("green", 0.79, 1, []),
        ("unknown", None, 9, []),
        (None, None, 9, []),
    ],
)
def test_customers_at_risk(band: str | None, trend: float | None, number: int, reasons: list[str]) -> None:
    row = stage(PAYS, band, trend, [tickets(number)])
    assert (row["stage"], row["reasons"]) == ("at_risk" if reasons else "active", reasons)


def test_tickets_count_for_the_days_of_the_policy() -> None:
    assert stage(PAYS, "green", 0.5, [tickets(1), tickets(1, -29)])["stage"] == "at_risk"
    assert stage(PAYS, "green", 0.5, [tickets(1), tickets(1, -30)])["stage"] == "active"


def test_risk_comes_before_renewal_and_both_cohorts_match() -> None:
    row = stage(PAYS | {"renewal_on": day(12)}, "red")
    assert (row["stage"], row["days_to_renewal"], row["cohort"]) == ("at_risk", 12, "at_risk")
    assert row["matched_cohorts"] == ["at_risk", "renewal"]


def test_a_trial_with_red_health_is_a_trial() -> None:
    row = stage({"trial_started_on": day(-7), "trial_ends_on": day(7)}, "red")
    assert (row["stage"], row["reasons"], row["cohort"]) == ("trial", [], "new_trial")


@pytest.mark.parametrize(("number", "cohort"), [(1000, "other"), (1001, "power")])
def test_power_users_have_more_conversations_than_the_policy(number: int, cohort: str) -> None:
    row = stage(PAYS, metrics=[metric("conversations", -29, number), metric("conversations", -30, 999)])
    assert (row["cohort"], row["matched_cohorts"], row["recent_conversations"]) == (cohort, [cohort], number)


@pytest.mark.parametrize(
    ("earlier", "previous", "since"),
    [
        ([], None, day(0)),
        ([{"as_of": day(-1), "stage": "active", "seen_since": day(-9)}], None, day(-9)),
        ([{"as_of": day(-1), "stage": "renewal", "seen_since": day(-9)}], "renewal", day(0)),
        (
            [
                {"as_of": day(-2), "stage": "renewal", "seen_since": day(-9)},
                {"as_of": day(-1), "stage": "active", "seen_since": day(-1), "previous_stage": "renewal"},
            ],
            "renewal",
            day(-1),
        ),
    ],
)
def test_published_days_give_the_previous_stage(earlier: Rows, previous: Any, since: date) -> None:
    row = stage(PAYS, earlier=earlier)
    assert (row["previous_stage"], row["seen_since"]) == (previous, since)


def test_checks() -> None:
    accounts = table_of(Accounts, [{"customer_id": "C1"}])
    assert rows_of(accounts_without_stage(accounts, table_of(LifecycleStages, [{"customer_id": "C1"}]))) == []
    assert len(rows_of(accounts_without_stage(accounts, table_of(LifecycleStages, [])))) == 1
    wrong = table_of(LifecycleStages, [{"stage": "lead", "mrr": 1.0}, {"stage": "active", "mrr": 1.0}])
    assert [row["stage"] for row in rows_of(revenue_that_differs_from_stage(wrong))] == ["lead"]
