"""Totals of all campaigns, each counted once.

One row per as-of date with the sums of `campaign_analysis`. Spend and value of a campaign come from one record, metrics
or ledger, whichever has more spend; the spend of the metrics is shown as well. The return on investment is that of
`roi_analysis`, which includes the costs that campaigns share.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import money_sum, same_money
from cjo_assets.families.marketing.analysis.campaign_analysis import BELOW, EXCEEDING, MEETING, TOO_EARLY
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE
from cjo_assets.families.marketing.measurement._economics import return_on_ad_spend


class PerformanceAssessment(DatedContract):
    """The marketing as a whole. One row per as-of date."""

    total_campaigns: int = column("Campaigns set up so far [campaigns].", ge=0)
    active_campaigns: int = column("Of these, active [campaigns].", ge=0)
    total_experiments: int = column("Experiments begun so far [experiments].", ge=0)
    running_experiments: int = column("Of these, running on the as-of date [experiments].", ge=0)
    completed_experiments: int = column("Of these, completed by then [experiments].", ge=0)
    exceeding_expectations: int = column("Campaigns with this performance [campaigns].", ge=0)
    meeting_expectations: int = column("Campaigns with this performance [campaigns].", ge=0)
    below_expectations: int = column("Campaigns with this performance [campaigns].", ge=0)
    too_early: int = column("Campaigns with too few days or exposures [campaigns].", ge=0)
    not_measurable: int = column("Campaigns whose performance is not measurable [campaigns].", ge=0)
    over_budget: int = column("Campaigns that spent more than their budget [campaigns].", ge=0)
    total_impressions: int = column("Impressions [impressions]; null where nothing was measured.", nullable=True)
    total_clicks: int = column("Clicks [clicks]; null where nothing was measured.", nullable=True)
    total_conversions: int = column("Conversions [conversions]; null where nothing was measured.", nullable=True)
    total_spend: float = column(
        "Media spend of each campaign by its spend_basis [currency]; null where no record knows any.",
        ge=0,
        nullable=True,
    )
    measured_spend: float = column(
        "Media spend by the metrics alone [currency]; null where nothing was measured.", ge=0, nullable=True
    )
    total_revenue_proxy: float = column(
        "Value by the same records as total_spend, as the source estimates it [currency]; null as above.",
        ge=0,
        nullable=True,
    )
    overall_roas: float = column(
        "Value over media spend [x spend], up = better; null without spend.", nullable=True, decimals=6
    )
    overall_roi: float = column(
        "What is left of the value after all cost, as roi_analysis has it [x cost], up = better; null without cost.",
        nullable=True,
        decimals=6,
    )
    campaigns_without_ledger: int = column(
        "Measured campaigns whose cost of work is in no ledger [campaigns]: they have no ROI of their own.", ge=0
    )


def performance_assessment(campaign_analysis: ir.Table, roi_analysis: ir.Table) -> ir.Table:
    """Sum the campaigns."""
    campaigns = campaign_analysis
    by_performance = {
        name: campaigns.count(where=campaigns.overall_performance == name)
        for name in (EXCEEDING, MEETING, BELOW, TOO_EARLY, NOT_MEASURABLE)
    }
    sums = campaigns.agg(
        total_campaigns=campaigns.count(),
        active_campaigns=campaigns.count(where=campaigns.status == ACTIVE),
        total_experiments=campaigns.total_experiments.sum().fill_null(0),
        running_experiments=campaigns.active_experiments.sum().fill_null(0),
        completed_experiments=campaigns.completed_experiments.sum().fill_null(0),
        over_budget=campaigns.count(where=campaigns.is_over_budget),
        total_impressions=campaigns.impressions.sum(),
        total_clicks=campaigns.clicks.sum(),
        total_conversions=campaigns.conversions.sum(),
        total_spend=money_sum(campaigns.recorded_spend),
        measured_spend=money_sum(campaigns.spend),
        total_revenue_proxy=money_sum(campaigns.recorded_value),
        campaigns_without_ledger=campaigns.count(where=campaigns.spend.notnull() & campaigns.all_cost.isnull()),
        **by_performance,
    )
    sums = sums.cross_join(roi_analysis.select("roi_percentage"))
    return sums.mutate(
        overall_roas=return_on_ad_spend(sums.total_revenue_proxy, sums.total_spend),
        overall_roi=sums.roi_percentage / 100,
    )


@check(blocking=True)
def campaigns_not_counted_once(
    performance_assessment: ir.Table, campaigns: ir.Table, asset_performance: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Return totals that differ from the number of campaigns or the spend of the sources."""
    known = campaigns.filter(
        (campaigns.created_at.date() <= as_of) | campaigns.campaign_id.isin(asset_performance.campaign_id)
    )
    compared = performance_assessment.cross_join(known.agg(known=known.count()))
    compared = compared.cross_join(asset_performance.agg(cost=money_sum(asset_performance.cost)))
    judged = sum((compared[name] for name in (EXCEEDING, MEETING, BELOW, TOO_EARLY)), compared[NOT_MEASURABLE])
    is_spend_lost = ~same_money(compared.measured_spend, compared.cost).fill_null(compared.cost.isnull())
    wrong = (compared.total_campaigns != compared.known) | (judged != compared.known) | is_spend_lost
    return compared.filter(wrong).select("total_campaigns", "known", "measured_spend", "cost", judged=judged)
