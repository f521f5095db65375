"""Funnel events: number of people who reached a stage, by day and place.

One row per event: a count for a campaign, an audience segment, a channel, a day and a stage. Several rows with the same
values are separate counts, which are summed.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_COUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.local_dates import latest_local_date


class FunnelEvents(Contract):
    """Funnel events that passed their contract. One row per event."""

    event_id: str = key("Event.")
    timestamp: Instant = column("Instant it was reported [UTC].")
    date: date = column("Day it counts for.")
    campaign_id: str = column("Campaign.")
    segment_id: str = column("Audience segment.")
    channel_id: str = column("Channel.")
    stage: str = column("Stage of the funnel.", words="funnel_stages")
    count: int = column("How many reached it [events].", ge=0, le=LARGEST_COUNT)
    source: str = column("System that counted.", words="funnel_sources")
    confidence: float = column("Reliability of the count, by its source [0-1].", ge=0, le=1)


def relations(
    rows: ir.Table, campaigns: ir.Table, audience_segments: ir.Table, channels: ir.Table
) -> dict[str, ir.BooleanValue]:
    """Name the events of nothing we know, and those reported before their day."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "channel_id: unknown channel": rows.channel_id.notin(channels.channel_id),
        "segment_id: unknown audience segment": rows.segment_id.notin(audience_segments.segment_id),
        "date: after it was reported": rows.date > latest_local_date(rows.timestamp),
    }


DATASET = Dataset("funnel_events", FunnelEvents, relations=relations, record_date="date")
