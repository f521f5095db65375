"""Touchpoints: contacts of people with assets before they converted.

One row per touch of a conversion. Optional: without touchpoints, attribution rests on hints only.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset


class Touchpoints(Contract):
    """Touches that passed their contract. One row per touch of a conversion."""

    touchpoint_id: str = key("Touch.")
    conversion_id: str = column("Conversion it came before.")
    converted_at: Instant = column("Instant of that conversion [UTC].")
    touched_at: Instant = column("Instant of the touch [UTC].")
    campaign_id: str = column("Campaign of the touch.")
    channel_id: str = column("Channel of the touch.")
    conversion_value: float = column(
        "Value of that conversion [currency], equal on each of its touches; null where not known.",
        ge=0,
        le=LARGEST_AMOUNT,
        optional=True,
    )


def relations(rows: ir.Table, campaigns: ir.Table, channels: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the touches of nothing we know, and those after the conversion."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "channel_id: unknown channel": rows.channel_id.notin(channels.channel_id),
        "touched_at: after the conversion": rows.touched_at > rows.converted_at,
    }


DATASET = Dataset("touchpoints", Touchpoints, is_optional=True, relations=relations, record_date="converted_at")
