"""Effect of each experiment in each of its weeks.

One row per as-of date, experiment and week in which anything was counted. A week begins on the weekday of the
experiment's first day, so that complete weeks have each weekday once.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import difference_variance, two_sided_quantile
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.expressions.two_sample_tests import difference_of_shares
from cjo_assets.families.marketing.measurement._experiment_snapshots import (
    CONTROL,
    VARIANT,
    counted_snapshots,
    counts_of_arms,
)
from cjo_assets.policy import Policy

WEEK_DAYS = 7
KEY = ("experiment_id", "week")
ERROR_DECIMALS = 12
# The smallest that is published: weeks are weighted by the inverse of their errors.
LEAST_ERROR = 10.0**-ERROR_DECIMALS


class ExperimentWeeks(DatedContract):
    """What the arms of experiments did in each week. One row per as-of date, experiment and week."""

    experiment_id: str = key("Experiment.")
    week: int = key("Week of the experiment, from 1.", ge=1)
    first_day: date = column("First day of the week.")
    is_complete: bool = column("Whether its seventh day has come, within the experiment.")
    control_exposures: int = column("Units of the control arm in the week [units].", ge=0)
    variant_exposures: int = column("Units of the variant arm in the week [units].", ge=0)
    control_successes: int = column("Successes of the control arm in the week [count].", ge=0)
    variant_successes: int = column("Successes of the variant arm in the week [count].", ge=0)
    absolute_effect: float = column(
        "Variant's rate minus the control's; null without exposures of both arms, or with excess successes.",
        ge=-1,
        le=1,
        nullable=True,
        decimals=9,
    )
    absolute_effect_low: float = column(
        "Lower end of its interval, for one reading of this week.", ge=-1, le=1, nullable=True, decimals=9
    )
    absolute_effect_high: float = column("Upper end of that interval.", ge=-1, le=1, nullable=True, decimals=9)
    standard_error: float = column(
        "Standard error of the effect, as wide as the design effect makes it; at least 1e-12.",
        gt=0,
        nullable=True,
        decimals=ERROR_DECIMALS,
    )


def experiment_weeks(
    performance_metrics: ir.Table,
    experiments: ir.Table,
    metric_definitions: ir.Table,
    experiment_evaluations: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Sum the counts of each week, and compare its arms."""
    counted = counted_snapshots(performance_metrics, experiments, metric_definitions, as_of, policy)
    counted = counted.filter(counted.unit.notnull())
    counted = counted.mutate(week=counted.day.delta(counted.start_date, unit="day") // WEEK_DAYS + 1)
    weeks = counted.group_by(*KEY, "start_date", "end_date").agg(**counts_of_arms(counted))
    weeks = lookup(weeks, experiment_evaluations, "experiment_id", "design_effect")
    first_day = days_after(weeks.start_date, ((weeks.week - 1) * WEEK_DAYS).cast("int64"))
    weeks = weeks.mutate(first_day=first_day)
    last_day = days_after(weeks.first_day, WEEK_DAYS - 1)
    weeks = weeks.mutate(is_complete=(last_day <= as_of) & (last_day <= weeks.end_date).fill_null(True))
    return _compared(weeks, policy)


@check
def effects_without_exposures(experiment_weeks: ir.Table) -> ir.Table:
    """Return weeks in which one arm alone was shown: what they add to the totals is no comparison."""
    weeks = experiment_weeks
    is_one_sided = (weeks.control_exposures == 0) != (weeks.variant_exposures == 0)
    return weeks.filter(is_one_sided).select(*KEY, "control_exposures", "variant_exposures")


def _compared(weeks: ir.Table, policy: Policy) -> ir.Table:
    """Add the effect of each week, with its interval and standard error."""
    is_share = (weeks.control_exposures > 0) & (weeks.variant_exposures > 0)
    for arm in (CONTROL, VARIANT):
        is_share &= weeks[f"{arm}_successes"] <= weeks[f"{arm}_exposures"]
    effect = is_share.ifelse(weeks.design_effect, ibis.null("float64"))
    x, n, x0, n0 = (
        weeks[f"{arm}_{name}"] / effect for arm in (VARIANT, CONTROL) for name in ("successes", "exposures")
    )
    quantile = two_sided_quantile(1 - policy.marketing.experiments.statistical_significance_threshold)
    interval = difference_of_shares(x, n, x0, n0, ibis.literal(quantile))
    error = difference_variance(x, n, x0, n0).sqrt()
    return weeks.mutate(
        absolute_effect=x / n - x0 / n0,
        absolute_effect_low=interval["low"],
        absolute_effect_high=interval["high"],
        standard_error=(error < LEAST_ERROR).ifelse(LEAST_ERROR, error),
    )
