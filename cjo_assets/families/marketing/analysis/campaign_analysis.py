"""Money, time, metric and performance of each campaign.

One row per as-of date and campaign, including campaigns that have not begun or were not measured: their figures are
null, not 0. Counts, `spend` and `value` are those of the measured assets, from `asset_performance`. `recorded_spend`
and `recorded_value` are those of the record with the most spend, metrics or ledger, as `spend_basis` states; pace, cost
and every ratio of money use them. `spend_residual` is the difference of the two records. The cost of work is in the
ledger only. Infrastructure and calls belong to no campaign: `roi_analysis` has them.

A campaign without an end, or with one later than the policy's years, is open-ended: its `end_date` is null, no share of
its time has passed, and its pace cannot be measured.

Performance is the attainment of the target of the primary metric, once enough days have passed and enough exposures
were counted. A ratio of value to spend has no target and does not count.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
from ibis import _

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE, within
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, money_sum, rounded, same_money
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.inputs.campaigns import COMPLETED as OVER
from cjo_assets.families.marketing.inputs.campaigns import with_open_ends
from cjo_assets.families.marketing.inputs.experiments import COMPLETED, PLANNED, RUNNING
from cjo_assets.families.marketing.measurement._economics import nonzero, return_on_ad_spend, return_on_investment
from cjo_assets.families.marketing.measurement._first_rule import first_that_holds
from cjo_assets.families.marketing.measurement._measured_kpis import COUNTED, performance_sums, with_kpi
from cjo_assets.families.marketing.measurement._recorded_money import BASES, recorded_money
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy

EXCEEDING, MEETING, BELOW = "exceeding_expectations", "meeting_expectations", "below_expectations"
TOO_EARLY = "too_early"
JUDGEMENTS = [EXCEEDING, MEETING, BELOW, TOO_EARLY, NOT_MEASURABLE]
METRIC_NOT_DEFINED, NO_EXPOSURES, NO_TARGET = "metric_not_defined", "no_exposures", "no_target"
KPI_STATUSES = [MEASURED, METRIC_NOT_DEFINED, NO_EXPOSURES, NO_TARGET]
NOT_STARTED, LITTLE_TIME, FEW_EXPOSURES = "not_started", "little_time", "few_exposures"
ATTAINMENT, OFF_THE_SCALE = "attainment", "off_the_scale"
RULES = [
    METRIC_NOT_DEFINED,
    NOT_STARTED,
    NO_EXPOSURES,
    NO_TARGET,
    LITTLE_TIME,
    FEW_EXPOSURES,
    OFF_THE_SCALE,
    ATTAINMENT,
]
AHEAD, ON_PACE, BEHIND = "ahead", "on_pace", "behind"
UNDER_SPENT, SPENT, OVER_SPENT = "under_spent", "spent", "over_spent"
PACES = [AHEAD, ON_PACE, BEHIND, UNDER_SPENT, SPENT, OVER_SPENT, NOT_MEASURABLE]
CUMULATIVE_COUNTS = ("total_assets", "active_experiments", "completed_experiments", "total_experiments")
AMOUNTS = ("spend", "value")


class CampaignAnalysis(DatedContract):
    """Status, money and performance of each campaign. One row per as-of date and campaign."""

    campaign_id: str = key("Campaign.")
    name: str = column("Its name.", free_text=True)
    status: str = column("Status by the source: active, paused, completed or draft.")
    start_date: date = column("First day.")
    end_date: date = column("Last day; null of an open-ended campaign.", nullable=True)
    budget: float = column("Budget of the whole campaign [currency].", ge=0)
    elapsed_share: float = column(
        "Days passed, the as-of date included, over all its days [0-1]; null of an open-ended campaign.",
        ge=0,
        le=1,
        nullable=True,
        decimals=6,
    )
    impressions: int = column(
        "Impressions of its assets [impressions]; null where nothing was measured.", nullable=True
    )
    clicks: int = column("Clicks on them [clicks]; null where nothing was measured.", nullable=True)
    conversions: int = column("Conversions by them [conversions]; null where nothing was measured.", nullable=True)
    spend: float = column(
        "Media spend on them, by the metrics [currency]; null where nothing was measured.", ge=0, nullable=True
    )
    value: float = column(
        "Value of these conversions, as the source estimates it [currency]; null where nothing was measured.",
        ge=0,
        nullable=True,
    )
    booked_spend: float = column(
        "Media spend of the whole campaign, by the ledger [currency]; null without a ledger entry.",
        ge=0,
        nullable=True,
    )
    booked_value: float = column("Value, by the ledger [currency]; null as above.", ge=0, nullable=True)
    spend_basis: str = column(
        "Record that recorded_spend and recorded_value are from: ledger where it books more than the metrics report, "
        "beyond tolerance, or they report nothing; else metrics. Null where both are silent.",
        isin=BASES,
        nullable=True,
    )
    recorded_spend: float = column("Media spend by that record [currency]; null as above.", ge=0, nullable=True)
    recorded_value: float = column("Value by that record [currency]; null as above.", ge=0, nullable=True)
    spend_residual: float = column(
        "booked_spend minus spend [currency], up = the ledger books more; null without both.", nullable=True, decimals=2
    )
    llm_cost: float = column("Cost of language models [currency]; null without a ledger entry.", ge=0, nullable=True)
    human_review_cost: float = column("Cost of people's review [currency]; null as above.", ge=0, nullable=True)
    all_cost: float = column(
        "recorded_spend and both costs of the work [currency]; null where one of them is not known.",
        ge=0,
        nullable=True,
        decimals=2,
    )
    net_value: float = column(
        "recorded_value minus all_cost [currency], up = better; null as above.", nullable=True, decimals=2
    )
    roi: float = column(
        "net_value over all_cost [x cost], up = better, before the costs that all campaigns share; null without cost.",
        nullable=True,
        decimals=6,
    )
    roas: float = column(
        "recorded_value over recorded_spend [x spend], up = better, gross of the work: no ROI; null without spend.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    spent_share: float = column(
        "recorded_spend over budget [x budget]; null without a budget.", ge=0, nullable=True, decimals=6
    )
    pacing: float = column(
        "spent_share over elapsed_share while it runs: 1 spends as time passes; spent_share once it has ended; null "
        "before the first day, and while it is open-ended.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    pacing_status: str = column(
        "While it runs: ahead (also when over its budget), on_pace or behind. Once it has ended: under_spent, spent or "
        "over_spent. Else not_measurable.",
        isin=PACES,
    )
    is_over_budget: bool = column("Whether recorded_spend exceeds the budget; null without spend.", nullable=True)
    primary_kpi: str = column("Metric of its performance.")
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
    kpi_target: float = column("Target of the metric; null without one.", nullable=True)
    kpi_attainment: float = column(
        "How much of the target is reached [x target], up = better whatever the metric; null without a target above 0.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    kpi_status: str = column("measured, or why the metric cannot be compared with a target.", isin=KPI_STATUSES)
    total_assets: int = column("Creative assets made so far [assets].", ge=0)
    active_experiments: int = column("Experiments that run on the as-of date [experiments].", ge=0)
    completed_experiments: int = column("Experiments completed by then [experiments].", ge=0)
    total_experiments: int = column("Experiments begun by then [experiments].", ge=0)
    overall_performance: str = column("Performance of the campaign.", isin=JUDGEMENTS)
    rule: str = column("Rule that decided the performance.", isin=RULES)


def campaign_analysis(
    campaigns: ir.Table,
    creative_assets: ir.Table,
    experiments: ir.Table,
    asset_performance: ir.Table,
    roi_ledger: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Combine the figures of each campaign and classify its pace and performance."""
    rules = policy.marketing.campaigns
    end = days_after(as_of, 1)
    known = with_open_ends(campaigns, policy).drop("objective", "hypothesis")
    for part in (
        performance_sums(asset_performance, "campaign_id"),
        recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy),
        roi_ledger.select("campaign_id", "llm_cost", "human_review_cost"),
        creative_assets.filter(creative_assets.created_at < end).group_by("campaign_id").agg(total_assets=_.count()),
        _experiments_on(experiments, as_of),
    ):
        known = lookup(known, part, "campaign_id")
    # A measured campaign has a row even if the source states a later creation.
    known = known.filter((known.created_at < end) | known.impressions.notnull())
    measured = with_kpi(known, "primary_kpi", metric_definitions, rules.interval_level)
    measured = measured.mutate(**{name: measured[name].fill_null(0) for name in CUMULATIVE_COUNTS})
    paced = _with_ratios(_with_pace(measured, as_of))
    performance, rule = _performance(paced, as_of, policy)
    return paced.mutate(
        pacing_status=_pacing_status(paced, rules.pacing_tolerance), overall_performance=performance, rule=rule
    )


def _with_pace(campaigns: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Add the shares of time and budget used, and the one over the other."""
    days = campaigns.end_date.delta(campaigns.start_date, unit="day") + 1
    passed = as_of.delta(campaigns.start_date, unit="day") + 1
    campaigns = campaigns.mutate(
        elapsed_share=within(passed, 0, days) / days,
        has_ended=(campaigns.status == OVER) | (campaigns.end_date <= as_of).fill_null(False),
        spent_share=campaigns.recorded_spend / nonzero(campaigns.budget),
    )
    # After the last day, or after an early end, the whole budget may be spent.
    time = campaigns.has_ended.ifelse(1.0, campaigns.elapsed_share.nullif(0.0))
    return campaigns.mutate(pacing=rounded(campaigns.spent_share / time, CONTRIBUTION_DECIMALS))


def _with_ratios(campaigns: ir.Table) -> ir.Table:
    """Add cost, return and attainment, and whether they can be measured."""
    campaigns = campaigns.mutate(
        all_cost=campaigns.recorded_spend + campaigns.llm_cost + campaigns.human_review_cost,
        kpi_attainment=_attainment(campaigns),
        is_over_budget=campaigns.recorded_spend > campaigns.budget,
        spend_residual=campaigns.booked_spend - campaigns.spend,
    )
    return campaigns.mutate(
        net_value=campaigns.recorded_value - campaigns.all_cost,
        roi=return_on_investment(campaigns.recorded_value, campaigns.all_cost),
        roas=return_on_ad_spend(campaigns.recorded_value, campaigns.recorded_spend),
        kpi_status=ibis.cases(
            (campaigns.defined_metric.isnull(), METRIC_NOT_DEFINED),
            (campaigns.kpi_value.isnull(), NO_EXPOSURES),
            (campaigns.kpi_attainment.isnull(), NO_TARGET),
            else_=MEASURED,
        ),
    )


def _experiments_on(experiments: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Count the experiments begun by the day, with their status on it: one that ended later was still running.

    A planned experiment has not begun, whatever its first day. One that is marked as running after its last day is not
    running.
    """
    begun = experiments.filter(experiments.start_date <= as_of, experiments.status != PLANNED)
    ended_later = (begun.end_date > as_of).fill_null(False)
    is_open = (begun.status == RUNNING) & begun.end_date.isnull()
    return begun.group_by("campaign_id").agg(
        total_experiments=begun.count(),
        active_experiments=begun.count(where=is_open | ended_later),
        completed_experiments=begun.count(where=(begun.status == COMPLETED) & ~ended_later),
    )


def _attainment(campaigns: ir.Table) -> ir.FloatingValue:
    """Return the attained share of a target above 0; a metric that should be low attains it by staying below."""
    target = (campaigns.kpi_target > 0).ifelse(campaigns.kpi_target, ibis.null("float64"))
    is_down = campaigns.direction == DOWN
    attained = is_down.ifelse(target / campaigns.kpi_value.nullif(0.0), campaigns.kpi_value / target)
    # Noise of binary floats would make 67 % less than 67 %.
    return rounded(attained, CONTRIBUTION_DECIMALS)


def _pacing_status(campaigns: ir.Table, tolerance: float) -> ir.StringValue:
    """Classify the pace; an ended campaign has no pace, only a budget that was spent or was not."""
    has_ended = campaigns.has_ended
    return ibis.cases(
        (campaigns.pacing.isnull(), NOT_MEASURABLE),
        (has_ended & campaigns.is_over_budget, OVER_SPENT),
        (has_ended & (campaigns.pacing < 1 - tolerance), UNDER_SPENT),
        (has_ended, SPENT),
        (campaigns.is_over_budget | (campaigns.pacing > 1 + tolerance), AHEAD),
        (campaigns.pacing < 1 - tolerance, BEHIND),
        else_=ON_PACE,
    )


def _performance(campaigns: ir.Table, as_of: ir.DateScalar, policy: Policy) -> tuple[ir.StringValue, ir.StringValue]:
    """Return the performance and the first rule that applies."""
    rules = policy.marketing.campaigns
    least = rules.performance_thresholds
    has_ended = (campaigns.end_date <= as_of).fill_null(False)
    few = campaigns.kpi_exposures < rules.minimum_exposures
    status, attained = campaigns.kpi_status, campaigns.kpi_attainment
    in_order = (
        (status == METRIC_NOT_DEFINED, NOT_MEASURABLE, METRIC_NOT_DEFINED),
        (campaigns.start_date > as_of, TOO_EARLY, NOT_STARTED),
        (status == NO_EXPOSURES, NOT_MEASURABLE, NO_EXPOSURES),
        (status == NO_TARGET, NOT_MEASURABLE, NO_TARGET),
        (campaigns.elapsed_share < rules.minimum_elapsed_share, TOO_EARLY, LITTLE_TIME),
        (few & ~has_ended, TOO_EARLY, FEW_EXPOSURES),
        (few, NOT_MEASURABLE, FEW_EXPOSURES),
        (attained >= least[EXCEEDING], EXCEEDING, ATTAINMENT),
        (attained >= least[MEETING], MEETING, ATTAINMENT),
        (attained >= least[BELOW], BELOW, ATTAINMENT),
    )
    return first_that_holds(in_order, NOT_MEASURABLE, OFF_THE_SCALE)


@check(blocking=True)
def sums_that_miss_performance(campaign_analysis: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Return counts and amounts whose sum over campaigns differs from the sum over assets."""
    ours, theirs = campaign_analysis, performance_sums(asset_performance).drop("counts_people")
    sums = ours.agg(**{name: ours[name].sum() for name in COUNTED}, **{name: money_sum(ours[name]) for name in AMOUNTS})
    both = sums.cross_join(theirs.rename({f"asset_{name}": name for name in sums.columns})).fill_null(0)
    differs = [both[name] != both[f"asset_{name}"] for name in COUNTED]
    return both.filter(any_of([*differs, *(~same_money(both[name], both[f"asset_{name}"]) for name in AMOUNTS)]))


@check
def measured_before_set_up(campaigns: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Return campaigns with measurements before their creation."""
    first = asset_performance.group_by("campaign_id").agg(first_snapshot_at=asset_performance.first_snapshot_at.min())
    measured = campaigns.join(first, "campaign_id")
    return measured.filter(measured.first_snapshot_at < measured.created_at).select(
        "campaign_id", "created_at", "first_snapshot_at"
    )
