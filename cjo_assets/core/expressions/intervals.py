"""Intervals of counts and means, and shrinkage of small samples, as expressions.

Levels and priors are parameters; the policy has their values.
"""

import math
from statistics import NormalDist

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import capped
from cjo_assets.core.expressions.two_sample_tests import Interval, beta_quantile, student_t_quantile

# Whether a figure is available; stored wherever one may be missing.
MEASURED, NOT_MEASURABLE = "measured", "not_measurable"
# The interval holds both sides of the value that would decide: of a target, or of 0.
NOT_DISTINGUISHABLE = "not_distinguishable"
POSITIVE, NEGATIVE = "positive", "negative"
# The position of an interval relative to 0.
SIGNS = [POSITIVE, NEGATIVE, NOT_DISTINGUISHABLE, NOT_MEASURABLE]


def two_sided_quantile(level: float) -> float:
    """Return how many standard deviations a normal interval of this level reaches to either side."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson_interval(successes: ir.NumericValue, trials: ir.NumericValue, level: float) -> Interval:
    """Return the score interval of a share; null without trials."""
    return score_interval(successes, trials, two_sided_quantile(level))


def score_interval(
    successes: ir.NumericValue, trials: ir.NumericValue, multiplier: ir.NumericValue | float
) -> Interval:
    """Return the score interval of a share that reaches so many standard errors; null without trials."""
    z = multiplier
    n = trials.cast("float64").nullif(0.0)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    radius = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)).sqrt()
    return within(centre - radius, 0.0, 1.0), within(centre + radius, 0.0, 1.0)


def mean_interval(total: ir.NumericValue, squares: ir.NumericValue, count: ir.NumericValue, level: float) -> Interval:
    """Return Student's t interval of a mean; null below two observations.

    Args:
        total: sum of the observations.
        squares: sum of their squares.
        count: how many there are.
        level: probability inside.
    """
    n = count.cast("float64").nullif(0.0)
    freedom = (n - 1).nullif(0.0)
    mean = total / n
    # What remains after subtraction may fall a rounding error below 0.
    variance = ibis.greatest(squares - total * mean, 0.0) / freedom
    radius = student_t_quantile(ibis.literal((1 + level) / 2), freedom) * (variance / n).sqrt()
    return mean - radius, mean + radius


def highest_of_none(level: float) -> float:
    """Return the upper end of the exact Poisson interval of a count of 0: the rule of three at a level of 0.90."""
    return -math.log((1 - level) / 2)


def interval_of_sum(
    amount: ir.NumericColumn,
    low: ir.NumericColumn,
    high: ir.NumericColumn,
    *,
    are_independent: bool,
    where: ir.BooleanValue | None = None,
) -> Interval:
    """Return the interval of the sum of a column of amounts, from the interval of each; null without any amount.

    The distances to the ends add in quadrature where the parts are known to be independent. Otherwise the ends
    themselves are added, which holds for any dependence and is too wide rather than too narrow. An amount without an
    interval counts as certain: whether it may, the caller decides.

    Args:
        amount: of each part; a part without one is left out.
        low: lower end of its interval.
        high: upper end of its interval.
        are_independent: whether no part shares data with another.
        where: the parts that are meant; all without it.
    """
    is_part = amount.notnull() if where is None else amount.notnull() & where
    total = amount.sum(where=is_part)
    below, above = (amount - low).fill_null(0.0), (high - amount).fill_null(0.0)
    if are_independent:
        down, up = ((reach * reach).sum(where=is_part).sqrt() for reach in (below, above))
    else:
        down, up = (reach.sum(where=is_part) for reach in (below, above))
    return total - down, total + up


def sign_of(low: ir.NumericValue, high: ir.NumericValue) -> ir.StringValue:
    """Return the side of 0 that an interval is on; not_distinguishable if on both, not_measurable without one."""
    return ibis.cases(
        (low > 0, POSITIVE),
        (high < 0, NEGATIVE),
        (low.notnull() & high.notnull(), NOT_DISTINGUISHABLE),
        else_=NOT_MEASURABLE,
    )


def within(number: ir.NumericValue, lowest: float, highest: float) -> ir.NumericValue:
    """Return the number, or the bound that it exceeds; null stays null."""
    return ibis.cases((number < lowest, lowest), (number > highest, highest), else_=number)


def beta_interval(mean: ir.NumericValue, weight: ir.NumericValue, level: float) -> Interval:
    """Return the central interval of a Beta distribution, extended to the mean where that is outside.

    Args:
        mean: between 0 and 1; at 0 and 1 the interval has no width.
        weight: sum of both parameters, above 0: what is known, counted in trials.
        level: probability inside.
    """
    tail = (1 - level) / 2
    successes, failures = (mean * weight).nullif(0.0), ((1 - mean) * weight).nullif(0.0)
    low = beta_quantile(ibis.literal(tail), successes, failures)
    high = beta_quantile(ibis.literal(1 - tail), successes, failures)
    return ibis.least(low.fill_null(mean), mean), ibis.greatest(high.fill_null(mean), mean)


def beta_variance(mean: ir.NumericValue, weight: ir.NumericValue) -> ir.NumericValue:
    """Return the variance of a Beta distribution of this mean and weight."""
    return mean * (1 - mean) / (weight + 1)


def shrunk(
    prior: ir.NumericValue | float,
    prior_weight: ir.NumericValue | float,
    total: ir.NumericValue,
    count: ir.NumericValue,
) -> ir.NumericValue:
    """Return the mean of `count` observations that sum to `total`, drawn to the prior by its weight."""
    return (prior * prior_weight + total) / (prior_weight + count)


def product_variance(
    one: ir.NumericValue, one_variance: ir.NumericValue, other: ir.NumericValue, other_variance: ir.NumericValue
) -> ir.NumericValue:
    """Return the variance of the product of two independent quantities, from their means and variances."""
    return one**2 * other_variance + other**2 * one_variance + one_variance * other_variance


def difference_variance(
    successes: ir.NumericValue, trials: ir.NumericValue, others: ir.NumericValue, other_trials: ir.NumericValue
) -> ir.NumericValue:
    """Return the variance of the difference of two shares, the greater of the pooled and the separate estimate.

    The pooled one, with one success and one failure added, is never 0: two small sides that happen to agree, or a small
    side without a single success, would otherwise pass for certainty.
    """
    n, m = trials.cast("float64"), other_trials.cast("float64")
    pooled = (successes + others + 1) / (n + m + 2)
    one, other = successes / n, others / m
    return ibis.greatest(pooled * (1 - pooled) * (1 / n + 1 / m), one * (1 - one) / n + other * (1 - other) / m)


def always_valid_multiplier(
    observations: ir.NumericValue, error_rate: ir.NumericValue, tightest_at: ir.NumericValue | float
) -> ir.NumericValue:
    """Return how many standard errors an interval needs in order to hold at all sample sizes at once.

    The asymptotic confidence sequence of a mean (Robbins' normal mixture): looking every day, and stopping on the best
    one, errs at most at the error rate. Its radius is sigma * sqrt(2 (t rho^2 + 1) / (t^2 rho^2) *
    ln(sqrt(t rho^2 + 1) / error_rate)), of which sigma / sqrt(t) is the standard error.

    Args:
        observations: t, above 0.
        error_rate: chance of ever missing the truth, on both sides together.
        tightest_at: sample size at which the interval is to be as narrow as it can be.
    """
    spread = _mixture_spread(observations, error_rate, tightest_at)
    return (2 * spread / (spread - 1) * (spread.sqrt() / error_rate).ln()).sqrt()


def always_valid_p_value(
    z: ir.NumericValue,
    observations: ir.NumericValue,
    error_rate: ir.NumericValue,
    tightest_at: ir.NumericValue | float,
) -> ir.NumericValue:
    """Return the least error rate at which the confidence sequence, tuned as above, leaves out what is z away.

    It is at most `error_rate` exactly where z is beyond `always_valid_multiplier`.
    """
    spread = _mixture_spread(observations, error_rate, tightest_at)
    return capped(spread.sqrt() * (-(z**2) * (spread - 1) / (2 * spread)).exp())


def _mixture_spread(
    observations: ir.NumericValue, error_rate: ir.NumericValue, tightest_at: ir.NumericValue | float
) -> ir.NumericValue:
    """Return t rho^2 + 1 of Robbins' mixture."""
    doubled = -2 * error_rate.ln()
    return observations * ((doubled + (doubled + 1).ln()) / tightest_at) + 1
