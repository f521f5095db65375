"""Design effect that the days of an experiment show."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import exact_sum
from cjo_assets.core.expressions.two_sample_tests import gamma_quantile
from cjo_assets.families.marketing.measurement._experiment_snapshots import (
    CONTROL,
    VARIANT,
    counted_snapshots,
    counts_of_arms,
)
from cjo_assets.policy import Policy


def observed_design_effects(
    performance_metrics: ir.Table,
    experiments: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the days with a rate of both arms, and the observed design effect with its interval, per experiment.

    If exposures were independent, the differences between the daily rates of the arms would scatter around their mean
    with the binomial variance. Their squared distances over that variance, per degree of freedom, are the factor by
    which they scatter more: the dispersion of McCullagh and Nelder (1989), section 4.5. What moves both arms on a day
    cancels out; an effect that changes over time adds to it. The interval is that of a chi-square variable.
    """
    days = _days(counted_snapshots(performance_metrics, experiments, metric_definitions, as_of, policy))
    all_days = ibis.window(group_by=days.experiment_id)
    scatter, scatter0 = (
        _variance_of_a_trial(exact_sum(x).over(all_days), exact_sum(n).over(all_days))
        for x, n in ((days.x, days.n), (days.x0, days.n0))
    )
    days = days.mutate(
        effect=days.x / days.n - days.x0 / days.n0,
        scatter=scatter + scatter0,
        # Over the scatter, so that no weight is greater than the exposures.
        weight=(scatter + scatter0) / (scatter / days.n + scatter0 / days.n0),
    )
    sums = days.group_by("experiment_id").agg(
        compared_days=days.count(),
        scatter=days.scatter.max(),
        weights=exact_sum(days.weight),
        effects=exact_sum(days.weight * days.effect),
        squares=exact_sum(days.weight * days.effect**2),
    )
    # What remains after subtraction may fall a rounding error below 0.
    distance = ibis.greatest(sums.squares - sums.effects**2 / sums.weights, 0.0) / sums.scatter
    freedom = (sums.compared_days - 1).nullif(0).cast("float64")
    alpha = policy.marketing.experiments.statistical_significance_threshold

    def over_quantile(probability: float) -> ir.NumericValue:
        return distance / (2 * gamma_quantile(ibis.literal(probability), freedom / 2))

    return sums.select(
        "experiment_id",
        "compared_days",
        observed_design_effect=distance / freedom,
        observed_design_effect_low=over_quantile(1 - alpha / 2),
        observed_design_effect_high=over_quantile(alpha / 2),
    )


def _days(counted: ir.Table) -> ir.Table:
    """Return successes x and exposures n of the variant, x0 and n0 of the control, of days with a rate of both arms."""
    counted = counted.filter(counted.unit.notnull())
    days = counted.group_by("experiment_id", "day").agg(**counts_of_arms(counted))
    x, n, x0, n0 = (
        days[f"{arm}_{name}"].cast("float64") for arm in (VARIANT, CONTROL) for name in ("successes", "exposures")
    )
    is_rate = (n > 0) & (n0 > 0) & (x <= n) & (x0 <= n0)
    return days.filter(is_rate).select("experiment_id", x=x, n=n, x0=x0, n0=n0)


def _variance_of_a_trial(successes: ir.FloatingValue, trials: ir.FloatingValue) -> ir.FloatingValue:
    """Return the variance of one trial; null where nothing varies."""
    rate = successes / trials
    return ((rate > 0) & (rate < 1)).ifelse(rate * (1 - rate), ibis.null("float64"))
