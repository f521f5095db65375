"""Data basis of the lifecycle report: what is not measured, rejected rows and definitions."""

from __future__ import annotations

from cjo_assets.families.lifecycle.money import invoices, mrr_bridge, plan_usage
from cjo_assets.families.lifecycle.overview import lifecycle_summary, sla_by_priority
from cjo_assets.families.lifecycle.pipeline import client_pipeline, pipeline_funnel
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.success import health_scores, lifecycle_stages, opportunities
from cjo_assets.families.lifecycle.support import escalations, ticket_sla
from cjo_assets.reporting.data_basis import Defined, data_section, definitions_section
from cjo_assets.reporting.document import Column, Section, records

REJECTIONS = (
    Column("dataset", "dataset"),
    Column("rule", "rule", is_long=True),
    Column("rows", "rows", "count"),
)
# Columns whose definition the report states, by table.
DEFINED: Defined = {
    "lifecycle.lifecycle_summary": (
        lifecycle_summary.LifecycleSummary,
        (
            *("status", "reasons", "mrr", "mrr_change", "nrr", "at_risk_mrr", "open_clocks", "breached_share"),
            *("overdue_share", "offers_value", "meters_at_limit", "deals_to_review"),
        ),
    ),
    "lifecycle.mrr_bridge": (mrr_bridge.MrrBridge, ("nrr", "grr", "logo_churn", "cohort_nrr", "ltv")),
    "lifecycle.health_scores": (health_scores.HealthScores, ("score", "band", "coverage", "change", "weakest_measure")),
    "lifecycle.lifecycle_stages": (lifecycle_stages.LifecycleStages, ("stage", "reasons", "engagement")),
    "lifecycle.ticket_sla": (ticket_sla.TicketSla, ("target", "elapsed", "share", "due_at", "state")),
    "lifecycle.sla_by_priority": (sla_by_priority.SlaByPriority, ("met_share",)),
    "lifecycle.escalations": (escalations.Escalations, ("waited_minutes", "state")),
    "lifecycle.opportunities": (opportunities.Opportunities, ("value", "blocked_by")),
    "lifecycle.plan_usage": (plan_usage.PlanUsage, ("used", "share", "projected", "state")),
    "lifecycle.invoices": (invoices.Invoices, ("days_overdue", "dunning", "next_retry_at")),
    "lifecycle.client_pipeline": (
        client_pipeline.ClientPipeline,
        ("step", "hours_in_step", "is_overdue", "volume_discrepancy", "margin"),
    ),
    "lifecycle.pipeline_funnel": (pipeline_funnel.PipelineFunnel, ("reached", "rate", "is_worst")),
}


def input_data(figures: LifecycleFigures) -> Section:
    """Return the section on input files and rejected rows."""
    rejections = records("count(quarantine)", ("dataset", "rule"), figures.rejections)
    return data_section(figures.loads, rejections, REJECTIONS)


def definitions(figures: LifecycleFigures) -> Section:
    """Return the section on the sources and the definitions of figures."""
    return definitions_section(figures.day, figures.policy, DEFINED)
