"""Tests of the effects of weeks, and of their heterogeneity: by hand, by a textbook formula, and by simulation."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy
import pytest
from scipy.stats import chi2

from cjo_assets.families.marketing.experiments.experiment_consistency import (
    ExperimentConsistency,
    effects_that_differ_by_week,
    experiment_consistency,
    scaled_before_the_minimum_run,
)
from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.experiments.experiment_weeks import (
    ExperimentWeeks,
    effects_without_exposures,
    experiment_weeks,
)
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets_tests.support.marketing.experiments import AS_OF, DAY, START, UNGUARDED, definitions
from cjo_assets_tests.support.rows import Row, Rows, by, kept, rows_of, table_of

# Impressions and clicks of control and variant by day of March; the experiments begin on the 1st.
Days = dict[int, tuple[tuple[int, int], tuple[int, int]]]
SHOWN: dict[str, Days] = {
    "STEADY": {2: ((500, 50), (500, 60)), 7: ((500, 50), (500, 60)), 8: ((1_000, 100), (1_000, 120))},
    "NOVEL": {3: ((5_000, 500), (5_000, 700)), 10: ((5_000, 500), (5_000, 500)), 17: ((5_000, 500), (5_000, 480))},
    "YOUNG": {5: ((5_000, 500), (5_000, 700))},
    "ONE_ARM": {5: ((500, 50), (500, 60)), 12: ((500, 50), (0, 0))},
}


def tables(shown: dict[str, Days], effect: float = 1.0, verdict: str = "continue", end: date | None = None) -> Any:
    """Return the weeks of experiments and their consistency, as stored."""
    plans = [
        {"experiment_id": name, "control_asset": f"{name}-A", "variant_asset": f"{name}-B", "start_date": START}
        | {"metric": "click_rate", "status": "running", "end_date": end}
        for name in shown
    ]
    snapshots = [
        {"experiment_id": name, "asset_id": f"{name}-{arm}", "timestamp": datetime(2026, 3, day, 9)}
        | {"impressions": counts[0], "clicks": counts[1], "conversions": 0}
        for name, days in shown.items()
        for day, both in days.items()
        for arm, counts in zip("AB", both, strict=True)
    ]
    evaluated = [{"experiment_id": name, "design_effect": effect, "verdict": verdict} for name in shown]
    evaluations = table_of(ExperimentEvaluations, evaluated)
    made = experiment_weeks(
        table_of(PerformanceMetrics, snapshots),
        table_of(Experiments, plans),
        definitions(),
        evaluations,
        AS_OF,
        UNGUARDED,
    )
    weeks = sorted(kept(ExperimentWeeks, made, DAY), key=lambda row: (row["experiment_id"], row["week"]))
    consistency = experiment_consistency(table_of(ExperimentWeeks, without_day(weeks)), evaluations, UNGUARDED)
    return weeks, by("experiment_id", kept(ExperimentConsistency, consistency, DAY))


def without_day(rows: Rows) -> Rows:
    """Return stored rows without their day."""
    return [{name: value for name, value in row.items() if name != "as_of"} for row in rows]


def heterogeneity(weeks: Rows) -> float:
    """Return Cochran's Q in plain Python: the sum of squared distances from the weighted mean, over the variances."""
    effects = [
        row["variant_successes"] / row["variant_exposures"] - row["control_successes"] / row["control_exposures"]
        for row in weeks
    ]
    weights = [1 / row["standard_error"] ** 2 for row in weeks]
    mean = sum(w * e for w, e in zip(weights, effects, strict=True)) / sum(weights)
    return sum(w * (e - mean) ** 2 for w, e in zip(weights, effects, strict=True))


@pytest.fixture(scope="module")
def found() -> tuple[Rows, dict[Any, Row]]:
    """Weeks and consistency of all examples."""
    weeks, consistency = tables(SHOWN)
    return weeks, consistency


def test_a_week_begins_on_the_weekday_of_the_first_day(found: tuple[Rows, dict[Any, Row]]) -> None:
    weeks = [row for row in found[0] if row["experiment_id"] == "STEADY"]
    assert [(row["week"], row["first_day"], row["is_complete"]) for row in weeks] == [
        (1, date(2026, 3, 1), True),
        (2, date(2026, 3, 8), True),
    ]
    assert [(row["control_exposures"], row["variant_successes"]) for row in weeks] == [(1_000, 120), (1_000, 120)]
    assert [row["absolute_effect"] for row in weeks] == [0.02, 0.02]


def test_a_week_in_progress_is_not_complete(found: tuple[Rows, dict[Any, Row]]) -> None:
    """The third week ends on the 21st, the as-of date is the 20th; an experiment that ends on the 9th has one week."""
    third = [row for row in found[0] if (row["experiment_id"], row["week"]) == ("NOVEL", 3)]
    assert [row["is_complete"] for row in third] == [False]
    weeks, consistency = tables({"SHORT": {2: ((500, 50), (500, 60)), 9: ((500, 50), (500, 60))}}, end=date(2026, 3, 9))
    assert [row["is_complete"] for row in weeks] == [True, False]
    assert (consistency["SHORT"]["complete_weeks"], consistency["SHORT"]["has_minimum_run"]) == (1, True)


def test_the_same_effect_in_all_weeks_has_no_heterogeneity(found: tuple[Rows, dict[Any, Row]]) -> None:
    row = found[1]["STEADY"]
    assert (row["compared_weeks"], row["complete_weeks"], row["is_heterogeneous"]) == (2, 2, False)
    assert row["heterogeneity"] == pytest.approx(0.0, abs=1e-6)
    assert row["heterogeneity_p_value"] == pytest.approx(1.0, abs=1e-3)


def test_an_effect_that_wears_off_is_heterogeneous(found: tuple[Rows, dict[Any, Row]]) -> None:
    """A lift of 40 % in the first week, none in the second, and a loss in the third."""
    weeks = [row for row in found[0] if row["experiment_id"] == "NOVEL"]
    row = found[1]["NOVEL"]
    assert row["heterogeneity"] == pytest.approx(heterogeneity(weeks), abs=1e-5)
    assert row["heterogeneity_p_value"] == pytest.approx(chi2.sf(row["heterogeneity"], 2), abs=1e-8)
    assert row["is_heterogeneous"] is True
    table = table_of(ExperimentConsistency, without_day(list(found[1].values())))
    assert [row["experiment_id"] for row in rows_of(effects_that_differ_by_week(table))] == ["NOVEL"]


def test_one_week_has_nothing_to_differ_from(found: tuple[Rows, dict[Any, Row]]) -> None:
    for name in ("YOUNG", "ONE_ARM"):
        row = found[1][name]
        assert (row["compared_weeks"], row["heterogeneity"], row["is_heterogeneous"]) == (1, None, None)
    table = table_of(ExperimentWeeks, without_day(found[0]))
    assert [(row["experiment_id"], row["week"]) for row in rows_of(effects_without_exposures(table))] == [
        ("ONE_ARM", 2)
    ]


def test_a_design_effect_divides_the_heterogeneity(found: tuple[Rows, dict[Any, Row]]) -> None:
    _, clumped = tables({"NOVEL": SHOWN["NOVEL"]}, effect=4.0)
    # The variance is the greater of two estimates, of which one has a success and a failure added.
    assert clumped["NOVEL"]["heterogeneity"] == pytest.approx(found[1]["NOVEL"]["heterogeneity"] / 4, rel=0.02)


def test_scaling_within_the_first_week_is_listed() -> None:
    _, consistency = tables({"EARLY": {19: ((500, 50), (500, 60))}}, verdict="scale_variant")
    assert (consistency["EARLY"]["complete_weeks"], consistency["EARLY"]["has_minimum_run"]) == (0, False)
    table = table_of(ExperimentConsistency, without_day(list(consistency.values())))
    assert [row["experiment_id"] for row in rows_of(scaled_before_the_minimum_run(table))] == ["EARLY"]


def test_experiments_of_one_effect_are_heterogeneous_at_most_as_stated() -> None:
    """2,000 experiments of three weeks with a true lift of 10 %: at most 5 % are called heterogeneous.

    Of 500 whose lift of 40 % wears off to nothing in the second and third week, more than nine in ten are found.
    """
    chance = numpy.random.default_rng(20)
    rates = {"SAME": [0.11, 0.11, 0.11], "NOVEL": [0.14, 0.10, 0.10]}
    shares = {}
    for name, number in (("SAME", 2_000), ("NOVEL", 500)):
        weeks = []
        for world in range(number):
            for week, rate in enumerate(rates[name], start=1):
                successes0, successes = (int(chance.binomial(3_000, true)) for true in (0.10, rate))
                error = numpy.sqrt(sum(x / 3_000 * (1 - x / 3_000) / 3_000 for x in (successes0, successes)))
                weeks.append(
                    {"experiment_id": f"{name}{world}", "week": week, "first_day": START + timedelta(7 * week - 7)}
                    | {"is_complete": True, "absolute_effect": (successes - successes0) / 3_000}
                    | {"standard_error": float(error)}
                )
        evaluated = [{"experiment_id": f"{name}{world}"} for world in range(number)]
        made = experiment_consistency(
            table_of(ExperimentWeeks, weeks), table_of(ExperimentEvaluations, evaluated), UNGUARDED
        )
        found = rows_of(made.select("is_heterogeneous"))
        shares[name] = sum(row["is_heterogeneous"] for row in found) / number
    assert shares["SAME"] <= 0.05 + 3 * numpy.sqrt(0.05 * 0.95 / 2_000)
    assert shares["NOVEL"] > 0.9
