"""Two posteriors compared: published cases, the closed form as oracle, and what must hold of any counts.

Covers the functions of `core/expressions/posteriors.py` in the engine.
"""

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ibis
import numpy
import pyarrow
import pytest
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import beta

from cjo_assets.core.expressions.posteriors import chance_of_greater_share, expected_shortfall, share_ratio_quantile
from cjo_assets.families.lifecycle.experiments._arms import best_probabilities
from cjo_assets_tests.support.rows import BACKEND, POLICY, rows_of

Counts = tuple[float, float, float, float]
# Successes and failures of the first and of the other, with the prior: few and many, rare, even, certain, far apart.
CASES: list[Counts] = [
    (52, 50, 50, 52),
    (1, 101, 1, 101),
    (4, 98, 1, 101),
    (101, 1, 98, 4),
    (651, 4_351, 501, 4_501),
    (301, 149_701, 340, 149_662),
    (30, 9_972, 4, 6),
    (2, 3, 90_000, 910_000),
    (5_001, 45_001, 5_601, 44_401),
]


def compared(cases: list[Counts]) -> list[dict[str, Any]]:
    """Return the figures of pairs of posteriors as the engine computes them."""
    names = ("a", "b", "a0", "b0")
    columns = dict(zip(names, zip(*cases, strict=True), strict=True))
    table = pyarrow.table({name: numpy.array(values, dtype=float) for name, values in columns.items()})
    rows = BACKEND.create_table(ibis.util.gen_name("posteriors"), table, temp=True)
    sides = rows.a, rows.b, rows.a0, rows.b0
    found: list[dict[str, Any]] = BACKEND.to_pyarrow(
        rows.select(
            chance=chance_of_greater_share(*sides),
            loss=expected_shortfall(*sides),
            loss_of_other=expected_shortfall(rows.a0, rows.b0, rows.a, rows.b),
            **{f"at_{percent}": share_ratio_quantile(ibis.literal(percent / 100), *sides) for percent in (5, 50, 95)},
        )
    ).to_pylist()
    return found


def closed_form(a: float, b: float, a0: float, b0: float) -> float:
    """Return the probability that the first exceeds the other by the sum of Evan Miller, for whole parameters."""
    return math.fsum(
        math.exp(betaln(a0 + i, b + b0) - math.log(b + i) - betaln(1 + i, b) - betaln(a0, b0)) for i in range(int(a))
    )


def chance_of_ratio_below(ratio: float, a: float, b: float, a0: float, b0: float) -> float:
    """Return the probability that the first over the other is below a ratio, by adaptive quadrature."""
    ends = beta.ppf([1e-12, 0.01, 0.5, 0.99, 1 - 1e-12], a0, b0)

    def density(share: float) -> float:
        return float(beta.cdf(min(ratio * share, 1.0), a, b) * beta.pdf(share, a0, b0))

    parts = pairwise(ends)
    return math.fsum(quad(density, low, high, limit=200, epsabs=1e-12)[0] for low, high in parts)


def test_expected_losses_are_those_of_growthbook() -> None:
    """49 of 100 against 51 of 100 with a flat prior.

    GrowthBook, packages/stats/tests/bayesian/test_main.py at commit edc29bad: risk 0.03872 of the control and 0.01912
    of the variant; its chance to win of 0.61052 is from a normal approximation of the logarithms.
    """
    [found] = compared([(52, 50, 50, 52)])
    assert (round(found["loss_of_other"], 5), round(found["loss"], 5)) == (0.03872, 0.01912)
    assert found["chance"] == pytest.approx(0.61052, abs=5e-4)


@pytest.mark.parametrize("case", CASES)
def test_the_chance_is_the_closed_form(case: Counts) -> None:
    [found] = compared([case])
    # Logarithms of the beta function of a million leave the sum eight digits.
    assert found["chance"] == pytest.approx(closed_form(*case), abs=5e-9)


def test_the_chance_is_exact_beside_an_arm_of_a_million() -> None:
    """Beta(2, 3) is below x with probability 6 x^2 - 8 x^3 + 3 x^4, of which the moments of the other are fractions."""
    moments = [math.prod(Fraction(90_000 + i, 1_000_000 + i) for i in range(power)) for power in range(5)]
    [found] = compared([(2, 3, 90_000, 910_000)])
    assert found["chance"] == pytest.approx(float(1 - 6 * moments[2] + 8 * moments[3] - 3 * moments[4]), abs=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_losses_differ_by_the_difference_of_means(case: Counts) -> None:
    a, b, a0, b0 = case
    [found] = compared([case])
    assert found["loss_of_other"] - found["loss"] == pytest.approx(a / (a + b) - a0 / (a0 + b0), abs=1e-9)
    assert found["loss"] >= 0


@pytest.mark.parametrize("case", CASES)
def test_ratios_have_the_stated_probability_below_them(case: Counts) -> None:
    [found] = compared([case])
    for percent in (5, 50, 95):
        assert chance_of_ratio_below(found[f"at_{percent}"], *case) == pytest.approx(percent / 100, abs=1e-6)


def test_the_ratio_of_arms_without_a_failure_has_two_digits() -> None:
    [found] = compared([(101, 1, 51, 1)])
    for percent in (5, 50, 95):
        assert chance_of_ratio_below(found[f"at_{percent}"], 101, 1, 51, 1) == pytest.approx(percent / 100, abs=5e-3)


def test_two_variants_of_the_lifecycle_have_the_same_chance() -> None:
    """The integral over all variants of a message experiment, with two of them."""
    columns = {"variant_id": ["A", "B"], "exposures": [5_000, 5_000], "successes": [500, 540]}
    rows = ibis.memtable({"experiment_id": ["E", "E"]} | columns)
    best = {row["variant_id"]: row["p_best"] for row in rows_of(best_probabilities(rows, POLICY.lifecycle.experiments))}
    [found] = compared([(541, 4_461, 501, 4_501)])
    assert best["B"] == pytest.approx(found["chance"], abs=1e-6)


def test_counts_need_not_be_whole() -> None:
    whole, between, next_whole = compared([(10, 90, 10, 90), (10.5, 90, 10, 90), (11, 90, 10, 90)])
    assert whole["chance"] == pytest.approx(0.5, abs=1e-10)
    assert whole["chance"] < between["chance"] < next_whole["chance"]


def test_the_other_way_round_is_the_rest() -> None:
    chances = [row["chance"] for row in compared(CASES)]
    reversed_chances = [row["chance"] for row in compared([(a0, b0, a, b) for a, b, a0, b0 in CASES])]
    assert chances == pytest.approx([1 - chance for chance in reversed_chances], abs=1e-9)
