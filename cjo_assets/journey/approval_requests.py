"""What people were asked to decide.

One row per intervention that needs a person, of the history and of our decisions. Undated: the status is that at the
end of the latest day in the warehouse. What a day's tables count is computed for the end of that day instead.
"""

import ibis.expr.types as ir

from cjo_assets.journey.ledger import REQUEST_STATUSES, end_of, ledger, with_approval
from cjo_assets.policy import Policy
from cjo_assets.shared.contract import Contract, Instant, TextList, column


class ApprovalRequests(Contract):
    """Decisions that need a person. One row per intervention."""

    intervention_id: str = column("Intervention to decide on.")
    customer_id: str = column("Customer.")
    segment: str = column("Market segment.", words="segments")
    recommended_action: str = column("What would be done.")
    approval_reasons: TextList = column("Why a person must decide; empty for the history, which does not say.")
    requested_at: Instant = column("End of the day of the decision [UTC].")
    expires_at: Instant = column("Instant after which the request lapses [UTC].")
    status: str = column("pending, approved, rejected or expired.", isin=REQUEST_STATUSES)
    decided_at: Instant = column("Instant of the answer [UTC]; null without one.", nullable=True)
    decided_by: str = column("Who answered; null without an answer.", nullable=True)
    reason: str = column("What they said; null where nothing was said.", nullable=True)

    class Config:
        """An intervention is asked about once."""

        unique = ["intervention_id"]


def approval_requests(
    interventions: ir.Table,
    all_recommended_interventions: ir.Table,
    all_journey_states: ir.Table,
    customers: ir.Table,
    playbooks: ir.Table,
    approval_decisions: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Ask for every decision that needs a person, and say how the asking went."""
    rows = ledger(interventions, all_recommended_interventions, customers, playbooks)
    latest_day = all_journey_states.as_of.max().as_scalar()
    rows = rows.filter(rows.generated_at <= latest_day)
    rows = with_approval(rows, approval_decisions, end_of(latest_day), policy)
    return rows.filter(rows.is_asked).select(
        "intervention_id",
        "customer_id",
        "segment",
        "recommended_action",
        "approval_reasons",
        "requested_at",
        "expires_at",
        "decided_at",
        "decided_by",
        "reason",
        status="approval_status",
    )
