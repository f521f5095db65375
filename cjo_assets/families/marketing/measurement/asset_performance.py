"""Counts and amounts of each asset in each experiment up to the as-of date.

One row per as-of date, asset and experiment. All other tables count from here, so that campaign, segment and channel
come from the asset once, and snapshots are read as increments or totals once.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.policy import Policy

TOTALS = "totals"
COUNTS = ("impressions", "clicks", "conversions")
AMOUNTS = ("cost", "revenue_proxy")
KEY = ("asset_id", "experiment_id")


class AssetPerformance(DatedContract):
    """What assets did in experiments so far. One row per as-of date, asset and experiment."""

    asset_id: str = key("Creative asset.")
    experiment_id: str = key("Experiment it was shown in.")
    campaign_id: str = column("Campaign of the asset.")
    segment_id: str = column("Audience segment of the asset.")
    channel_id: str = column("Channel of the asset.")
    snapshots: int = column("Snapshots counted [snapshots].", ge=1)
    first_snapshot_at: Instant = column("Instant of the first [UTC].")
    last_snapshot_at: Instant = column("Instant of the last [UTC].")
    impressions: int = column("Impressions so far [impressions].", ge=0)
    clicks: int = column("Clicks so far [clicks].", ge=0)
    conversions: int = column("Conversions so far [conversions].", ge=0)
    exposed_people: int = column(
        "People reached so far [people], each counted once per snapshot; null where a snapshot does not state it.",
        ge=0,
        nullable=True,
    )
    cost: float = column("Media cost so far [currency].", ge=0)
    revenue_proxy: float = column("Value of the conversions so far, as the source estimates it [currency].", ge=0)


def asset_performance(
    performance_metrics: ir.Table, creative_assets: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Sum the snapshots known on the as-of date, or take the last where snapshots are totals."""
    known = performance_metrics.filter(performance_metrics.timestamp < days_after(as_of, 1))
    totals = known.group_by(KEY).agg(
        snapshots=known.count(),
        first_snapshot_at=known.timestamp.min(),
        last_snapshot_at=known.timestamp.max(),
        exposed_people=(known.exposed_people.count() == known.count()).ifelse(
            _so_far(known, "exposed_people", policy), ibis.null("int64")
        ),
        **{name: _so_far(known, name, policy) for name in COUNTS},
        **{name: _so_far(known, name, policy, money_sum) for name in AMOUNTS},
    )
    places = creative_assets.select("asset_id", "campaign_id", "segment_id", "channel_id")
    return totals.join(places, "asset_id")


def _so_far(
    known: ir.Table,
    name: str,
    policy: Policy,
    added: Callable[[ir.NumericColumn], ir.NumericScalar] = ir.NumericColumn.sum,
) -> ir.NumericValue:
    if policy.marketing.snapshots.snapshots_are == TOTALS:
        return known[name].argmax(known.timestamp)
    return added(known[name])


@check
def falling_totals(performance_metrics: ir.Table, policy: Policy) -> ir.Table:
    """Return snapshots below the one before them, where snapshots are totals."""
    in_order = ibis.window(group_by=[performance_metrics[name] for name in KEY], order_by=performance_metrics.timestamp)
    snapshots = performance_metrics.select(
        *KEY, "timestamp", "impressions", before=ibis._.impressions.lag().over(in_order)
    )
    is_total = ibis.literal(policy.marketing.snapshots.snapshots_are == TOTALS)
    return snapshots.filter(is_total, snapshots.impressions < snapshots.before)
