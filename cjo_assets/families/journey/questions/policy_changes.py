"""Decisions, risk tiers and approval routes that differ between two policies.

One row per as-of date and customer with a different decision, tier or approval route. Before is the policy of the day,
after is the candidate, with the same files and the same earlier days.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.contract import Contract, any_of, column, key
from cjo_assets.core.expressions.tables import merged
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.families.journey.interventions._approval_routes import REGIMES

NEW, GONE, OTHER_PLAYBOOK, OTHER_ACTION = "new", "gone", "other_playbook", "other_action"
HELD_OUT, RELEASED = "held_out", "released"
DECISION_CHANGES = [NEW, GONE, OTHER_PLAYBOOK, OTHER_ACTION, HELD_OUT, RELEASED]
KEY = ("as_of", "customer_id")
DECISION_COLUMNS = (
    "intervention_id",
    "playbook_id",
    "recommended_action",
    "is_held_out",
    "requires_human_approval",
    "approval_regime",
    "approval_role",
    "needs_two_people",
    "expected_cost",
    "expected_value",
)
SCORE_COLUMNS = ("overall_risk_score", "decision_risk", "risk_tier")
ROUTE_COLUMNS = ("requires_human_approval", "approval_regime", "approval_role", "needs_two_people")


class PolicyChanges(Contract):
    """Decisions, tiers and approval routes that a candidate policy changes. One row per as-of date and customer."""

    as_of: date = key("As-of date.")
    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    account_value: float = column("Yearly value of the account [currency].", ge=0)
    decision_change: str = column(
        "Change of the decision; null if there is none.", isin=DECISION_CHANGES, nullable=True
    )
    is_tier_changed: bool = column("Whether the risk tier differs.")
    is_route_changed: bool = column("Whether the approval route of a decision made under both policies differs.")
    revenue_at_risk_before: float = column("Churn probability x account value [currency].", ge=0, nullable=True)
    revenue_at_risk_after: float = column("The same under the candidate [currency].", ge=0, nullable=True)
    overall_risk_score_before: float = column("Weighted risk [0-1, up = worse]; null: not scored.", nullable=True)
    overall_risk_score_after: float = column("The same under the candidate.", nullable=True)
    decision_risk_before: float = column("Risk that determines eligibility [0-1, up = worse].", nullable=True)
    decision_risk_after: float = column("The same under the candidate.", nullable=True)
    risk_tier_before: str = column("Risk tier.", isin=TIERS, nullable=True)
    risk_tier_after: str = column("Risk tier under the candidate.", isin=TIERS, nullable=True)
    intervention_id_before: str = column("Decision; null without one.", nullable=True, personal="intervention")
    intervention_id_after: str = column("Decision under the candidate.", nullable=True, personal="intervention")
    playbook_id_before: str = column("Its playbook; null for monitor_only and escalations.", nullable=True)
    playbook_id_after: str = column("Playbook under the candidate.", nullable=True)
    recommended_action_before: str = column("Recommended action.", nullable=True)
    recommended_action_after: str = column("Recommended action under the candidate.", nullable=True)
    is_held_out_before: bool = column("Whether it is in the holdout.", nullable=True)
    is_held_out_after: bool = column("Whether it is in the holdout under the candidate.", nullable=True)
    requires_human_approval_before: bool = column("Whether it requires approval.", nullable=True)
    requires_human_approval_after: bool = column("Whether it requires approval under the candidate.", nullable=True)
    approval_regime_before: str = column("Regime of the approval.", isin=REGIMES, nullable=True)
    approval_regime_after: str = column("Regime under the candidate.", isin=REGIMES, nullable=True)
    approval_role_before: str = column("Role of the approver.", isin=ROLES, nullable=True)
    approval_role_after: str = column("Role of the approver under the candidate.", isin=ROLES, nullable=True)
    needs_two_people_before: bool = column("Whether two people must approve.", nullable=True)
    needs_two_people_after: bool = column("Whether two people must approve under the candidate.", nullable=True)
    expected_cost_before: float = column("Cost expected [currency].", nullable=True)
    expected_cost_after: float = column("Cost under the candidate [currency].", nullable=True)
    expected_value_before: float = column("Value expected [currency].", nullable=True)
    expected_value_after: float = column("Value under the candidate [currency].", nullable=True)


def policy_changes(
    before_decisions: ir.Table,
    after_decisions: ir.Table,
    before_scores: ir.Table,
    after_scores: ir.Table,
    before_forecasts: ir.Table,
    after_forecasts: ir.Table,
    customers: ir.Table,
) -> ir.Table:
    """Compare the decisions under the candidate with those under the policy of the day.

    Args:
        before_decisions: `recommended_interventions` of the compared days with column as_of, like all inputs but the
        last.
        after_decisions: the same under the candidate.
        before_scores: `risk_scores`.
        after_scores: the same under the candidate.
        before_forecasts: `journey_forecasts`.
        after_forecasts: the same under the candidate.
        customers: segment and account value of customers.
    """
    parts = (
        (before_decisions, after_decisions, DECISION_COLUMNS),
        (before_scores, after_scores, SCORE_COLUMNS),
        (before_forecasts, after_forecasts, ("revenue_at_risk",)),
    )
    sides = [side for before, after, names in parts for side in _sides(before, after, names)]
    rows = merged(sides, KEY)
    rows = rows.mutate(
        decision_change=_decision_change(rows),
        is_tier_changed=~rows.risk_tier_before.identical_to(rows.risk_tier_after),
        is_route_changed=rows.intervention_id_before.notnull()
        & rows.intervention_id_after.notnull()
        & any_of(~rows[f"{name}_before"].identical_to(rows[f"{name}_after"]) for name in ROUTE_COLUMNS),
    )
    rows = rows.filter(rows.decision_change.notnull() | rows.is_tier_changed | rows.is_route_changed)
    rows = rows.join(customers.select("customer_id", "segment", "account_value"), "customer_id")
    return rows.select(*PolicyChanges.to_schema().columns)


def _decision_change(rows: ir.Table) -> ir.StringValue:
    """Return the most important change of a decision."""
    return ibis.cases(
        (rows.intervention_id_before.isnull() & rows.intervention_id_after.isnull(), ibis.null("string")),
        (rows.intervention_id_before.isnull(), NEW),
        (rows.intervention_id_after.isnull(), GONE),
        (~rows.playbook_id_before.identical_to(rows.playbook_id_after), OTHER_PLAYBOOK),
        (rows.recommended_action_before != rows.recommended_action_after, OTHER_ACTION),
        (rows.is_held_out_after & ~rows.is_held_out_before, HELD_OUT),
        (rows.is_held_out_before & ~rows.is_held_out_after, RELEASED),
        else_=ibis.null("string"),
    )


def _sides(before: ir.Table, after: ir.Table, names: tuple[str, ...]) -> list[ir.Table]:
    """Return the rows of both sides, with the side as suffix of their columns."""
    return [
        rows.select(*KEY, **{f"{name}_{side}": name for name in names})
        for side, rows in (("before", before), ("after", after))
    ]
