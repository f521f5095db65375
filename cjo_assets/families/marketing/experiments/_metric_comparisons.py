"""Comparison of each arm of an experiment with its control, by sums over people.

A metric is a mean per person or a ratio of two means; the unit of analysis is a person in either case. Where the sums
of a period before the experiment are known for both arms, the difference of a mean that existed before is removed
(CUPED). All intervals rest on one standard error.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_COUNT
from cjo_assets.core.expressions.intervals import always_valid_multiplier, always_valid_p_value, two_sided_quantile
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.tables import first_per
from cjo_assets.core.expressions.two_sample_means import (
    adjusted_variance,
    adjustment_slope,
    ratio_variance,
    relative_interval,
    sample_covariance,
    sample_variance,
    two_sided_t_p_value,
    welch_freedom,
)
from cjo_assets.core.expressions.two_sample_tests import Interval, normal_tail, student_t_quantile
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy

MEAN, RATIO = "mean", "ratio"
COMPARISON = ("experiment_id", "metric", "asset_id")
PUBLISHED_DECIMALS = 9
# What is published as 0 is no base of a relative effect, and no error that anything can be divided by.
LEAST_PUBLISHED = 10.0**-PUBLISHED_DECIMALS
OF_AN_ARM = ("people", "value", "variance", "pre_mean", "pre_variance", "covariance")
ENDS = ("low", "high")


def compared(rows: ir.Table, policy: Policy) -> ir.Table:
    """Return each arm's last common day with its control, and the effect on it; null where the sums allow none.

    Args:
        rows: sums per experiment, metric, asset and day, with kind, direction and minimum_effect of the metric,
            control_asset and tightest_at of the experiment, and any other columns of an experiment and metric, which
            stay.
        policy: the level, the power, and the design effect of people.
    """
    return _with_effects(_adjusted(_pairs(_arms(rows), policy)), policy)


def holm_p_values(rows: ir.Table) -> ir.Table:
    """Return the comparisons of each family and their p-values, corrected for as many (Holm 1979).

    However many comparisons have no effect, the chance of calling any of them one is at most the level.

    Args:
        rows: the key of a comparison, `family`, and `decisive_p_value`; without one it is not read and does not count.
    """
    tests = rows.filter(rows.decisive_p_value.notnull()).select(*COMPARISON, "family", p_value=rows.decisive_p_value)
    order = [tests.p_value, *(tests[name] for name in COMPARISON)]
    comparisons = tests.count().over(ibis.window(group_by=tests.family))
    rank = ibis.row_number().over(ibis.window(group_by=tests.family, order_by=order))
    tests = tests.mutate(comparisons=comparisons, stepped=tests.p_value * (comparisons - rank))
    so_far = ibis.cumulative_window(group_by=tests.family, order_by=[tests[name] for name in ("p_value", *COMPARISON)])
    return tests.select(*COMPARISON, "comparisons", adjusted_p_value=ibis.least(tests.stepped.max().over(so_far), 1.0))


def _arms(rows: ir.Table) -> ir.Table:
    """Add value, variance and pre-period of each arm, per person."""
    people = rows.people.cast("float64").nullif(0.0)
    is_ratio = rows.kind == RATIO
    mean, denominator = rows.total / people, rows.denominator_total / people
    rows = rows.mutate(
        value=is_ratio.ifelse(mean / denominator.nullif(0.0), mean),
        mean_variance=sample_variance(rows.total, rows.sum_of_squares, people),
        denominator_mean=denominator,
        denominator_variance=sample_variance(rows.denominator_total, rows.denominator_sum_of_squares, people),
        denominator_covariance=sample_covariance(rows.denominator_products, rows.total, rows.denominator_total, people),
        pre_mean=rows.pre_total / people,
        pre_variance=sample_variance(rows.pre_total, rows.pre_sum_of_squares, people),
        covariance=sample_covariance(rows.pre_products, rows.total, rows.pre_total, people),
    )
    of_ratio = ratio_variance(
        rows.value,
        rows.mean_variance,
        rows.denominator_variance,
        rows.denominator_covariance,
        rows.denominator_mean,
    )
    return rows.mutate(variance=(rows.kind == RATIO).ifelse(of_ratio, rows.mean_variance))


def _pairs(arms: ir.Table, policy: Policy) -> ir.Table:
    """Return each arm beside its control, on the last day that has both: sums of other days are not comparable."""
    is_control = arms.asset_id == arms.control_asset
    controls = arms.filter(is_control).select(
        "experiment_id", "metric", "measured_on", **{f"control_{name}": arms[name] for name in OF_AN_ARM}
    )
    both = arms.filter(~is_control).join(controls, ["experiment_id", "metric", "measured_on"])
    rows = first_per(both, COMPARISON, ibis.desc(both.measured_on))
    # People who are not independent count as fewer.
    effect = policy.marketing.snapshots.people_design_effect
    return rows.mutate(
        n=rows.people / effect,
        n0=rows.control_people / effect,
        freedom=welch_freedom(rows.variance, rows.people, rows.control_variance, rows.control_people),
    )


def _adjusted(rows: ir.Table) -> ir.Table:
    """Add the effect without the difference that existed before the experiment, and its standard error."""
    slope = adjustment_slope(
        rows.covariance, rows.pre_variance, rows.n, rows.control_covariance, rows.control_pre_variance, rows.n0
    )
    rows = rows.mutate(theta=(rows.kind == MEAN).ifelse(slope, ibis.null("float64")))
    # Without a period before the experiment nothing is taken off.
    theta = rows.theta.fill_null(0.0)
    variance, variance0 = (
        adjusted_variance(
            rows[f"{arm}variance"],
            rows[f"{arm}pre_variance"].fill_null(0.0),
            rows[f"{arm}covariance"].fill_null(0.0),
            theta,
        )
        for arm in ("", "control_")
    )
    rows = rows.mutate(
        effect_variance=variance / rows.n + variance0 / rows.n0,
        unadjusted_variance=rows.variance / rows.n + rows.control_variance / rows.n0,
        base_error=(rows.control_variance / rows.n0).sqrt(),
        joint=(theta * rows.control_covariance.fill_null(0.0) - rows.control_variance) / rows.n0,
        adjusted=rows.value - rows.control_value - theta * (rows.pre_mean - rows.control_pre_mean).fill_null(0.0),
        base=(rows.control_value >= LEAST_PUBLISHED).ifelse(rows.control_value, ibis.null("float64")),
    )
    error = rows.effect_variance.sqrt().nullif(0.0)
    ratio = rows.effect_variance / rows.unadjusted_variance.nullif(0.0)
    return rows.mutate(
        error=(error < LEAST_PUBLISHED).ifelse(LEAST_PUBLISHED, error),
        absolute_effect=error.notnull().ifelse(rows.adjusted, ibis.null("float64")),
        variance_ratio=rows.theta.notnull().ifelse(ratio, ibis.null("float64")),
    )


def _with_effects(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add intervals, p-values, power, and the posterior beside them."""
    rules = policy.marketing.experiments
    alpha = ibis.literal(rules.statistical_significance_threshold)
    # Arms of unequal size count as two equal ones of their harmonic mean.
    per_arm = 2 / (1 / rows.people + 1 / rows.control_people)
    z = rows.absolute_effect / rows.error
    rows = rows.mutate(
        z=z,
        per_arm=per_arm,
        t_multiplier=student_t_quantile(1 - alpha / 2, rows.freedom),
        always_valid_multiplier=always_valid_multiplier(2 * per_arm, alpha, rows.tightest_at),
        always_valid_p_value=always_valid_p_value(z, 2 * per_arm, alpha, rows.tightest_at),
        p_value=two_sided_t_p_value(z, rows.freedom),
    )
    intervals = {
        "absolute_effect": _absolute(rows, rows.t_multiplier),
        "relative_effect": _relative(rows, rows.t_multiplier),
        "always_valid": _absolute(rows, rows.always_valid_multiplier),
        "always_valid_relative": _relative(rows, rows.always_valid_multiplier),
    }
    power_quantile = two_sided_quantile(2 * rules.power - 1)
    detectable = (two_sided_quantile(1 - rules.statistical_significance_threshold) + power_quantile) * rows.error
    relative = detectable / rows.base
    required = rows.per_arm * (relative / rows.minimum_effect) ** 2
    # Capped first: what is larger has no whole number of the engine.
    is_countable = required <= float(LARGEST_COUNT)
    people = whole(ibis.least(required, float(LARGEST_COUNT)).ceil())
    return rows.mutate(
        relative_effect=rows.absolute_effect / rows.base,
        chance_to_beat_control=normal_tail((rows.direction == DOWN).ifelse(rows.z, -rows.z)),
        minimum_detectable_effect=relative,
        is_powered=relative <= rows.minimum_effect,
        required_people=is_countable.ifelse(people, ibis.null("int64")),
        **{f"{name}_{end}": bound for name, found in intervals.items() for end, bound in zip(ENDS, found, strict=True)},
    )


def _absolute(rows: ir.Table, multiplier: ir.NumericValue) -> Interval:
    reach = multiplier * rows.error
    return rows.absolute_effect - reach, rows.absolute_effect + reach


def _relative(rows: ir.Table, multiplier: ir.NumericValue) -> Interval:
    return relative_interval(rows.absolute_effect, rows.error, rows.base, rows.base_error, rows.joint, multiplier)
