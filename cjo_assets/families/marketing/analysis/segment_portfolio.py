"""What to do with each audience segment of a campaign: scale, hold, revise or stop, computed from our own figures.

One row per as-of date, campaign and audience segment for which the campaign has an asset or a rollup. The segment's
metric is held against the campaign's target or, where nobody set one, against the campaign's other segments on the same
channels with the same calls to action; what the intervals leave open is held, not acted on. Money decides the rest:
value against all cost, of which the cost of the work is laid on the segments as the campaign's recorded media spend is:
of media that no asset here was shown for, work is not charged to the segments either. The source's own recommendation
stands beside ours and changes nothing.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded, same_money
from cjo_assets.families.marketing.analysis._segment_references import segment_references
from cjo_assets.families.marketing.analysis.campaign_analysis import FEW_EXPOSURES, METRIC_NOT_DEFINED, NO_EXPOSURES
from cjo_assets.families.marketing.inputs.segment_rollups import HOLD, RECOMMENDATIONS, REVISE, SCALE, STOP
from cjo_assets.families.marketing.measurement._economics import return_on_ad_spend, return_on_investment, spent
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
    )
    roi: float = column("Value less media and work, over both [x cost], up = better; null without.", nullable=True)
    roas: float = column("Value over media spend [x spend], up = better; null without spend.", ge=0, nullable=True)
    primary_kpi: str = column("Metric of the campaign.")
    kpi_successes: int = column("What the metric counts [numerator of metric_definitions].", ge=0, nullable=True)
    kpi_exposures: int = column("What it is divided by [denominator of metric_definitions].", ge=0, nullable=True)
    kpi_value: float = column("Value of the metric [x exposures]; null without exposures.", ge=0, nullable=True)
    kpi_value_low: float = column("Lower end of its interval.", ge=0, le=1, nullable=True)
    kpi_value_high: float = column("Upper end of its interval.", ge=0, le=1, nullable=True)
    design_effect: float = column(
        "Variance of the successes over that of as many independent exposures [x variance]; null where the metric is "
        "not defined.",
        ge=1,
        nullable=True,
    )
    reference: float = column(
        "What the metric is held against: the target, else what other segments reach in the same places; null where "
        "neither exists, or the others had no success.",
        nullable=True,
    )
    reference_low: float = column("Lower end of its interval; of a target the target itself.", nullable=True)
    reference_high: float = column("Upper end of its interval; of a target the target itself.", nullable=True)
    reference_source: str = column(
        "target, or the campaign's other_segments on the same channels with the same calls to action.",
        isin=[TARGET, OTHER_SEGMENTS],
        nullable=True,
    )
    action: str = column("What our figures say; null where there are none.", isin=list(RECOMMENDATIONS), nullable=True)
    rule: str = column("What gave the action: the first that applies.", isin=RULES)
    source_recommendation: str = column(
        "What the source's last rollup says; null without one.", isin=list(RECOMMENDATIONS), nullable=True
    )
    source_trend: float = column("Change against the window before, as that rollup says [-1 to 1].", nullable=True)
    source_window_end: date = column("Last day of that rollup's window; null without one.", nullable=True)
    agrees_with_source: bool = column("Whether both say the same; null where one says nothing.", nullable=True)


def segment_portfolio(
    campaign_analysis: ir.Table,
    creative_assets: ir.Table,
    asset_performance: ir.Table,
    segment_rollups: ir.Table,
    metric_definitions: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Judge the segments of each campaign."""
    level = policy.marketing.campaigns.interval_level
    made = creative_assets.filter(creative_assets.created_at < as_of + timedelta(days=1))
    latest = _latest_rollups(segment_rollups.filter(segment_rollups.window_end <= as_of))
    sums = performance_sums(asset_performance, *PAIR)
    pairs = ibis.union(made.select(PAIR), sums.select(PAIR), latest.select(PAIR), distinct=True)
    whole = campaign_analysis.select(
        "campaign_id",
        "primary_kpi",
        # A target of 0 is reached by anything: it separates no segment from another.
        kpi_target=campaign_analysis.kpi_target.nullif(0.0),
        campaign_spend="recorded_spend",
        campaign_work=campaign_analysis.llm_cost + campaign_analysis.human_review_cost,
    )
    rows = pairs.join(whole, "campaign_id").left_join(sums, PAIR).drop("campaign_id_right", "segment_id_right")
    rows = with_kpi(rows, "primary_kpi", metric_definitions, level)
    others = segment_references(asset_performance, creative_assets, campaign_analysis, metric_definitions, level)
    rows = _with_reference(rows, others)
    work = rows.campaign_work * (rows.spend / spent(rows.campaign_spend))
    rows = rows.mutate(work=work, earned=return_on_investment(rows["value"], rows.spend + work))
    action, rule = _judgement(rows, policy)
    rows = rows.mutate(
        action=action,
        rule=rule,
        work_cost=rounded(rows.work, MONEY_DECIMALS),
        roi=rounded(rows.earned),
        roas=rounded(return_on_ad_spend(rows["value"], rows.spend)),
        **{
            f"{name}{end}": rounded(rows[f"{name}{end}"], CONTRIBUTION_DECIMALS)
            for name in ("kpi_value", "reference")
            for end in ("", "_low", "_high")
        },
    )
    rows = rows.left_join(latest, PAIR).drop("campaign_id_right", "segment_id_right")
    return rows.mutate(agrees_with_source=rows.action == rows.source_recommendation)


def _latest_rollups(rollups: ir.Table) -> ir.Table:
    """Return what the source said last of each segment of a campaign."""
    latest_first = ibis.window(
        group_by=PAIR, order_by=[ibis.desc("window_end"), ibis.desc("window_start"), ibis.desc("rollup_id")]
    )
    rows = rollups.mutate(place=ibis.row_number().over(latest_first))
    return rows.filter(rows.place == 0).select(
        *PAIR,
        source_recommendation="recommendation",
        source_trend="trend_vs_prior_window",
        source_window_end="window_end",
    )


def _with_reference(rows: ir.Table, others: ir.Table) -> ir.Table:
    """Add what the metric is held against: the target, else what comparable segments of the campaign reach."""
    rows = rows.left_join(others, PAIR).drop("campaign_id_right", "segment_id_right")
    return rows.mutate(
        reference=ibis.coalesce(rows.kpi_target, rows.others),
        reference_low=ibis.coalesce(rows.kpi_target, rows.others_low),
        reference_high=ibis.coalesce(rows.kpi_target, rows.others_high),
        reference_source=ibis.cases((rows.kpi_target.notnull(), TARGET), (rows.others.notnull(), OTHER_SEGMENTS)),
    )


def _judgement(rows: ir.Table, policy: Policy) -> tuple[ir.StringValue, ir.StringValue]:
    """Return the action and the rule that gave it: the first that applies."""
    rules = policy.marketing.segments
    is_down = rows.direction == DOWN

    def worse(margin: float) -> ir.BooleanValue:
        """Tell whether even the better end of the interval is worse than that share of the reference."""
        high = rows.kpi_value_low * margin > rows.reference_high
        return is_down.ifelse(high, rows.kpi_value_high < rows.reference_low * margin)

    better = is_down.ifelse(rows.kpi_value_high < rows.reference_low, rows.kpi_value_low > rows.reference_high)
    earned = rounded(rows.earned, CONTRIBUTION_DECIMALS)
    loses = earned < rules.minimum_roi
    in_order = (
        (rows.impressions.isnull(), None, NO_EXPOSURES),
        ((rows["value"] == 0) & (rows.spend >= rules.spend_without_value), STOP, SPEND_WITHOUT_VALUE),
        (rows.defined_metric.isnull(), None, METRIC_NOT_DEFINED),
        (rows.kpi_value.isnull(), None, NO_EXPOSURES),
        (rows.kpi_exposures < rules.minimum_exposures, HOLD, FEW_EXPOSURES),
        (worse(rules.stop_share) & loses, STOP, FAR_BELOW),
        (worse(1.0), REVISE, SURELY_BELOW),
        (loses, REVISE, LOSING_MONEY),
        (rows.reference.isnull(), HOLD, NO_REFERENCE),
        (better & (earned >= rules.scale_roi), SCALE, ABOVE_AND_PAYING),
    )
    action = ibis.cases(*((holds, said) for holds, said, _ in in_order), else_=HOLD)
    return action, ibis.cases(*((holds, rule) for holds, _, rule in in_order), else_=AS_EXPECTED)


@check(blocking=True)
def segments_that_do_not_sum(segment_portfolio: ir.Table, campaign_analysis: ir.Table) -> ir.Table:
    """Find campaigns whose segments do not add up to the campaign."""
    ours = segment_portfolio.group_by("campaign_id").agg(
        **{f"segment_{name}": segment_portfolio[name].sum() for name in COUNTED},
        **{f"segment_{name}": money_sum(segment_portfolio[name]) for name in AMOUNTS},
    )
    rows = campaign_analysis.left_join(ours, "campaign_id")
    differs = [~rows[name].identical_to(rows[f"segment_{name}"]) for name in COUNTED]
    differs += [~same_money(rows[name], rows[f"segment_{name}"]).fill_null(rows[name].isnull()) for name in AMOUNTS]
    return rows.filter(any_of(differs)).select(
        "campaign_id", *(f"{part}{name}" for name in (*COUNTED, *AMOUNTS) for part in ("", "segment_"))
    )


@check
def recommendations_that_differ(segment_portfolio: ir.Table) -> ir.Table:
    """Find segments for which the source recommends something else than our figures do."""
    rows = segment_portfolio.filter(~segment_portfolio.agrees_with_source)
    return rows.select(*PAIR, "action", "rule", "source_recommendation")
