"""A small marketing family by hand, for tests: master data around the rows that a test is about."""

from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, Campaigns
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance
from cjo_assets.families.marketing.measurement.metric_definitions import MetricDefinitions
from cjo_assets_tests.support.rows import POLICY, Row, Rows, day, table_of

METRICS = [{"metric": name} | dict(meaning) for name, meaning in POLICY.marketing.metric_definitions.items()]
# Less of it is better; the packaged policy has no such metric.
METRICS.append(
    {"metric": "cost_clicks", "numerator": "clicks", "denominator": "impressions", "direction": "down"}
    | {"design_effect": 1.0}
)


def campaign(name: str, **changes: Any) -> Row:
    """Return an active campaign in the middle of its twenty days."""
    return {
        "campaign_id": name,
        "created_at": datetime(2025, 1, 1),
        "primary_kpi": "conversion_rate",
        "start_date": day(-9),
        "end_date": day(10),
        "budget": 1000.0,
        "status": ACTIVE,
    } | changes


def performance(campaign_id: str, conversions: int, impressions: int = 10_000, **changes: Any) -> Row:
    """Return what one asset of a campaign did."""
    place = f"{campaign_id}/{changes.get('segment_id', 'all')}/{changes.get('channel_id', 'mail')}"
    return {
        "asset_id": f"asset of {place}",
        "experiment_id": f"experiment of {campaign_id}",
        "campaign_id": campaign_id,
        "segment_id": "all",
        "channel_id": "mail",
        "impressions": impressions,
        "clicks": 0,
        "conversions": conversions,
        "first_snapshot_at": datetime(2025, 1, 12),
    } | changes


def metric_table() -> ir.Table:
    """Return the metrics of the packaged policy, and one that should be low."""
    return table_of(MetricDefinitions, METRICS)


def campaign_table(rows: Rows) -> ir.Table:
    """Return campaigns."""
    return table_of(Campaigns, rows)


def performance_table(rows: Rows) -> ir.Table:
    """Return what assets did."""
    return table_of(AssetPerformance, rows)
