"""What the interventions cost and what they are worth, part by part.

One row per as-of date and component. Costs and values are those of one population: the interventions executed in the
window that ends on the as-of date. Reviews are paid for whether they end in approval or not.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.ledger import APPROVED, AUTO_APPROVER, REJECTED, end_of_day
from cjo_assets.journey.outcome_analyses import executed_in_window
from cjo_assets.policy import Policy
from cjo_assets.shared.contract import DatedContract, column
from cjo_assets.shared.numbers import MONEY_DECIMALS, rounded

COST, VALUE = "cost", "value"
EVIDENCE_GRADES = ["randomised", "matched", "before_after", "assumption"]
ASSUMPTION = "assumption"
DAYS_PER_MONTH = 30
MINUTES_PER_HOUR = 60


class RoiBreakdown(DatedContract):
    """Cost and value components. One row per as-of date and component."""

    component: str = column("Component.")
    kind: str = column("cost or value.", isin=[COST, VALUE])
    amount: float = column("Amount in the window [currency]; null where it cannot be said.", nullable=True)
    formula: str = column("How the amount came about.")
    assumption: str = column("What must hold for it to be true.")
    evidence_grade: str = column("randomised, matched, before_after or assumption.", isin=EVIDENCE_GRADES)

    class Config:
        """A component stands once."""

        unique = ["component"]


def roi_breakdown(outcome_analyses: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Price the executed interventions of the window and the reviews in it."""
    rules = policy.journey.roi
    executed = executed_in_window(outcome_analyses, as_of, rules.window_days)
    facts = executed.agg(
        executions=executed.count(),
        playbook_cost=executed.expected_cost.sum(),
        priced=executed.expected_cost.count(),
        revenue=executed.estimated_revenue_saved.sum(),
        measured=executed.estimated_revenue_saved.count(),
    ).cross_join(_reviews(outcome_analyses, as_of, rules.window_days))
    hours = facts.reviews * rules.review_minutes_per_approval / MINUTES_PER_HOUR
    calls = facts.executions * rules.api_calls_per_intervention
    months = rules.window_days / DAYS_PER_MONTH
    executions = facts.executions.cast("string")
    rows = [
        (
            "playbook_cost",
            COST,
            facts.playbook_cost.fill_null(0.0),
            _text(facts.priced, " of ", executions, " executed interventions with a known cost"),
            "Each use costs what its playbook estimates; a use without a known cost counts nothing here.",
        ),
        (
            "human_review_time",
            COST,
            hours * rules.cost_per_human_review_hour,
            _text(
                facts.reviews,
                f" reviews x {rules.review_minutes_per_approval:g} minutes"
                f" x {rules.cost_per_human_review_hour:g} an hour",
            ),
            "Every review takes the same time, whatever its answer.",
        ),
        (
            "api_calls",
            COST,
            calls * rules.cost_per_api_call,
            _text(
                executions,
                f" executed interventions x {rules.api_calls_per_intervention} calls x {rules.cost_per_api_call:g}",
            ),
            "Each execution calls other systems as often as the policy says.",
        ),
        (
            "llm_usage",
            COST,
            ibis.literal(0.0),
            ibis.literal("0 calls made"),
            "A language model costs only when it is called, and none was.",
        ),
        (
            "infrastructure",
            COST,
            ibis.literal(rules.infrastructure_cost_per_month * months),
            ibis.literal(
                f"{rules.infrastructure_cost_per_month:g} a month x {rules.window_days} / {DAYS_PER_MONTH} days"
            ),
            "The window bears its share of a month of 30 days.",
        ),
        (
            "retained_revenue",
            VALUE,
            facts.revenue.fill_null(0.0),
            _text("estimated_revenue_saved of ", facts.measured, " of ", executions, " executed interventions"),
            "The revenue would have been lost otherwise; no control group says so.",
        ),
        (
            "escalation_prevention",
            VALUE,
            ibis.null("float64"),
            ibis.literal("not measurable"),
            "Needs a baseline of escalations without interventions.",
        ),
        (
            "support_workload_reduction",
            VALUE,
            ibis.null("float64"),
            ibis.literal("not measurable"),
            "Needs a baseline of support cases and their cost.",
        ),
    ]
    parts = [
        ibis.struct(
            {
                "component": ibis.literal(component),
                "kind": ibis.literal(kind),
                "amount": rounded(amount, MONEY_DECIMALS),
                "formula": formula,
                "assumption": ibis.literal(assumption),
                "evidence_grade": ibis.literal(ASSUMPTION),
            }
        )
        for component, kind, amount, formula, assumption in rows
    ]
    return facts.select(part=ibis.array(parts).unnest()).unpack("part")


def _reviews(outcome_analyses: ir.Table, as_of: date, window_days: int) -> ir.Table:
    """Count the approvals that people decided in the window."""
    end = end_of_day(as_of)
    rows = outcome_analyses.filter(outcome_analyses.approval_status.isin([APPROVED, REJECTED]))
    rows = rows.filter(rows.decided_at > end - ibis.interval(days=window_days), rows.decided_at <= end)
    people = rows.filter(rows.decided_by != AUTO_APPROVER)
    return people.agg(reviews=people.count())


def _text(*parts: ir.Value | str) -> ir.StringValue:
    texts = [ibis.literal(part) if isinstance(part, str) else part.cast("string") for part in parts]
    return texts[0].concat(*texts[1:])
