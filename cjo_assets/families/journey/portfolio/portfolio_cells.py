"""Counts of customers and sums of their revenue at risk, by segment and stage.

One row per as-of date, segment and stage with customers. `portfolio_by_segment`, `portfolio_by_stage`,
`portfolio_snapshots` and `journey_summary` add these rows up. Revenue at risk is that of `journey_forecasts` per
customer: none for those who have left, null where there is no forecast.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, key
from cjo_assets.core.expressions.numbers import money_sum, same_money
from cjo_assets.core.expressions.tables import lookup
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
    """Count the customers of each segment and stage and add up their value."""
    known = journey_states.select("customer_id", "segment", "journey_stage")
    for part in (
        customers.select("customer_id", "account_value"),
        journey_evaluations.select("customer_id", "friction_detected", "stage_health"),
        aggregated_signals.select("customer_id", "total_signals"),
        # Customers who have left have neither forecast nor score.
        journey_forecasts.select("customer_id", "churn_probability", "revenue_at_risk", "model_type"),
        risk_scores.select("customer_id", "risk_tier"),
        coverage_gaps.select("customer_id", is_without_answer=ibis.literal(True)),
    ):
        known = lookup(known, part, "customer_id")
    is_active, is_gap = known.model_type.notnull(), known.is_without_answer.fill_null(False)
    has_forecast = known.churn_probability.notnull()

    def count(condition: ir.BooleanValue) -> ir.IntegerScalar:
        return known.count(where=is_active & condition.fill_null(False))

    return known.group_by("segment", "journey_stage").agg(
        customers=known.count(),
        active_customers=count(is_active),
        customers_with_signals=count(known.total_signals > 0),
        customers_high_risk=count(known.risk_tier == "high"),
        customers_medium_risk=count(known.risk_tier == "medium"),
        customers_low_risk=count(known.risk_tier == "low"),
        customers_in_friction=count(known.friction_detected),
        customers_critical=count(known.stage_health == CRITICAL),
        customers_without_answer=count(is_gap),
        customers_without_forecast=count(~has_forecast),
        customers_on_belief=count(known.model_type.isin([PRIOR_ONLY, CHURN_FROM_PRIOR])),
        account_value=money_sum(known.account_value, where=is_active).fill_null(0.0),
        account_value_forecast=money_sum(known.account_value, where=has_forecast).fill_null(0.0),
        revenue_at_risk=money_sum(known.revenue_at_risk),
        revenue_at_risk_without_answer=money_sum(known.revenue_at_risk, where=is_gap),
    )


@check(blocking=True)
def cells_that_miss_customers(portfolio_cells: ir.Table, customers: ir.Table) -> ir.Table:
    """Return the count of customers where it is not that of the dataset."""
    found = portfolio_cells.agg(counted=portfolio_cells.customers.sum().fill_null(0))
    known = found.cross_join(customers.agg(customers=customers.count()))
    return known.filter(known.counted != known.customers)


@check(blocking=True)
def cells_that_miss_revenue(portfolio_cells: ir.Table, journey_forecasts: ir.Table) -> ir.Table:
    """Return the sum of revenue at risk where it is not that of the forecasts."""
    found = portfolio_cells.agg(counted=money_sum(portfolio_cells.revenue_at_risk).fill_null(0.0))
    total = journey_forecasts.agg(revenue_at_risk=money_sum(journey_forecasts.revenue_at_risk).fill_null(0.0))
    known = found.cross_join(total)
    return known.filter(~same_money(known.counted, known.revenue_at_risk))
