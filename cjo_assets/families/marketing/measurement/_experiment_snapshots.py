"""The snapshots an experiment counts: those of its own days, each as what came since the one before.

Belongs here: which snapshots belong to an experiment, in which unit it counts, and on which day it has been read once
and for all. Does not belong here: what the counts say (`experiment_arms.py`, `experiment_evaluations.py`).
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Return the snapshots that count, with their arm, the experiment's units, exposures and successes.

    People are the unit where the metric is per impression and every snapshot of both arms counts them: what is shown
    to one person three times is not three independent trials. Where a number of exposures was planned, what comes after
    the day that reached it does not count: the experiment is read once.
    """
    plans = experiments.left_join(metric_definitions, "metric").select(
        "experiment_id",
        "start_date",
        "end_date",
        "control_asset",
        "horizon_exposures",
        "numerator",
        "denominator",
    )
    rows = since_the_last(performance_metrics, as_of, policy).join(plans, "experiment_id")
    rows = rows.filter(~is_outside(rows))
    whole = ibis.window(group_by=rows.experiment_id)
    has_people = rows.exposed_people.count().over(whole) == rows.count().over(whole)
    rows = rows.mutate(
        arm=(rows.asset_id == rows.control_asset).ifelse(CONTROL, VARIANT),
        unit=((rows.denominator == IMPRESSIONS) & has_people).ifelse(PEOPLE, rows.denominator),
        assigned_unit=has_people.ifelse(PEOPLE, IMPRESSIONS),
        assigned=has_people.ifelse(rows.exposed_people, rows.impressions),
        successes=_named(rows, rows.numerator),
    )
    rows = rows.mutate(
        exposures=(rows.unit == PEOPLE).ifelse(rows.exposed_people, _named(rows, rows.denominator)),
    )
    days = rows.filter(rows.horizon_exposures.notnull()).group_by("experiment_id", "horizon_exposures", "day")
    days = days.agg(exposures=rows.exposures.sum())
    so_far = days.mutate(exposures=days.exposures.cumsum(group_by="experiment_id", order_by="day"))
    reached = so_far.filter(so_far.exposures >= so_far.horizon_exposures)
    reached = reached.group_by("experiment_id").agg(horizon_reached_on=reached.day.min())
    rows = rows.left_join(reached, "experiment_id").drop("experiment_id_right")
    return rows.filter((rows.day <= rows.horizon_reached_on).fill_null(True))


def since_the_last(performance_metrics: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return the snapshots known on the as-of date, with their day, each as what came since the one before."""
    known = performance_metrics.filter(performance_metrics.timestamp < as_of + timedelta(days=1))
    rows = known.select("experiment_id", "asset_id", "timestamp", *COUNTS, *AMOUNTS, day=known.timestamp.date())
    if policy.marketing.snapshots.snapshots_are != TOTALS:
        return rows
    before = ibis.window(group_by=[rows.experiment_id, rows.asset_id], order_by=rows.timestamp)
    return rows.mutate(
        **{name: rows[name] - rows[name].lag().over(before).fill_null(0) for name in (*COUNTS, *AMOUNTS)}
    )


def is_outside(rows: ir.Table) -> ir.BooleanValue:
    """Tell which snapshots are of a day on which their experiment did not run."""
    return (rows.day < rows.start_date) | (rows.day > rows.end_date).fill_null(False)


def _named(rows: ir.Table, name: ir.StringValue) -> ir.IntegerValue:
    """Return the count of a row whose name stands in the row itself."""
    return ibis.cases(*((name == count, rows[count]) for count in COUNTS), else_=ibis.null("int64"))
