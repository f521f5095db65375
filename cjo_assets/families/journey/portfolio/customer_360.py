"""Customers with stage, risk, forecast, decision, approval and last outcome.

One row per customer, on the newest day. Nothing is computed here; each value comes from the table of its stage.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, Instant, TextList, column, key
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.core.table import LATEST
from cjo_assets.families.journey.interventions._ledger import REQUEST_STATUSES
from cjo_assets.families.journey.portfolio.next_steps import OWNERS

TIERS = ["high", "medium", "low"]
# Tables that a next step refers to if it is about a customer.
ABOUT_CUSTOMERS = ["approval_requests", "outcome_analyses", "coverage_gaps"]


class Customer360(Contract):
    """A customer in one row, on the newest day. One row per customer."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    account_value: float = column("Yearly value of the account [currency].", ge=0)
    tenure_months: int = column("Whole months as a customer [months].", ge=0)
    journey_stage: str = column("Current stage; null without an entry.", words="stages", nullable=True)
    days_in_state: int = column("Whole days in it [days].", ge=0, nullable=True)
    stage_health: str = column("healthy, at_risk or critical; null for a customer who has left.", nullable=True)
    overall_risk_score: float = column(
        "Weighted risk [0-1, up = worse]; null for a customer who has left.", ge=0, le=1, nullable=True
    )
    risk_tier: str = column("Tier of that risk; null below the lowest threshold.", isin=TIERS, nullable=True)
    urgency: str = column("How soon to act.", isin=TIERS, nullable=True)
    risk_factors: TextList = column("Main risk factors, sorted; null for a customer who has left.", nullable=True)
    churn_probability: float = column(
        "Chance of leaving within the horizon [0-1, up = worse].", ge=0, le=1, nullable=True
    )
    revenue_at_risk: float = column("That chance x account value [currency, up = worse].", ge=0, nullable=True)
    intervention_id: str = column("Decision of the day; null without one.", nullable=True, personal="intervention")
    recommended_action: str = column("Action of that decision; null without one.", nullable=True)
    playbook_id: str = column("Its playbook; null for monitor_only.", nullable=True)
    confidence: float = column("Confidence in acting [0-1], up = surer.", ge=0, le=1, nullable=True)
    priority_score: float = column("Order of work [0-100, up = sooner].", ge=0, le=100, nullable=True)
    approval_status: str = column(
        "Status of the approval of the decision; null without a request.", isin=REQUEST_STATUSES, nullable=True
    )
    approved_by: str = column("Who answered; null without an answer.", nullable=True)
    owner: str = column(
        "Role that acts on the first of the customer's next steps; null without one.", isin=OWNERS, nullable=True
    )
    last_contact_at: Instant = column(
        "Instant of the last executed intervention [UTC]; null without one.", nullable=True
    )
    last_outcome: str = column("Latest measured outcome; null without one.", words="outcomes", nullable=True)
    last_outcome_at: date = column("Day it was measured.", nullable=True)
    last_outcome_action: str = column("What had been done.", nullable=True)


CONFIG = TableConfig(schema=LATEST, is_view=True)


def customer_360(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    risk_scores: ir.Table,
    journey_forecasts: ir.Table,
    recommended_interventions: ir.Table,
    approval_requests: ir.Table,
    outcome_analyses: ir.Table,
    next_steps: ir.Table,
) -> ir.Table:
    """Join the tables of each stage by customer."""
    decisions = recommended_interventions.select(
        "customer_id", "intervention_id", "recommended_action", "playbook_id", "confidence", "priority_score"
    )
    known = customers.select("customer_id", "segment", "account_value", "tenure_months")
    for part in (
        journey_states.select("customer_id", "journey_stage", "days_in_state"),
        journey_evaluations.select("customer_id", "stage_health"),
        risk_scores.select("customer_id", "overall_risk_score", "risk_tier", "urgency", "risk_factors"),
        journey_forecasts.select("customer_id", "churn_probability", "revenue_at_risk"),
        lookup(decisions, approval_requests, "intervention_id", approval_status="status", approved_by="decided_by"),
        _owners(next_steps),
        outcome_analyses.group_by("customer_id").agg(last_contact_at=outcome_analyses.executed_at.max()),
        _last_outcomes(outcome_analyses),
    ):
        known = lookup(known, part, "customer_id")
    return known


def _owners(next_steps: ir.Table) -> ir.Table:
    """Return the role of the first step about each customer."""
    about_customers = next_steps.filter(next_steps.reference_table.isin(ABOUT_CUSTOMERS))
    first = first_per(about_customers, "subject", "rank")
    return first.select("owner", customer_id="subject")


def _last_outcomes(outcome_analyses: ir.Table) -> ir.Table:
    """Return the latest outcome of each customer; of several on a day the highest id."""
    measured = outcome_analyses.filter(outcome_analyses.measured_at.notnull())
    last = first_per(measured, "customer_id", [measured.measured_at.desc(), measured.outcome_id.desc()])
    return last.select(
        "customer_id",
        last_outcome="outcome",
        last_outcome_at="measured_at",
        last_outcome_action="recommended_action",
    )
