"""Posterior distributions of two shares compared: each figure as an expression, and the function behind it.

A share follows a beta distribution once its successes and failures are added to a prior. Integrals are sums over fixed
nodes of the logit scale, on which every beta density is smooth and vanishes at both ends, so that the trapezoidal rule
converges exponentially. No random numbers are drawn: the same counts always give the same digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import within
from cjo_assets.core.expressions.two_sample_tests import EngineFunction

if TYPE_CHECKING:
    import numpy

    Numbers = numpy.ndarray[Any, Any]
    Bounds = tuple[Numbers, Numbers]

# At most half a standard deviation apart where there is a success and a failure, a quarter where there are many.
NODES = 65
# Probability beyond the nodes on either side.
TAIL = 1e-11
# False position has all published digits of the ratio after ten.
STEPS = 16


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 4, dt.float64))  # type: ignore[untyped-decorator]
def chance_of_greater_share(
    alpha: ir.FloatingValue, beta: ir.FloatingValue, other_alpha: ir.FloatingValue, other_beta: ir.FloatingValue
) -> ir.FloatingValue:
    """Return the probability that the first of two independent beta variables exceeds the other.

    For whole parameters it equals the closed form of Evan Miller ("Formulas for Bayesian A/B Testing", evanmiller.org);
    counts divided by a design effect are not whole.

    Args:
        alpha: of the first, above 0.
        beta: of the first, above 0.
        other_alpha: of the other, above 0.
        other_beta: of the other, above 0.
    """


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 5, dt.float64))  # type: ignore[untyped-decorator]
def share_ratio_quantile(
    probability: ir.FloatingValue,
    alpha: ir.FloatingValue,
    beta: ir.FloatingValue,
    other_alpha: ir.FloatingValue,
    other_beta: ir.FloatingValue,
) -> ir.FloatingValue:
    """Return the number that the ratio of two independent beta variables stays below with this probability.

    The probability has six digits or more; two where neither has a failure, since a density then ends abruptly at 1.

    Args:
        probability: between 0 and 1.
        alpha: of the numerator, above 0.
        beta: of the numerator, above 0.
        other_alpha: of the denominator, above 0.
        other_beta: of the denominator, above 0.
    """


def expected_shortfall(
    alpha: ir.NumericValue, beta: ir.NumericValue, other_alpha: ir.NumericValue, other_beta: ir.NumericValue
) -> ir.NumericValue:
    """Return the mean of what a beta variable lacks to another, 0 where it exceeds it.

    It is the expected loss of choosing the first (Stucchio, "Bayesian A/B Testing at VWO", 2015). A mean weighted by
    the variable itself is a probability under a beta distribution with one more success.
    """
    share, other = alpha / (alpha + beta), other_alpha / (other_alpha + other_beta)
    gained = other * chance_of_greater_share(other_alpha + 1, other_beta, alpha, beta)
    kept = share * chance_of_greater_share(other_alpha, other_beta, alpha + 1, beta)
    # Rounding may leave less than 0 of two equal numbers.
    return within(gained - kept, 0.0, 1.0)


def _chance_of_greater_share(a: Numbers, b: Numbers, a0: Numbers, b0: Numbers) -> Numbers:
    import numpy

    # The sum is over the narrower of both, so that the other changes little from node to node.
    is_narrower = _spread(a, b) <= _spread(a0, b0)
    one, weight = _nodes(numpy.where(is_narrower, a, a0), numpy.where(is_narrower, b, b0))
    below = _share_below(numpy.where(is_narrower, a0, a), numpy.where(is_narrower, b0, b), one)
    chance = numpy.sum(weight * below, axis=1)
    found: Numbers = numpy.clip(numpy.where(is_narrower, chance, 1 - chance), 0.0, 1.0)
    return found


def _share_ratio_quantile(probability: Numbers, a: Numbers, b: Numbers, a0: Numbers, b0: Numbers) -> Numbers:
    import numpy
    from scipy.special import ndtri, polygamma

    # Narrower on the scale of logarithms, on which a ratio is a difference.
    is_narrower = polygamma(1, a) - polygamma(1, a + b) <= polygamma(1, a0) - polygamma(1, a0 + b0)
    nodes, weight = _nodes(numpy.where(is_narrower, a, a0), numpy.where(is_narrower, b, b0))
    other_a, other_b = numpy.where(is_narrower, a0, a), numpy.where(is_narrower, b0, b)

    def deviations_off(log_ratio: Numbers) -> Numbers:
        # The ratio is below r where the numerator is below r times the denominator. On the scale of normal deviations
        # its distribution is nearly a line.
        scale = numpy.exp(numpy.where(is_narrower, -log_ratio, log_ratio))
        below = numpy.sum(weight * _share_below(other_a, other_b, nodes * scale[:, None]), axis=1)
        chance = numpy.clip(numpy.where(is_narrower, 1 - below, below), TAIL, 1 - TAIL)
        found: Numbers = ndtri(chance) - ndtri(probability)
        return found

    low, high = _ends(a, b)
    low0, high0 = _ends(a0, b0)
    return _exponential_of_root(deviations_off, numpy.log(low) - numpy.log(high0), numpy.log(high) - numpy.log(low0))


def _exponential_of_root(function: Callable[[Numbers], Numbers], low: Numbers, high: Numbers) -> Numbers:
    """Return e to the root of an ascending function, by the Illinois variant of false position."""
    import numpy

    at_low, at_high, was_below = function(low), function(high), numpy.full(low.shape, False)
    for step in range(STEPS):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        value = function(middle)
        is_below = value < 0
        # An end that stays a second time counts half, so that it moves.
        halved = numpy.where((is_below == was_below) & (step > 0), 0.5, 1.0)
        at_low, at_high = numpy.where(is_below, value, at_low * halved), numpy.where(is_below, at_high * halved, value)
        low, high, was_below = numpy.where(is_below, middle, low), numpy.where(is_below, high, middle), is_below
    found: Numbers = numpy.exp(middle)
    return found


def _ends(a: Numbers, b: Numbers) -> Bounds:
    """Return the shares between which practically all probability is."""
    import numpy
    from scipy.special import betaincinv

    smallest = numpy.finfo(float).tiny
    return numpy.maximum(betaincinv(a, b, TAIL), smallest), 1 - betaincinv(b, a, TAIL)


def _nodes(a: Numbers, b: Numbers) -> Bounds:
    """Return shares at even steps of the logit scale, and the probability of each: one row per variable."""
    import numpy
    from scipy.special import betaincinv, expit, logit

    smallest = numpy.finfo(float).tiny
    first = logit(numpy.maximum(betaincinv(a, b, TAIL), smallest))[:, None]
    # From the other side, because a share close to 1 has few digits.
    last = -logit(numpy.maximum(betaincinv(b, a, TAIL), smallest))[:, None]
    place = first + (last - first) * (numpy.arange(NODES) / (NODES - 1))
    # The logarithms of a share and of one minus it, by its logit.
    log_mass = -a[:, None] * numpy.logaddexp(0, -place) - b[:, None] * numpy.logaddexp(0, place)
    mass = numpy.exp(log_mass - log_mass.max(axis=1, keepdims=True))
    return expit(place), mass / mass.sum(axis=1, keepdims=True)


def _share_below(a: Numbers, b: Numbers, shares: Numbers) -> Numbers:
    """Return the probability that a beta variable is below each of a row of shares."""
    import numpy
    from scipy.special import betainc

    below: Numbers = betainc(a[:, None], b[:, None], numpy.minimum(shares, 1.0))
    return below


def _spread(a: Numbers, b: Numbers) -> Numbers:
    """Return the variance of the logit of a beta variable."""
    from scipy.special import polygamma

    variance: Numbers = polygamma(1, a) + polygamma(1, b)
    return variance


FUNCTIONS = (
    EngineFunction("chance_of_greater_share", 4, dt.float64, _chance_of_greater_share),
    EngineFunction("share_ratio_quantile", 5, dt.float64, _share_ratio_quantile),
)
