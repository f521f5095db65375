"""Exposures and days that an experiment takes, for a grid of true lifts.

An experiment is planned to be read once, at its end, with arms of equal size. To detect a lift is to find the variant
better; scaling it needs an estimate of the minimum lift as well. The correction for experiments read together and
guardrails are left out: neither is known in advance.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.power import power_of_scaling, trials_for_power, trials_for_scaling
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.two_sample_tests import effect_size, power_of_test
from cjo_assets.policy import Policy

ARMS = 2


def with_plans(rows: ir.Table, lifts: Sequence[float], policy: Policy) -> ir.Table:
    """Return the plan of each experiment at each lift of a grid.

    Args:
        rows: control_rate (above 0, below 1), goes_down (whether less is better), design_effect, exposures_per_arm so
            far (null: none), exposures_per_day of both arms together (null: unknown), and any others, which stay.
        lifts: true relative effects, above 0, up = better whatever the metric.
        policy: the level, the power, and the lift worth having.

    Returns:
        The rows with lift, variant_rate, exposures_to_detect, exposures_to_scale, days_to_detect, days_to_scale,
        power_to_detect, power_to_scale; one row per row and lift. A lift whose rate is beyond 0 or 1 has nulls.
    """
    rules = policy.marketing.experiments
    quantile = two_sided_quantile(1 - rules.statistical_significance_threshold)
    power_quantile = two_sided_quantile(2 * rules.power - 1)
    rows = rows.cross_join(literal_rows([{"lift": lift} for lift in lifts], {"lift": "float64"}))
    rate = rows.control_rate * (1 + rows.goes_down.ifelse(-1, 1) * rows.lift)
    rows = rows.mutate(variant_rate=((rate > 0) & (rate < 1)).ifelse(rate, ibis.null("float64")))
    size = effect_size(rows.variant_rate, rows.control_rate)
    threshold, deviations = ibis.literal(rules.lift_threshold_for_scaling), ibis.literal(quantile)
    to_scale = trials_for_scaling(
        rows.control_rate, rows.variant_rate, threshold, deviations, ibis.literal(rules.power)
    )
    # Trials so far; the power of nothing is unknown.
    trials = (rows.exposures_per_arm / rows.design_effect).nullif(0.0)
    rows = rows.mutate(
        exposures_to_detect=_exposures(trials_for_power(size, quantile, power_quantile), rows),
        exposures_to_scale=_exposures(to_scale, rows),
        power_to_detect=power_of_test(size, trials, quantile),
        power_to_scale=power_of_scaling(rows.control_rate, rows.variant_rate, trials, threshold, deviations),
    )
    pace = rows.exposures_per_day.nullif(0.0)
    return rows.mutate(
        days_to_detect=whole((ARMS * rows.exposures_to_detect / pace).ceil()),
        days_to_scale=whole((ARMS * rows.exposures_to_scale / pace).ceil()),
    )


def _exposures(trials: ir.FloatingValue, rows: ir.Table) -> ir.IntegerValue:
    """Return the whole exposures that hold so many independent trials; null where no number does."""
    return trials.isnan().ifelse(ibis.null("int64"), whole((trials * rows.design_effect).ceil()))
