"""Segment rollups: figures of a campaign in an audience segment and a window, summed by the source.

One row per rollup. Figures and recommendation are those of the source: `reconciliation` compares them with the metrics,
and `segment_portfolio` computes its own.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset

SCALE, HOLD, REVISE, STOP = "scale", "hold", "revise", "stop"
RECOMMENDATIONS = (SCALE, HOLD, REVISE, STOP)


class SegmentRollups(Contract):
    """Segment rollups that passed their contract. One row per rollup."""

    rollup_id: str = key("Rollup.")
    window_start: date = column("First day of the window.")
    window_end: date = column("Last day of the window.")
    campaign_id: str = column("Campaign.")
    segment_id: str = column("Audience segment.")
    impressions: int = column("Impressions in the window [impressions].", ge=0, le=LARGEST_COUNT)
    clicks: int = column("Clicks in the window [clicks].", ge=0, le=LARGEST_COUNT)
    conversions: int = column("Conversions in the window [conversions].", ge=0, le=LARGEST_COUNT)
    spend: float = column("Media spend in the window [currency].", ge=0, le=LARGEST_AMOUNT)
    revenue_proxy: float = column("Value of the conversions, as estimated [currency].", ge=0, le=LARGEST_AMOUNT)
    primary_kpi: str = column("Metric of the campaign's performance.")
    kpi_value: float = column(
        "Its value in the window, as the source states it.", ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT
    )
    trend_vs_prior_window: float = column(
        "Change against the window before [-1 to 1], up = better; null where the source does not state it.",
        ge=-1,
        le=1,
        optional=True,
    )
    recommendation: str = column("What the source would do: scale, hold, revise or stop.", isin=list(RECOMMENDATIONS))


def relations(rows: ir.Table, campaigns: ir.Table, audience_segments: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the rollups of nothing we know, and those of a window that ends before it starts."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "segment_id: unknown audience segment": rows.segment_id.notin(audience_segments.segment_id),
        "window_end: before window_start": rows.window_end < rows.window_start,
    }


DATASET = Dataset("segment_rollups", SegmentRollups, relations=relations, record_date="window_end")
