"""Two-sample comparison of means and of ratios of means, from sums per arm, as expressions.

The sums are over people: of a value, of its square, and of products of two values. A variance that is within rounding
of 0 is 0, since what remains after the subtraction is noise.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.two_sample_tests import Interval, student_t_tail

# Of the mean square: binary floats lose everything below about 1e-16 of what is subtracted.
ROUNDING_SHARE = 1e-12


def sample_variance(total: ir.NumericValue, squares: ir.NumericValue, count: ir.NumericValue) -> ir.FloatingValue:
    """Return the unbiased variance of a value; null below two observations."""
    n = count.cast("float64").nullif(0.0)
    return _above_rounding(squares - total * total / n, squares) / (n - 1).nullif(0.0)


def sample_covariance(
    products: ir.NumericValue, total: ir.NumericValue, other_total: ir.NumericValue, count: ir.NumericValue
) -> ir.FloatingValue:
    """Return the unbiased covariance of two values; null below two observations."""
    n = count.cast("float64").nullif(0.0)
    remainder = products - total * other_total / n
    # On either side of 0.
    clear = ibis.cases((remainder.abs() <= products.abs() * ROUNDING_SHARE, 0.0), else_=remainder)
    return clear / (n - 1).nullif(0.0)


def ratio_variance(
    ratio: ir.NumericValue,
    variance: ir.NumericValue,
    denominator_variance: ir.NumericValue,
    covariance: ir.NumericValue,
    denominator_mean: ir.NumericValue,
) -> ir.FloatingValue:
    """Return the variance of one person's share in a ratio of two means, by the delta method.

    Divided by the number of people it is the variance of the ratio (Deng, Knoblich and Lu 2018, "Applying the Delta
    Method in Metric Analytics", section 3), 0 where numerator and denominator are proportional.
    """
    both = variance + ratio * ratio * denominator_variance
    return _above_rounding(both - 2 * ratio * covariance, both) / (denominator_mean * denominator_mean).nullif(0.0)


def adjustment_slope(
    covariance: ir.NumericValue,
    pre_variance: ir.NumericValue,
    count: ir.NumericValue,
    control_covariance: ir.NumericValue,
    control_pre_variance: ir.NumericValue,
    control_count: ir.NumericValue,
) -> ir.FloatingValue:
    """Return theta of CUPED: the multiple of the difference before the experiment whose removal leaves least variance.

    Deng, Xu, Kohavi and Walker 2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
    Pre-Experiment Data". For arms of one size it is the slope of a regression on arm and pre-period.
    """
    spread = pre_variance / count + control_pre_variance / control_count
    return (covariance / count + control_covariance / control_count) / spread.nullif(0.0)


def adjusted_variance(
    variance: ir.NumericValue, pre_variance: ir.NumericValue, covariance: ir.NumericValue, slope: ir.NumericValue
) -> ir.FloatingValue:
    """Return the variance of a value less the slope times the pre-period; 0 where the one determines the other."""
    both = variance + slope * slope * pre_variance
    return _above_rounding(both - 2 * slope * covariance, both)


def welch_freedom(
    variance: ir.NumericValue, count: ir.NumericValue, control_variance: ir.NumericValue, control_count: ir.NumericValue
) -> ir.FloatingValue:
    """Return the degrees of freedom of a difference of two means of unequal variance (Welch 1947)."""
    one, other = variance / count, control_variance / control_count
    # Shares instead of variances: their squares neither overflow nor vanish.
    share = one / (one + other).nullif(0.0)
    return 1 / (share**2 / (count - 1) + (1 - share) ** 2 / (control_count - 1))


def two_sided_t_p_value(t: ir.NumericValue, freedom: ir.NumericValue) -> ir.FloatingValue:
    """Return the chance that a Student's t variable is at least so far from 0, on either side."""
    return 2 * student_t_tail(t.abs(), freedom)


def relative_interval(
    effect: ir.NumericValue,
    error: ir.NumericValue,
    base: ir.NumericValue,
    base_error: ir.NumericValue,
    covariance: ir.NumericValue,
    multiplier: ir.NumericValue,
) -> Interval:
    """Return the interval of an effect over a base above 0 (Fieller 1954); null where the base may as well be 0.

    It leaves 0 out exactly where the absolute effect is beyond so many of its standard errors.

    Args:
        effect: a difference.
        error: its standard error, above 0.
        base: what it is relative to, above 0.
        base_error: its standard error.
        covariance: of effect and base: minus the variance of the base for a plain difference from it.
        multiplier: standard errors to either side.
    """
    # In units of the base, so that no square overflows.
    lift, lift_error, base_share, joint = effect / base, error / base, base_error / base, covariance / base / base
    squared = multiplier * multiplier
    curve = 1 - squared * base_share * base_share
    middle = lift - squared * joint
    constant = lift * lift - squared * lift_error * lift_error
    # Not below 0 but for rounding: the interval holds the estimate.
    root = ibis.greatest(middle * middle - curve * constant, 0.0).sqrt()
    scale = (curve > 0).ifelse(curve, ibis.null("float64"))
    return (middle - root) / scale, (middle + root) / scale


def _above_rounding(difference: ir.NumericValue, minuend: ir.NumericValue) -> ir.FloatingValue:
    """Return the difference of two sums; 0 where nothing but rounding is left of it."""
    return ibis.cases((difference <= minuend * ROUNDING_SHARE, 0.0), else_=difference)
