"""Total cost, value and return on investment.

One row per as-of date with the sums of `roi_components`. Return on investment is value minus all cost, over all cost,
including language models, review, infrastructure and calls. Return on ad spend is a separate figure, gross of all other
costs. The value that experiments prove is shown separately, with its interval.

Spend and value of a campaign come from the record with the most spend, metrics or ledger. The totals of both records
and their residual are shown as well.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, RANDOMISED, VALUE
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded, same_money
from cjo_assets.families.marketing.measurement._economics import return_on_ad_spend, return_on_investment
from cjo_assets.families.marketing.measurement._recorded_money import LEDGER, recorded_money
from cjo_assets.families.marketing.value._proved_value import conclusive_on_conversions
from cjo_assets.families.marketing.value.roi_components import (
    API_CALLS,
    HUMAN_REVIEW,
    INFRASTRUCTURE,
    LLM_COST,
    MEDIA_SPEND,
    running_window,
)
from cjo_assets.policy import Policy

POSITIVE, NEGATIVE, NEUTRAL = "positive", "negative", "neutral"
ROI_STATUSES = [POSITIVE, NEGATIVE, NEUTRAL, NOT_MEASURABLE]
NOT_DISTINGUISHABLE, NOTHING_PROVED = "not_distinguishable", "nothing_proved"
PROOF_STATUSES = [POSITIVE, NEGATIVE, NOT_DISTINGUISHABLE, NOTHING_PROVED, NOT_MEASURABLE]
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
    total_media_spend: float = column(
        "Media spend of each campaign by the record that knows the most of it [currency]; null where none knows any.",
        ge=0,
        nullable=True,
        decimals=2,
    )
    media_spend_measured: float = column(
        "Media spend by the metrics [currency]; null where nothing was measured.", ge=0, nullable=True
    )
    media_spend_booked: float = column("Media spend by the ledger [currency]; null without one.", ge=0, nullable=True)
    media_spend_residual: float = column(
        "Ledger minus metrics, of campaigns that both have [currency], up = the ledger books more; null without.",
        nullable=True,
    )
    campaigns_by_ledger: int = column(
        "Campaigns whose spend and value here are the ledger's, since it books more than the metrics [campaigns].", ge=0
    )
    total_llm_cost: float = column("Language models [currency].", ge=0, decimals=2)
    total_human_review_cost: float = column("People's review [currency].", ge=0, decimals=2)
    total_infrastructure_cost: float = column(
        "Machines and licences, their share of the window [currency].", ge=0, decimals=2
    )
    total_api_cost: float = column("Calls of other systems [currency].", ge=0, decimals=2)
    total_cost: float = column("Sum of all costs [currency]; null where media spend is.", ge=0, nullable=True)
    total_estimated_value: float = column(
        "Value by the same records, as the source estimates it, of all grades [currency]; null as above.", nullable=True
    )
    value_residual: float = column(
        "Value by the ledger minus value by the metrics, of campaigns that both have [currency]; null without.",
        nullable=True,
    )
    value_randomised: float = column(
        "Of it, what experiments prove to be our doing, by intervals that leave out 0 [currency]; 0 where none does.",
        decimals=2,
    )
    value_randomised_low: float = column(
        "Lower end of its interval [currency]; null without a proof.", nullable=True, decimals=2
    )
    value_randomised_high: float = column(
        "Upper end of its interval [currency]; null without a proof.", nullable=True, decimals=2
    )
    unproved_experiments: TextList = column(
        "Experiments on conversions with a verdict to scale or to stop whose deciding interval includes 0, sorted: "
        "they count 0 in value_randomised."
    )
    value_assumption: float = column(
        "The rest, which nothing was compared with [currency]; null as above.", nullable=True, decimals=2
    )
    total_net_roi: float = column(
        "total_estimated_value minus total_cost [currency], up = better.", nullable=True, decimals=2
    )
    net_without_assumption: float = column("value_randomised minus total_cost [currency], up = better.", nullable=True)
    net_without_assumption_low: float = column("Lower end of its interval [currency]; null as above.", nullable=True)
    net_without_assumption_high: float = column("Upper end of its interval [currency]; null as above.", nullable=True)
    net_without_assumption_status: str = column(
        "Its sign; not_distinguishable from 0 where the interval includes 0; nothing_proved without a proof.",
        isin=PROOF_STATUSES,
    )
    roi_percentage: float = column(
        "total_net_roi in percent of total_cost, up = better; null without cost.", nullable=True, decimals=6
    )
    roas: float = column(
        "total_estimated_value over total_media_spend [x spend], gross of all other costs: no ROI; null without spend.",
        nullable=True,
        decimals=6,
    )
    roi_status: str = column("Sign of total_net_roi; not_measurable without value or cost.", isin=ROI_STATUSES)
    value_evidence_grade: str = column(
        "Weakest grade of the value; null where there is none.", isin=[RANDOMISED, ASSUMPTION], nullable=True
    )


def roi_analysis(
    roi_components: ir.Table,
    asset_performance: ir.Table,
    campaigns: ir.Table,
    roi_ledger: ir.Table,
    experiment_evaluations: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Sum the components."""
    totals = _totals(roi_components).cross_join(running_window(asset_performance, campaigns, as_of))
    totals = totals.cross_join(_records(recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy)))
    totals = totals.cross_join(_unproved(experiment_evaluations, metric_definitions))
    totals = totals.mutate(**{name: totals[name].fill_null(0.0) for name in TOTALS if name != "total_media_spend"})
    # Unknown media spend makes the sum unknown: the other costs alone would look complete.
    cost = sum((totals[name] for name in TOTALS), ibis.literal(0.0))
    totals = totals.mutate(
        total_cost=rounded(cost, MONEY_DECIMALS),
        total_estimated_value=rounded(totals.value_randomised + totals.value_assumption, MONEY_DECIMALS),
    )
    totals = totals.mutate(
        total_net_roi=totals.total_estimated_value - totals.total_cost,
        **{
            f"net_without_assumption{end}": rounded(
                totals[f"value_randomised{end}"] - totals.total_cost, MONEY_DECIMALS
            )
            for end in ("", "_low", "_high")
        },
    )
    return totals.mutate(
        net_without_assumption_status=_proof_status(totals),
        roi_percentage=100 * return_on_investment(totals.total_estimated_value, totals.total_cost),
        roas=return_on_ad_spend(totals.total_estimated_value, totals.total_media_spend),
        roi_status=_status(totals),
        value_evidence_grade=ibis.cases(
            (totals.value_assumption != 0, ASSUMPTION), (totals.value_randomised != 0, RANDOMISED)
        ),
    )


def _totals(parts: ir.Table) -> ir.Table:
    is_value = parts.kind == VALUE
    is_proved = is_value & (parts.evidence_grade == RANDOMISED)
    return parts.agg(
        **{name: parts.amount.sum(where=parts.component == component) for name, component in TOTALS.items()},
        value_randomised=parts.amount.sum(where=is_proved).fill_null(0.0),
        value_randomised_low=parts.amount_low.sum(where=is_proved),
        value_randomised_high=parts.amount_high.sum(where=is_proved),
        value_assumption=parts.amount.sum(where=is_value & (parts.evidence_grade == ASSUMPTION)),
    )


def _records(money: ir.Table) -> ir.Table:
    """Sum metrics, ledger and their residuals."""
    return money.agg(
        media_spend_measured=money_sum(money.measured_spend),
        media_spend_booked=money_sum(money.booked_spend),
        media_spend_residual=money_sum(money.booked_spend - money.measured_spend),
        campaigns_by_ledger=money.count(where=money.spend_basis == LEDGER),
        value_residual=money_sum(money.booked_value - money.measured_value),
    )


def _unproved(experiment_evaluations: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    tests = conclusive_on_conversions(experiment_evaluations, metric_definitions)
    found = tests.agg(names=tests.experiment_id.collect(where=~tests.is_proof).sort())
    return found.select(unproved_experiments=found.names.fill_null(ibis.literal([], "array<string>")))


def _status(totals: ir.Table) -> ir.StringValue:
    return ibis.cases(
        (totals.total_net_roi.isnull() | (totals.total_cost == 0), NOT_MEASURABLE),
        (same_money(totals.total_estimated_value, totals.total_cost), NEUTRAL),
        (totals.total_net_roi > 0, POSITIVE),
        else_=NEGATIVE,
    )


def _proof_status(totals: ir.Table) -> ir.StringValue:
    """Classify the net of the proved value by its interval."""
    return ibis.cases(
        (totals.total_cost.isnull(), NOT_MEASURABLE),
        (totals.value_randomised_low.isnull(), NOTHING_PROVED),
        (totals.net_without_assumption_low > 0, POSITIVE),
        (totals.net_without_assumption_high < 0, NEGATIVE),
        else_=NOT_DISTINGUISHABLE,
    )


@check(blocking=True)
def totals_that_do_not_sum(roi_analysis: ir.Table, roi_components: ir.Table) -> ir.Table:
    """Return totals that differ from the sum of their parts."""
    parts = roi_components
    sums = parts.agg(
        costs=parts.amount.sum(where=parts.kind == COST), worth=parts.amount.sum(where=parts.kind == VALUE)
    )
    totals = roi_analysis.cross_join(sums)
    gap = ibis.greatest(
        (totals.total_cost - totals.costs).abs(),
        (totals.total_estimated_value - totals.worth).abs(),
        (totals.total_estimated_value - totals.total_cost - totals.total_net_roi).abs(),
        (totals.value_randomised + totals.value_assumption - totals.total_estimated_value).abs(),
        # `greatest` ignores null, the value where nothing was proved.
        totals.value_randomised_low - totals.value_randomised,
        totals.value_randomised - totals.value_randomised_high,
    )
    return totals.filter(gap > 10.0**-MONEY_DECIMALS).select("total_cost", "costs", "total_estimated_value", "worth")
