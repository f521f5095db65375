"""Counts of the day.

One row per as-of date. Counts of customers are those of `portfolio_snapshots` under other names; every other figure is
a count or a sum over a table of the same day.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_status import EXPIRED, PENDING
from cjo_assets.core.contract import DatedContract, column
from cjo_assets.core.expressions.evidence_grades import VALUE
from cjo_assets.families.journey.value._roi_components import RETAINED_REVENUE


class JourneySummary(DatedContract):
    """The day in one line. One row per as-of date."""

    total_customers_analyzed: int = column("Customers, those who left included [customers].", ge=0)
    customers_with_signals: int = column("Active, with a signal in the look-back [customers].", ge=0)
    customers_at_risk: int = column("In tier high or medium [customers].", ge=0)
    customers_high_risk: int = column("In tier high [customers].", ge=0)
    customers_medium_risk: int = column("In tier medium [customers].", ge=0)
    customers_low_risk: int = column("In tier low [customers].", ge=0)
    customers_recommended: int = column("With a decision of the day, monitor_only included [customers].", ge=0)
    customers_without_answer: int = column("In coverage_gaps [customers].", ge=0)
    total_interventions: int = column("Interventions of the ledger by the day.", ge=0)
    interventions_requiring_approval: int = column("Of these, needing a person.", ge=0)
    interventions_executed: int = column("Of these, executed.", ge=0)
    interventions_pending: int = column("Of these, waiting for a person.", ge=0)
    interventions_expired: int = column("Of these, lapsed without an answer.", ge=0)
    total_revenue_preserved: float = column(
        "Value component retained_revenue of the ROI window, of all grades [currency]; null where none was recorded.",
        nullable=True,
    )


def journey_summary(
    portfolio_snapshots: ir.Table,
    recommended_interventions: ir.Table,
    outcome_analyses: ir.Table,
    roi_breakdown: ir.Table,
) -> ir.Table:
    """Return the counts of customers, decisions and interventions of the day."""

    def count(condition: ir.BooleanValue) -> ir.IntegerScalar:
        return condition.fill_null(False).cast("int64").sum().fill_null(0)

    status, day = outcome_analyses.approval_status, portfolio_snapshots
    revenue = roi_breakdown.filter(roi_breakdown.kind == VALUE, roi_breakdown.component == RETAINED_REVENUE)
    parts = [
        day.select(
            "customers_high_risk",
            "customers_medium_risk",
            "customers_low_risk",
            "customers_without_answer",
            "customers_with_signals",
            total_customers_analyzed="customers",
            customers_at_risk=day.customers_high_risk + day.customers_medium_risk,
        ),
        recommended_interventions.agg(customers_recommended=recommended_interventions.count()),
        outcome_analyses.agg(
            total_interventions=outcome_analyses.count(),
            interventions_requiring_approval=count(outcome_analyses.requires_human_approval),
            interventions_executed=count(outcome_analyses.is_executed),
            interventions_pending=count(status == PENDING),
            interventions_expired=count(status == EXPIRED),
        ),
        revenue.agg(total_revenue_preserved=revenue.amount.sum()),
    ]
    return parts[0].cross_join(*parts[1:])
