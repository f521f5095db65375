"""Power of scaling a variant, and the trials that it takes: each as an expression, and the function behind it.

Shares are compared on the scale of Cohen's h (`effect_size`), on which the estimate of an arm of n trials has the
standard deviation 1 / sqrt(n), whatever the share. A variant is scaled where the test finds it better and its estimated
lift reaches a threshold as well: both depend on the same two estimates, so the chance of both is an integral over the
control's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cjo_assets.core.expressions.two_sample_tests import EngineFunction, edge

if TYPE_CHECKING:
    import numpy

    Numbers = numpy.ndarray[Any, Any]

# Estimates of the control, in standard deviations from the truth.
NODES, DEVIATIONS = 513, 8.0
MOST_TRIALS = 1e12


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 5, dt.float64))  # type: ignore[untyped-decorator]
def power_of_scaling(
    share: ir.FloatingValue,
    variant_share: ir.FloatingValue,
    trials_per_arm: ir.FloatingValue,
    threshold: ir.FloatingValue,
    quantile: ir.FloatingValue,
) -> ir.FloatingValue:
    """Return the chance that one reading of two equal arms finds the variant better, and its lift large enough.

    Args:
        share: true share of the control, between 0 and 1.
        variant_share: true share of the variant; below the control's, less is better.
        trials_per_arm: independent trials of either arm.
        threshold: least relative effect of the estimates, 0 or more.
        quantile: standard errors from which on the test calls it a difference.
    """


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 5, dt.float64))  # type: ignore[untyped-decorator]
def trials_for_scaling(
    share: ir.FloatingValue,
    variant_share: ir.FloatingValue,
    threshold: ir.FloatingValue,
    quantile: ir.FloatingValue,
    power: ir.FloatingValue,
) -> ir.FloatingValue:
    """Return the trials of either arm that give `power_of_scaling` a power; not a number where none do.

    None do where the true effect is at most the threshold: the estimate is below it as often as above.
    """


def trials_for_power(size: ir.NumericValue, quantile: float, power_quantile: float) -> ir.NumericValue:
    """Return the trials that each of two equal arms needs to detect an effect of this size; null for no effect.

    Args:
        size: Cohen's h.
        quantile: standard errors from which on the test calls it a difference.
        power_quantile: of the normal distribution, at the power.
    """
    return 2 * ((quantile + power_quantile) / size.nullif(0.0)) ** 2


def _power_of_scaling(
    share: Numbers, variant: Numbers, trials: Numbers, threshold: Numbers, quantile: Numbers
) -> Numbers:
    import numpy
    from scipy.special import ndtr

    place = numpy.linspace(-DEVIATIONS, DEVIATIONS, NODES)
    weight = numpy.exp(-(place**2) / 2)
    root = numpy.sqrt(trials)[:, None]
    angle = numpy.clip(2 * numpy.arcsin(numpy.sqrt(share))[:, None] + place / root, 0.0, numpy.pi)
    sign = numpy.where(variant < share, -1.0, 1.0)[:, None]
    enough = numpy.clip(numpy.sin(angle / 2) ** 2 * (1 + sign * threshold[:, None]), 0.0, 1.0)
    # The variant's angle must be beyond both, in the direction that is better.
    is_found = sign * angle + quantile[:, None] * numpy.sqrt(2) / root
    is_enough = sign * 2 * numpy.arcsin(numpy.sqrt(enough))
    true_angle = sign * 2 * numpy.arcsin(numpy.sqrt(variant))[:, None]
    chance = ndtr(root * (true_angle - numpy.maximum(is_found, is_enough)))
    found: Numbers = numpy.sum(weight * chance, axis=1) / weight.sum()
    return found


def _trials_for_scaling(
    share: Numbers, variant: Numbers, threshold: Numbers, quantile: Numbers, power: Numbers
) -> Numbers:
    import numpy

    def is_enough(log_trials: Numbers) -> Numbers:
        chance: Numbers = _power_of_scaling(share, variant, numpy.exp(log_trials), threshold, quantile) >= power
        return chance

    most = numpy.full(share.shape, numpy.log(MOST_TRIALS))
    trials = numpy.exp(edge(is_enough, numpy.zeros_like(most), most))
    found: Numbers = numpy.where(is_enough(most), trials, numpy.nan)
    return found


FUNCTIONS = (
    EngineFunction("power_of_scaling", 5, dt.float64, _power_of_scaling),
    EngineFunction("trials_for_scaling", 5, dt.float64, _trials_for_scaling),
)
