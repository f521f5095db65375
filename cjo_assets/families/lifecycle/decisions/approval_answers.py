"""Answers to approval requests of the lifecycle, with their effect.

One row per as-of date and answer that was given by then. An answer without a request, by a person who is not entitled,
or for another content is kept with the reason why it has no effect.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.approval_answers import answers_with_effect
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.open_requests import as_answered
from cjo_assets.families.lifecycle.decisions._requests import requests_of_day
from cjo_assets.policy import Policy


class ApprovalAnswers(DatedContract):
    """Answers to approval requests. One row per as-of date and answer."""

    decision_id: str = key("Decision or request that was answered.", personal="decision")
    decided_at: Instant = key("Instant of the answer [UTC].")
    decided_by: str = key("Person who answered.", free_text=True)
    decision: str = column("approved or rejected.", isin=[APPROVED, REJECTED])
    person: str = column(
        "Key under which all spellings of the name count as one person; null where it names no person.", nullable=True
    )
    category: str = column("Category of a rejection; null without one.", nullable=True)
    reason: str = column("Reason as written; null without one.", nullable=True, free_text=True)
    is_effective: bool = column("Whether it counts.")
    why_ineffective: str = column("Why it does not count; null where it does.", nullable=True)
    settles: bool = column("Whether it settles its request.")


def approval_answers(
    outbox: ir.Table, lifecycle_events: ir.Table, lifecycle_approvals: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the answers given by the end of the as-of date, with their effect."""
    until = days_after(as_of, 1).cast("timestamp(6)")
    requests = as_answered(requests_of_day(outbox, lifecycle_events, as_of, policy))
    given = lifecycle_approvals.filter(lifecycle_approvals.decided_at < until)
    rows = answers_with_effect(requests, given, until, policy.vocabulary.null_words, subject="decision_id")
    return rows.mutate(is_effective=rows.why_ineffective.isnull())


@check
def answers_without_effect(approval_answers: ir.Table) -> ir.Table:
    """Return answers that have no effect, with the reason."""
    rows = approval_answers.filter(~approval_answers.is_effective)
    return rows.select("decision_id", "decided_by", "decided_at", "why_ineffective")
