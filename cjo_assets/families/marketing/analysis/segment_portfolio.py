"""Action per audience segment of a campaign: scale, hold, revise or stop, from our own figures.

One row per as-of date, campaign and audience segment with an asset or a rollup. The segment's metric is compared with
the campaign's target or, without a target, with the campaign's other segments on the same channels with the same calls
to action; where the intervals overlap the action is hold. Otherwise money decides: value against all cost, in which the
cost of work is distributed like the campaign's recorded media spend, so media without assets here carries its share of
the work. The recommendation of the source is shown beside ours and changes nothing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, money_sum, rounded, same_money
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.marketing.analysis._segment_references import segment_references
from cjo_assets.families.marketing.analysis.campaign_analysis import FEW_EXPOSURES, METRIC_NOT_DEFINED, NO_EXPOSURES
from cjo_assets.families.marketing.inputs.segment_rollups import HOLD, RECOMMENDATIONS, REVISE, SCALE, STOP
from cjo_assets.families.marketing.measurement._economics import nonzero, return_on_ad_spend, return_on_investment
from cjo_assets.families.marketing.measurement._first_rule import first_that_holds
from cjo_assets.families.marketing.measurement._measured_kpis import COUNTED, performance_sums, with_kpi
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy

TARGET, OTHER_SEGMENTS = "target", "other_segments"
SPEND_WITHOUT_VALUE, FAR_BELOW, SURELY_BELOW = "spend_without_value", "far_below_reference", "below_reference"
LOSING_MONEY, ABOVE_AND_PAYING, AS_EXPECTED = "losing_money", "above_reference_and_paying", "as_expected"
NO_REFERENCE = "no_reference"
RULES = [
    NO_EXPOSURES,
    SPEND_WITHOUT_VALUE,
    METRIC_NOT_DEFINED,
    FEW_EXPOSURES,
    FAR_BELOW,
    SURELY_BELOW,
    LOSING_MONEY,
    NO_REFERENCE,
    ABOVE_AND_PAYING,
    AS_EXPECTED,
]
PAIR = ("campaign_id", "segment_id")
AMOUNTS = ("spend", "value")


class SegmentPortfolio(DatedContract):
    """What to do with each segment of a campaign. One row per as-of date, campaign and audience segment."""

    campaign_id: str = key("Campaign.")
    segment_id: str = key("Audience segment.")
    impressions: int = column("Impressions [impressions]; null where nothing was measured.", ge=0, nullable=True)
    clicks: int = column("Clicks [clicks]; null where nothing was measured.", ge=0, nullable=True)
    conversions: int = column("Conversions [conversions]; null where nothing was measured.", ge=0, nullable=True)
    spend: float = column("Media spend [currency]; null where nothing was measured.", ge=0, nullable=True)
    value: float = column(
        "Value of the conversions, as the source estimates it [currency]; null where nothing was measured.",
        ge=0,
        nullable=True,
    )
    work_cost: float = column(
        "Cost of the campaign's work laid on the segment as media spend is [currency]; null where not known.",
        ge=0,
        nullable=True,
        decimals=2,
    )
    roi: float = column(
        "Value less media and work, over both [x cost], up = better; null without.", nullable=True, decimals=6
    )
    roas: float = column(
        "Value over media spend [x spend], up = better; null without spend.", ge=0, nullable=True, decimals=6
    )
    primary_kpi: str = column("Metric of the campaign.")
    kpi_successes: int = column("What the metric counts [numerator of metric_definitions].", ge=0, nullable=True)
    kpi_exposures: int = column("What it is divided by [denominator of metric_definitions].", ge=0, nullable=True)
    kpi_value: float = column(
        "Value of the metric [x exposures]; null without exposures.", ge=0, nullable=True, decimals=12
    )
    kpi_value_low: float = column("Lower end of its interval.", ge=0, le=1, nullable=True, decimals=12)
    kpi_value_high: float = column("Upper end of its interval.", ge=0, le=1, nullable=True, decimals=12)
    design_effect: float = column(
        "Variance of the successes over that of as many independent exposures [x variance]; null where the metric is "
        "not defined.",
        ge=1,
        nullable=True,
    )
    reference: float = column(
        "What the metric is compared with: the target, else what other segments reach in the same places; null where "
        "neither exists, or the others had no success.",
        nullable=True,
        decimals=12,
    )
    reference_low: float = column(
        "Lower end of its interval; of a target the target itself.", nullable=True, decimals=12
    )
    reference_high: float = column(
        "Upper end of its interval; of a target the target itself.", nullable=True, decimals=12
    )
    reference_source: str = column(
        "target, or the campaign's other_segments on the same channels with the same calls to action.",
        isin=[TARGET, OTHER_SEGMENTS],
        nullable=True,
    )
    action: str = column("Action by our figures; null where there are none.", isin=list(RECOMMENDATIONS), nullable=True)
    rule: str = column("What gave the action: the first that applies.", isin=RULES)
    source_recommendation: str = column(
        "Recommendation of the source's last rollup; null without one.", isin=list(RECOMMENDATIONS), nullable=True
    )
    source_trend: float = column("Change against the window before, by that rollup [-1 to 1].", nullable=True)
    source_window_end: date = column("Last day of that rollup's window; null without one.", nullable=True)
    agrees_with_source: bool = column("Whether both actions are the same; null where one is missing.", nullable=True)


def segment_portfolio(
    campaign_analysis: ir.Table,
    creative_assets: ir.Table,
    asset_performance: ir.Table,
    segment_rollups: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Choose the action for each segment of each campaign."""
    level = policy.marketing.campaigns.interval_level
    created = creative_assets.filter(creative_assets.created_at < days_after(as_of, 1))
    latest = _latest_rollups(segment_rollups.filter(segment_rollups.window_end <= as_of))
    sums = performance_sums(asset_performance, *PAIR)
    pairs = ibis.union(created.select(PAIR), sums.select(PAIR), latest.select(PAIR), distinct=True)
    campaigns = campaign_analysis.select(
        "campaign_id",
        "primary_kpi",
        # Any value attains a target of 0, so segments cannot be compared by it.
        kpi_target=campaign_analysis.kpi_target.nullif(0.0),
        campaign_spend="recorded_spend",
        campaign_work=campaign_analysis.llm_cost + campaign_analysis.human_review_cost,
    )
    segments = lookup(pairs.join(campaigns, "campaign_id"), sums, PAIR)
    segments = with_kpi(segments, "primary_kpi", metric_definitions, level)
    others = segment_references(asset_performance, creative_assets, campaign_analysis, metric_definitions, level)
    segments = _with_reference(lookup(segments, others, PAIR))
    work = segments.campaign_work * (segments.spend / nonzero(segments.campaign_spend))
    segments = segments.mutate(
        work_cost=work,
        roi=return_on_investment(segments["value"], segments.spend + work),
        roas=return_on_ad_spend(segments["value"], segments.spend),
    )
    action, rule = _action(segments, policy)
    decided = lookup(segments.mutate(action=action, rule=rule), latest, PAIR)
    return decided.mutate(agrees_with_source=decided.action == decided.source_recommendation)


def _latest_rollups(rollups: ir.Table) -> ir.Table:
    """Return the last statement of the source on each segment of a campaign."""
    latest_first = [ibis.desc("window_end"), ibis.desc("window_start"), ibis.desc("rollup_id")]
    return first_per(rollups, PAIR, latest_first).select(
        *PAIR,
        source_recommendation="recommendation",
        source_trend="trend_vs_prior_window",
        source_window_end="window_end",
    )


def _with_reference(segments: ir.Table) -> ir.Table:
    """Add the reference of the metric: the target, else the rate of comparable segments of the campaign."""
    target = segments.kpi_target
    return segments.mutate(
        reference=ibis.coalesce(target, segments.others),
        reference_low=ibis.coalesce(target, segments.others_low),
        reference_high=ibis.coalesce(target, segments.others_high),
        reference_source=ibis.cases((target.notnull(), TARGET), (segments.others.notnull(), OTHER_SEGMENTS)),
    )


def _action(segments: ir.Table, policy: Policy) -> tuple[ir.StringValue, ir.StringValue]:
    """Return the action and the first rule that applies."""
    rules = policy.marketing.segments
    is_down = segments.direction == DOWN
    low, high = segments.kpi_value_low, segments.kpi_value_high

    def worse(margin: float) -> ir.BooleanValue:
        """Return whether the whole interval is worse than that share of the reference."""
        return is_down.ifelse(low * margin > segments.reference_high, high < segments.reference_low * margin)

    better = is_down.ifelse(high < segments.reference_low, low > segments.reference_high)
    roi = rounded(segments.roi, CONTRIBUTION_DECIMALS)
    loses = roi < rules.minimum_roi
    in_order = (
        (segments.impressions.isnull(), None, NO_EXPOSURES),
        ((segments["value"] == 0) & (segments.spend >= rules.spend_without_value), STOP, SPEND_WITHOUT_VALUE),
        (segments.defined_metric.isnull(), None, METRIC_NOT_DEFINED),
        (segments.kpi_value.isnull(), None, NO_EXPOSURES),
        (segments.kpi_exposures < rules.minimum_exposures, HOLD, FEW_EXPOSURES),
        (worse(rules.stop_share) & loses, STOP, FAR_BELOW),
        (worse(1.0), REVISE, SURELY_BELOW),
        (loses, REVISE, LOSING_MONEY),
        (segments.reference.isnull(), HOLD, NO_REFERENCE),
        (better & (roi >= rules.scale_roi), SCALE, ABOVE_AND_PAYING),
    )
    return first_that_holds(in_order, HOLD, AS_EXPECTED)


@check(blocking=True)
def segments_that_do_not_sum(segment_portfolio: ir.Table, campaign_analysis: ir.Table) -> ir.Table:
    """Return campaigns whose figures differ from the sum of their segments."""
    ours = segment_portfolio.group_by("campaign_id").agg(
        **{f"segment_{name}": segment_portfolio[name].sum() for name in COUNTED},
        **{f"segment_{name}": money_sum(segment_portfolio[name]) for name in AMOUNTS},
    )
    both = lookup(campaign_analysis, ours, "campaign_id")
    differs = [~both[name].identical_to(both[f"segment_{name}"]) for name in COUNTED]
    differs += [~same_money(both[name], both[f"segment_{name}"]).fill_null(both[name].isnull()) for name in AMOUNTS]
    return both.filter(any_of(differs)).select(
        "campaign_id", *(f"{part}{name}" for name in (*COUNTED, *AMOUNTS) for part in ("", "segment_"))
    )


@check
def recommendations_that_differ(segment_portfolio: ir.Table) -> ir.Table:
    """Return segments for which the source recommends another action."""
    differing = segment_portfolio.filter(~segment_portfolio.agrees_with_source)
    return differing.select(*PAIR, "action", "rule", "source_recommendation")
