"""Tests of the plans of experiments: exposures and days by statsmodels, the pace, and lifts that nothing scales."""

from datetime import date, datetime
from math import ceil
from typing import Any

import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from cjo_assets.families.marketing.experiments.experiment_evaluations import (
    ExperimentEvaluations,
    experiment_evaluations,
)
from cjo_assets.families.marketing.experiments.experiment_plans import (
    ExperimentPlans,
    experiment_plans,
    plans_that_contradict_their_evaluation,
    scaling_before_detecting,
)
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.experiments import (
    AS_OF,
    DAY,
    RULES,
    START,
    UNGUARDED,
    definitions,
    experiment,
    frames,
)
from cjo_assets_tests.support.rows import Row, Rows, kept, policy_with, rows_of, table_of

LIFTS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50)
EXPERIMENTS = [
    experiment("PLAIN", (500, 5_000), (520, 5_000)),
    experiment("UNEVEN", (200, 2_000), (1_120, 8_000), control_share=0.2),
    experiment("CLUMPED", (500, 5_000), (520, 5_000), metric="clumped_rate"),
    experiment("LEAVING", (500, 5_000), (520, 5_000), metric="leave_rate"),
    experiment("FREQUENT", (4_000, 5_000), (4_000, 5_000)),
    experiment("ENDED", (500, 5_000), (520, 5_000), status="completed", end_date=date(2026, 3, 15)),
    experiment("NEVER", (0, 5_000), (5, 5_000)),
    experiment("UNKNOWN_METRIC", (500, 5_000), (520, 5_000), metric="love"),
    experiment("PLANNED", (0, 0), (0, 0), status="planned"),
]
# Impressions of either arm by day of March; the last seven days begin on the 14th.
SHOWN = {10: 3_000, 13: 100, 14: 700, 19: 1_200}


def snapshots() -> Rows:
    """Return what the arms of two experiments were shown."""
    return [
        {"experiment_id": name, "asset_id": f"{name}-{arm}", "timestamp": datetime(2026, 3, day, 9)}
        | {"impressions": impressions, "clicks": 0, "conversions": 0}
        for name in ("PLAIN", "ENDED")
        for arm in ("A", "B")
        for day, impressions in SHOWN.items()
    ]


def inputs(policy: Policy) -> dict[str, Any]:
    """Return what the transform reads, with the evaluations as stored."""
    rows = [
        row | {"control_asset": f"{row['experiment_id']}-A", "variant_asset": f"{row['experiment_id']}-B"}
        for row in EXPERIMENTS
    ]
    given = frames(rows, policy)
    evaluated = kept(ExperimentEvaluations, experiment_evaluations(**given), DAY)
    without_day = [{name: value for name, value in row.items() if name != "as_of"} for row in evaluated]
    return {
        "experiment_evaluations": table_of(ExperimentEvaluations, without_day),
        "performance_metrics": table_of(PerformanceMetrics, snapshots()),
        "experiments": given["experiments"],
        "metric_definitions": definitions(),
        "as_of": AS_OF,
        "policy": policy,
    }


def plans(policy: Policy = UNGUARDED) -> dict[tuple[str, float], Row]:
    """Return the plans by experiment and lift, as stored."""
    found = kept(ExperimentPlans, experiment_plans(**inputs(policy)), DAY)
    return {(row["experiment_id"], row["lift"]): row for row in found}


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, float], Row]:
    """Plans under the packaged grid."""
    return plans()


def test_experiments_with_a_baseline_have_a_plan_per_lift(found: dict[tuple[str, float], Row]) -> None:
    names = {"PLAIN", "UNEVEN", "CLUMPED", "LEAVING", "FREQUENT", "ENDED"}
    assert found.keys() == {(name, lift) for name in names for lift in LIFTS}


@pytest.mark.parametrize("lift", LIFTS)
def test_exposures_to_detect_are_those_of_statsmodels(found: dict[tuple[str, float], Row], lift: float) -> None:
    for name, sign, effect in (("PLAIN", 1, 1), ("CLUMPED", 1, 4), ("LEAVING", -1, 1), ("UNEVEN", 1, 1)):
        row = found[name, lift]
        assert row["variant_rate"] == pytest.approx(0.1 * (1 + sign * lift), abs=1e-9)
        size = abs(proportion_effectsize(row["variant_rate"], 0.1))
        needed = effect * NormalIndPower().solve_power(size, alpha=0.05, power=0.8)
        assert row["exposures_to_detect"] == pytest.approx(needed, rel=1e-4, abs=1)
        # Arms of unequal size count as two equal ones of their harmonic mean.
        so_far = {"UNEVEN": 3_200}.get(name, 5_000) / effect
        assert row["power_to_detect"] == pytest.approx(NormalIndPower().power(size, so_far, 0.05), abs=1e-6)


def test_only_lifts_above_the_minimum_are_scaled(found: dict[tuple[str, float], Row]) -> None:
    for lift in (0.05, 0.10):
        assert (found["PLAIN", lift]["exposures_to_scale"], found["PLAIN", lift]["days_to_scale"]) == (None, None)
        assert found["PLAIN", lift]["power_to_scale"] <= 0.5
    for lift in (0.15, 0.20, 0.30, 0.50):
        row = found["PLAIN", lift]
        assert row["exposures_to_scale"] >= row["exposures_to_detect"]
        assert row["power_to_scale"] <= row["power_to_detect"]


def test_a_higher_minimum_takes_more_exposures_to_scale(found: dict[tuple[str, float], Row]) -> None:
    """At a minimum of 18 % a lift of 20 % is 2 % above it: it takes many times the exposures to separate the two."""
    strict = plans(policy_with(**RULES | {"marketing__experiments__lift_threshold_for_scaling": 0.18}))["PLAIN", 0.2]
    assert strict["exposures_to_detect"] == found["PLAIN", 0.2]["exposures_to_detect"]
    # Variance of the difference of the rate and 1.18 times the control's, at 0.10 and 0.12: one-sided power of 80 %.
    variance = 0.12 * 0.88 + 1.18**2 * 0.10 * 0.90
    needed = variance * (0.8416 / (0.12 - 0.118)) ** 2
    assert strict["exposures_to_scale"] == pytest.approx(needed, rel=0.02)


def test_days_follow_from_the_pace_of_the_last_week(found: dict[tuple[str, float], Row]) -> None:
    """Two arms of 700 and 1,200 in the seven days up to the 20th."""
    row = found["PLAIN", 0.2]
    assert row["exposures_per_day"] == round(2 * 1_900 / 7, 2)
    assert row["days_to_detect"] == ceil(2 * row["exposures_to_detect"] / (2 * 1_900 / 7))
    assert row["days_to_scale"] == ceil(2 * row["exposures_to_scale"] / (2 * 1_900 / 7))
    # Nothing more is shown in one that has ended, and nothing is known of one without snapshots.
    for name in ("ENDED", "UNEVEN"):
        ended = found[name, 0.2]
        assert (ended["exposures_per_day"], ended["days_to_detect"], ended["days_to_scale"]) == (None, None, None)


def test_a_young_experiment_has_the_pace_of_its_days() -> None:
    given = inputs(UNGUARDED)
    young = given["experiments"].mutate(start_date=AS_OF.cast("date"))
    assert START < DAY
    today = [row | {"timestamp": datetime(2026, 3, 20, 9)} for row in snapshots() if row["impressions"] == 700]
    given |= {"experiments": young, "performance_metrics": table_of(PerformanceMetrics, today)}
    rows = kept(ExperimentPlans, experiment_plans(**given), DAY)
    assert {row["exposures_per_day"] for row in rows if row["experiment_id"] == "PLAIN"} == {1_400.0}


def test_a_rate_beyond_one_has_no_plan(found: dict[tuple[str, float], Row]) -> None:
    row = found["FREQUENT", 0.5]
    assert (row["variant_rate"], row["exposures_to_detect"], row["power_to_detect"]) == (None, None, None)
    assert found["FREQUENT", 0.2]["variant_rate"] == pytest.approx(0.96)


def test_the_plan_of_the_minimum_lift_is_the_evaluation() -> None:
    given = inputs(UNGUARDED)
    stored = [
        {name: value for name, value in row.items() if name != "as_of"}
        for row in kept(ExperimentPlans, experiment_plans(**given), DAY)
    ]
    evaluations = given["experiment_evaluations"]
    table = table_of(ExperimentPlans, stored)
    assert rows_of(plans_that_contradict_their_evaluation(table, evaluations, UNGUARDED)) == []
    assert rows_of(scaling_before_detecting(table)) == []
    wrong = [row | {"exposures_to_detect": 10**7} for row in stored if row["experiment_id"] == "PLAIN"]
    listed = rows_of(plans_that_contradict_their_evaluation(table_of(ExperimentPlans, wrong), evaluations, UNGUARDED))
    assert [(row["experiment_id"], row["lift"]) for row in listed] == [("PLAIN", 0.1)]
    assert len(rows_of(scaling_before_detecting(table_of(ExperimentPlans, wrong)))) == 4
