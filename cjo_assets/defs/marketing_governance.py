"""The tables that keep order in marketing: budgets, risks, decisions."""

from cjo_assets.core.table import Audit, Table
from cjo_assets.families.marketing.governance import (
    budget_balances,
    budget_governance,
    decision_insights,
    risk_register,
)


def governance_tables(schema: str) -> list[Table]:
    """Return the tables, in reading order, given the family's schema."""
    return [
        Table(
            schema,
            "risk_register",
            risk_register.RiskRegister,
            risk_register.risk_register,
            "governance",
            (Audit(risk_register.risks_that_block), Audit(risk_register.risks_overdue)),
        ),
        Table(
            schema,
            "budget_governance",
            budget_governance.BudgetGovernance,
            budget_governance.budget_governance,
            "governance",
            (
                Audit(budget_governance.actions_against_the_rules),
                Audit(budget_governance.answers_that_contradict),
                Audit(budget_governance.latencies_that_disagree),
            ),
        ),
        Table(
            schema,
            "budget_balances",
            budget_balances.BudgetBalances,
            budget_balances.budget_balances,
            "governance",
            (
                Audit(budget_balances.nets_that_do_not_sum_to_nothing, is_blocking=True),
                Audit(budget_balances.balances_that_miss_moves, is_blocking=True),
            ),
        ),
        Table(
            schema,
            "decision_insights",
            decision_insights.DecisionInsights,
            decision_insights.decision_insights,
            "governance",
            (Audit(decision_insights.decisions_of_no_kind),),
        ),
    ]
