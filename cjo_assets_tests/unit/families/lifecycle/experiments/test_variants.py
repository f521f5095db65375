"""Tests of experiments: probabilities against numerical integration, weights, lifts, decisions and what is invalid."""

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from scipy import integrate, stats

from cjo_assets.families.lifecycle.experiments.variant_decisions import (
    VariantDecisions,
    experiments_without_decision,
    variant_decisions,
)
from cjo_assets.families.lifecycle.experiments.variant_posteriors import (
    VariantPosteriors,
    experiments_without_one_control,
    impossible_counts,
    variant_posteriors,
    weights_that_do_not_sum,
)
from cjo_assets.families.lifecycle.inputs.variant_results import VariantResults
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, kept, rows_of, table_of

# Successes and exposures of the sample's experiment.
SAMPLE = {"plain": (96, 1200), "warm": (127, 1150), "brief": (84, 990)}
ARMS = [
    SAMPLE,
    {"a": (5, 10), "b": (4, 10), "c": (0, 0)},
    {"a": (0, 1000), "b": (1, 1000)},
    {"a": (1000, 1000), "b": (999, 1000)},
    # A variant with few exposures beside two with very many.
    {"a": (500_000, 10_000_000), "b": (500_900, 10_000_000), "new": (0, 5)},
    {"only": (3, 7)},
]


def rules_with(**experiments: Any) -> Any:
    """Return the policy of the family with other values for experiments."""
    return RULES.model_copy(update={"experiments": RULES.experiments.model_copy(update=experiments)})


def results_of(arms: dict[str, tuple[int, int]], control: str | None = None, days: int = 1) -> Rows:
    """Return results of variants, all successes on the last day."""
    rows: Rows = []
    for name, (successes, exposures) in arms.items():
        for number in range(days):
            share = exposures // days + (exposures % days if number == 0 else 0)
            row = {"experiment_id": "X", "variant_id": name, "result_date": day(-number), "cohort": "new_trial"}
            rows.append(
                row | {"exposures": share, "successes": successes if number == 0 else 0, "is_control": name == control}
            )
    return rows


def posteriors(rows: Rows, rules: Any = RULES) -> dict[str, Row]:
    """Return the variants of one experiment by name."""
    table = variant_posteriors(table_of(VariantResults, rows), as_of(), rules)
    return by("variant_id", kept(VariantPosteriors, table))


def decision(rows: Rows, rules: Any = RULES) -> Row:
    """Return the decision of one experiment."""
    results = table_of(VariantResults, rows)
    variants = table_of(VariantPosteriors, kept(VariantPosteriors, variant_posteriors(results, as_of(), rules)))
    [row] = kept(VariantDecisions, variant_decisions(variants, results, as_of(), rules))
    return row


def integrated(arms: dict[str, tuple[int, int]], name: str) -> float:
    """Return the probability of being the best by adaptive quadrature of scipy, on pieces around every mean."""
    rates = {key: stats.beta(1 + s, 1 + n - s) for key, (s, n) in arms.items()}

    def value(x: float) -> float:
        return float(rates[name].pdf(x)) * math.prod(float(rate.cdf(x)) for key, rate in rates.items() if key != name)

    steps = [rate.mean() + rate.std() * far for rate in rates.values() for far in (-8, -4, -2, -1, 0, 1, 2, 4, 8)]
    edges = sorted({0.0, 1.0, *(min(max(step, 0.0), 1.0) for step in steps)})
    return sum(integrate.quad(value, low, high, epsabs=1e-10)[0] for low, high in pairwise(edges))


@pytest.mark.parametrize("arms", ARMS)
def test_probabilities_are_those_of_numerical_integration(arms: dict[str, tuple[int, int]]) -> None:
    found = posteriors(results_of(arms))
    assert {name: row["p_best"] for name, row in found.items()} == pytest.approx(
        {name: integrated(arms, name) for name in arms}, abs=5e-6
    )


def test_generated_variants_agree_with_numerical_integration() -> None:
    draw = random.Random(1)
    for _ in range(5):
        number = draw.randrange(2, 6)
        arms = {f"v{n}": (draw.randrange(0, 40), draw.randrange(40, 900)) for n in range(number)}
        found = posteriors(results_of(arms))
        for name in arms:
            assert found[name]["p_best"] == pytest.approx(integrated(arms, name), abs=5e-6), arms


def test_the_sample_by_hand() -> None:
    """Each keeps 0.01, and 0.97 is shared: 0.01 + 0.97 x 0.005121 = 0.014967."""
    found = posteriors(results_of(SAMPLE))
    assert [found[name]["p_best"] for name in SAMPLE] == [0.005121, 0.971397, 0.023482]
    assert [found[name]["weight"] for name in SAMPLE] == [0.014967, 0.952255, 0.032778]
    assert found["warm"]["rate"] == pytest.approx(127 / 1150, abs=1e-9)


def test_the_order_of_rows_changes_no_digit() -> None:
    rows = results_of(SAMPLE, days=7)
    shuffled = rows[:]
    random.Random(2).shuffle(shuffled)
    assert posteriors(rows) == posteriors(shuffled)


def test_equal_variants_are_equally_probable() -> None:
    found = posteriors(results_of({"a": (10, 100), "b": (10, 100), "c": (10, 100), "d": (10, 100)}))
    assert {row["p_best"] for row in found.values()} == {0.25}
    assert {row["weight"] for row in found.values()} == {0.25}


@pytest.mark.parametrize(("exposures", "is_dropped"), [(99, False), (100, True)])
def test_a_hopeless_variant_is_dropped_after_the_exposures_of_the_policy(exposures: int, is_dropped: bool) -> None:
    found = posteriors(results_of({"good": (900, 1000), "bad": (1, exposures)}))
    assert found["bad"]["is_dropped"] is is_dropped
    # What is kept gets everything, otherwise the floor remains.
    assert (found["bad"]["weight"], found["good"]["weight"]) == ((0.0, 1.0) if is_dropped else (0.01, 0.99))


def test_floors_take_a_tenth_at_most() -> None:
    """Of 20 variants each keeps 0.10 / 20 = 0.005, not 0.01."""
    arms = {f"v{number:02}": (0, 50) for number in range(19)} | {"best": (50, 50)}
    found = posteriors(results_of(arms))
    assert found["v00"]["weight"] == pytest.approx(0.005, abs=1e-6)
    assert sum(row["weight"] for row in found.values()) == pytest.approx(1, abs=2e-5)


def test_results_of_later_days_are_unknown() -> None:
    rows = [
        *results_of({"a": (5, 10)}),
        {"experiment_id": "X", "variant_id": "a", "result_date": day(1), "exposures": 90},
    ]
    assert posteriors(rows)["a"]["exposures"] == 10


def test_lift_is_the_difference_to_the_one_control() -> None:
    """127 / 1150 - 96 / 1200 = 0.030435."""
    found = posteriors(results_of(SAMPLE, control="plain"))
    assert found["plain"]["lift"] is None
    assert found["warm"]["lift"] == pytest.approx(0.0304347826, abs=1e-9)
    assert found["warm"]["lift_low"] > 0 > found["brief"]["lift_low"]
    assert all(row["lift"] is None for row in posteriors(results_of(SAMPLE)).values())


def test_sessions_have_the_mean_over_exposures_with_a_known_one() -> None:
    """(10 x 60 + 30 x 100) / 40 = 90 seconds."""
    given = [(10, 60.0), (30, 100.0), (60, None)]
    rows = [
        {
            "experiment_id": "X",
            "variant_id": "a",
            "result_date": day(-number),
            "exposures": count,
            "session_seconds": seconds,
        }
        for number, (count, seconds) in enumerate(given)
    ]
    assert posteriors(rows)["a"]["session_seconds"] == 90.0


def test_impossible_counts_have_no_probability() -> None:
    rows = results_of({"a": (11, 10), "b": (1, 10)})
    found = posteriors(rows)
    assert {(row["p_best"], row["weight"], row["rate"]) for row in found.values()} == {(None, None, None)}
    row = decision(rows)
    assert (row["decision"], row["leader"], row["eta_days"], row["dropped"]) == ("invalid", None, None, None)
    offenders = rows_of(impossible_counts(table_of(VariantResults, rows), as_of(), RULES))
    assert [one["variant_id"] for one in offenders] == ["a", "b"]


def test_too_many_variants_are_invalid() -> None:
    rows = results_of({"a": (1, 100), "b": (1, 100), "c": (1, 100)})
    assert decision(rows, rules_with(most_variants=2))["decision"] == "invalid"
    assert decision(rows)["decision"] == "collect"


@pytest.mark.parametrize(
    ("arms", "rules", "expected"),
    [
        # The third has 990 of 1,000 and is not dropped.
        (SAMPLE, {}, "collect"),
        (SAMPLE, {"minimum_exposures": 990}, "promote"),
        (SAMPLE, {"minimum_exposures": 990, "auto_promote": False}, "promote_pending"),
        (SAMPLE, {"minimum_exposures": 990, "confidence": 0.98}, "continue"),
        # A dropped rival needs no further exposure.
        ({"good": (900, 1000), "bad": (1, 100)}, {}, "promote"),
        # 999 of 1,000 at one exposure a day and variant.
        ({"a": (1, 1), "b": (0, 1)}, {"longest_days": 998}, "infeasible"),
        ({"a": (1, 1), "b": (0, 1)}, {"longest_days": 999}, "collect"),
        ({"a": (0, 0), "b": (0, 0)}, {}, "infeasible"),
    ],
)  # fmt: skip
def test_the_first_decision_that_applies(
    arms: dict[str, tuple[int, int]], rules: dict[str, Any], expected: str
) -> None:
    assert decision(results_of(arms), rules_with(**rules))["decision"] == expected


def test_days_until_no_exposure_is_missing() -> None:
    """10 are missing at (1200 + 1150 + 990) / 3 = 1113.33 a day: one day."""
    row = decision(results_of(SAMPLE, days=3))
    assert (row["exposures_missing"], row["eta_days"], row["exposures_per_day"]) == (10, 1, 1113.33)
    assert (row["leader"], row["leader_p_best"], row["dropped"]) == ("warm", 0.971397, 0)


def test_checks() -> None:
    good = table_of(VariantPosteriors, [{"experiment_id": "X", "variant_id": "a", "weight": 1.0, "p_best": 1.0}])
    bad = table_of(VariantPosteriors, [{"experiment_id": "X", "variant_id": "a", "weight": 0.9, "p_best": 1.0}])
    assert (rows_of(weights_that_do_not_sum(good)), len(rows_of(weights_that_do_not_sum(bad)))) == ([], 1)
    assert len(rows_of(experiments_without_one_control(good))) == 1
    results = table_of(VariantResults, results_of(SAMPLE))
    none = table_of(VariantDecisions, [])
    assert len(rows_of(experiments_without_decision(none, results, as_of()))) == 1
