"""Approval requests.

One row per intervention that needs a person, of the history and of our decisions. Undated: the status is that at the
end of the latest day in the warehouse; dated tables compute it for the end of their day. `_ledger.py` defines the
content of a request and when it becomes stale, `_approval_routes.py` who has to answer it.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.approval_status import STALE
from cjo_assets.core.contract import Contract, Instant, TextList, column, key
from cjo_assets.families.journey.interventions._approval_routes import ASKING_REGIMES
from cjo_assets.families.journey.interventions._ledger import REQUEST_STATUSES, end_of, ledger, with_approval
from cjo_assets.policy import Policy


class ApprovalRequests(Contract):
    """Decisions that need a person. One row per intervention."""

    intervention_id: str = key("Intervention to decide on.", personal="intervention")
    customer_id: str = column("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage when it was decided.", words="stages")
    recommended_action: str = column("What would be done.")
    expected_cost: float = column("Cost expected [currency]; null where no playbook names the action.", nullable=True)
    triggered_by_signals: TextList = column("Evidence: the signals that led to it.", personal="signal")
    approval_reasons: TextList = column("Why a person must decide; empty for the history, which has no reasons.")
    approval_regime: str = column("asked, or auto_approved by the policy of the day.", isin=ASKING_REGIMES)
    approval_role: str = column("Lowest role that may answer; null for the history.", isin=ROLES, nullable=True)
    needs_two_people: bool = column("Whether two people must approve.")
    entitled_approvers: TextList = column("Who may answer, sorted; empty: any person.")
    requested_by: str = column("Who requested it, and may not approve it; null: the policy, or unknown.", nullable=True)
    decision_hash: str = column("Hash of the content to be approved; null for the history.", nullable=True)
    requested_at: Instant = column("End of the first day with the request [UTC].")
    expires_at: Instant = column("Instant after which the request lapses [UTC].")
    stale_at: Instant = column(
        "End of the day on which its content was no longer decided [UTC], if any.", nullable=True
    )
    status: str = column(
        "Status of the request; stale: the decision no longer has the content of the request. What was approved before "
        "it changed stays approved and executed in outcome_analyses; stale means that the decision has changed since.",
        isin=REQUEST_STATUSES,
    )
    stale_reason: str = column("What changed, and when; null unless stale.", nullable=True)
    decided_at: Instant = column("Instant at which the answer was complete [UTC]; null without one.", nullable=True)
    decided_by: str = column("Who answered; of two who approved, both.", nullable=True)
    category: str = column("Category of a rejection; null without one.", nullable=True)
    reason: str = column("Reason in the person's words; null without one.", nullable=True)


def approval_requests(
    interventions: ir.Table,
    all_recommended_interventions: ir.Table,
    all_journey_states: ir.Table,
    customers: ir.Table,
    playbooks: ir.Table,
    approval_decisions: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Return a request for every decision that needs a person, with its status."""
    decisions, days = all_recommended_interventions, all_journey_states
    known = ledger(interventions, decisions, customers, playbooks, decision_days=days)
    latest_day = days.as_of.max().as_scalar()
    known = known.filter(known.generated_at <= latest_day)
    approved = with_approval(known, approval_decisions, end_of(latest_day), policy)
    requests = approved.filter(approved.is_asked)
    return requests.mutate(status=requests.is_stale.ifelse(STALE, requests.approval_status))
