"""What it all comes to.

One row per as-of date: the sums of `roi_breakdown`, and the weakest evidence in them.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.outcome_analyses import executed_in_window
from cjo_assets.journey.roi_breakdown import COST, EVIDENCE_GRADES, VALUE
from cjo_assets.policy import Policy
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.numbers import MONEY_DECIMALS, rounded

SUM_TOLERANCE = 0.005


class RoiEstimate(DatedContract):
    """Totals of the window. One row per as-of date."""

    window_start: date = column("First day of the window.")
    window_end: date = column("Last day of the window: the as-of date.")
    interventions_executed: int = column("Interventions whose cost and value are counted.", ge=0)
    total_value: float = column("Sum of the value components [currency].")
    total_cost: float = column("Sum of the cost components [currency].", ge=0)
    net_benefit: float = column("total_value minus total_cost [currency], up = better.")
    roi_percent: float = column("net_benefit in percent of total_cost; null where nothing was spent.", nullable=True)
    evidence_grade: str = column("Weakest grade among the parts.", isin=EVIDENCE_GRADES)

    class Config:
        """A day has one total."""

        unique = ["as_of"]


def roi_estimate(roi_breakdown: ir.Table, outcome_analyses: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add up the components."""
    window_days = policy.journey.roi.window_days
    parts = roi_breakdown
    # Grades are listed from strong to weak, so the weakest is the one furthest down the list.
    grade = parts.evidence_grade.cases(*((name, place) for place, name in enumerate(EVIDENCE_GRADES)), else_=None)
    totals = parts.agg(
        value=parts.amount.sum(where=parts.kind == VALUE).fill_null(0.0),
        cost=parts.amount.sum(where=parts.kind == COST).fill_null(0.0),
        weakest=grade.max(where=parts.amount.notnull()),
    )
    executed = executed_in_window(outcome_analyses, as_of, window_days)
    totals = totals.cross_join(executed.agg(interventions_executed=executed.count()))
    net = totals.value - totals.cost
    return totals.select(
        "interventions_executed",
        window_start=ibis.literal(as_of - timedelta(days=window_days - 1), "date"),
        window_end=ibis.literal(as_of, "date"),
        total_value=rounded(totals.value, MONEY_DECIMALS),
        total_cost=rounded(totals.cost, MONEY_DECIMALS),
        net_benefit=rounded(net, MONEY_DECIMALS),
        roi_percent=rounded(100 * net / totals.cost.nullif(0.0), MONEY_DECIMALS),
        evidence_grade=totals.weakest.cases(*enumerate(EVIDENCE_GRADES), else_=None),
    )


def totals_that_do_not_sum(roi_estimate: ir.Table, roi_breakdown: ir.Table) -> ir.Table:
    """Find totals that are not the sum of their parts."""
    parts = roi_breakdown
    sums = parts.agg(
        costs=parts.amount.sum(where=parts.kind == COST), values=parts.amount.sum(where=parts.kind == VALUE)
    )
    rows = roi_estimate.cross_join(sums)
    gap = ibis.greatest(
        (rows.total_cost - rows.costs).abs(),
        (rows.total_value - rows["values"]).abs(),
        (rows.total_value - rows.total_cost - rows.net_benefit).abs(),
    )
    return rows.filter((gap > SUM_TOLERANCE) | gap.isnull()).select("window_end", gap=gap)
