"""Where each campaign stands: its money, its time, its metric, and what follows from them.

One row per as-of date and campaign, also for one that has not begun or of which nothing was measured: its figures are
then null, not 0. Counts, `spend` and `value` are those of the measured assets, from `asset_performance`.
`recorded_spend` and `recorded_value` are those of the record that knows the most spend, metrics or ledger, as
`spend_basis` says; pace, cost and every ratio of money use them. `spend_residual` is what the two records differ by.
The cost of the work is in the ledger alone. Infrastructure and calls belong to no campaign: `roi_analysis` has them.

A campaign without an end, or with one further off than the policy's years, is open-ended: its `end_date` is null, no
share of its time has passed, and its pace cannot be measured.

A campaign is judged by its primary metric against its target, once enough of its days have passed and enough was
exposed, and by nothing else: not by a ratio of value to spend, which has no target here.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE, within
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, MONEY_DECIMALS, money_sum, rounded, same_money
from cjo_assets.families.marketing.inputs.campaigns import COMPLETED as OVER
from cjo_assets.families.marketing.inputs.campaigns import with_open_ends
from cjo_assets.families.marketing.inputs.experiments import COMPLETED, PLANNED, RUNNING
from cjo_assets.families.marketing.measurement._economics import return_on_ad_spend, return_on_investment, spent
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
COUNTED_SO_FAR = ("total_assets", "active_experiments", "completed_experiments", "total_experiments")
AMOUNTS = ("spend", "value")


class CampaignAnalysis(DatedContract):
    """Where each campaign stands. One row per as-of date and campaign."""

    campaign_id: str = key("Campaign.")
    name: str = column("Its name.", free_text=True)
    status: str = column("Where it stands, as the source says: active, paused, completed or draft.")
    start_date: date = column("First day.")
    end_date: date = column("Last day; null of an open-ended campaign.", nullable=True)
    budget: float = column("Budget of the whole campaign [currency].", ge=0)
    elapsed_share: float = column(
        "Days passed, the as-of date included, over all its days [0-1]; null of an open-ended campaign.",
        ge=0,
        le=1,
        nullable=True,
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
        "Media spend of the whole campaign, by the ledger [currency]; null where no ledger says.", ge=0, nullable=True
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
        "booked_spend minus spend [currency], up = the ledger books more; null without both.", nullable=True
    )
    llm_cost: float = column("Cost of language models [currency]; null where no ledger says.", ge=0, nullable=True)
    human_review_cost: float = column("Cost of people's review [currency]; null as above.", ge=0, nullable=True)
    all_cost: float = column(
        "recorded_spend and both costs of the work [currency]; null where one of them is not known.",
        ge=0,
        nullable=True,
    )
    net_value: float = column("recorded_value minus all_cost [currency], up = better; null as above.", nullable=True)
    roi: float = column(
        "net_value over all_cost [x cost], up = better, before the costs that all campaigns share; null without cost.",
        nullable=True,
    )
    roas: float = column(
        "recorded_value over recorded_spend [x spend], up = better, gross of the work: no ROI; null without spend.",
        ge=0,
        nullable=True,
    )
    spent_share: float = column("recorded_spend over budget [x budget]; null without a budget.", ge=0, nullable=True)
    pacing: float = column(
        "spent_share over elapsed_share while it runs: 1 spends as time passes; spent_share once it has ended; null "
        "before the first day, and while it is open-ended.",
        ge=0,
        nullable=True,
    )
    pacing_status: str = column(
        "While it runs: ahead (also when over its budget), on_pace or behind. Once it has ended: under_spent, spent or "
        "over_spent. Else not_measurable.",
        isin=PACES,
    )
    is_over_budget: bool = column("Whether recorded_spend exceeds the budget; null without spend.", nullable=True)
    primary_kpi: str = column("Metric it is judged by.")
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
    kpi_target: float = column("Target somebody set; null where nobody did.", nullable=True)
    kpi_attainment: float = column(
        "How much of the target is reached [x target], up = better whatever the metric; null without a target above 0.",
        ge=0,
        nullable=True,
    )
    kpi_status: str = column("measured, or why the metric cannot be held against a target.", isin=KPI_STATUSES)
    total_assets: int = column("Creative assets made so far [assets].", ge=0)
    active_experiments: int = column("Experiments that run on the as-of date [experiments].", ge=0)
    completed_experiments: int = column("Experiments completed by then [experiments].", ge=0)
    total_experiments: int = column("Experiments begun by then [experiments].", ge=0)
    overall_performance: str = column("Judgement.", isin=JUDGEMENTS)
    rule: str = column("What decided the judgement.", isin=RULES)


def campaign_analysis(
    campaigns: ir.Table,
    creative_assets: ir.Table,
    experiments: ir.Table,
    asset_performance: ir.Table,
    roi_ledger: ir.Table,
    metric_definitions: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Bring together what is known of each campaign, and judge it."""
    rules = policy.marketing.campaigns
    end = as_of + timedelta(days=1)
    rows = with_open_ends(campaigns, policy).drop("objective", "hypothesis")
    for part in (
        performance_sums(asset_performance, "campaign_id"),
        recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy),
        roi_ledger.select("campaign_id", "llm_cost", "human_review_cost"),
        _assets(creative_assets.filter(creative_assets.created_at < end)),
        _experiments_on(experiments, as_of),
    ):
        rows = rows.left_join(part, "campaign_id").drop("campaign_id_right")
    # A campaign of which something was measured is there, whenever the source says it was set up.
    rows = rows.filter((rows.created_at < end) | rows.impressions.notnull())
    rows = with_kpi(rows, "primary_kpi", metric_definitions, rules.interval_level)
    days = rows.end_date.delta(rows.start_date, unit="day") + 1
    passed = ibis.literal(as_of, "date").delta(rows.start_date, unit="day") + 1
    rows = rows.mutate(
        elapsed=within(passed, 0, days) / days,
        has_ended=(rows.status == OVER) | (rows.end_date <= as_of).fill_null(False),
        all_cost=rows.recorded_spend + rows.llm_cost + rows.human_review_cost,
        spent=rows.recorded_spend / spent(rows.budget),
        reached=_attainment(rows),
        **{name: rows[name].fill_null(0) for name in COUNTED_SO_FAR},
    )
    # Time that has run out, or was ended early, holds nothing back any more.
    time = rows.has_ended.ifelse(1.0, rows.elapsed.nullif(0.0))
    rows = rows.mutate(pace=rounded(rows.spent / time, CONTRIBUTION_DECIMALS), kpi_status=_kpi_status(rows))
    performance, rule = _judgement(rows, as_of, policy)
    return rows.mutate(
        elapsed_share=rounded(rows.elapsed),
        all_cost=rounded(rows.all_cost, MONEY_DECIMALS),
        spend_residual=rounded(rows.booked_spend - rows.spend, MONEY_DECIMALS),
        net_value=rounded(rows.recorded_value - rows.all_cost, MONEY_DECIMALS),
        roi=rounded(return_on_investment(rows.recorded_value, rows.all_cost)),
        roas=rounded(return_on_ad_spend(rows.recorded_value, rows.recorded_spend)),
        spent_share=rounded(rows.spent),
        pacing=rounded(rows.pace),
        pacing_status=_pacing_status(rows, rules.pacing_tolerance),
        is_over_budget=rows.recorded_spend > rows.budget,
        kpi_value=rounded(rows.kpi_value, CONTRIBUTION_DECIMALS),
        kpi_value_low=rounded(rows.kpi_value_low, CONTRIBUTION_DECIMALS),
        kpi_value_high=rounded(rows.kpi_value_high, CONTRIBUTION_DECIMALS),
        kpi_attainment=rounded(rows.reached),
        overall_performance=performance,
        rule=rule,
    )


def _assets(creative_assets: ir.Table) -> ir.Table:
    return creative_assets.group_by("campaign_id").agg(total_assets=creative_assets.count())


def _experiments_on(experiments: ir.Table, as_of: date) -> ir.Table:
    """Count the experiments begun by the day, as they stood on it: one that ended later was still running.

    What is planned has not begun, whatever its first day; what still says running after its last day runs no more.
    """
    begun = experiments.filter(experiments.start_date <= as_of, experiments.status != PLANNED)
    ended_later = (begun.end_date > as_of).fill_null(False)
    is_open = (begun.status == RUNNING) & begun.end_date.isnull()
    was_running = is_open | ended_later
    return begun.group_by("campaign_id").agg(
        total_experiments=begun.count(),
        active_experiments=begun.count(where=was_running),
        completed_experiments=begun.count(where=(begun.status == COMPLETED) & ~ended_later),
    )


def _attainment(rows: ir.Table) -> ir.FloatingValue:
    """Return how much of a target above 0 is reached; a metric that should be low reaches it by staying under it."""
    target = (rows.kpi_target > 0).ifelse(rows.kpi_target, ibis.null("float64"))
    reached = (rows.direction == DOWN).ifelse(target / rows.kpi_value.nullif(0.0), rows.kpi_value / target)
    # The noise of binary floats would put 67 % below 67 %.
    return rounded(reached, CONTRIBUTION_DECIMALS)


def _kpi_status(rows: ir.Table) -> ir.StringValue:
    return ibis.cases(
        (rows.defined_metric.isnull(), METRIC_NOT_DEFINED),
        (rows.kpi_value.isnull(), NO_EXPOSURES),
        (rows.reached.isnull(), NO_TARGET),
        else_=MEASURED,
    )


def _pacing_status(rows: ir.Table, tolerance: float) -> ir.StringValue:
    """Return the word for the pace; what has ended has no pace left, only a budget that was spent or was not."""
    is_over = rows.recorded_spend > rows.budget
    return ibis.cases(
        (rows.pace.isnull(), NOT_MEASURABLE),
        (rows.has_ended & is_over, OVER_SPENT),
        (rows.has_ended & (rows.pace < 1 - tolerance), UNDER_SPENT),
        (rows.has_ended, SPENT),
        (is_over | (rows.pace > 1 + tolerance), AHEAD),
        (rows.pace < 1 - tolerance, BEHIND),
        else_=ON_PACE,
    )


def _judgement(rows: ir.Table, as_of: date, policy: Policy) -> tuple[ir.StringValue, ir.StringValue]:
    """Return the judgement and the rule that gave it: the first that applies."""
    rules = policy.marketing.campaigns
    least = rules.performance_thresholds
    has_ended = (rows.end_date <= as_of).fill_null(False)
    few = rows.kpi_exposures < rules.minimum_exposures
    in_order = (
        (rows.kpi_status == METRIC_NOT_DEFINED, NOT_MEASURABLE, METRIC_NOT_DEFINED),
        (rows.start_date > as_of, TOO_EARLY, NOT_STARTED),
        (rows.kpi_status == NO_EXPOSURES, NOT_MEASURABLE, NO_EXPOSURES),
        (rows.kpi_status == NO_TARGET, NOT_MEASURABLE, NO_TARGET),
        (rows.elapsed < rules.minimum_elapsed_share, TOO_EARLY, LITTLE_TIME),
        (few & ~has_ended, TOO_EARLY, FEW_EXPOSURES),
        (few, NOT_MEASURABLE, FEW_EXPOSURES),
        (rows.reached >= least[EXCEEDING], EXCEEDING, ATTAINMENT),
        (rows.reached >= least[MEETING], MEETING, ATTAINMENT),
        (rows.reached >= least[BELOW], BELOW, ATTAINMENT),
    )
    performance = ibis.cases(*((holds, said) for holds, said, _ in in_order), else_=NOT_MEASURABLE)
    return performance, ibis.cases(*((holds, rule) for holds, _, rule in in_order), else_=OFF_THE_SCALE)


@check(blocking=True)
def sums_that_miss_performance(campaign_analysis: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Find counts and amounts whose sum over campaigns is not that over assets."""
    ours, theirs = campaign_analysis, performance_sums(asset_performance).drop("counts_people")
    sums = ours.agg(**{name: ours[name].sum() for name in COUNTED}, **{name: money_sum(ours[name]) for name in AMOUNTS})
    rows = sums.cross_join(theirs.rename({f"asset_{name}": name for name in sums.columns})).fill_null(0)
    differs = [rows[name] != rows[f"asset_{name}"] for name in COUNTED]
    return rows.filter(any_of([*differs, *(~same_money(rows[name], rows[f"asset_{name}"]) for name in AMOUNTS)]))


@check
def measured_before_set_up(campaigns: ir.Table, asset_performance: ir.Table) -> ir.Table:
    """Find campaigns of which something was measured before the source says they were set up."""
    first = asset_performance.group_by("campaign_id").agg(first_snapshot_at=asset_performance.first_snapshot_at.min())
    rows = campaigns.join(first, "campaign_id")
    return rows.filter(rows.first_snapshot_at < rows.created_at).select(
        "campaign_id", "created_at", "first_snapshot_at"
    )
