"""The marketing as a whole: every campaign counted once.

One row per as-of date, of the sums of `campaign_analysis`. Spend and value of each campaign are from one record,
metrics or ledger, the one that knows the most spend; what the metrics alone say stands beside it. There is one return
on investment of the whole: that of `roi_analysis`, which knows the costs that no campaign has for itself.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import money_sum, rounded, same_money
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
    exceeding_expectations: int = column("Campaigns judged so [campaigns].", ge=0)
    meeting_expectations: int = column("Campaigns judged so [campaigns].", ge=0)
    below_expectations: int = column("Campaigns judged so [campaigns].", ge=0)
    too_early: int = column("Campaigns it is too early to judge [campaigns].", ge=0)
    not_measurable: int = column("Campaigns that cannot be judged [campaigns].", ge=0)
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
    overall_roas: float = column("Value over media spend [x spend], up = better; null without spend.", nullable=True)
    overall_roi: float = column(
        "What is left of the value after all cost, as roi_analysis has it [x cost], up = better; null without cost.",
        nullable=True,
    )
    campaigns_without_ledger: int = column(
        "Measured campaigns whose cost of work is in no ledger [campaigns]: they have no ROI of their own.", ge=0
    )


def performance_assessment(campaign_analysis: ir.Table, roi_analysis: ir.Table) -> ir.Table:
    """Add up the campaigns."""
    rows = campaign_analysis
    judged = {
        name: rows.count(where=rows.overall_performance == name)
        for name in (EXCEEDING, MEETING, BELOW, TOO_EARLY, NOT_MEASURABLE)
    }
    sums = rows.agg(
        total_campaigns=rows.count(),
        active_campaigns=rows.count(where=rows.status == ACTIVE),
        total_experiments=rows.total_experiments.sum().fill_null(0),
        running_experiments=rows.active_experiments.sum().fill_null(0),
        completed_experiments=rows.completed_experiments.sum().fill_null(0),
        over_budget=rows.count(where=rows.is_over_budget),
        total_impressions=rows.impressions.sum(),
        total_clicks=rows.clicks.sum(),
        total_conversions=rows.conversions.sum(),
        total_spend=money_sum(rows.recorded_spend),
        measured_spend=money_sum(rows.spend),
        total_revenue_proxy=money_sum(rows.recorded_value),
        campaigns_without_ledger=rows.count(where=rows.spend.notnull() & rows.all_cost.isnull()),
        **judged,
    )
    sums = sums.cross_join(roi_analysis.select("roi_percentage"))
    return sums.mutate(
        overall_roas=rounded(return_on_ad_spend(sums.total_revenue_proxy, sums.total_spend)),
        overall_roi=rounded(sums.roi_percentage / 100),
    )


@check(blocking=True)
def campaigns_not_counted_once(
    performance_assessment: ir.Table, campaigns: ir.Table, asset_performance: ir.Table, as_of: date
) -> ir.Table:
    """Find a number of campaigns, or an amount, that is not that of the sources."""
    known = campaigns.filter(
        (campaigns.created_at.date() <= as_of) | campaigns.campaign_id.isin(asset_performance.campaign_id)
    )
    found = performance_assessment.cross_join(known.agg(known=known.count()))
    found = found.cross_join(asset_performance.agg(cost=money_sum(asset_performance.cost)))
    judged = sum((found[name] for name in (EXCEEDING, MEETING, BELOW, TOO_EARLY)), found[NOT_MEASURABLE])
    is_spend_lost = ~same_money(found.measured_spend, found.cost).fill_null(found.cost.isnull())
    wrong = (found.total_campaigns != found.known) | (judged != found.known) | is_spend_lost
    return found.filter(wrong).select("total_campaigns", "known", "measured_spend", "cost", judged=judged)
