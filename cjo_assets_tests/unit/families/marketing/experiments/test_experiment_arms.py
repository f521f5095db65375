"""Tests of the arms of experiments: counted days, units, and the horizon."""

from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from statsmodels.stats.proportion import proportion_confint

from cjo_assets.families.marketing.experiments.experiment_arms import (
    ExperimentArms,
    experiment_arms,
    snapshots_outside_experiment,
)
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.measurement.asset_performance import asset_performance
from cjo_assets.families.marketing.measurement.metric_definitions import MetricDefinitions
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, Rows, by, kept, policy_with, rows_of, table_of

DAY = date(2026, 3, 20)
AS_OF = ibis.literal(DAY, "date")
START = date(2026, 3, 10)
METRICS = [
    {"metric": "signup_rate", "numerator": "conversions", "denominator": "impressions", "direction": "up"},
    {"metric": "click_rate", "numerator": "clicks", "denominator": "impressions", "direction": "up"},
    {"metric": "signups_per_click", "numerator": "conversions", "denominator": "clicks", "direction": "up"},
]
TOTALS = policy_with(marketing__snapshots__snapshots_are="totals")
Arm = dict[tuple[str, str], Row]


def experiment(name: str, **values: Any) -> Row:
    """Return an experiment of two assets that carry its name."""
    plan = {"experiment_id": name, "control_asset": f"{name}-A", "variant_asset": f"{name}-B", "start_date": START}
    return plan | {"metric": "signup_rate", "status": "running"} | values


def shown(name: str, day: int, control: tuple[int, ...], variant: tuple[int, ...], hour: int = 9) -> Rows:
    """Return what both arms were shown on a day of March: impressions, clicks, conversions and perhaps people."""
    rows: Rows = []
    for label, counts in (("A", control), ("B", variant)):
        names = ("impressions", "clicks", "conversions", "exposed_people")
        instant = datetime(2026, 3, day, hour, 0 if label == "A" else 5)
        row = {"asset_id": f"{name}-{label}", "experiment_id": name, "timestamp": instant, "cost": 1.5}
        rows.append(row | dict(zip(names, counts, strict=False)))
    return rows


def tables(experiments: Rows, snapshots: Rows) -> tuple[ir.Table, ir.Table, ir.Table, ir.Table]:
    """Return what the transform reads."""
    assets = [{"asset_id": row[f"{arm}_asset"]} for row in experiments for arm in ("control", "variant")]
    return (
        table_of(PerformanceMetrics, snapshots),
        table_of(Experiments, experiments),
        table_of(CreativeAssets, assets),
        table_of(MetricDefinitions, METRICS, design_effect=1.0),
    )


def arms(experiments: Rows, snapshots: Rows, policy: Policy = POLICY) -> Arm:
    """Return the arms by experiment and arm."""
    rows = kept(ExperimentArms, experiment_arms(*tables(experiments, snapshots), AS_OF, policy), DAY)
    return by(("experiment_id", "arm"), rows)


@pytest.fixture(scope="module")
def some() -> Arm:
    """Several experiments at once: one statement for all."""
    experiments = [
        experiment("ADDED"),
        experiment("CLICKS", metric="click_rate"),
        experiment("PER_CLICK", metric="signups_per_click"),
        experiment("PEOPLE"),
        experiment("HALF_PEOPLE"),
        experiment("UNKNOWN", metric="love"),
        experiment("SILENT"),
        experiment("WINDOW", end_date=date(2026, 3, 12)),
        experiment("HORIZON", horizon_exposures=3_000),
        experiment("FUTURE"),
    ]
    snapshots = [
        *shown("ADDED", 10, (1_000, 50, 10), (1_100, 60, 12)),
        *shown("ADDED", 11, (2_000, 80, 20), (2_100, 90, 25)),
        *shown("CLICKS", 10, (1_000, 50, 10), (1_000, 50, 99)),
        *shown("PER_CLICK", 10, (1_000, 50, 10), (1_000, 40, 10)),
        *shown("PEOPLE", 10, (1_000, 50, 10, 400), (1_000, 50, 12, 420)),
        *shown("HALF_PEOPLE", 10, (1_000, 50, 10, 400), (1_000, 50, 12)),
        *shown("UNKNOWN", 10, (1_000, 50, 10), (1_000, 50, 12)),
        *shown("WINDOW", 9, (7_000, 1, 1), (7_000, 1, 1)),
        *shown("WINDOW", 12, (1_000, 50, 10), (1_000, 50, 12), hour=23),
        *shown("WINDOW", 13, (9_000, 1, 1), (9_000, 1, 1), hour=0),
        *shown("HORIZON", 10, (1_000, 50, 10), (1_000, 50, 12)),
        *shown("HORIZON", 11, (1_000, 50, 10), (1_000, 50, 12)),
        *shown("HORIZON", 12, (1_000, 50, 10), (1_000, 50, 12)),
        *shown("FUTURE", 20, (1_000, 50, 10), (1_000, 50, 12), hour=23),
        *shown("FUTURE", 21, (1_000, 50, 10), (1_000, 50, 12), hour=0),
    ]
    return arms(experiments, snapshots)


def test_snapshots_add_up_to_a_rate_with_its_interval(some: Arm) -> None:
    """30 of 3,000; the interval of Wilson (1927) by hand is 0.00701 to 0.01424."""
    arm = some["ADDED", "control"]
    assert (arm["snapshots"], arm["exposures"], arm["successes"], arm["rate"]) == (2, 3_000, 30, 0.01)
    assert (arm["rate_low"], arm["rate_high"]) == (pytest.approx(0.00701, abs=5e-6), pytest.approx(0.01424, abs=5e-6))
    assert (arm["clicks"], arm["cost"], arm["unit"]) == (130, 3.0, "impressions")
    assert some["ADDED", "variant"]["exposures"] == 3_200


def test_a_click_experiment_counts_clicks(some: Arm) -> None:
    """Trap M1: the variant converts ten times as often, and that is not the metric of this experiment."""
    assert some["CLICKS", "control"]["successes"] == some["CLICKS", "variant"]["successes"] == 50


def test_metric_definition_names_the_quotient(some: Arm) -> None:
    """Trap M8: one KPI has one denominator; conversions per click are counted on clicks."""
    arm = some["PER_CLICK", "variant"]
    assert (arm["unit"], arm["exposures"], arm["successes"], arm["rate"]) == ("clicks", 40, 10, 0.25)
    assert arm["assigned"] == 1_000


def test_people_are_the_unit_where_both_arms_count_them(some: Arm) -> None:
    """Trap M8: impressions are no independent trials where one person sees several."""
    assert (some["PEOPLE", "control"]["unit"], some["PEOPLE", "control"]["exposures"]) == ("people", 400)
    assert some["PEOPLE", "variant"]["assigned"] == 420
    assert (some["HALF_PEOPLE", "control"]["unit"], some["HALF_PEOPLE", "control"]["exposures"]) == (
        "impressions",
        1_000,
    )


def test_the_design_effect_is_that_of_the_unit() -> None:
    """The policy's 1.5 for impressions, 2.0 for clicks per impression; people count once, whatever is divided by."""
    experiments = [
        experiment("PEOPLE", metric="conversion_rate"),
        experiment("IMPRESSIONS", metric="conversion_rate"),
        experiment("PER_CLICK", metric="signups_per_click"),
    ]
    snapshots = [
        *shown("PEOPLE", 10, (1_000, 50, 10, 400), (1_000, 50, 12, 420)),
        *shown("IMPRESSIONS", 10, (1_000, 50, 10), (1_000, 50, 12)),
        *shown("PER_CLICK", 10, (1_000, 50, 10, 400), (1_000, 40, 10, 400)),
    ]
    metrics, plans, assets, _ = tables(experiments, snapshots)
    defined = [
        {"metric": "conversion_rate", "numerator": "conversions", "denominator": "impressions", "design_effect": 1.5},
        {"metric": "signups_per_click", "numerator": "conversions", "denominator": "clicks", "design_effect": 2.0},
    ]
    definitions = table_of(MetricDefinitions, defined, direction="up", people_design_effect=1.1)
    rows = kept(ExperimentArms, experiment_arms(metrics, plans, assets, definitions, AS_OF, POLICY), DAY)
    found = {
        row["experiment_id"]: (row["design_effect"], row["assigned_unit"], row["assigned_design_effect"])
        for row in rows
        if row["arm"] == "control"
    }
    assert found == {
        "PEOPLE": (1.1, "people", 1.1),
        "IMPRESSIONS": (1.5, "impressions", 1.5),
        "PER_CLICK": (2.0, "people", 1.1),
    }
    control = next(row for row in rows if (row["experiment_id"], row["arm"]) == ("PEOPLE", "control"))
    low, high = proportion_confint(10 / 1.1, 400 / 1.1, alpha=0.05, method="wilson")
    assert (control["rate_low"], control["rate_high"]) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_an_undefined_metric_counts_nothing(some: Arm) -> None:
    """Trap M2: not 0."""
    arm = some["UNKNOWN", "control"]
    assert (arm["exposures"], arm["successes"], arm["rate"], arm["impressions"]) == (None, None, None, 1_000)


def test_an_arm_without_snapshots_is_not_known(some: Arm) -> None:
    arm = some["SILENT", "variant"]
    assert (arm["snapshots"], arm["exposures"], arm["rate"], arm["cost"]) == (0, None, None, None)


def test_only_days_of_the_experiment_count(some: Arm) -> None:
    assert (some["WINDOW", "control"]["exposures"], some["WINDOW", "control"]["snapshots"]) == (1_000, 1)


def test_what_comes_after_the_as_of_date_does_not_count(some: Arm) -> None:
    assert some["FUTURE", "control"]["exposures"] == 1_000


def test_counting_ends_with_the_day_that_reached_the_horizon(some: Arm) -> None:
    """2,000 of both arms on the 10th, 4,000 by the 11th: the 12th is a second look and does not count."""
    assert some["HORIZON", "control"]["exposures"] == 2_000
    assert some["HORIZON", "control"]["horizon_reached_on"] == date(2026, 3, 11)
    assert some["ADDED", "control"]["horizon_reached_on"] is None


def test_snapshots_outside_are_named() -> None:
    snapshots = [
        *shown("E", 9, (7_000, 1, 1), (7_000, 1, 1)),
        *shown("E", 10, (7_000, 1, 1), (7_000, 1, 1)),
        *shown("E", 13, (7_000, 1, 1), (7_000, 1, 1)),
    ]
    metrics, experiments, *_ = tables([experiment("E", end_date=date(2026, 3, 12))], snapshots)
    found = rows_of(snapshots_outside_experiment(metrics, experiments, AS_OF, POLICY))
    assert sorted(row["timestamp"].day for row in found) == [9, 9, 13, 13]


def test_totals_and_increments_of_the_same_days_are_one() -> None:
    experiments = [experiment("E", horizon_exposures=3_900, end_date=date(2026, 3, 14))]
    days = [(9, 500, 5), (10, 1_000, 10), (11, 1_000, 15), (14, 800, 7), (15, 600, 9)]
    increments = [row for day, n, x in days for row in shown("E", day, (n, x, x), (n, x, x))]
    totals, shown_so_far, clicked = [], 0, 0
    for day, n, x in days:
        shown_so_far, clicked = shown_so_far + n, clicked + x
        totals += shown("E", day, (shown_so_far, clicked, clicked), (shown_so_far, clicked, clicked))
    costs = {"cost": None, "revenue_proxy": None}
    one = {key: row | costs for key, row in arms(experiments, increments).items()}
    other = {key: row | costs for key, row in arms(experiments, totals, policy=TOTALS).items()}
    assert one == other
    assert one["E", "control"]["exposures"] == 2_000


def test_arms_count_what_their_assets_did() -> None:
    """Where all snapshots are of the experiment's days, an arm is its asset's row."""
    snapshots = [*shown("E", 10, (1_000, 50, 10), (1_100, 60, 12)), *shown("E", 12, (900, 20, 4), (800, 10, 3))]
    metrics, experiments, assets, definitions = tables([experiment("E")], snapshots)
    found = by("asset_id", rows_of(experiment_arms(metrics, experiments, assets, definitions, AS_OF, POLICY)))
    for row in rows_of(asset_performance(metrics, assets, AS_OF, POLICY)):
        for name in ("impressions", "clicks", "conversions", "cost", "snapshots"):
            assert row[name] == found[row["asset_id"]][name]
