"""Two-sample tests and intervals that engines lack: each as an expression, and the function behind it.

They need a root or a tail of a distribution, over whole columns at once. An expression only names the function; every
engine that runs it must register the function first (`engine/functions.py`). A bound that does not exist is null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

if TYPE_CHECKING:
    import numpy

    Numbers = numpy.ndarray[Any, Any]
    Bounds = tuple[Numbers, Numbers]

Interval = tuple[ir.FloatingValue, ir.FloatingValue]
INTERVAL = dt.Struct({"low": dt.float64, "high": dt.float64})
# Each halves what is left of an interval no longer than 2: what remains is a hundredth of a billionth of a percent.
HALVINGS = 44


@dataclass(frozen=True)
class EngineFunction:
    """A function that an engine must be given before it can run our expressions.

    Attributes:
        name: how statements call it.
        parameters: how many values it takes.
        result: what it returns: a number, a text, or an interval.
        over_columns: from as many columns of values, without nulls, to a column of results, or to both ends of an
            interval; an end that is not a number does not exist.
        parameter: the type of each value that it takes.
    """

    name: str
    parameters: int
    result: dt.DataType
    over_columns: Callable[..., Numbers | Bounds]
    parameter: dt.DataType = dt.float64


@ibis.udf.scalar.builtin(signature=((dt.float64,), dt.float64))  # type: ignore[untyped-decorator]
def normal_tail(number: ir.FloatingValue) -> ir.FloatingValue:
    """Return the chance that a standard normal variable exceeds the number."""


@ibis.udf.scalar.builtin(signature=((dt.float64, dt.float64), dt.float64))  # type: ignore[untyped-decorator]
def chi_square_tail(number: ir.FloatingValue, freedom: ir.FloatingValue) -> ir.FloatingValue:
    """Return the chance that a chi-square variable with so many degrees of freedom exceeds the number."""


@ibis.udf.scalar.builtin(signature=((dt.float64, dt.float64), dt.float64))  # type: ignore[untyped-decorator]
def student_t_quantile(probability: ir.FloatingValue, freedom: ir.FloatingValue) -> ir.FloatingValue:
    """Return the number that a Student's t variable of so many degrees of freedom stays below with this probability."""


@ibis.udf.scalar.builtin(signature=((dt.float64, dt.float64), dt.float64))  # type: ignore[untyped-decorator]
def student_t_tail(number: ir.FloatingValue, freedom: ir.FloatingValue) -> ir.FloatingValue:
    """Return the chance that a Student's t variable of so many degrees of freedom exceeds the number."""


@ibis.udf.scalar.builtin(signature=((dt.float64, dt.float64), dt.float64))  # type: ignore[untyped-decorator]
def gamma_quantile(probability: ir.FloatingValue, shape: ir.FloatingValue) -> ir.FloatingValue:
    """Return the quantile of a gamma distribution of scale 1; the shape is above 0."""


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 3, dt.float64))  # type: ignore[untyped-decorator]
def beta_quantile(probability: ir.FloatingValue, alpha: ir.FloatingValue, beta: ir.FloatingValue) -> ir.FloatingValue:
    """Return the quantile of a beta distribution; both parameters are above 0."""


@ibis.udf.scalar.builtin(signature=((dt.float64,), dt.float64))  # type: ignore[untyped-decorator]
def normal_quantile(probability: ir.FloatingValue) -> ir.FloatingValue:
    """Return the number that a standard normal variable stays below with this probability."""


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 5, INTERVAL))  # type: ignore[untyped-decorator]
def difference_of_shares(
    successes: ir.FloatingValue,
    trials: ir.FloatingValue,
    control_successes: ir.FloatingValue,
    control_trials: ir.FloatingValue,
    multiplier: ir.FloatingValue,
) -> ir.StructValue:
    """Return the score interval of the difference of two independent shares, the first minus the control's.

    It holds every difference that the score test does not reject at so many standard errors (Mee 1984, without the
    correction of Miettinen and Nurminen 1985): it leaves 0 out exactly where the pooled z test rejects equality.

    Args:
        successes: of the first, from 0 to its trials; need not be whole.
        trials: of the first, above 0.
        control_successes: of the control.
        control_trials: of the control, above 0.
        multiplier: standard errors to either side, above 0.
    """


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 5, INTERVAL))  # type: ignore[untyped-decorator]
def ratio_of_shares(
    successes: ir.FloatingValue,
    trials: ir.FloatingValue,
    control_successes: ir.FloatingValue,
    control_trials: ir.FloatingValue,
    multiplier: ir.FloatingValue,
) -> ir.StructValue:
    """Return the score interval of the ratio of two independent shares, the first over the control's.

    It holds every ratio that the score test does not reject (Koopman 1984), and leaves 1 out exactly where
    `difference_of_shares` leaves 0 out. Without a success of the control there is no upper bound, without any no lower
    one either.
    """


def pooled_z(
    successes: ir.NumericValue,
    trials: ir.NumericValue,
    control_successes: ir.NumericValue,
    control_trials: ir.NumericValue,
) -> ir.NumericValue:
    """Return the difference of two shares in standard errors of the pooled share; 0 where that share is 0 or 1."""
    pooled = (successes + control_successes) / (trials + control_trials)
    spread = (pooled * (1 - pooled) * (1 / trials + 1 / control_trials)).sqrt()
    return ibis.cases((spread == 0, 0.0), else_=(successes / trials - control_successes / control_trials) / spread)


def two_sided_p_value(z: ir.NumericValue) -> ir.NumericValue:
    """Return the chance of being at least so many standard errors off, on either side."""
    return 2 * normal_tail(z.abs())


def sample_ratio_p_value(
    count: ir.NumericValue, control_count: ir.NumericValue, control_share: ir.NumericValue
) -> ir.NumericValue:
    """Return the chance that arms of a planned share part at least so far: the chi-square test of goodness of fit.

    Null where neither arm has anything.
    """
    total = (count + control_count).cast("float64").nullif(0.0)
    distance = (control_count - total * control_share) ** 2 / (total * control_share * (1 - control_share))
    return chi_square_tail(distance, ibis.literal(1.0))


def exact_rate_interval(events: ir.NumericValue, exposure: ir.NumericValue, level: float) -> Interval:
    """Return the exact interval of a Poisson rate (Garwood 1936): events per unit of exposure; null without exposure.

    It exists without any event too: then it reaches from 0 to the rate at which none would be seen once in
    2 / (1 - level) times.
    """
    tail = (1 - level) / 2
    per_unit = 1 / exposure.cast("float64").nullif(0.0)
    count = events.cast("float64")
    low = (count > 0).ifelse(gamma_quantile(ibis.literal(tail), count.nullif(0.0)), 0.0)
    return low * per_unit, gamma_quantile(ibis.literal(1 - tail), count + 1) * per_unit


def exact_ratio_interval(
    events: ir.NumericValue,
    exposure: ir.NumericValue,
    baseline_events: ir.NumericValue,
    baseline_exposure: ir.NumericValue,
    level: float,
) -> Interval:
    """Return the exact conditional interval of the ratio of two Poisson rates, the first over the baseline's.

    Given their sum, the events of the first are binomial; the interval is that of Clopper and Pearson. Without an event
    of the first its lower end is 0, without one of the baseline there is no upper end, without any there is neither.
    """
    tail = (1 - level) / 2
    count, other = events.cast("float64"), baseline_events.cast("float64")
    scale = baseline_exposure.cast("float64") / exposure.cast("float64").nullif(0.0)
    share_low = (count > 0).ifelse(beta_quantile(ibis.literal(tail), count.nullif(0.0), other + 1), 0.0)
    share_high = beta_quantile(ibis.literal(1 - tail), count + 1, other.nullif(0.0))
    is_empty = (count + other) == 0
    low = is_empty.ifelse(ibis.null("float64"), share_low / (1 - share_low))
    return low * scale, share_high / (1 - share_high) * scale


@ibis.udf.scalar.builtin(signature=((dt.float64,) * 4, dt.float64))  # type: ignore[untyped-decorator]
def always_valid_sample_ratio_p_value(
    count: ir.FloatingValue,
    control_count: ir.FloatingValue,
    control_share: ir.FloatingValue,
    prior_weight: ir.FloatingValue,
) -> ir.FloatingValue:
    """Return the p-value of the planned shares that may be read at every sample size.

    The sequential multinomial test (Lindon and Malek 2022): the inverse of the Bayes factor of a Dirichlet prior around
    the planned shares against these shares, at most 1. While the shares are as planned, the chance that it is ever
    below a level is at most that level, however often it is read.

    Args:
        count: of the variant, 0 or more; need not be whole.
        control_count: of the control.
        control_share: planned for the control, between 0 and 1.
        prior_weight: sum of the parameters of the prior, above 0: the larger, the nearer to the plan are the
            alternatives, and the larger the samples at which they are found.
    """


def effect_size(share: ir.NumericValue, other: ir.NumericValue) -> ir.NumericValue:
    """Return Cohen's h: how far apart two shares are on the scale on which all have one spread."""
    return 2 * (share.sqrt().asin() - other.sqrt().asin()).abs()


def share_at_effect_size(share: ir.NumericValue, size: ir.NumericValue) -> ir.NumericValue:
    """Return the share that is so far above (below 0: below) a given one; null beyond 0 and 1."""
    angle = share.sqrt().asin() + size / 2
    return ((angle >= 0) & (angle <= ibis.pi / 2)).ifelse(angle.sin() ** 2, ibis.null("float64"))


def power_of_test(size: ir.NumericValue, trials_per_arm: ir.NumericValue, quantile: float) -> ir.NumericValue:
    """Return the chance that a two-sided test of two equal arms finds an effect of this size.

    Args:
        size: Cohen's h.
        trials_per_arm: of each of two arms; of unequal ones their harmonic mean.
        quantile: standard errors from which on the test calls it a difference.
    """
    shift = size * (trials_per_arm / 2).sqrt()
    return normal_tail(quantile - shift) + normal_tail(quantile + shift)


def _normal_tail(number: Numbers) -> Numbers:
    from scipy.special import ndtr

    tail: Numbers = ndtr(-number)
    return tail


def _chi_square_tail(number: Numbers, freedom: Numbers) -> Numbers:
    from scipy.special import chdtrc

    tail: Numbers = chdtrc(freedom, number)
    return tail


def _student_t_quantile(probability: Numbers, freedom: Numbers) -> Numbers:
    from scipy.special import stdtrit

    quantile: Numbers = stdtrit(freedom, probability)
    return quantile


def _student_t_tail(number: Numbers, freedom: Numbers) -> Numbers:
    from scipy.special import stdtr

    tail: Numbers = stdtr(freedom, -number)
    return tail


def _gamma_quantile(probability: Numbers, shape: Numbers) -> Numbers:
    from scipy.special import gammaincinv

    quantile: Numbers = gammaincinv(shape, probability)
    return quantile


def _beta_quantile(probability: Numbers, alpha: Numbers, beta: Numbers) -> Numbers:
    from scipy.special import betaincinv

    quantile: Numbers = betaincinv(alpha, beta, probability)
    return quantile


def _always_valid_sample_ratio_p_value(n: Numbers, n0: Numbers, share0: Numbers, weight: Numbers) -> Numbers:
    import numpy
    from scipy.special import betaln

    a, a0 = weight * (1 - share0), weight * share0
    evidence = betaln(a + n, a0 + n0) - betaln(a, a0) - n * numpy.log1p(-share0) - n0 * numpy.log(share0)
    p_value: Numbers = numpy.exp(-numpy.maximum(evidence, 0.0))
    return p_value


def _normal_quantile(probability: Numbers) -> Numbers:
    from scipy.special import ndtri

    quantile: Numbers = ndtri(probability)
    return quantile


def _difference_of_shares(x: Numbers, n: Numbers, x0: Numbers, n0: Numbers, multiplier: Numbers) -> Bounds:
    import numpy

    total, all_successes, estimate = n + n0, x + x0, x / n - x0 / n0

    def is_rejected(difference: Numbers) -> Numbers:
        # The control's share if the difference is this: the root of a cubic (Miettinen and Nurminen 1985, appendix).
        # Cubes are written as products, which take a tenth of the time of powers.
        square = ((n + 2 * n0) * difference - total - all_successes) / (3 * total)
        linear = ((n0 * difference - total - 2 * x0) * difference + all_successes) / (3 * total)
        constant = x0 * difference * (1 - difference) / total
        bend = square * (square * square - 1.5 * linear) + constant / 2
        radius = numpy.copysign(numpy.sqrt(numpy.maximum(square * square - linear, 0.0)), bend)
        cosine = numpy.divide(bend, radius * radius * radius, out=numpy.zeros_like(bend), where=radius != 0)
        angle = (numpy.pi + numpy.arccos(numpy.clip(cosine, -1.0, 1.0))) / 3
        share0 = numpy.clip(2 * radius * numpy.cos(angle) - square, 0.0, 1.0)
        share = numpy.clip(share0 + difference, 0.0, 1.0)
        variance = share * (1 - share) / n + share0 * (1 - share0) / n0
        rejected: Numbers = (estimate - difference) ** 2 > multiplier**2 * variance
        return rejected

    one = numpy.ones_like(estimate)
    return edge(is_rejected, estimate, -one), edge(is_rejected, estimate, one)


def _ratio_of_shares(x: Numbers, n: Numbers, x0: Numbers, n0: Numbers, multiplier: Numbers) -> Bounds:
    import numpy

    share, share0 = x / n, x0 / n0

    def is_rejected(place: Numbers) -> Numbers:
        # The control's share if the ratio is this: the root of a quadratic (Koopman 1984). Both are written in terms
        # of place = ratio / (1 + ratio), so that 0 and infinity are the two ends of one unit.
        one, other = place, 1 - place
        middle = n * one + x * other + n0 * other + x0 * one
        root = numpy.sqrt(numpy.maximum(middle**2 - 4 * (n + n0) * one * other * (x + x0), 0.0))
        # The share of the control times (1 + ratio), and that of the first, without subtracting what is nearly equal.
        scaled = 2 * (x + x0) / (middle + root)
        first, control = numpy.clip(scaled * one, 0.0, 1.0), numpy.clip(scaled * other, 0.0, 1.0)
        variance = other**2 * first * (1 - first) / n + one**2 * control * (1 - control) / n0
        rejected: Numbers = (share * other - share0 * one) ** 2 > multiplier**2 * variance
        return rejected

    nothing = (x <= 0) & (x0 <= 0)
    estimate = numpy.divide(share, share + share0, out=numpy.full_like(share, 0.5), where=~nothing)
    low = edge(is_rejected, estimate, numpy.zeros_like(estimate))
    high = edge(is_rejected, estimate, numpy.ones_like(estimate))
    with numpy.errstate(divide="ignore"):
        return (
            numpy.where(nothing, numpy.nan, low / (1 - low)),
            numpy.where(x0 <= 0, numpy.nan, high / (1 - high)),
        )


def edge(is_rejected: Callable[[Numbers], Numbers], inside: Numbers, outside: Numbers) -> Numbers:
    """Return where rejection begins between a value that is never rejected and the last one there is."""
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        rejected = is_rejected(middle)
        inside, outside = _chosen(rejected, inside, middle), _chosen(rejected, middle, outside)
    return (inside + outside) / 2


def _chosen(condition: Numbers, one: Numbers, other: Numbers) -> Numbers:
    import numpy

    return numpy.where(condition, one, other)


FUNCTIONS = (
    EngineFunction("normal_tail", 1, dt.float64, _normal_tail),
    EngineFunction("chi_square_tail", 2, dt.float64, _chi_square_tail),
    EngineFunction("student_t_quantile", 2, dt.float64, _student_t_quantile),
    EngineFunction("student_t_tail", 2, dt.float64, _student_t_tail),
    EngineFunction("gamma_quantile", 2, dt.float64, _gamma_quantile),
    EngineFunction("beta_quantile", 3, dt.float64, _beta_quantile),
    EngineFunction("always_valid_sample_ratio_p_value", 4, dt.float64, _always_valid_sample_ratio_p_value),
    EngineFunction("normal_quantile", 1, dt.float64, _normal_quantile),
    EngineFunction("difference_of_shares", 5, INTERVAL, _difference_of_shares),
    EngineFunction("ratio_of_shares", 5, INTERVAL, _ratio_of_shares),
)
