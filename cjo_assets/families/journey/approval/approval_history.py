"""Answers to approval requests, with their effect.

One row per answer of a person, and per request that the policy approved automatically. Undated. An answer that came too
late, from a person not entitled, or without a request is kept with the reason why it had no effect.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import Contract, Instant, column, key
from cjo_assets.core.expressions.approval_answers import answers_with_effect
from cjo_assets.families.journey.inputs.approval_decisions import DECISIONS
from cjo_assets.families.journey.interventions._ledger import AUTO_APPROVER, end_of
from cjo_assets.policy import Policy


class ApprovalHistory(Contract):
    """Answers to approval requests. One row per answer."""

    intervention_id: str = key("Intervention decided on.", personal="intervention")
    decision: str = column("approved or rejected.", isin=DECISIONS)
    decided_at: Instant = key("Instant of the answer [UTC].")
    decided_by: str = key("Who answered, or which policy switch.")
    person: str = column(
        "Key under which all spellings of the name count as one person; null where it names no person.", nullable=True
    )
    category: str = column("Category of a rejection; null without one.", nullable=True)
    reason: str = column("Reason in the person's words; null without one.", nullable=True)
    is_effective: bool = column("Whether it counted: alone, or as one of two.")
    why_ineffective: str = column("Why it did not count; null where it did.", nullable=True)


def approval_history(
    approval_requests: ir.Table, approval_decisions: ir.Table, all_journey_states: ir.Table, policy: Policy
) -> ir.Table:
    """Return the answers of people, and the requests that were approved automatically."""
    until = end_of(all_journey_states.as_of.max().as_scalar())
    people = answers_with_effect(
        approval_requests, approval_decisions, until, policy.vocabulary.null_words, subject="intervention_id"
    )
    people = people.mutate(is_effective=people.why_ineffective.isnull())
    automatic = approval_requests.filter(approval_requests.decided_by == AUTO_APPROVER)
    automatic = automatic.mutate(
        decision=ibis.literal(DECISIONS[0]),
        person=ibis.null("string"),
        is_effective=ibis.literal(True),
        why_ineffective=ibis.null("string"),
    )
    columns = list(ApprovalHistory.to_schema().columns)
    return ibis.union(people.select(columns), automatic.select(columns))


@check
def answers_without_effect(approval_history: ir.Table) -> ir.Table:
    """Return answers that had no effect, with the reason."""
    ineffective = approval_history.filter(~approval_history.is_effective)
    return ineffective.select("intervention_id", "decided_by", "why_ineffective")
