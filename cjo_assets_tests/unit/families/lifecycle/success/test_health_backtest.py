"""Tests of the backtest: bands of an earlier day, departures since, rates, and too few departures."""

from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.lifecycle.money.subscriptions import subscriptions
from cjo_assets.families.lifecycle.success.health_backtest import (
    HealthBacktest,
    customers_that_are_not_counted,
    health_backtest,
    red_that_leaves_no_more_than_green,
)
from cjo_assets_tests.support.lifecycle.events import RULES, cancelled, event, events_of, started
from cjo_assets_tests.support.lifecycle.health import metric, metrics_of, paying
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, kept, policy_with, rows_of


def of_band(band: str, customer: str) -> Rows:
    """Return metrics of day -65 that put a customer into a band 60 days ago, and not 90."""
    share = {"green": 10, "yellow": 8, "red": 1}[band]
    return [metric(name, -65, share, 10, customer) for name in ("resolved", "completed")] + [
        metric("csat", -65, {"green": 45, "yellow": 36, "red": 25}[band], 10, customer),
        metric("tickets", -65, 1, 1, customer),
    ]


def table_of_day(metrics: Rows, events: Rows, rules: Any = RULES) -> ir.Table:
    """Return the backtest of the as-of date as a table."""
    log = events_of(*events)
    return health_backtest(metrics_of(metrics), log, subscriptions(log, as_of(), rules), as_of(), rules)


def of(metrics: Rows, events: Rows, rules: Any = RULES) -> dict[tuple[int, str], Row]:
    """Return the backtest of the as-of date, by horizon and band."""
    return by(("horizon_days", "band"), kept(HealthBacktest, table_of_day(metrics, events, rules)))


def two_of_three() -> Any:
    """Return rules under which two departures suffice."""
    return policy_with(
        lifecycle__health__backtest={"horizons": [60, 90], "minimum_churned": 2, "interval_level": 0.95}
    ).lifecycle  # type: ignore[attr-defined]


NAMES = {"R1": "red", "R2": "red", "R3": "red", "G1": "green", "G2": "green", "G3": "green", "G4": "green"}
METRICS = [row for name, band in NAMES.items() for row in of_band(band, name)]
# Two of three red customers and one of four green ones leave.
LEAVERS = {"R1": "2025-01-20", "R2": "2024-12-01", "G1": "2025-01-02"}
STARTS = [paying(name, amount=100.0 * number) for number, name in enumerate(NAMES, start=1)]
LOG = [*STARTS, *(cancelled(at, name, f"S-{name}") for name, at in LEAVERS.items())]


def test_rates_by_hand() -> None:
    found = of(METRICS, LOG, two_of_three())
    red, green = found[60, "red"], found[60, "green"]
    assert (red["customers"], red["churned"], red["mrr"], red["mrr_lost"]) == (3, 2, 600.0, 300.0)
    assert (green["customers"], green["churned"], green["mrr"], green["mrr_lost"]) == (4, 1, 2200.0, 400.0)
    assert (red["churn_rate"], green["churn_rate"]) == (0.666666667, 0.25)
    # Two of three departures; 2/3 over 1/4.
    assert (red["recall"], green["recall"]) == (0.666666667, 0.333333333)
    assert (red["lift"], green["lift"]) == (2.666666667, 1.0)
    # Wilson's interval of 2 of 3.
    assert (red["rate_low"], red["rate_high"]) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))
    assert (red["state"], str(red["scored_on"])) == ("measured", "2024-11-21")
    assert (found[60, "yellow"]["customers"], found[60, "yellow"]["churn_rate"]) == (0, None)
    assert found[60, "yellow"]["recall"] == 0.0


def test_a_horizon_before_the_data_has_no_score() -> None:
    row = of(METRICS, LOG, two_of_three())[90, "unknown"]
    assert (row["customers"], row["churned"]) == (7, 3)


def test_few_departures_measure_nothing() -> None:
    row = of(METRICS, LOG)[60, "red"]
    assert (row["customers"], row["churned"], row["mrr_lost"]) == (3, 2, 300.0)
    rates = ("churn_rate", "rate_low", "rate_high", "recall", "lift")
    assert [row[name] for name in rates] == [None] * 5
    assert row["state"] == "not_measurable"


def test_who_returned_has_not_left_and_a_trial_is_no_customer() -> None:
    log = [*LOG, started("2025-01-10", 50.0, "R1", "S9"), event("trial_started", "2024-11-15", "T1", "S10")]
    found = of([*METRICS, *of_band("red", "T1")], log)
    assert (found[60, "red"]["customers"], found[60, "red"]["churned"]) == (3, 1)


def test_a_departure_that_was_not_known_then_counts_as_one_since() -> None:
    late = [*STARTS, cancelled("2024-11-20", "R1", "S-R1", recorded_at="2024-11-25")]
    assert of(METRICS, late)[60, "red"]["churned"] == 1
    known = [*STARTS, cancelled("2024-11-20", "R1", "S-R1")]
    assert (of(METRICS, known)[60, "red"]["customers"], of(METRICS, known)[60, "red"]["churned"]) == (2, 0)


def test_checks() -> None:
    table = table_of_day(METRICS, LOG, two_of_three())
    assert rows_of(customers_that_are_not_counted(table)) == []
    assert rows_of(red_that_leaves_no_more_than_green(table)) == []
    swapped = table_of_day(
        METRICS, [*STARTS, *(cancelled("2025-01-02", name, f"S-{name}") for name in ("G1", "G2"))], two_of_three()
    )
    assert [row["horizon_days"] for row in rows_of(red_that_leaves_no_more_than_green(swapped))] == [60]
    assert len(rows_of(customers_that_are_not_counted(table.mutate(churned=table.customers + 1)))) == 8
