"""The grounds: what the data are worth, and how each figure came about.

Belongs here: quarantine, definitions, policy. Does not belong here: definitions of our own; the contracts have them.
"""

from __future__ import annotations

from collections.abc import Mapping

from cjo_assets.core.contract import Contract, columns_of
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
from cjo_assets.reporting.document import Block, Code, Column, Paragraph, Section, grid, records

LOADS = (
    Column("dataset", "dataset"),
    Column("file", "source_file"),
    Column("rows read", "rows_read", "count"),
    Column("accepted", "rows_accepted", "count"),
    Column("turned away", "rows_rejected", "count"),
    Column("note", "note", is_long=True),
)
REJECTIONS = (
    Column("dataset", "dataset"),
    Column("rule", "rule", is_long=True),
    Column("rows", "rejected_rows", "count"),
    Column("customers", "customers", "count"),
    Column("for example", "example_customer_id"),
)
DEFINITIONS = (Column("table", "table"), Column("column", "column"), Column("what it is", "description", is_long=True))
# The figures whose definition a reader asks for, by table.
DEFINED: dict[str, tuple[type[Contract], tuple[str, ...]]] = {
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
    return [_data(figures), _definitions(figures)]


def _data(figures: JourneyFigures) -> Section:
    # A dataset stands once per file: some come in several.
    loads = records("audit.dataset_loads", ("dataset", "source_file"), figures.loads)
    now = "The files as they are now, rows dated after the day included. What was turned away, below, is of the day."
    blocks: list[Block] = [grid("Files, and what became of their rows", LOADS, loads, (now,))]
    rejections = records("journey.rejections_by_rule", ("dataset", "rule"), figures.rejections)
    if rejections:
        note = "A row that broke two rules stands under both. The rows themselves are in "
        blocks.append(
            grid("What was turned away, and why", REJECTIONS, rejections, (note, Code("audit.rejected_records"), "."))
        )
    else:
        blocks.append(Paragraph(("No row dated by the day was turned away.",)))
    return Section("data", "What the data are worth", tuple(blocks))


def _definitions(figures: JourneyFigures) -> Section:
    policy, day = figures.policy, figures.day
    told: Block = Paragraph(
        (
            *("Every figure is a cell of a table in ", Code("cjo.duckdb"), " with ", Code("as_of"), " = "),
            *(day.show("as_of"), ", or a count of its rows; the files alone have no day. In the page, point at one "),
            *("to see which. Policy version ", policy.show("version"), ", hash ", policy.show("policy_hash")),
            "; its text is in ",
            *(Code("audit.policies"), "."),
        )
    )
    rows = records("contract", ("table", "column"), defined())
    return Section(
        "how", "How these figures came about", (told, grid("Definitions, as the tables state them", DEFINITIONS, rows))
    )


def defined() -> list[dict[str, str]]:
    """Return table, column and description of the figures that are defined."""
    return described(DEFINED)


def described(chosen: Mapping[str, tuple[type[Contract], tuple[str, ...]]]) -> list[dict[str, str]]:
    """Return table, column and description of chosen columns, by table."""
    found = []
    for table, (contract, names) in chosen.items():
        told = {spec.name: spec.description for spec in columns_of(contract)}
        found += [{"table": table, "column": name, "description": told[name]} for name in names]
    return found
