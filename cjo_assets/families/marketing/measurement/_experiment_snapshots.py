"""Snapshots that count for an experiment: those of its own days, each as its increase over the one before."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.measurement.asset_performance import TOTALS
from cjo_assets.policy import Policy

CONTROL, VARIANT = "control", "variant"
PEOPLE, IMPRESSIONS = "people", "impressions"
COUNTS = ("impressions", "clicks", "conversions", "exposed_people")
AMOUNTS = ("cost", "revenue_proxy")


def counted_snapshots(
    performance_metrics: ir.Table,
    experiments: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the snapshots that count, with their arm, and the experiment's unit, exposures and successes.

    The unit is people where the metric is per impression and every snapshot of both arms counts people: three
    impressions of one person are not three independent trials. Where a number of exposures was planned, snapshots after
    the day that reached it do not count: the experiment is read once.
    """
    plans = lookup(experiments, metric_definitions, "metric", "numerator", "denominator").select(
        "experiment_id", "start_date", "end_date", "control_asset", "horizon_exposures", "numerator", "denominator"
    )
    snapshots = increments_of_snapshots(performance_metrics, as_of, policy).join(plans, "experiment_id")
    snapshots = snapshots.filter(~is_outside(snapshots))
    whole = ibis.window(group_by=snapshots.experiment_id)
    has_people = snapshots.exposed_people.count().over(whole) == snapshots.count().over(whole)
    counted = snapshots.mutate(
        arm=(snapshots.asset_id == snapshots.control_asset).ifelse(CONTROL, VARIANT),
        unit=((snapshots.denominator == IMPRESSIONS) & has_people).ifelse(PEOPLE, snapshots.denominator),
        assigned_unit=has_people.ifelse(PEOPLE, IMPRESSIONS),
        assigned=has_people.ifelse(snapshots.exposed_people, snapshots.impressions),
        successes=_named(snapshots, snapshots.numerator),
    )
    exposures = (counted.unit == PEOPLE).ifelse(counted.exposed_people, _named(counted, counted.denominator))
    counted = counted.mutate(exposures=exposures)
    counted = lookup(counted, _horizons(counted), "experiment_id")
    return counted.filter((counted.day <= counted.horizon_reached_on).fill_null(True))


def counts_of_arms(counted: ir.Table) -> dict[str, ir.IntegerValue]:
    """Return exposures and successes of each arm, summed; at least 0, since totals of a source may fall."""
    sums = {
        f"{arm}_{name}": whole(counted[name].sum(where=counted.arm == arm).fill_null(0))
        for arm in (CONTROL, VARIANT)
        for name in ("exposures", "successes")
    }
    return {name: (total < 0).ifelse(0, total) for name, total in sums.items()}


def _horizons(counted: ir.Table) -> ir.Table:
    """Return the day on which each experiment reached its planned exposures."""
    planned = counted.filter(counted.horizon_exposures.notnull())
    days = planned.group_by("experiment_id", "horizon_exposures", "day").agg(exposures=planned.exposures.sum())
    so_far = days.mutate(exposures=days.exposures.cumsum(group_by="experiment_id", order_by="day"))
    reached = so_far.filter(so_far.exposures >= so_far.horizon_exposures)
    return reached.group_by("experiment_id").agg(horizon_reached_on=reached.day.min())


def increments_of_snapshots(performance_metrics: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the snapshots known on the as-of date, with their day, each as its increase over the one before."""
    known = performance_metrics.filter(performance_metrics.timestamp < days_after(as_of, 1))
    snapshots = known.select("experiment_id", "asset_id", "timestamp", *COUNTS, *AMOUNTS, day=known.timestamp.date())
    if policy.marketing.snapshots.snapshots_are != TOTALS:
        return snapshots
    before = ibis.window(group_by=[snapshots.experiment_id, snapshots.asset_id], order_by=snapshots.timestamp)
    return snapshots.mutate(
        **{name: snapshots[name] - snapshots[name].lag().over(before).fill_null(0) for name in (*COUNTS, *AMOUNTS)}
    )


def is_outside(rows: ir.Table) -> ir.BooleanValue:
    """Return whether a snapshot is of a day on which its experiment did not run."""
    return (rows.day < rows.start_date) | (rows.day > rows.end_date).fill_null(False)


def _named(rows: ir.Table, name: ir.StringValue) -> ir.IntegerValue:
    """Return the count whose name is a value of the row."""
    return ibis.cases(*((name == count, rows[count]) for count in COUNTS), else_=ibis.null("int64"))
