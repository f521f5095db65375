"""Media spend and value of each campaign, from the record with the most spend.

The metrics know the spend of measured assets, the ledger that of the whole campaign. Where the ledger exceeds the
metrics beyond the tolerance of `reconciliation`, spend and value are both the ledger's, otherwise both the metrics', so
that both sides of a ratio have one record and one scope. The ledger has no dates: past days use all its entries.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.measurement._measured_kpis import performance_sums
from cjo_assets.policy import Policy

METRICS, LEDGER = "metrics", "ledger"
BASES = [METRICS, LEDGER]


def recorded_money(
    campaigns: ir.Table, asset_performance: ir.Table, roi_ledger: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the money of each campaign with entries in the metrics or the ledger.

    Columns: campaign_id; measured_spend and measured_value of the metrics, booked_spend and booked_value of the
    ledger, each null without an entry in that record; spend_basis; recorded_spend and recorded_value of that basis.
    """
    tolerance = policy.marketing.reconciliation.tolerances.spend
    sums = performance_sums(asset_performance, "campaign_id")
    measured = sums.select("campaign_id", measured_spend="spend", measured_value="value")
    known = known_ledger(campaigns, asset_performance, roi_ledger, as_of)
    booked = known.select("campaign_id", booked_spend="media_spend", booked_value="estimated_value")
    ids = ibis.union(measured.select("campaign_id"), booked.select("campaign_id"), distinct=True)
    both = lookup(lookup(ids, measured, "campaign_id"), booked, "campaign_id")
    excess = both.booked_spend - both.measured_spend
    is_beyond = excess > rounded(both.measured_spend * tolerance, CONTRIBUTION_DECIMALS)
    is_booked = both.measured_spend.isnull() | is_beyond.fill_null(False)
    return both.mutate(
        spend_basis=is_booked.ifelse(LEDGER, METRICS),
        recorded_spend=rounded(is_booked.ifelse(both.booked_spend, both.measured_spend), MONEY_DECIMALS),
        recorded_value=rounded(is_booked.ifelse(both.booked_value, both.measured_value), MONEY_DECIMALS),
    )


def known_ledger(
    campaigns: ir.Table, asset_performance: ir.Table, roi_ledger: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Return the ledger entries of campaigns that were set up, or measured, by the as-of date."""
    is_set_up = campaigns.created_at < days_after(as_of, 1)
    known = campaigns.filter(is_set_up | campaigns.campaign_id.isin(asset_performance.campaign_id))
    return roi_ledger.semi_join(known, "campaign_id")
