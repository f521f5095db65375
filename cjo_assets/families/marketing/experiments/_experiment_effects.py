"""Effect of the variant over the control: intervals, p-values, sample ratio and power.

All of it rests on one score test, so that the parts cannot contradict each other: the fixed-horizon interval excludes 0
exactly where its p-value is below the threshold, and likewise the always-valid one, absolute and relative. The design
effect of the unit divides the counts once: 1,000 impressions with a design effect of 2 count as 500 independent trials.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import always_valid_multiplier, always_valid_p_value, two_sided_quantile
from cjo_assets.core.expressions.power import trials_for_power
from cjo_assets.core.expressions.two_sample_tests import (
    always_valid_sample_ratio_p_value,
    difference_of_shares,
    effect_size,
    pooled_z,
    power_of_test,
    ratio_of_shares,
    sample_ratio_p_value,
    share_at_effect_size,
    two_sided_p_value,
)
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy
from cjo_assets.policy.marketing_experiments import ExperimentRules

COUNTS = {"x": "variant_successes", "n": "variant_exposures", "x0": "control_successes", "n0": "control_exposures"}


def effects(pairs: ir.Table, policy: Policy) -> ir.Table:
    """Return the effects of each experiment; null where its counts allow none.

    Args:
        pairs: one row per experiment, with the counts of its arms, its plan and the definition of its metric.
        policy: the level, the power, the lift worth having.
    """
    rules = policy.marketing.experiments
    alpha, lift = ibis.literal(rules.statistical_significance_threshold), rules.lift_threshold_for_scaling
    quantile = two_sided_quantile(1 - rules.statistical_significance_threshold)
    power_quantile = two_sided_quantile(2 * rules.power - 1)
    both = quantile + power_quantile
    rows = _compared(_evidence(pairs, rules), alpha, ibis.literal(quantile), lift)
    # Arms of unequal size count as two equal ones of their harmonic mean.
    required = trials_for_power(rows.aimed_size, quantile, power_quantile) * rows.design_effect
    seen = share_at_effect_size(rows.share0, rows.goes_down.ifelse(-1, 1) * both * (2 / rows.per_arm).sqrt())
    intervals = {
        "absolute_effect": (rows.absolute, 0),
        "relative_effect": (rows.relative, 1),
        "always_valid": (rows.always_absolute, 0),
        "always_valid_relative": (rows.always_relative, 1),
    }
    return rows.select(
        "experiment_id",
        "p_value",
        "always_valid_p_value",
        "always_valid_multiplier",
        "sample_ratio_p_value",
        "always_valid_sample_ratio_p_value",
        absolute_effect=rows.share - rows.share0,
        relative_effect=rows.share / rows.share0.nullif(0.0) - 1,
        power=power_of_test(rows.aimed_size, rows.per_arm, quantile),
        required_exposures=required.ceil().cast("int64"),
        minimum_detectable_effect=(seen / rows.share0.nullif(0.0) - 1).abs(),
        is_powered=rows.per_arm * rows.design_effect >= required,
        **{
            f"{name}_{end}": interval[end] - nothing
            for name, (interval, nothing) in intervals.items()
            for end in ("low", "high")
        },
    )


def _evidence(pairs: ir.Table, rules: ExperimentRules) -> ir.Table:
    """Return the counts as independent trials; null without exposures of both arms, or with excess successes."""
    is_share = (pairs.control_exposures > 0) & (pairs.variant_exposures > 0)
    for arm in ("control", "variant"):
        is_share &= pairs[f"{arm}_successes"] <= pairs[f"{arm}_exposures"]
    rows = pairs.select(
        "experiment_id",
        "design_effect",
        goes_down=pairs.direction == DOWN,
        tightest_at=pairs.horizon_exposures.fill_null(rules.sequential_tightest_at),
        sample_ratio_p_value=sample_ratio_p_value(
            pairs.variant_assigned / pairs.assigned_design_effect,
            pairs.control_assigned / pairs.assigned_design_effect,
            pairs.control_share,
        ),
        always_valid_sample_ratio_p_value=always_valid_sample_ratio_p_value(
            pairs.variant_assigned / pairs.assigned_design_effect,
            pairs.control_assigned / pairs.assigned_design_effect,
            pairs.control_share,
            ibis.literal(rules.sample_ratio_prior_weight),
        ),
        **{
            name: is_share.ifelse(pairs[count] / pairs.design_effect, ibis.null("float64"))
            for name, count in COUNTS.items()
        },
    )
    per_arm = 2 / (1 / rows.n + 1 / rows.n0)
    return rows.mutate(
        share=rows.x / rows.n,
        share0=rows.x0 / rows.n0,
        per_arm=per_arm,
        observations=2 * per_arm * rows.design_effect,
        z=pooled_z(rows.x, rows.n, rows.x0, rows.n0),
    )


def _compared(rows: ir.Table, alpha: ir.NumericValue, quantile: ir.NumericValue, lift: float) -> ir.Table:
    """Add p-values, all four intervals, and the effect size of the lift to detect."""
    multiplier = always_valid_multiplier(rows.observations, alpha, rows.tightest_at)
    p_value = always_valid_p_value(rows.z, rows.observations, alpha, rows.tightest_at)
    rows = rows.mutate(
        always_valid_multiplier=multiplier,
        always_valid_p_value=p_value,
        p_value=two_sided_p_value(rows.z),
        aim=rows.goes_down.ifelse(rows.share0 * (1 - lift), ibis.least(rows.share0 * (1 + lift), 1.0)),
    )
    counts = rows.x, rows.n, rows.x0, rows.n0
    return rows.select(
        "experiment_id",
        "design_effect",
        "goes_down",
        "share",
        "share0",
        "per_arm",
        "p_value",
        "always_valid_p_value",
        "always_valid_multiplier",
        "sample_ratio_p_value",
        "always_valid_sample_ratio_p_value",
        aimed_size=effect_size(rows.share0, rows.aim),
        absolute=difference_of_shares(*counts, quantile),
        relative=ratio_of_shares(*counts, quantile),
        always_absolute=difference_of_shares(*counts, rows.always_valid_multiplier),
        always_relative=ratio_of_shares(*counts, rows.always_valid_multiplier),
    )
