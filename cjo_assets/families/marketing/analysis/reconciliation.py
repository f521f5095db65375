"""Residuals between sources of the same figure: ledger, metrics, rollups and funnel.

One row per as-of date, campaign, scope, figure and pair of sources with at least one value. Every source is compared
with the metrics: a rollup, whose scope is its own window, with the snapshots within it. A figure that a source states
together with its parts is compared with these parts. Nothing is corrected or chosen here.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.marketing.analysis.funnel_analysis import stage_counts
from cjo_assets.families.marketing.measurement._measured_kpis import COUNTED, with_metric
from cjo_assets.families.marketing.measurement.asset_performance import KEY, TOTALS
from cjo_assets.policy import Policy

LEDGER, METRICS, ROLLUPS, FUNNEL = "ledger", "metrics", "rollups", "funnel"
LEDGER_PARTS, STATED_METRICS, ROLLUP_PARTS = "ledger_parts", "stated_metrics", "rollup_parts"
STATED_COST, COST_MODEL = "stated_cost", "cost_model"
SOURCES = [LEDGER, METRICS, ROLLUPS, FUNNEL, LEDGER_PARTS, STATED_METRICS, ROLLUP_PARTS, STATED_COST, COST_MODEL]
WITHIN, BEYOND, MISSING = "within_tolerance", "beyond_tolerance", "missing"
WHOLE_CAMPAIGN = "campaign"
SPEND, VALUE, NET_VALUE, RATE = "spend", "value", "net_value", "rate"
ASSET_COST = "asset_cost"
FIGURES = [*COUNTED, SPEND, VALUE, NET_VALUE, RATE, ASSET_COST]
CONVERSION_RATE = "conversion_rate"
EXACT = "decimal(38, 12)"
Pairs = Mapping[str, tuple[ir.NumericValue, ir.NumericValue]]


class Reconciliation(DatedContract):
    """Residuals between sources. One row per as-of date, campaign, scope, figure and pair of sources."""

    campaign_id: str = key("Campaign.")
    scope: str = key(
        "campaign: all of it up to the as-of date; else the rollup whose window is meant, or the asset that cost it."
    )
    figure: str = key("Figure that both sources state; rate: the metric named in metric.", isin=FIGURES)
    one_source: str = key("Source of one_value.", isin=SOURCES)
    other_source: str = key("Source of other_value.", isin=SOURCES)
    metric: str = column("Metric of a rate, as the source names it; null for other figures.", nullable=True)
    one_value: float = column("Value of the one source; null where it has none.", nullable=True)
    other_value: float = column("Value of the other source; null where it has none.", nullable=True)
    residual: float = column("one_value minus other_value, up = the one is larger; null without both.", nullable=True)
    residual_share: float = column(
        "residual over other_value [x]; null without both, or where it is 0.", nullable=True, decimals=6
    )
    tolerance: float = column("Share that the policy allows [0-1].", ge=0, le=1)
    state: str = column("within_tolerance, beyond_tolerance, or missing.", isin=[WITHIN, BEYOND, MISSING])
    missing_source: str = column("The source without a value; null where both have one.", isin=SOURCES, nullable=True)


def reconciliation(
    campaign_analysis: ir.Table,
    roi_ledger: ir.Table,
    performance_metrics: ir.Table,
    creative_assets: ir.Table,
    asset_performance: ir.Table,
    channels: ir.Table,
    funnel_events: ir.Table,
    segment_rollups: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Compare each pair of sources."""
    snapshots = placed_snapshots(performance_metrics, creative_assets, as_of)
    rollups = segment_rollups.filter(segment_rollups.window_end <= as_of)
    pairs = ibis.union(
        *_of_ledger(campaign_analysis, roi_ledger),
        _of_funnel(campaign_analysis, funnel_events, as_of, policy),
        *_of_rollups(rollups, increments(snapshots, policy), metric_definitions),
        *_of_stated_rates(snapshots, policy),
        *_of_cost_models(asset_performance, channels, policy),
    )
    pairs = pairs.filter(pairs.one_value.notnull() | pairs.other_value.notnull())
    tolerances = policy.marketing.reconciliation.tolerances.model_dump()
    tolerance = pairs.figure.cases(*tolerances.items(), else_=None)
    pairs = pairs.mutate(tolerance=tolerance, residual=rounded(pairs.one_value - pairs.other_value))
    allowed = rounded(pairs.tolerance * pairs.other_value.abs(), CONTRIBUTION_DECIMALS)
    return pairs.mutate(
        residual_share=pairs.residual / pairs.other_value.abs().nullif(0.0),
        state=ibis.cases((pairs.residual.isnull(), MISSING), (pairs.residual.abs() <= allowed, WITHIN), else_=BEYOND),
        missing_source=ibis.cases(
            (pairs.one_value.isnull(), pairs.one_source), (pairs.other_value.isnull(), pairs.other_source)
        ),
    )


def _compared(rows: ir.Table, one_source: str, other_source: str, pairs: Pairs, metric: str | None = None) -> ir.Table:
    """Return one row per figure of each row.

    Args:
        rows: one row per campaign and scope.
        one_source: source of the first value of each pair.
        other_source: source of the second.
        pairs: both values of each figure.
        metric: column with the name of the metric, where the figure is a rate.
    """
    parts = [
        {
            "figure": ibis.literal(figure),
            "one_value": rounded(one.cast("float64")),
            "other_value": rounded(other.cast("float64")),
        }
        for figure, (one, other) in pairs.items()
    ]
    sources = rows.mutate(
        one_source=ibis.literal(one_source),
        other_source=ibis.literal(other_source),
        metric=rows[metric] if metric else ibis.null("string"),
    )
    return long_rows(sources, ["campaign_id", "scope", "one_source", "other_source", "metric"], parts)


def _of_ledger(campaign_analysis: ir.Table, roi_ledger: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Compare the ledger with the metrics of the whole campaign, and its net value with its own parts."""
    ours = campaign_analysis.select("campaign_id", "spend", "value")
    booked = lookup(ours, roi_ledger, "campaign_id").mutate(scope=ibis.literal(WHOLE_CAMPAIGN))
    parts = booked.estimated_value - booked.media_spend - booked.llm_cost - booked.human_review_cost
    money = {SPEND: (booked.media_spend, booked.spend), VALUE: (booked.estimated_value, booked["value"])}
    return (
        _compared(booked, LEDGER, METRICS, money),
        _compared(booked, LEDGER, LEDGER_PARTS, {NET_VALUE: (booked.net_roi, rounded(parts, MONEY_DECIMALS))}),
    )


def _of_funnel(campaign_analysis: ir.Table, funnel_events: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Compare the stages of impressions, clicks and conversions with the metrics."""
    counts = stage_counts(funnel_events, as_of)
    rules = policy.marketing.reconciliation
    ours = campaign_analysis.select("campaign_id", *COUNTED, "primary_kpi")
    ours = ours.mutate(conversion_stage=ours.primary_kpi.cases(*sorted(rules.conversion_stages.items()), else_=None))
    pairs = lookup(ours, counts, "campaign_id")

    def counted(stage: ir.StringValue | str) -> ir.NumericScalar:
        return pairs["count"].sum(where=pairs.stage == stage)

    sums = pairs.group_by("campaign_id").agg(
        **{name: pairs[name].max() for name in COUNTED},
        impression=counted(rules.impression_stage),
        click=counted(rules.click_stage),
        conversion=counted(pairs.conversion_stage),
        has_stage=pairs.conversion_stage.notnull().any(),
    )
    # Without a stage of its conversions a campaign has no funnel figure to compare them with.
    conversions = sums.has_stage.ifelse(sums.conversions, ibis.null("int64"))
    compared = {
        "impressions": (sums.impression, sums.impressions),
        "clicks": (sums.click, sums.clicks),
        "conversions": (sums.conversion, conversions),
    }
    return _compared(sums.mutate(scope=ibis.literal(WHOLE_CAMPAIGN)), FUNNEL, METRICS, compared)


def _of_rollups(rollups: ir.Table, snapshots: ir.Table, metric_definitions: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Compare each rollup with the snapshots of its window, and its metric with its own counts."""
    within = [
        rollups.campaign_id == snapshots.campaign_id,
        rollups.segment_id == snapshots.segment_id,
        snapshots.day.between(rollups.window_start, rollups.window_end),
    ]
    windows = rollups.select("rollup_id", "campaign_id", "segment_id", "window_start", "window_end")
    covered = windows.join(snapshots, within, rname="{name}_of_snapshot")
    sums = covered.group_by("rollup_id").agg(
        **{f"measured_{name}": covered[name].sum() for name in COUNTED},
        measured_spend=money_sum(covered.cost),
        measured_value=money_sum(covered.revenue_proxy),
    )
    stated = rollups.rename(value="revenue_proxy", stated_kpi="kpi_value").drop("recommendation")
    compared = lookup(stated, sums, "rollup_id").mutate(scope=stated.rollup_id)
    own = with_metric(compared, "primary_kpi", metric_definitions)
    pairs = {name: (compared[name], compared[f"measured_{name}"]) for name in (*COUNTED, SPEND, VALUE)}
    return (
        _compared(compared, ROLLUPS, METRICS, pairs),
        _compared(own, ROLLUPS, ROLLUP_PARTS, {RATE: (own.stated_kpi, own.kpi_value)}, metric="primary_kpi"),
    )


def _of_stated_rates(snapshots: ir.Table, policy: Policy) -> tuple[ir.Table, ...]:
    """Compare the conversion rates stated by snapshots with the policy's numerator and denominator."""
    meaning = policy.marketing.metric_definitions.get(CONVERSION_RATE)
    if meaning is None:
        return ()
    over = snapshots[meaning.denominator]
    stated = (snapshots[CONVERSION_RATE] * over).cast(EXACT).sum()
    sums = snapshots.group_by("campaign_id").agg(
        stated=stated, counted=snapshots[meaning.numerator].sum(where=over > 0), over=over.sum()
    )
    rates = sums.mutate(scope=ibis.literal(WHOLE_CAMPAIGN), stated_metric=ibis.literal(CONVERSION_RATE))
    over = rates.over.nullif(0)
    pairs = {RATE: (rates.stated.cast("float64") / over, rates.counted / over)}
    return (_compared(rates, STATED_METRICS, METRICS, pairs, metric="stated_metric"),)


def _of_cost_models(asset_performance: ir.Table, channels: ir.Table, policy: Policy) -> tuple[ir.Table, ...]:
    """Compare the cost of each asset with its units at the average price of its channel, if it has one."""
    units = policy.marketing.reconciliation.cost_model_units
    if not units:
        return ()
    prices = channels.select(
        "channel_id", "avg_cost", counted=channels.cost_model.cases(*sorted(units.items()), else_=None)
    )
    assets = asset_performance.join(prices, "channel_id")
    counted = assets.counted.cases(*((name, assets[name]) for name in COUNTED), else_=None)
    modelled = assets.mutate(modelled=counted * assets.avg_cost)
    modelled = modelled.filter(modelled.modelled.notnull())
    sums = modelled.group_by("campaign_id", scope=modelled.asset_id).agg(
        stated=money_sum(modelled.cost), modelled=money_sum(modelled.modelled)
    )
    return (_compared(sums, STATED_COST, COST_MODEL, {ASSET_COST: (sums.stated, sums.modelled)}),)


def placed_snapshots(performance_metrics: ir.Table, creative_assets: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the snapshots known on the day, with campaign and audience segment."""
    known = performance_metrics.filter(performance_metrics.timestamp < days_after(as_of, 1))
    placed = known.join(creative_assets.select("asset_id", "campaign_id", "segment_id"), "asset_id")
    return placed.mutate(day=placed.timestamp.date())


def increments(snapshots: ir.Table, policy: Policy) -> ir.Table:
    """Return each snapshot as its increase over the one before."""
    if policy.marketing.snapshots.snapshots_are != TOTALS:
        return snapshots
    in_order = ibis.window(group_by=list(KEY), order_by="timestamp")
    return snapshots.mutate(
        **{
            name: snapshots[name] - snapshots[name].lag().over(in_order).fill_null(0)
            for name in (*COUNTED, "cost", "revenue_proxy")
        }
    )


@check
def residuals_beyond_tolerance(reconciliation: ir.Table) -> ir.Table:
    """Return figures whose two sources differ beyond tolerance."""
    differing = reconciliation.filter(reconciliation.state == BEYOND)
    return differing.select(
        "campaign_id", "scope", "figure", "one_source", "other_source", "one_value", "other_value", "residual"
    )
