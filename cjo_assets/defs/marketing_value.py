"""The tables that say what marketing is worth, whether it keeps its promises, and what to do next."""

from cjo_assets.core.table import Audit, Table
from cjo_assets.families.marketing.recommendations import budget_proposals, recommendations
from cjo_assets.families.marketing.value import kpi_status, kpis, roi_analysis, roi_components

GROUP = "value"


def value_tables(schema: str) -> list[Table]:
    """Return the tables, in reading order, given the family's schema."""
    return [
        Table(
            schema,
            "roi_components",
            roi_components.RoiComponents,
            roi_components.roi_components,
            GROUP,
            (
                Audit(roi_components.amounts_that_are_not_their_product, is_blocking=True),
                Audit(roi_components.values_that_miss_the_estimate, is_blocking=True),
                Audit(roi_components.verdicts_without_proof),
            ),
        ),
        Table(
            schema,
            "roi_analysis",
            roi_analysis.RoiAnalysis,
            roi_analysis.roi_analysis,
            GROUP,
            (Audit(roi_analysis.totals_that_do_not_sum, is_blocking=True),),
        ),
        Table(
            schema,
            "kpis",
            kpis.Kpis,
            kpis.kpis,
            GROUP,
            (Audit(kpis.kpis_that_are_not_their_quotient, is_blocking=True),),
        ),
        Table(schema, "kpi_status", kpi_status.KpiStatus, kpi_status.kpi_status, GROUP),
        Table(
            schema,
            "budget_proposals",
            budget_proposals.BudgetProposals,
            budget_proposals.budget_proposals,
            GROUP,
            (
                Audit(budget_proposals.money_moved_twice, is_blocking=True),
                Audit(budget_proposals.money_moved_into_risk, is_blocking=True),
            ),
        ),
        Table(
            schema,
            "recommendations",
            recommendations.Recommendations,
            recommendations.recommendations,
            "recommendation",
            (
                Audit(recommendations.impacts_that_are_not_net, is_blocking=True),
                Audit(recommendations.money_recommended_otherwise, is_blocking=True),
            ),
        ),
    ]
