"""Approval queue: what a person must approve, with whom it waits, for how long, and what was answered.

One row per as-of date and approval request: decisions of the outbox that need a person, and requests that people
recorded. The role follows from the policy's ladders. A pending request goes to the next higher role each time the
policy's timeout passes; the lower roles may still answer it. It never lapses.
"""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.approval_status import APPROVED, PENDING, REJECTED
from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, SCORE_DECIMALS
from cjo_assets.core.expressions.open_requests import with_answers
from cjo_assets.families.lifecycle.decisions._ladders import LADDERS, REFUND, RULES
from cjo_assets.families.lifecycle.decisions._requests import REQUESTED_EVENT, SOURCES, requests_of_day
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy

STATUSES = [PENDING, APPROVED, REJECTED]


class ApprovalQueue(DatedContract):
    """Approval requests of the lifecycle. One row per as-of date and request."""

    decision_id: str = key("Decision of the outbox, or id of a recorded request.", personal="decision")
    source: str = column("decision: of the outbox; request: recorded by a person.", isin=SOURCES)
    kind: str = column("Kind of the decision; approval_requested of a recorded request.")
    customer_id: str = column("Customer; null of a decision about several.", nullable=True, personal="customer")
    subject_id: str = column("What it is about.")
    what: str = column("What would be done.")
    amount: float = column(
        "Amount [currency]; null without one.", ge=0, le=LARGEST_AMOUNT, nullable=True, decimals=MONEY_DECIMALS
    )
    share: float = column("Share of a discount [0-1]; null without one.", ge=0, le=1, nullable=True)
    approval_rule: str = column("Rule of the policy; null: it has none for this kind.", nullable=True)
    approval_role: str = column("Lowest role that may answer.", isin=ROLES)
    waits_with: str = column(
        "Role that has to answer now: one higher for each timeout that has passed; null once answered.",
        isin=ROLES,
        nullable=True,
    )
    entitled_approvers: TextList = column("Who may answer, sorted; empty: any person.")
    requested_by: str = column("Who requested it, and may not approve it; null: the platform.", nullable=True)
    answers_from: Instant = column("Instant from which an answer counts [UTC].")
    requested_at: Instant = column("Instant of the request; of a decision the end of its first day [UTC].")
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
    outbox: ir.Table, lifecycle_events: ir.Table, approval_answers: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the approval requests of the as-of date, with their answers and the role that they wait with."""
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    requests = requests_of_day(outbox, lifecycle_events, as_of, policy)
    return with_answers(requests, approval_answers, "decision_id", as_of, rules.approvals.timeout_minutes)


@check(blocking=True)
def rows_of_no_organization(approval_queue: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return requests whose organization is not in the file."""
    return without_organization(approval_queue, organizations)


@check(blocking=True)
def decisions_without_request(approval_queue: ir.Table, outbox: ir.Table) -> ir.Table:
    """Return decisions that need an approval and have no request."""
    rows = outbox.filter(outbox.requires_approval, outbox.decision_id.notin(approval_queue.decision_id))
    return rows.select("decision_id", "kind", "customer_id")


@check
def requests_of_unknown_kind(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return recorded requests of a kind without a rule in the policy, which therefore wait with the executive."""
    rows = known_events(lifecycle_events, as_of, REQUESTED_EVENT)
    rows = rows.filter(rows.about.notin([*LADDERS, *RULES, REFUND]))
    return rows.select("event_id", "customer_id", kind="about")


@check
def overdue_requests(approval_queue: ir.Table) -> ir.Table:
    """Return pending requests that are overdue."""
    rows = approval_queue.filter(approval_queue.is_overdue)
    return rows.select("decision_id", "customer_id", "waits_with", "due_at")
