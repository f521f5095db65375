"""Whether sources that speak of the same thing say the same: ledger, metrics, rollups and funnel.

One row per as-of date, campaign, scope, figure and pair of sources of which at least one says something. The metrics
are what every other source is held against; a rollup, whose scope is its own window, against the snapshots within it,
and a figure that a source states beside its parts against these parts. Nothing is corrected here, and nothing chosen:
a residual has a name, so that somebody can answer for it.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded
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
    figure: str = key("What both speak of; rate: the metric named in metric.", isin=FIGURES)
    one_source: str = key("Source of one_value.", isin=SOURCES)
    other_source: str = key("Source of other_value.", isin=SOURCES)
    metric: str = column("Metric of a rate, as the source names it; null for other figures.", nullable=True)
    one_value: float = column("What the one says; null where it says nothing.", nullable=True)
    other_value: float = column("What the other says; null where it says nothing.", nullable=True)
    residual: float = column("one_value minus other_value, up = the one says more; null without both.", nullable=True)
    residual_share: float = column("residual over other_value [x]; null without both, or where it is 0.", nullable=True)
    tolerance: float = column("Share that the policy allows [0-1].", ge=0, le=1)
    state: str = column("within_tolerance, beyond_tolerance, or missing.", isin=[WITHIN, BEYOND, MISSING])
    missing_source: str = column("The source that says nothing; null where both speak.", isin=SOURCES, nullable=True)


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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Set each pair of sources side by side."""
    snapshots = placed_snapshots(performance_metrics, creative_assets, as_of)
    rollups = segment_rollups.filter(segment_rollups.window_end <= as_of)
    rows = ibis.union(
        *_of_ledger(campaign_analysis, roi_ledger),
        _of_funnel(campaign_analysis, funnel_events, as_of, policy),
        *_of_rollups(rollups, increments(snapshots, policy), metric_definitions),
        *_of_stated_rates(snapshots, policy),
        *_of_cost_models(asset_performance, channels, policy),
    )
    rows = rows.filter(rows.one_value.notnull() | rows.other_value.notnull())
    tolerances = policy.marketing.reconciliation.tolerances.model_dump()
    tolerance = rows.figure.cases(*tolerances.items(), else_=None)
    rows = rows.mutate(tolerance=tolerance, residual=rounded(rows.one_value - rows.other_value))
    allowed = rounded(rows.tolerance * rows.other_value.abs(), CONTRIBUTION_DECIMALS)
    return rows.mutate(
        residual_share=rounded(rows.residual / rows.other_value.abs().nullif(0.0)),
        state=ibis.cases((rows.residual.isnull(), MISSING), (rows.residual.abs() <= allowed, WITHIN), else_=BEYOND),
        missing_source=ibis.cases(
            (rows.one_value.isnull(), rows.one_source), (rows.other_value.isnull(), rows.other_source)
        ),
    )


def _compared(rows: ir.Table, one_source: str, other_source: str, pairs: Pairs, metric: str | None = None) -> ir.Table:
    """Return one row per figure of each row.

    Args:
        rows: one row per campaign and scope.
        one_source: source of the first of each pair.
        other_source: source of the second.
        pairs: what both say of each figure.
        metric: column that names the metric, where the figure is a rate.
    """
    parts = [
        ibis.struct(
            {
                "figure": ibis.literal(figure),
                "one_value": rounded(one.cast("float64")),
                "other_value": rounded(other.cast("float64")),
            }
        )
        for figure, (one, other) in pairs.items()
    ]
    rows = rows.select(
        "campaign_id",
        "scope",
        one_source=ibis.literal(one_source),
        other_source=ibis.literal(other_source),
        metric=rows[metric] if metric else ibis.null("string"),
        part=ibis.array(parts).unnest(),
    )
    return rows.unpack("part")


def _of_ledger(campaign_analysis: ir.Table, roi_ledger: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Hold the ledger against the metrics of the whole campaign, and its net value against its own parts."""
    ours = campaign_analysis.select("campaign_id", "spend", "value")
    rows = ours.left_join(roi_ledger, "campaign_id").mutate(scope=ibis.literal(WHOLE_CAMPAIGN))
    parts = rows.estimated_value - rows.media_spend - rows.llm_cost - rows.human_review_cost
    return (
        _compared(
            rows,
            LEDGER,
            METRICS,
            {SPEND: (rows.media_spend, rows.spend), VALUE: (rows.estimated_value, rows["value"])},
        ),
        _compared(rows, LEDGER, LEDGER_PARTS, {NET_VALUE: (rows.net_roi, rounded(parts, MONEY_DECIMALS))}),
    )


def _of_funnel(campaign_analysis: ir.Table, funnel_events: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Hold the stages that are impressions, clicks and conversions against the metrics that count the same."""
    counts = stage_counts(funnel_events, as_of)
    rules = policy.marketing.reconciliation
    ours = campaign_analysis.select("campaign_id", *COUNTED, "primary_kpi")
    ours = ours.mutate(conversion_stage=ours.primary_kpi.cases(*sorted(rules.conversion_stages.items()), else_=None))
    pairs = ours.left_join(counts, "campaign_id").drop("campaign_id_right")

    def counted(stage: ir.StringValue | str) -> ir.NumericScalar:
        return pairs["count"].sum(where=pairs.stage == stage)

    rows = pairs.group_by("campaign_id").agg(
        **{name: pairs[name].max() for name in COUNTED},
        impression=counted(rules.impression_stage),
        click=counted(rules.click_stage),
        conversion=counted(pairs.conversion_stage),
        has_stage=pairs.conversion_stage.notnull().any(),
    )
    rows = rows.mutate(scope=ibis.literal(WHOLE_CAMPAIGN))
    # Where nobody says which stage the conversions are there is nothing to compare.
    conversions = rows.has_stage.ifelse(rows.conversions, ibis.null("int64"))
    return _compared(
        rows,
        FUNNEL,
        METRICS,
        {
            "impressions": (rows.impression, rows.impressions),
            "clicks": (rows.click, rows.clicks),
            "conversions": (rows.conversion, conversions),
        },
    )


def _of_rollups(rollups: ir.Table, snapshots: ir.Table, metric_definitions: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Hold each rollup against the snapshots of its own window, and its metric against its own counts."""
    within = [
        rollups.campaign_id == snapshots.campaign_id,
        rollups.segment_id == snapshots.segment_id,
        snapshots.day.between(rollups.window_start, rollups.window_end),
    ]
    seen = rollups.select("rollup_id", "campaign_id", "segment_id", "window_start", "window_end")
    seen = seen.join(snapshots, within, rname="{name}_of_snapshot")
    sums = seen.group_by("rollup_id").agg(
        **{f"seen_{name}": seen[name].sum() for name in COUNTED},
        seen_spend=money_sum(seen.cost),
        seen_value=money_sum(seen.revenue_proxy),
    )
    stated = rollups.rename(value="revenue_proxy", stated_kpi="kpi_value").drop("recommendation")
    rows = stated.left_join(sums, "rollup_id").drop("rollup_id_right")
    rows = rows.mutate(scope=rows.rollup_id)
    own = with_metric(rows, "primary_kpi", metric_definitions)
    pairs = {name: (rows[name], rows[f"seen_{name}"]) for name in (*COUNTED, SPEND, VALUE)}
    return (
        _compared(rows, ROLLUPS, METRICS, pairs),
        _compared(own, ROLLUPS, ROLLUP_PARTS, {RATE: (own.stated_kpi, own.kpi_value)}, metric="primary_kpi"),
    )


def _of_stated_rates(snapshots: ir.Table, policy: Policy) -> tuple[ir.Table, ...]:
    """Hold the conversion rates that the snapshots state against the policy's numerator and denominator."""
    meaning = policy.marketing.metric_definitions.get(CONVERSION_RATE)
    if meaning is None:
        return ()
    over = snapshots[meaning.denominator]
    stated = (snapshots[CONVERSION_RATE] * over).cast(EXACT).sum()
    sums = snapshots.group_by("campaign_id").agg(
        stated=stated, counted=snapshots[meaning.numerator].sum(where=over > 0), over=over.sum()
    )
    rows = sums.mutate(scope=ibis.literal(WHOLE_CAMPAIGN), stated_metric=ibis.literal(CONVERSION_RATE))
    over = rows.over.nullif(0)
    pairs = {RATE: (rows.stated.cast("float64") / over, rows.counted / over)}
    return (_compared(rows, STATED_METRICS, METRICS, pairs, metric="stated_metric"),)


def _of_cost_models(asset_performance: ir.Table, channels: ir.Table, policy: Policy) -> tuple[ir.Table, ...]:
    """Hold the cost of each asset against its units at the average price of its channel, where the channel has one."""
    units = policy.marketing.reconciliation.cost_model_units
    if not units:
        return ()
    prices = channels.select(
        "channel_id", "avg_cost", counted=channels.cost_model.cases(*sorted(units.items()), else_=None)
    )
    rows = asset_performance.join(prices, "channel_id")
    counted = rows.counted.cases(*((name, rows[name]) for name in COUNTED), else_=None)
    rows = rows.mutate(modelled=counted * rows.avg_cost)
    rows = rows.filter(rows.modelled.notnull())
    sums = rows.group_by("campaign_id", scope=rows.asset_id).agg(
        stated=money_sum(rows.cost), modelled=money_sum(rows.modelled)
    )
    return (_compared(sums, STATED_COST, COST_MODEL, {ASSET_COST: (sums.stated, sums.modelled)}),)


def placed_snapshots(performance_metrics: ir.Table, creative_assets: ir.Table, as_of: date) -> ir.Table:
    """Return the snapshots known on the day, with campaign and audience segment."""
    known = performance_metrics.filter(performance_metrics.timestamp < as_of + timedelta(days=1))
    rows = known.join(creative_assets.select("asset_id", "campaign_id", "segment_id"), "asset_id")
    return rows.mutate(day=rows.timestamp.date())


def increments(snapshots: ir.Table, policy: Policy) -> ir.Table:
    """Return what each snapshot adds to the one before it."""
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
    """Find figures of which two sources say different things."""
    rows = reconciliation.filter(reconciliation.state == BEYOND)
    return rows.select(
        "campaign_id", "scope", "figure", "one_source", "other_source", "one_value", "other_value", "residual"
    )
