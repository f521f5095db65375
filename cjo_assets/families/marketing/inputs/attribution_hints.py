"""Attribution credit that a source gives to a channel, by method.

One row per entry. Figures of different methods are never added.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset

FIRST_TOUCH, ASSIST, LAST_TOUCH = "first_touch", "assist", "last_touch"


class AttributionHints(Contract):
    """Attribution credit that passed its contract. One row per entry of `attribution_hints`."""

    hint_id: str = key("Hint.")
    timestamp: Instant = column("Instant it was given [UTC].")
    campaign_id: str = column("Campaign.")
    channel_id: str = column("Channel that gets the credit.")
    attributed_conversions: float = column("Conversions credited [conversions].", ge=0, le=LARGEST_AMOUNT)
    method: str = column("first_touch, assist or last_touch.", isin=[FIRST_TOUCH, ASSIST, LAST_TOUCH])
    confidence: float = column("How far the source trusts it [0-1].", ge=0, le=1)


def relations(rows: ir.Table, campaigns: ir.Table, channels: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the hints about nothing we know."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "channel_id: unknown channel": rows.channel_id.notin(channels.channel_id),
    }


DATASET = Dataset("attribution_hints", AttributionHints, relations=relations, record_date="timestamp")
