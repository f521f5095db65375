"""Exposures and days that each experiment takes to detect a lift, and to scale its variant.

One row per as-of date, experiment and true lift of the policy's grid, for experiments whose metric is defined and whose
control has a rate. The baseline is the control's rate so far, the pace that of the last days.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.experiments._experiment_planning import with_plans
from cjo_assets.families.marketing.experiments._experiment_verdicts import RUNNING
from cjo_assets.families.marketing.measurement._experiment_snapshots import CONTROL, VARIANT, counted_snapshots
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy


class ExperimentPlans(DatedContract):
    """What it takes to detect and to scale lifts. One row per as-of date, experiment and true lift."""

    experiment_id: str = key("Experiment.")
    lift: float = key("True relative effect [fraction], up = better whatever the metric.", gt=0, decimals=6)
    control_rate: float = column("Rate of the control so far: the baseline.", gt=0, lt=1, decimals=9)
    variant_rate: float = column(
        "Rate of the variant at this lift; null beyond 0 and 1.", gt=0, lt=1, nullable=True, decimals=9
    )
    exposures_per_day: float = column(
        "Exposures of both arms per day, in the last days of the policy [units]; null unless it runs and counted any.",
        gt=0,
        nullable=True,
        decimals=2,
    )
    exposures_to_detect: int = column(
        "Exposures that each of two equal arms needs to detect this lift with the policy's power [units]; null beyond "
        "all rates.",
        ge=0,
        nullable=True,
    )
    exposures_to_scale: int = column(
        "The same to scale the variant: to find it better with an estimate of the minimum lift [units]; null where no "
        "number would do.",
        ge=0,
        nullable=True,
    )
    days_to_detect: int = column(
        "Days that this takes at the present pace, from the first exposure [days]; null without a pace.",
        ge=0,
        nullable=True,
    )
    days_to_scale: int = column("The same to scale the variant [days].", ge=0, nullable=True)
    power_to_detect: float = column(
        "Probability that one reading of the exposures so far detects this lift [0-1], up = better.",
        ge=0,
        le=1,
        nullable=True,
        decimals=6,
    )
    power_to_scale: float = column(
        "The same that it scales the variant, correction and guardrails left out [0-1], up = better.",
        ge=0,
        le=1,
        nullable=True,
        decimals=6,
    )


def experiment_plans(
    experiment_evaluations: ir.Table,
    performance_metrics: ir.Table,
    experiments: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Plan every experiment that has a baseline, at each lift of the policy's grid."""
    counted = counted_snapshots(performance_metrics, experiments, metric_definitions, as_of, policy)
    rows = lookup(experiment_evaluations, _recent(counted, as_of, policy), "experiment_id")
    has_baseline = (rows.control_rate > 0) & (rows.control_rate < 1) & rows.direction.notnull()
    # Arms of unequal size count as two equal ones of their harmonic mean.
    control, variant = (rows[f"{arm}_exposures"].nullif(0).cast("float64") for arm in (CONTROL, VARIANT))
    rows = rows.filter(has_baseline).select(
        "experiment_id",
        "design_effect",
        # Not rounded, as in the evaluation.
        control_rate=rows.control_successes / rows.control_exposures,
        goes_down=rows.direction == DOWN,
        exposures_per_arm=2 / (1 / control + 1 / variant),
        exposures_per_day=(rows.phase == RUNNING).ifelse(rows.recent_per_day, ibis.null("float64")).nullif(0.0),
    )
    return with_plans(rows, policy.marketing.experiments.planned_lifts, policy)


@check(blocking=True)
def plans_that_contradict_their_evaluation(
    experiment_plans: ir.Table, experiment_evaluations: ir.Table, policy: Policy
) -> ir.Table:
    """Return plans of the minimum lift that need other exposures than the evaluation states."""
    minimum = experiment_plans.filter(experiment_plans.lift == policy.marketing.experiments.lift_threshold_for_scaling)
    rows = lookup(minimum, experiment_evaluations, "experiment_id", "required_exposures")
    return rows.filter((rows.exposures_to_detect - rows.required_exposures).abs() > 1).select(
        "experiment_id", "lift", "exposures_to_detect", "required_exposures"
    )


@check(blocking=True)
def scaling_before_detecting(experiment_plans: ir.Table) -> ir.Table:
    """Return plans by which a variant is scaled with fewer exposures than are needed to detect its lift."""
    plans = experiment_plans
    # Both numbers are rounded up.
    is_sooner = plans.exposures_to_scale < plans.exposures_to_detect - 1
    return plans.filter(is_sooner).select("experiment_id", "lift", "exposures_to_scale", "exposures_to_detect")


def _recent(counted: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the exposures per day of each experiment over the policy's last days, or since it began."""
    days = policy.marketing.recommendations.pace_days
    first = days_after(as_of, 1 - days)
    recent = counted.filter(counted.day >= first)
    sums = recent.group_by("experiment_id", "start_date").agg(exposures=recent.exposures.sum())
    length = ibis.least(as_of.delta(sums.start_date, unit="day") + 1, days)
    return sums.select("experiment_id", recent_per_day=sums.exposures / length)
