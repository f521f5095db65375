"""Data basis of the journey report: input files, rejected rows and definitions."""

from __future__ import annotations

from cjo_assets.families.journey.decision import coverage_gaps, recommended_interventions
from cjo_assets.families.journey.forecast import journey_forecasts
from cjo_assets.families.journey.learning import playbook_performance
from cjo_assets.families.journey.portfolio import (
    journey_summary,
    next_steps,
    portfolio_by_stage,
    portfolio_snapshots,
    rejections_by_rule,
)
from cjo_assets.families.journey.process import stage_flows
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.families.journey.risk import risk_scores
from cjo_assets.families.journey.value import (
    kpi_status,
    kpis,
    roi_breakdown,
    roi_by_grade,
    roi_estimate,
    roi_sensitivity,
)
from cjo_assets.reporting.data_basis import Defined, data_section, definitions_section
from cjo_assets.reporting.document import Column, Section, records

REJECTIONS = (
    Column("dataset", "dataset"),
    Column("rule", "rule", is_long=True),
    Column("rows", "rejected_rows", "count"),
    Column("customers", "customers", "count"),
    Column("for example", "example_customer_id"),
)
# Columns whose definition the report states, by table.
DEFINED: Defined = {
    "journey.portfolio_snapshots": (
        portfolio_snapshots.PortfolioSnapshots,
        ("verdict", "revenue_at_risk", "revenue_at_risk_share", "active_customers", "friction_rate", "trend_7_days"),
    ),
    "journey.journey_forecasts": (journey_forecasts.JourneyForecasts, ("churn_probability", "revenue_at_risk")),
    "journey.risk_scores": (risk_scores.RiskScores, ("overall_risk_score", "risk_tier")),
    "journey.portfolio_by_stage": (portfolio_by_stage.PortfolioByStage, ("systemic_friction_rate",)),
    "journey.stage_flows": (stage_flows.StageFlows, ("moves", "customers_held_up")),
    "journey.next_steps": (next_steps.NextSteps, ("rank", "revenue_at_risk")),
    "journey.recommended_interventions": (
        recommended_interventions.RecommendedInterventions,
        ("priority_score", "confidence"),
    ),
    "journey.coverage_gaps": (coverage_gaps.CoverageGaps, ("reason",)),
    "journey.journey_summary": (journey_summary.JourneySummary, ("interventions_pending", "interventions_expired")),
    "journey.playbook_performance": (
        playbook_performance.PlaybookPerformance,
        ("success_rate", "expected_net_value", "evidence", "advice"),
    ),
    "journey.kpis": (kpis.Kpis, ("value", "interval_low", "attainment", "basis", "baseline")),
    "journey.kpi_status": (kpi_status.KpiStatus, ("status", "measured")),
    "journey.roi_estimate": (
        roi_estimate.RoiEstimate,
        ("net_benefit", "evidence_grade", "net_benefit_compared", "compared_value_status"),
    ),
    "journey.roi_breakdown": (roi_breakdown.RoiBreakdown, ("amount", "amount_low", "evidence_grade")),
    "journey.roi_by_grade": (roi_by_grade.RoiByGrade, ("value_so_far", "net_benefit_so_far")),
    "journey.roi_sensitivity": (roi_sensitivity.RoiSensitivity, ("net_benefit_low", "swing")),
    "journey.rejections_by_rule": (rejections_by_rule.RejectionsByRule, ("rejected_rows",)),
}


def ground_sections(figures: JourneyFigures) -> list[Section]:
    """Return the sections on data and definitions."""
    rejections = records("journey.rejections_by_rule", ("dataset", "rule"), figures.rejections, figures.naming)
    data = data_section(
        figures.loads,
        rejections,
        REJECTIONS,
        remark=" The rejected rows below are those of the day.",
        otherwise="No row dated by the day was rejected.",
    )
    return [data, definitions_section(figures.day, figures.policy, DEFINED)]
