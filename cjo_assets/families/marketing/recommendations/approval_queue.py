"""Approval queue: what a person must approve, with whom it waits, for how long, and what was answered.

One row per as-of date and approval request: recommendations that need a person, and budget actions that wait for an
answer. The policy's amount decides between manager and executive. A pending request goes to the next higher role each
time the policy's timeout passes; the lower roles may still answer it. It never lapses.

The platform moves no money: a budget tool reads the answer here, and reports in `budget_actions` what it did.
"""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.approval_status import APPROVED, PENDING, REJECTED
from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import LARGEST_AMOUNT, DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, SCORE_DECIMALS
from cjo_assets.core.expressions.open_requests import with_answers
from cjo_assets.families.marketing.recommendations._recommending import ACTIONS
from cjo_assets.families.marketing.recommendations._requests import SOURCES, requests_of_day
from cjo_assets.policy import Policy

STATUSES = [PENDING, APPROVED, REJECTED]
CONFIG = TableConfig(look_back_columns=("as_of", "request_id", "decision_hash", "answers_from"))


class ApprovalQueue(DatedContract):
    """Approval requests of marketing. One row per as-of date and request."""

    request_id: str = key("Recommendation, or budget action that was proposed.")
    source: str = column("recommendation; budget_action: proposed in a file.", isin=SOURCES)
    action: str = column("What would be done.", isin=ACTIONS)
    campaign_id: str = column("Campaign it concerns; of a move between two the one that gets.")
    target_id: str = column("What it is about: a campaign, an experiment, a move, a creative, an audience, a risk.")
    what: str = column("What would be done, in words.", free_text=True)
    why: str = column("Why it is proposed.", free_text=True)
    amount: float = column(
        "Budget that it moves [currency]; null where it moves none, or names no amount.",
        ge=0,
        le=LARGEST_AMOUNT,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    net_impact: float = column(
        "net_impact of the recommendation [currency], up = better; null where not known, and of a budget action.",
        nullable=True,
    )
    evidence: TextList = column("Table and key of the rows it rests on.")
    approval_reasons: TextList = column(
        "Why a person must answer, sorted: approval_needed lists the action; the amount is from executive_amount on; "
        "unanswered_proposal: a budget action waits."
    )
    approval_role: str = column("Lowest role that may answer.", isin=ROLES)
    waits_with: str = column(
        "Role that has to answer now: one higher for each timeout that has passed; null once answered.",
        isin=ROLES,
        nullable=True,
    )
    entitled_approvers: TextList = column("Who may answer, sorted; empty: any person.")
    requested_by: str = column("Who proposed it, and may not approve it; null: the platform.", nullable=True)
    answers_from: Instant = column("Instant from which an answer counts [UTC].")
    requested_at: Instant = column("Instant of the request; of a recommendation the end of its first day [UTC].")
    due_at: Instant = column("Instant after which it is overdue [UTC].")
    waited_minutes: float = column(
        "From the request to the answer, or so far [minutes], up = worse.", ge=0, decimals=SCORE_DECIMALS
    )
    is_overdue: bool = column("Whether it is pending for longer than the policy's timeout.")
    status: str = column("pending, approved or rejected.", isin=STATUSES)
    decided_at: Instant = column("Instant of the answer [UTC]; null before.", nullable=True)
    decided_by: str = column("Who answered; null before.", nullable=True)
    category: str = column("Category of a rejection; null without one.", nullable=True)
    reason: str = column("Reason as written; null without one.", nullable=True, free_text=True)
    decision_hash: str = column("Hash of the content that is approved.")


def approval_queue(
    recommendations: ir.Table,
    budget_governance: ir.Table,
    budget_actions: ir.Table,
    approval_answers: ir.Table,
    earlier_approval_queue: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the approval requests of the as-of date, with their answers and the role that they wait with."""
    requests = requests_of_day(
        recommendations, budget_governance, budget_actions, earlier_approval_queue, as_of, policy
    )
    timeout = policy.marketing.approvals.timeout_minutes
    return with_answers(requests, approval_answers, "request_id", as_of, timeout)


@check(blocking=True)
def recommendations_without_request(approval_queue: ir.Table, recommendations: ir.Table) -> ir.Table:
    """Return recommendations that need an approval and have no request."""
    rows = recommendations.filter(
        recommendations.requires_human_approval, recommendations.recommendation_id.notin(approval_queue.request_id)
    )
    return rows.select("recommendation_id", "action", "campaign_id")


@check
def overdue_requests(approval_queue: ir.Table) -> ir.Table:
    """Return pending requests that are overdue."""
    rows = approval_queue.filter(approval_queue.is_overdue)
    return rows.select("request_id", "campaign_id", "waits_with", "due_at")
