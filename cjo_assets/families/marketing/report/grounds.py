"""Data basis of the marketing report: reconciliation, gaps, rejected rows and definitions."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.marketing.analysis import attribution, campaign_analysis, funnel_analysis, segment_portfolio
from cjo_assets.families.marketing.analysis import reconciliation as reconciling
from cjo_assets.families.marketing.experiments import experiment_evaluations
from cjo_assets.families.marketing.governance import (
    budget_balances,
    budget_governance,
    decision_insights,
    risk_register,
)
from cjo_assets.families.marketing.recommendations import recommendations
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import table_of, where
from cjo_assets.families.marketing.value import kpis, roi_analysis
from cjo_assets.reporting.data_basis import Defined, data_section, definitions_section
from cjo_assets.reporting.document import Block, Cited, Column, Paragraph, Prose, Section, grid, records

RESIDUALS = (
    Column("campaign", "campaign_id", "name", below=(("", "campaign_id", "plain"), ("", "scope", "prose"))),
    Column("figure", "figure", "words", below=(("", "metric", "words"),)),
    Column("says", "one_value", "number", below=(("", "one_source", "words"),)),
    Column("against", "other_value", "number", below=(("", "other_source", "words"),)),
    Column("difference", "residual", "number", below=(("", "residual_share", "percent"),)),
    Column("state", "state", "words", is_status=True, below=(("missing:", "missing_source", "words"),)),
)
UNJUDGED = (
    Column("campaign", "name", below=(("", "campaign_id", "plain"),)),
    Column("metric", "primary_kpi", "words"),
    Column("why not", "kpi_status", "words", below=(("", "rule", "words"),)),
)
REJECTIONS = (
    Column("dataset", "dataset"),
    Column("rule", "rule", is_long=True),
    Column("rows", "rows", "count"),
)
# Columns whose definition the report states, by table.
DEFINED: Defined = {
    "marketing.roi_analysis": (
        roi_analysis.RoiAnalysis,
        ("roi_status", "total_cost", "total_net_roi", "roi_percentage", "net_without_assumption", "roas"),
    ),
    "marketing.campaign_analysis": (
        campaign_analysis.CampaignAnalysis,
        ("elapsed_share", "spent_share", "pacing", "kpi_value", "kpi_attainment", "overall_performance"),
    ),
    "marketing.experiment_evaluations": (
        experiment_evaluations.ExperimentEvaluations,
        (
            *("relative_effect", "relative_effect_low", "always_valid_relative_low", "adjusted_p_value"),
            *("chance_to_beat_control", "expected_loss", "always_valid_sample_ratio_p_value", "required_exposures"),
            *("minimum_detectable_effect", "verdict"),
        ),
    ),
    "marketing.budget_governance": (
        budget_governance.BudgetGovernance,
        ("approval_state", "is_late", "is_effective", "is_refused", "violations"),
    ),
    "marketing.budget_balances": (budget_balances.BudgetBalances, ("net", "refused_in")),
    "marketing.funnel_analysis": (funnel_analysis.FunnelAnalysis, ("rate", "state", "is_biggest_leak")),
    "marketing.segment_portfolio": (segment_portfolio.SegmentPortfolio, ("action", "reference")),
    "marketing.attribution": (attribution.Attribution, ("credited_conversions", "weighted_conversions", "state")),
    "marketing.risk_register": (risk_register.RiskRegister, ("exposure", "exposure_basis", "risk_score", "is_overdue")),
    "marketing.decision_insights": (
        decision_insights.DecisionInsights,
        ("override_rate", "decision_patterns", "insight_to_action_hours"),
    ),
    "marketing.reconciliation": (reconciling.Reconciliation, ("residual", "residual_share", "state")),
    "marketing.recommendations": (recommendations.Recommendations, ("rank", "net_impact", "confidence")),
    "marketing.kpis": (kpis.Kpis, ("value", "attainment", "basis", "status")),
}


def reconciliation(figures: MarketingFigures) -> Section:
    """Return the section on disagreeing sources."""
    title = "Where sources disagree"
    if not figures.rows["reconciliation"]:
        return Section("reconciliation", title, (Paragraph(("No two sources state the same figure.",)),))
    said: Prose = (
        *("Of ", figures.total("reconciliation").show("rows", "count"), " comparisons, "),
        *(figures.count("reconciliation", "state", "beyond_tolerance").show("rows", "count"), " differ by more than "),
        *("the policy allows, and in ", figures.count("reconciliation", "state", "missing").show("rows", "count")),
        " one source has no value.",
    )
    differing = where(figures.of("reconciliation"), "state", *reconciling.BEYOND, reconciling.MISSING)
    blocks: list[Block] = [Paragraph(said)]
    if differing:
        blocks.append(grid("Comparisons that differ, the worst first", RESIDUALS, differing))
    blocks.append(table_of(figures, "All comparisons", RESIDUALS, "reconciliation", is_folded=True))
    return Section("reconciliation", title, tuple(blocks))


def not_known(figures: MarketingFigures) -> Section:
    """Return the section on what cannot be measured, and which input is missing."""

    def counted(table: str, column: str, content: str) -> Cited:
        return figures.count(table, column, content).show("rows", "count")

    unknown: Prose = (
        *("Campaigns without a measurable performance: ",),
        *(counted("campaign_analysis", "overall_performance", NOT_MEASURABLE),),
        *(". Risks without a due date, which may be late: ",),
        *(counted("risk_register", "due_status", NOT_MEASURABLE), ". Campaigns without a decision that states when "),
        *("its trigger was known: ", counted("decision_insights", "insight_to_action_status", NOT_MEASURABLE)),
        *(". Steps of funnels whose stages are not tracked: ", counted("funnel_analysis", "state", "not_tracked"), "."),
    )
    blocks: list[Block] = [Paragraph(unknown)]
    unjudged = where(figures.of("campaign_analysis"), "overall_performance", NOT_MEASURABLE)
    if unjudged:
        blocks.append(grid("Campaigns without a measurable performance", UNJUDGED, unjudged, is_folded=True))
    return Section("not-known", "What is not known", tuple(blocks))


def input_data(figures: MarketingFigures) -> Section:
    """Return the section on input files and rejected rows."""
    rejections = records("count(quarantine)", ("dataset", "rule"), figures.rejections)
    return data_section(figures.loads, rejections, REJECTIONS)


def definitions(figures: MarketingFigures) -> Section:
    """Return the section on the sources and the definitions of figures."""
    return definitions_section(figures.day, figures.policy, DEFINED)
