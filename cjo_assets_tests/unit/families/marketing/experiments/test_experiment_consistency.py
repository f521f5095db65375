"""Tests of the effects of weeks, and of their heterogeneity: by hand, by a textbook formula, and by simulation."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy
import pytest
from scipy.stats import chi2

from cjo_assets.families.marketing.experiments.experiment_consistency import (
    ExperimentConsistency,
    design_effects_unlike_the_observed,
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
    inputs = table_of(PerformanceMetrics, snapshots), table_of(Experiments, plans), definitions()
    made = experiment_weeks(*inputs, evaluations, AS_OF, UNGUARDED)
    weeks = sorted(kept(ExperimentWeeks, made, DAY), key=lambda row: (row["experiment_id"], row["week"]))
    stored = table_of(ExperimentWeeks, without_day(weeks))
    consistency = experiment_consistency(*inputs, stored, evaluations, AS_OF, UNGUARDED)
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
        nothing = table_of(PerformanceMetrics, []), table_of(Experiments, []), definitions()
        made = experiment_consistency(
            *nothing, table_of(ExperimentWeeks, weeks), table_of(ExperimentEvaluations, evaluated), AS_OF, UNGUARDED
        )
        found = rows_of(made.select("is_heterogeneous"))
        shares[name] = sum(row["is_heterogeneous"] for row in found) / number
    assert shares["SAME"] <= 0.05 + 3 * numpy.sqrt(0.05 * 0.95 / 2_000)
    assert shares["NOVEL"] > 0.9


def scattered(days: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Return the observed design effect and its interval in NumPy.

    Args:
        days: per experiment and day the exposures and successes of the control, and those of the variant.
    """
    n0, x0, n, x = (days[..., place].astype(float) for place in range(4))
    scatter0, scatter = (
        (rate := successes.sum(1, keepdims=True) / trials.sum(1, keepdims=True)) * (1 - rate)
        for successes, trials in ((x0, n0), (x, n))
    )
    variance = scatter / n + scatter0 / n0
    effect = x / n - x0 / n0
    mean = (effect / variance).sum(1, keepdims=True) / (1 / variance).sum(1, keepdims=True)
    distance = ((effect - mean) ** 2 / variance).sum(1)
    freedom = days.shape[1] - 1
    return distance / freedom, distance / chi2.ppf(0.975, freedom), distance / chi2.ppf(0.025, freedom)


def drawn(chance: numpy.random.Generator, worlds: int, days: int, clump: int = 1) -> numpy.ndarray:
    """Return the days of experiments in which each success comes as a clump of as many, and a failure too."""
    trials = chance.integers(200, 800, size=(worlds, days, 2))
    # On every day both arms rise or fall together, which is no scatter of their difference.
    rates = chance.uniform(0.08, 0.12, size=(worlds, days, 1)) + numpy.array([0.0, 0.01])
    successes = chance.binomial(trials, rates)
    return numpy.stack([trials[..., 0], successes[..., 0], trials[..., 1], successes[..., 1]], axis=-1) * clump


def ends_of(row: Row) -> tuple[float, float, float]:
    """Return the observed design effect of a row, and the ends of its interval."""
    low, high = row["observed_design_effect_low"], row["observed_design_effect_high"]
    return row["observed_design_effect"], low, high


def test_two_days_by_hand() -> None:
    """50 of 500 and 60 of 500, then 70 of 500 and 40 of 500: effects +0.02 and -0.06, rates 0.12 and 0.1.

    The variance of a day is (0.12 * 0.88 + 0.1 * 0.9) / 500 = 0.0003912; both effects are 0.04 from their mean, so that
    the squared distances are 2 * 0.0016 / 0.0003912 = 8.179959 on one degree of freedom.
    """
    _, consistency = tables({"TWO": {2: ((500, 50), (500, 60)), 3: ((500, 70), (500, 40))}}, effect=1.5)
    row = consistency["TWO"]
    assert (row["compared_days"], row["design_effect"]) == (2, 1.5)
    assert row["observed_design_effect"] == pytest.approx(8.179959, abs=1e-6)
    assert row["observed_design_effect_low"] == pytest.approx(8.179959 / chi2.ppf(0.975, 1), abs=1e-5)
    assert row["observed_design_effect_high"] == pytest.approx(8.179959 / chi2.ppf(0.025, 1), rel=1e-5)


def test_a_day_with_more_successes_than_exposures_is_not_compared() -> None:
    days = {2: ((500, 50), (500, 60)), 3: ((500, 70), (500, 40))}
    _, alone = tables({"E": days})
    _, beside = tables({"E": days | {4: ((500, 50), (10, 20))}})
    assert beside["E"]["compared_days"] == alone["E"]["compared_days"] == 2
    assert ends_of(beside["E"]) == ends_of(alone["E"])


def test_the_observed_design_effect_is_that_of_numpy() -> None:
    days = drawn(numpy.random.default_rng(4), 3, 12)
    days[2] = drawn(numpy.random.default_rng(4), 1, 12, clump=4)[0]
    shown = {
        f"E{world}": {day: ((int(n0), int(x0)), (int(n), int(x))) for day, (n0, x0, n, x) in enumerate(rows, start=2)}
        for world, rows in enumerate(days)
    }
    _, consistency = tables(shown)
    for world, (middle, low, high) in enumerate(zip(*scattered(days), strict=True)):
        assert ends_of(consistency[f"E{world}"]) == pytest.approx((middle, low, high), abs=2e-6)
    table = table_of(ExperimentConsistency, without_day(list(consistency.values())))
    unlike = [name for name, row in consistency.items() if not ends_of(row)[1] <= 1.0 <= ends_of(row)[2]]
    assert {row["experiment_id"] for row in rows_of(design_effects_unlike_the_observed(table))} == set(unlike)
    assert "E2" in unlike
    assert "E1" not in unlike


@pytest.mark.parametrize("shown", [{5: ((500, 50), (500, 60))}, {5: ((500, 0), (500, 0)), 6: ((500, 0), (500, 0))}])
def test_one_day_or_no_success_shows_no_design_effect(shown: Days) -> None:
    _, consistency = tables({"E": shown})
    assert ends_of(consistency["E"]) == (None, None, None)
    assert consistency["E"]["compared_days"] == len(shown)


@pytest.mark.parametrize("clump", [1, 3])
def test_the_interval_covers_the_true_design_effect_as_stated(clump: int) -> None:
    """4,000 experiments of 28 days, whose exposures come one by one, or in clumps of three with one result."""
    middle, low, high = scattered(drawn(numpy.random.default_rng(28), 4_000, 28, clump))
    assert middle.mean() == pytest.approx(clump, rel=0.01)
    assert ((low <= clump) & (clump <= high)).mean() == pytest.approx(0.95, abs=0.01)
