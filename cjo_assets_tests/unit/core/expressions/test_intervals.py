"""Intervals against published numbers, closed forms and simulation."""

import math
from collections.abc import Callable
from typing import Any

import ibis
import numpy
import pyarrow
import pytest

from cjo_assets.core.expressions.intervals import (
    always_valid_multiplier,
    beta_interval,
    beta_variance,
    difference_variance,
    interval_of_sum,
    mean_interval,
    product_variance,
    shrunk,
    two_sided_quantile,
    wilson_interval,
)
from cjo_assets_tests.support.rows import BACKEND


def evaluated(expression: Callable[..., ibis.Value], **cells: float | int | None) -> Any:
    """Return what an expression makes of one row of numbers."""
    types = {name: "float64" if isinstance(value, float) else "int64" for name, value in cells.items()}
    row = ibis.memtable([cells], schema=types)
    return BACKEND.to_pyarrow(row.select(found=expression(*(row[name] for name in cells)))).to_pylist()[0]["found"]


@pytest.mark.parametrize(("level", "quantile"), [(0.90, 1.644854), (0.95, 1.959964), (0.99, 2.575829)])
def test_quantiles_of_the_normal_distribution(level: float, quantile: float) -> None:
    assert two_sided_quantile(level) == pytest.approx(quantile, abs=1e-6)


# Newcombe (1998), Two-sided confidence intervals for the single proportion, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(successes: int, trials: int, low: float, high: float) -> None:
    for end, expected in enumerate((low, high)):
        found = evaluated(lambda s, n, end=end: wilson_interval(s, n, 0.95)[end], s=successes, n=trials)
        assert found == pytest.approx(expected, abs=5e-5)


def test_without_trials_nothing_is_known_of_a_share() -> None:
    assert evaluated(lambda s, n: wilson_interval(s, n, 0.95)[0], s=0, n=0) is None
    assert evaluated(lambda s, n: wilson_interval(s, n, 0.95)[1], s=0, n=0) is None


# Quantiles of Student's t as tabulated: level, observations, quantile.
@pytest.mark.parametrize(
    ("level", "count", "quantile"),
    [(0.90, 31, 1.697261), (0.95, 6, 2.570582), (0.90, 3, 2.919986), (0.90, 2, 6.313752), (0.95, 2, 12.706205)],
)
def test_intervals_of_means_use_the_tabulated_quantiles(level: float, count: int, quantile: float) -> None:
    """As many numbers of mean 10 and variance 1 as there are: squares = count * 100 + count - 1."""
    found = ends_of_mean(10.0 * count, count * 100.0 + count - 1, count, level)
    radius = quantile / math.sqrt(count)
    assert (10 - found[0], found[1] - 10) == pytest.approx((radius, radius), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "level", "low", "high"),
    [
        ((5.0, 6.0), 0.90, 2.343124, 8.656876),
        ((28.728395, 14.285714), 0.90, -24.09, 67.10),
        ((5.0, 6.0), 0.95, -0.853102, 11.853102),
    ],
)
def test_the_mean_of_two_numbers_has_its_exact_interval(
    values: tuple[float, float], level: float, low: float, high: float
) -> None:
    """Of two numbers the standard error is half their distance, and t has one degree of freedom: a Cauchy variable."""
    mean, half = sum(values) / 2, abs(values[0] - values[1]) / 2
    radius = half * math.tan(math.pi * level / 2)
    assert (mean - radius, mean + radius) == pytest.approx((low, high), abs=0.005), "the case itself"
    found = ends_of_mean(sum(values), sum(value * value for value in values), 2, level)
    assert found == pytest.approx((mean - radius, mean + radius), abs=1e-6)


def ends_of_mean(total: float, squares: float, count: int, level: float) -> tuple[float, float]:
    """Return both ends of the interval of a mean."""
    low, high = (
        evaluated(lambda t, s, n, end=end: mean_interval(t, s, n, level)[end], total=total, squares=squares, n=count)
        for end in (0, 1)
    )
    return low, high


def test_one_number_has_no_interval() -> None:
    for count in (0, 1):
        found = evaluated(
            lambda t, s, n: mean_interval(t, s, n, 0.9)[0], total=3.0 * count, squares=9.0 * count, n=count
        )
        assert found is None


# Where the distribution function is a polynomial, its quantiles are roots: x, 3x^2 - 2x^3, 7x^6 - 6x^7.
BETA_QUANTILES = {
    (1, 1): (0.05, 0.95),
    (2, 2): (0.135350, 0.864650),
    (6, 2): (0.479298, 0.946624),
    (2, 6): (0.053376, 0.520702),
}


@pytest.mark.parametrize("parameters", BETA_QUANTILES)
def test_beta_intervals_are_the_exact_ones(parameters: tuple[int, int]) -> None:
    successes, failures = parameters
    for end, expected in enumerate(BETA_QUANTILES[parameters]):
        found = evaluated(
            lambda mean, weight, end=end: beta_interval(mean, weight, 0.90)[end],
            mean=successes / (successes + failures),
            weight=float(successes + failures),
        )
        assert found == pytest.approx(expected, abs=1e-6), parameters


def test_a_beta_interval_of_very_many_trials_is_the_normal_one() -> None:
    radius = two_sided_quantile(0.90) * math.sqrt(0.3 * 0.7 / 1e6)
    low = evaluated(lambda mean, weight: beta_interval(mean, weight, 0.90)[0], mean=0.3, weight=1e6)
    high = evaluated(lambda mean, weight: beta_interval(mean, weight, 0.90)[1], mean=0.3, weight=1e6)
    assert (low, high) == (pytest.approx(0.3 - radius, abs=1e-6), pytest.approx(0.3 + radius, abs=1e-6))


def test_variances_by_hand() -> None:
    # Beta(2, 2): 2 x 2 / (4^2 x 5) = 0.05.
    assert evaluated(beta_variance, mean=0.5, weight=4.0) == pytest.approx(0.05)
    # (0.5 +- sd 0.1) x (200 +- sd 10): 0.25 x 100 + 40,000 x 0.01 + 0.01 x 100 = 426.
    found = evaluated(product_variance, one=0.5, one_variance=0.01, other=200.0, other_variance=100.0)
    assert found == pytest.approx(426.0)
    # 4 observations that sum to 8, and a prior of 1 that weighs 4 more.
    assert evaluated(shrunk, prior=1.0, weight=4.0, total=8.0, count=4) == pytest.approx(1.5)


def test_a_side_without_a_success_is_not_certain() -> None:
    # Pooled: (0 + 6 + 1) / (30 + 30 + 2) = 7/62; separately: 0 and 0.2 x 0.8 / 30.
    found = evaluated(difference_variance, one=0, n=30, other=6, m=30)
    assert found == pytest.approx(7 / 62 * 55 / 62 * 2 / 30)
    assert found > 0.2 * 0.8 / 30
    assert evaluated(difference_variance, one=0, n=30, other=0, m=30) > 0
    # Far apart, the separate estimate is the greater one on small unequal sides.
    separate = 0.5 * 0.5 / 10 + 0.99 * 0.01 / 1000
    assert evaluated(difference_variance, one=5, n=10, other=990, m=1000) == pytest.approx(separate)


def test_the_always_valid_radius_is_the_published_formula() -> None:
    """Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory, equations 4 and 24."""
    observations, error_rate, tightest = 250.0, 0.05, 100.0
    rho_squared = (-2 * math.log(error_rate) + math.log(-2 * math.log(error_rate) + 1)) / tightest
    spread = observations * rho_squared + 1
    radius = math.sqrt(2 * spread / (observations**2 * rho_squared) * math.log(math.sqrt(spread) / error_rate))
    found = evaluated(lambda t, alpha: always_valid_multiplier(t, alpha, tightest), t=observations, alpha=error_rate)
    assert found == pytest.approx(radius * math.sqrt(observations))
    # Looking as often as one likes costs something, not everything: 1.96 of one look becomes about 3.
    assert 2.7 < found < 3.3


def test_looking_on_many_days_does_not_inflate_the_error_rate() -> None:
    """1,500 null means, tested 1,000 times each: the plain interval errs often, this one seldom."""
    times = numpy.arange(1, 1001, dtype=float)
    rows = ibis.memtable(pyarrow.table({"t": times, "alpha": numpy.full(1000, 0.05)}))
    found = BACKEND.to_pyarrow(rows.select("t", m=always_valid_multiplier(rows.t, rows.alpha, 100.0)).order_by("t"))
    walks = numpy.random.default_rng(20250120).standard_normal((1500, 1000)).cumsum(axis=1) / numpy.sqrt(times)
    looked = numpy.abs(walks[:, 9:])
    ever_always = (looked > found["m"].to_numpy()[9:]).any(axis=1).mean()
    ever_plain = (looked > two_sided_quantile(0.95)).any(axis=1).mean()
    # Three standard errors of a share of 0.05 in 1,500.
    assert ever_always <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)
    assert ever_plain > 0.30


def test_the_interval_of_a_sum_of_parts() -> None:
    """Reaches of 3 and 4 down, 6 and 8 up: 7 and 14 together, 5 and 10 where the parts are independent."""
    names = ("amount", "low", "high")
    parts = [(10.0, 7.0, 16.0), (-2.0, -6.0, 6.0), (1.0, None, None), (None, None, None)]
    rows = ibis.memtable(
        pyarrow.table({name: [part[place] for part in parts] for place, name in enumerate(names)}),
        schema=ibis.schema(dict.fromkeys(names, "float64")),
    )

    def ends(are_independent: bool, where: Any = None) -> tuple[float, float]:
        cells = (rows.amount, rows.low, rows.high)
        low, high = interval_of_sum(*cells, are_independent=are_independent, where=where)
        [found] = BACKEND.to_pyarrow(rows.agg(low=low, high=high)).to_pylist()
        return found["low"], found["high"]

    assert ends(False) == (9.0 - 7.0, 9.0 + 14.0)
    assert ends(True) == pytest.approx((9.0 - 5.0, 9.0 + 10.0))
    assert ends(True, rows.amount > 5) == pytest.approx((7.0, 16.0))
    assert ends(False, rows.amount > 50) == (None, None)
