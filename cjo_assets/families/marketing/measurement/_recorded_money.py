"""Media spend and value of each campaign, from the record that knows the most spend.

Not a table but what every figure about a campaign's money shares. Two records know media spend: the metrics, of the
assets that were measured, and the ledger, of the whole campaign. Where the ledger books more than the metrics report,
beyond the tolerance of `reconciliation`, both spend and value are the ledger's; elsewhere both are the metrics'. Both
sides of a ratio therefore come from one record and have one scope. The ledger has no dates: a past day is judged with
all that it books by now.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, rounded
from cjo_assets.families.marketing.measurement._measured_kpis import performance_sums
from cjo_assets.policy import Policy

METRICS, LEDGER = "metrics", "ledger"
BASES = [METRICS, LEDGER]


def recorded_money(
    campaigns: ir.Table, asset_performance: ir.Table, roi_ledger: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Return one row per campaign of which the metrics or the ledger know any money.

    Columns: campaign_id; measured_spend and measured_value of the metrics, booked_spend and booked_value of the
    ledger, each null where that record is silent; spend_basis; recorded_spend and recorded_value of that basis.
    """
    tolerance = policy.marketing.reconciliation.tolerances.spend
    sums = performance_sums(asset_performance, "campaign_id")
    measured = sums.select("campaign_id", measured_spend="spend", measured_value="value")
    known = known_ledger(campaigns, asset_performance, roi_ledger, as_of)
    booked = known.select("campaign_id", booked_spend="media_spend", booked_value="estimated_value")
    ids = ibis.union(measured.select("campaign_id"), booked.select("campaign_id"), distinct=True)
    rows = ids.left_join(measured, "campaign_id").drop("campaign_id_right")
    rows = rows.left_join(booked, "campaign_id").drop("campaign_id_right")
    excess = rows.booked_spend - rows.measured_spend
    is_beyond = excess > rounded(rows.measured_spend * tolerance, CONTRIBUTION_DECIMALS)
    is_booked = rows.measured_spend.isnull() | is_beyond.fill_null(False)
    return rows.mutate(
        spend_basis=is_booked.ifelse(LEDGER, METRICS),
        recorded_spend=rounded(is_booked.ifelse(rows.booked_spend, rows.measured_spend), MONEY_DECIMALS),
        recorded_value=rounded(is_booked.ifelse(rows.booked_value, rows.measured_value), MONEY_DECIMALS),
    )


def known_ledger(campaigns: ir.Table, asset_performance: ir.Table, roi_ledger: ir.Table, as_of: date) -> ir.Table:
    """Return the ledger entries of campaigns that were set up, or measured, by the as-of date."""
    is_set_up = campaigns.created_at < as_of + timedelta(days=1)
    known = campaigns.filter(is_set_up | campaigns.campaign_id.isin(asset_performance.campaign_id))
    return roi_ledger.semi_join(known, "campaign_id")
