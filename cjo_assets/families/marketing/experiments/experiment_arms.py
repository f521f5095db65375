"""Exposures, successes and rate of each arm of an experiment.

One row per as-of date, experiment and arm, also for arms without snapshots: their counts are null.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.marketing.measurement._experiment_snapshots import (
    CONTROL,
    IMPRESSIONS,
    PEOPLE,
    VARIANT,
    counted_snapshots,
    increments_of_snapshots,
    is_outside,
)
from cjo_assets.policy import Policy

CLICKS = "clicks"
KEY = ("experiment_id", "arm")
SOURCE_COUNTS = ("impressions", "clicks", "conversions")


class ExperimentArms(DatedContract):
    """What the arms of experiments have done so far. One row per as-of date, experiment and arm."""

    experiment_id: str = key("Experiment.")
    arm: str = key("control or variant.", isin=[CONTROL, VARIANT])
    asset_id: str = column("Creative asset that this arm is shown.")
    segment_id: str = column("Audience segment of the asset.")
    channel_id: str = column("Channel of the asset.")
    snapshots: int = column("Snapshots counted [snapshots]: of the experiment's days, until it was read.", ge=0)
    last_snapshot_at: Instant = column("Instant of the last [UTC]; null without any.", nullable=True)
    horizon_reached_on: date = column(
        "Day on which the planned exposures of both arms were reached; null where they were not, or none were planned.",
        nullable=True,
    )
    unit: str = column(
        "What the metric is divided by: people where all snapshots count them, else impressions or clicks; null where "
        "the metric is not defined or nothing was counted.",
        isin=[PEOPLE, IMPRESSIONS, CLICKS],
        nullable=True,
    )
    exposures: int = column("Units so far [units]; null where nothing is known.", ge=0, nullable=True)
    successes: int = column("What the metric counts, so far [count]; null where nothing is known.", ge=0, nullable=True)
    rate: float = column("Successes per exposure; null without exposures.", ge=0, nullable=True, decimals=9)
    rate_low: float = column(
        "Lower end of its interval, as wide as the design effect makes it [0-1].", ge=0, le=1, nullable=True, decimals=9
    )
    rate_high: float = column("Upper end of its interval [0-1].", ge=0, le=1, nullable=True, decimals=9)
    design_effect: float = column(
        "Variance of the successes over that of as many independent units [x variance]; null where the metric is not "
        "defined.",
        ge=1,
        nullable=True,
    )
    assigned: int = column(
        "People, or else impressions, that got this arm [units]: what the planned shares are of.", ge=0, nullable=True
    )
    assigned_unit: str = column(
        "people or impressions; null where nothing was counted.", isin=[PEOPLE, IMPRESSIONS], nullable=True
    )
    assigned_design_effect: float = column(
        "Design effect of what was assigned [x variance]; null where the metric is not defined.", ge=1, nullable=True
    )
    impressions: int = column("Impressions so far [impressions].", ge=0, nullable=True)
    clicks: int = column("Clicks so far [clicks].", ge=0, nullable=True)
    conversions: int = column("Conversions so far [conversions].", ge=0, nullable=True)
    cost: float = column("Media cost so far [currency].", nullable=True)
    revenue_proxy: float = column("Value of the conversions so far, as estimated [currency].", nullable=True)


def experiment_arms(
    performance_metrics: ir.Table,
    experiments: ir.Table,
    creative_assets: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Sum the snapshots of each arm while its experiment ran."""
    counted = counted_snapshots(performance_metrics, experiments, metric_definitions, as_of, policy)
    totals = counted.group_by(KEY).agg(
        snapshots=counted.count(),
        last_snapshot_at=counted.timestamp.max(),
        horizon_reached_on=counted.horizon_reached_on.max(),
        unit=counted.unit.max(),
        assigned_unit=counted.assigned_unit.max(),
        cost=money_sum(counted.cost),
        revenue_proxy=money_sum(counted.revenue_proxy),
        **{name: _total(counted, name) for name in ("exposures", "successes", "assigned", *SOURCE_COUNTS)},
    )
    places = creative_assets.select("asset_id", "segment_id", "channel_id")
    arms = lookup(_arms(experiments, metric_definitions).join(places, "asset_id"), totals, KEY)
    arms = arms.mutate(
        snapshots=arms.snapshots.fill_null(0),
        **{f"{of}design_effect": _effect_of(arms[f"{of}unit"], arms) for of in ("", "assigned_")},
    )
    rate = arms.successes / arms.exposures.nullif(0)
    low, high = wilson_interval(
        (rate <= 1).ifelse(arms.successes / arms.design_effect, ibis.null("float64")),
        arms.exposures / arms.design_effect,
        1 - policy.marketing.experiments.statistical_significance_threshold,
    )
    return arms.mutate(rate=rate, rate_low=low, rate_high=high)


@check
def snapshots_outside_experiment(
    performance_metrics: ir.Table, experiments: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return snapshots of days on which their experiment did not run; they count for the asset only."""
    days = experiments.select("experiment_id", "start_date", "end_date")
    snapshots = increments_of_snapshots(performance_metrics, as_of, policy).join(days, "experiment_id")
    return snapshots.filter(is_outside(snapshots)).select(
        "experiment_id", "asset_id", "timestamp", "start_date", "end_date"
    )


def _arms(experiments: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return the two arms of every experiment, with the design effects of its metric."""
    defined = lookup(
        experiments, metric_definitions, "metric", "people_design_effect", policy_design_effect="design_effect"
    )
    parts = [{"arm": ibis.literal(arm), "asset_id": defined[f"{arm}_asset"]} for arm in (CONTROL, VARIANT)]
    return long_rows(defined, ["experiment_id", "people_design_effect", "policy_design_effect"], parts)


def _effect_of(unit: ir.StringValue, rows: ir.Table) -> ir.FloatingValue:
    """Return the design effect of counts in a unit."""
    return (unit == PEOPLE).fill_null(False).ifelse(rows.people_design_effect, rows.policy_design_effect)


def _total(rows: ir.Table, name: str) -> ir.IntegerScalar:
    """Sum a count, at least 0: totals of a source may fall."""
    total = rows[name].sum()
    return (total < 0).ifelse(0, total)
