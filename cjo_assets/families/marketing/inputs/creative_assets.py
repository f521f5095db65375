"""Creative assets that an audience sees.

One row per asset. Metrics refer to the asset only; campaign, segment and channel come from it.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, Instant, TextList, column, key
from cjo_assets.core.dataset import Dataset


class CreativeAssets(Contract):
    """Creative assets that passed their contract. One row per asset."""

    asset_id: str = key("Creative asset.")
    created_at: Instant = column("Instant it was made [UTC].")
    campaign_id: str = column("Campaign it belongs to.")
    segment_id: str = column("Audience segment it is shown to.")
    channel_id: str = column("Channel it is shown on.")
    variant: str = column("Label of the version, as the source writes it.", words="asset_variants")
    message_theme: str = column("Theme of its message.", free_text=True)
    cta: str = column("Call to action; null where not recorded.", free_text=True, optional=True)
    approved_by_human: bool = column("Whether a person has approved it.")
    risk_flags: TextList = column("Objections to it; empty without any.")


def relations(
    rows: ir.Table, campaigns: ir.Table, audience_segments: ir.Table, channels: ir.Table
) -> dict[str, ir.BooleanValue]:
    """Name the assets of nothing we know."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "channel_id: unknown channel": rows.channel_id.notin(channels.channel_id),
        "segment_id: unknown audience segment": rows.segment_id.notin(audience_segments.segment_id),
    }


DATASET = Dataset(
    "creative_assets",
    CreativeAssets,
    may_be_empty=False,
    relations=relations,
    record_date="created_at",
    is_history=False,
)
