"""Cost per conversion of each channel, over all campaigns and experiments so far.

One row per as-of date and channel. Cost is media spend alone; what people and models cost is not known by channel.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.measurement._measured_kpis import performance_sums

CHANNEL = "channel_id"


class CpaByChannel(DatedContract):
    """Cost per conversion. One row per as-of date and channel."""

    channel_id: str = key("Channel.")
    type: str = column("Kind of channel.", words="channel_types")
    platform: str = column("Who runs it; null where not recorded.", nullable=True)
    campaigns: int = column("Campaigns with a snapshot on it [campaigns].", ge=0)
    impressions: int = column("Impressions so far [impressions]; null where nothing was measured.", ge=0, nullable=True)
    clicks: int = column("Clicks so far [clicks]; null where nothing was measured.", ge=0, nullable=True)
    conversions: int = column("Conversions so far [conversions]; null where nothing was measured.", ge=0, nullable=True)
    spend: float = column("Media spend so far [currency]; null where nothing was measured.", ge=0, nullable=True)
    cpa: float = column(
        "Media spend per conversion [currency per conversion], up = worse; null without a conversion.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    value: float = column(
        "Value of the conversions, as the source estimates it [currency]; null where nothing was measured.",
        ge=0,
        nullable=True,
    )


def cpa_by_channel(channels: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Sum what the assets of each channel did, and divide spend by conversions."""
    by_channel = asset_performance.group_by(CHANNEL)
    campaigns = by_channel.agg(campaigns=asset_performance.campaign_id.nunique())
    rows = lookup(channels.select(CHANNEL, "type", "platform"), campaigns, CHANNEL)
    rows = lookup(rows, performance_sums(asset_performance, CHANNEL), CHANNEL)
    return rows.mutate(campaigns=rows.campaigns.fill_null(0), cpa=rows.spend / rows.conversions.nullif(0))


@check(blocking=True)
def conversions_of_no_channel(cpa_by_channel: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Return channels of assets whose conversions are not counted here."""
    measured = asset_performance.group_by(CHANNEL).agg(measured=asset_performance.conversions.sum())
    compared = lookup(measured, cpa_by_channel, CHANNEL, "conversions")
    return compared.filter(~compared.conversions.identical_to(compared.measured))
