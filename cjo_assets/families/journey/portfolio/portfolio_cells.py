"""The portfolio, by segment and stage: the one place where customers are counted and their revenue at risk added up.

One row per as-of date, segment and stage that any customer is in. `portfolio_by_segment`, `portfolio_by_stage`,
`portfolio_snapshots` and `journey_summary` add these few rows up and count nothing anew. Revenue at risk is that of
`journey_forecasts`, customer by customer: nothing for those who have left, null where there is no forecast.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, key
from cjo_assets.core.expressions.numbers import money_sum, same_money
from cjo_assets.families.journey.evaluation.journey_evaluations import CRITICAL
from cjo_assets.families.journey.forecast.journey_forecasts import CHURN_FROM_PRIOR, PRIOR_ONLY
from cjo_assets.families.journey.portfolio._portfolio_measures import PortfolioCounts


class SegmentAndStage(DatedContract):
    """A segment and a stage."""

    segment: str = key("Market segment.", words="segments")
    journey_stage: str = key("Current stage; null for customers without an entry.", words="stages", nullable=True)


class PortfolioCells(PortfolioCounts, SegmentAndStage):
    """The portfolio by segment and stage. One row per as-of date, segment and stage that any customer is in."""


def portfolio_cells(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    journey_forecasts: ir.Table,
    risk_scores: ir.Table,
    coverage_gaps: ir.Table,
) -> ir.Table:
    """Count the customers of each segment and stage and add up what they are worth."""
    rows = journey_states.select("customer_id", "segment", "journey_stage")
    for part in (
        customers.select("customer_id", "account_value"),
        journey_evaluations.select("customer_id", "friction_detected", "stage_health"),
        aggregated_signals.select("customer_id", "total_signals"),
        # Whoever has left has neither forecast nor score.
        journey_forecasts.select("customer_id", "churn_probability", "revenue_at_risk", "model_type"),
        risk_scores.select("customer_id", "risk_tier"),
        coverage_gaps.select("customer_id", is_without_answer=ibis.literal(True)),
    ):
        rows = rows.left_join(part, "customer_id").drop("customer_id_right")
    is_active, is_gap = rows.model_type.notnull(), rows.is_without_answer.fill_null(False)
    has_forecast = rows.churn_probability.notnull()

    def count(condition: ir.BooleanValue) -> ir.IntegerScalar:
        return rows.count(where=is_active & condition.fill_null(False))

    counts = {
        "customers": rows.count(),
        "active_customers": count(is_active),
        "customers_with_signals": count(rows.total_signals > 0),
        "customers_high_risk": count(rows.risk_tier == "high"),
        "customers_medium_risk": count(rows.risk_tier == "medium"),
        "customers_low_risk": count(rows.risk_tier == "low"),
        "customers_in_friction": count(rows.friction_detected),
        "customers_critical": count(rows.stage_health == CRITICAL),
        "customers_without_answer": count(is_gap),
        "customers_without_forecast": count(~has_forecast),
        "customers_on_belief": count(rows.model_type.isin([PRIOR_ONLY, CHURN_FROM_PRIOR])),
        "account_value": money_sum(rows.account_value, where=is_active).fill_null(0.0),
        "account_value_forecast": money_sum(rows.account_value, where=has_forecast).fill_null(0.0),
        "revenue_at_risk": money_sum(rows.revenue_at_risk),
        "revenue_at_risk_without_answer": money_sum(rows.revenue_at_risk, where=is_gap),
    }
    return rows.group_by("segment", "journey_stage").agg(**counts)


@check(blocking=True)
def cells_that_miss_customers(portfolio_cells: ir.Table, customers: ir.Table) -> ir.Table:
    """Find a count of customers that is not that of the customers."""
    found = portfolio_cells.agg(counted=portfolio_cells.customers.sum().fill_null(0))
    known = found.cross_join(customers.agg(customers=customers.count()))
    return known.filter(known.counted != known.customers)


@check(blocking=True)
def cells_that_miss_revenue(portfolio_cells: ir.Table, journey_forecasts: ir.Table) -> ir.Table:
    """Find a sum of revenue at risk that is not that of the forecasts."""
    found = portfolio_cells.agg(counted=money_sum(portfolio_cells.revenue_at_risk).fill_null(0.0))
    total = journey_forecasts.agg(revenue_at_risk=money_sum(journey_forecasts.revenue_at_risk).fill_null(0.0))
    known = found.cross_join(total)
    return known.filter(~same_money(known.counted, known.revenue_at_risk))
