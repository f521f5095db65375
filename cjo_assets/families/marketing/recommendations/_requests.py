"""Approval requests of a day: recommendations that need a person, and budget actions that wait for an answer.

A recommendation is requested from the end of the first day that has its content, a budget action from its proposal on.
A budget action that the rules refuse is no request: approving it would break them.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import EXECUTIVE, MANAGER
from cjo_assets.core.contract import names_where
from cjo_assets.core.expressions.approval_answers import entitled_approvers
from cjo_assets.core.expressions.ids import content_hash
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.marketing.governance.budget_governance import PENDING
from cjo_assets.families.marketing.recommendations._recommending import REALLOCATE, money, sentence
from cjo_assets.policy import Policy

RECOMMENDATION, BUDGET_ACTION = "recommendation", "budget_action"
SOURCES = [RECOMMENDATION, BUDGET_ACTION]
SHARED = (
    "request_id",
    "source",
    "action",
    "campaign_id",
    "target_id",
    "what",
    "why",
    "amount",
    "net_impact",
    "evidence",
    "requested_by",
    "decision_hash",
    "answers_from",
    "requested_at",
)


def requests_of_day(
    recommendations: ir.Table,
    budget_governance: ir.Table,
    budget_actions: ir.Table,
    earlier_queue: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the approval requests of the day, with the role and the people who may answer.

    An answer counts from `answers_from` on: a recommendation may be answered on the first day that has its content.
    """
    rows = ibis.union(_recommended(recommendations, earlier_queue, as_of), _proposed(budget_governance, budget_actions))
    is_large = (rows.amount >= policy.marketing.approvals.executive_amount).fill_null(False)
    rows = rows.mutate(
        approval_role=is_large.ifelse(EXECUTIVE, MANAGER),
        approval_reasons=names_where(
            {
                "approval_needed": rows.source == RECOMMENDATION,
                "executive_amount": is_large,
                "unanswered_proposal": rows.source == BUDGET_ACTION,
            }
        ),
    )
    return rows.mutate(
        entitled_approvers=entitled_approvers(rows.approval_role, policy.journey.approval.approvers.items())
    )


def _recommended(recommendations: ir.Table, earlier_queue: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    rows = recommendations.filter(recommendations.requires_human_approval)
    rows = rows.mutate(
        request_id=rows.recommendation_id,
        decision_hash=content_hash(
            rows.recommendation_id, rows.action, rows.recommended_value, rounded(rows.amount, MONEY_DECIMALS)
        ),
    )
    last = first_per(earlier_queue, "request_id", [ibis.desc("as_of")])
    rows = lookup(rows, last, "request_id", last_hash="decision_hash", open_since="answers_from")
    is_same = (rows.decision_hash == rows.last_hash).fill_null(False)
    since = is_same.ifelse(rows.open_since, as_of.cast("timestamp(6)"))
    return rows.mutate(
        source=ibis.literal(RECOMMENDATION),
        what=rows.description,
        why=rows.rationale,
        requested_by=ibis.null("string"),
        answers_from=since,
        requested_at=since + ibis.interval(days=1),
    ).select(*SHARED)


def _proposed(budget_governance: ir.Table, budget_actions: ir.Table) -> ir.Table:
    rows = budget_governance.filter(budget_governance.approval_state == PENDING, ~budget_governance.is_refused)
    rows = lookup(rows, budget_actions, "budget_action_id", "proposer_id", "reason_detail")
    rows = rows.mutate(
        request_id=rows.budget_action_id,
        source=ibis.literal(BUDGET_ACTION),
        action=ibis.literal(REALLOCATE),
        target_id=rows.budget_action_id,
        what=sentence(
            "Move {} {} from {} to {}", money(rows.amount), rows.currency, rows.from_channel_id, rows.to_channel_id
        ),
        why=ibis.coalesce(rows.reason_detail, rows.reason_code.replace("_", " ")),
        net_impact=ibis.null("float64"),
        evidence=ibis.array([sentence("budget_governance {}", rows.budget_action_id)]),
        requested_by=rows.proposer_id,
        decision_hash=content_hash(
            rows.budget_action_id, rows.amount, rows.currency, rows.from_channel_id, rows.to_channel_id
        ),
        answers_from=rows.proposed_at,
        requested_at=rows.proposed_at,
    )
    return rows.select(*SHARED)
