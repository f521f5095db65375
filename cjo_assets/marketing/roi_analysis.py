"""What it all comes to.

One row per as-of date: the sums of `roi_components`. There is one return on investment: value minus all cost, over all
cost, language models, review, infrastructure and calls included. The return on media spend stands beside it under its
own name, gross of every other cost, and is compared with nothing else. What remains of the value at the stronger grade
stands apart, so that nobody takes an estimate for a proof.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.marketing.economics import return_on_ad_spend, return_on_investment
from cjo_assets.marketing.roi_components import (
    API_CALLS,
    HUMAN_REVIEW,
    INFRASTRUCTURE,
    LLM_COST,
    MEDIA_SPEND,
    running_window,
)
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.evidence_grades import ASSUMPTION, COST, RANDOMISED, VALUE
from cjo_assets.shared.numbers import MONEY_DECIMALS, rounded, same_money
from cjo_assets.shared.statistics import NOT_MEASURABLE

POSITIVE, NEGATIVE, NEUTRAL = "positive", "negative", "neutral"
ROI_STATUSES = [POSITIVE, NEGATIVE, NEUTRAL, NOT_MEASURABLE]
TOTALS = {
    "total_media_spend": MEDIA_SPEND,
    "total_llm_cost": LLM_COST,
    "total_human_review_cost": HUMAN_REVIEW,
    "total_infrastructure_cost": INFRASTRUCTURE,
    "total_api_cost": API_CALLS,
}


class RoiAnalysis(DatedContract):
    """Totals so far. One row per as-of date."""

    window_start: date = column("First day on which a campaign ran; null where none has.", nullable=True)
    window_end: date = column("Last such day up to the as-of date; null where there is none.", nullable=True)
    total_media_spend: float = column("Media spend [currency]; null where nothing was measured.", ge=0, nullable=True)
    total_llm_cost: float = column("Language models [currency].", ge=0)
    total_human_review_cost: float = column("People's review [currency].", ge=0)
    total_infrastructure_cost: float = column("Machines and licences, their share of the window [currency].", ge=0)
    total_api_cost: float = column("Calls of other systems [currency].", ge=0)
    total_cost: float = column("Sum of all costs [currency]; null where media spend is.", ge=0, nullable=True)
    total_estimated_value: float = column(
        "Value, as the source estimates it, of all grades [currency]; null where nothing was measured.", nullable=True
    )
    value_randomised: float = column("Of it, what experiments prove to be our doing [currency]; 0 where none does.")
    value_assumption: float = column(
        "The rest, which nothing was compared with [currency]; null as above.", nullable=True
    )
    total_net_roi: float = column("total_estimated_value minus total_cost [currency], up = better.", nullable=True)
    net_without_assumption: float = column("value_randomised minus total_cost [currency], up = better.", nullable=True)
    roi_percentage: float = column(
        "total_net_roi in percent of total_cost, up = better; null without cost.", nullable=True
    )
    roas: float = column(
        "total_estimated_value over total_media_spend [x spend], gross of all other costs: no ROI; null without spend.",
        nullable=True,
    )
    roi_status: str = column("Sign of total_net_roi; not_measurable without value or cost.", isin=ROI_STATUSES)
    value_evidence_grade: str = column(
        "Weakest grade of the value; null where there is none.", isin=[RANDOMISED, ASSUMPTION], nullable=True
    )

    class Config:
        """A day has one total."""

        unique = ["as_of"]


def roi_analysis(roi_components: ir.Table, asset_performance: ir.Table, campaigns: ir.Table, as_of: date) -> ir.Table:
    """Add up the components."""
    parts = roi_components
    is_value = parts.kind == VALUE
    totals = parts.agg(
        **{name: parts.amount.sum(where=parts.component == component) for name, component in TOTALS.items()},
        value_randomised=parts.amount.sum(where=is_value & (parts.evidence_grade == RANDOMISED)).fill_null(0.0),
        value_assumption=parts.amount.sum(where=is_value & (parts.evidence_grade == ASSUMPTION)),
    )
    rows = totals.cross_join(running_window(asset_performance, campaigns, as_of))
    rows = rows.mutate(**{name: rows[name].fill_null(0.0) for name in TOTALS if name != "total_media_spend"})
    # Media spend that nobody measured leaves the sum unknown: the other costs alone would pass for all of it.
    paid = sum((rows[name] for name in TOTALS), ibis.literal(0.0))
    rows = rows.mutate(
        paid=rounded(paid, MONEY_DECIMALS), worth=rounded(rows.value_randomised + rows.value_assumption, MONEY_DECIMALS)
    )
    rows = rows.mutate(net=rows.worth - rows.paid)
    status = ibis.cases(
        (rows.net.isnull() | (rows.paid == 0), NOT_MEASURABLE),
        (same_money(rows.worth, rows.paid), NEUTRAL),
        (rows.net > 0, POSITIVE),
        else_=NEGATIVE,
    )
    grade = ibis.cases((rows.value_assumption != 0, ASSUMPTION), (rows.value_randomised != 0, RANDOMISED))
    return rows.select(
        "window_start",
        "window_end",
        **{name: rounded(rows[name], MONEY_DECIMALS) for name in TOTALS},
        total_cost=rows.paid,
        total_estimated_value=rows.worth,
        value_randomised=rounded(rows.value_randomised, MONEY_DECIMALS),
        value_assumption=rounded(rows.value_assumption, MONEY_DECIMALS),
        total_net_roi=rounded(rows.net, MONEY_DECIMALS),
        net_without_assumption=rounded(rows.value_randomised - rows.paid, MONEY_DECIMALS),
        roi_percentage=rounded(100 * return_on_investment(rows.worth, rows.paid)),
        roas=rounded(return_on_ad_spend(rows.worth, rows.total_media_spend)),
        roi_status=status,
        value_evidence_grade=grade,
    )


def totals_that_do_not_sum(roi_analysis: ir.Table, roi_components: ir.Table) -> ir.Table:
    """Find totals that are not the sum of their parts."""
    parts = roi_components
    sums = parts.agg(
        costs=parts.amount.sum(where=parts.kind == COST), worth=parts.amount.sum(where=parts.kind == VALUE)
    )
    rows = roi_analysis.cross_join(sums)
    gap = ibis.greatest(
        (rows.total_cost - rows.costs).abs(),
        (rows.total_estimated_value - rows.worth).abs(),
        (rows.total_estimated_value - rows.total_cost - rows.total_net_roi).abs(),
        (rows.value_randomised + rows.value_assumption - rows.total_estimated_value).abs(),
    )
    return rows.filter(gap > 10.0**-MONEY_DECIMALS).select("total_cost", "costs", "total_estimated_value", "worth")
