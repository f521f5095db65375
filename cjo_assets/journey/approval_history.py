"""Every answer that was ever given.

One row per decision of a person, and per request that the policy approved by itself. Undated events: an answer that
came too late, or that nobody had asked for, is kept and marked as without effect.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.approval_decisions import DECISIONS
from cjo_assets.shared.contract import Contract, Instant, column


class ApprovalHistory(Contract):
    """Answers to approval requests. One row per answer."""

    intervention_id: str = column("Intervention decided on.")
    decision: str = column("approved or rejected.", isin=DECISIONS)
    decided_at: Instant = column("Instant of the answer [UTC].")
    decided_by: str = column("Who answered, or which policy switch.")
    reason: str = column("What they said; null where nothing was said.", nullable=True)
    is_effective: bool = column("Whether it answered a request in time.")

    class Config:
        """Nobody answers twice in one instant."""

        unique = ["intervention_id", "decided_at", "decided_by"]


def approval_history(approval_requests: ir.Table, approval_decisions: ir.Table) -> ir.Table:
    """List the answers of people, and the requests that approved themselves."""
    answers = approval_requests.filter(approval_requests.decided_at.notnull())
    counted = answers.select(
        "intervention_id", "decided_at", "decided_by", "reason", decision="status", is_effective=ibis.literal(True)
    )
    others = approval_decisions.anti_join(answers, ["intervention_id", "decided_at", "decided_by"])
    ignored = others.select(
        *(name for name in counted.columns if name != "is_effective"), is_effective=ibis.literal(False)
    )
    return ibis.union(counted, ignored.select(counted.columns))
