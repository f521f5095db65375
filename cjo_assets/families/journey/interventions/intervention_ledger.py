"""Interventions known when the decisions of a day are made.

One row per as-of date and intervention of the history or of our decisions of earlier days, with approval and outcome by
the end of the day. Decisions, their limits and all estimates read this table; `outcome_analyses` adds the decisions of
the day itself.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key
from cjo_assets.families.journey.interventions._ledger import (
    APPROVAL_STATUSES,
    DECISION,
    HISTORY,
    is_settled,
    known_outcomes,
)
from cjo_assets.policy import Policy


class InterventionLedger(DatedContract):
    """Interventions of earlier days. One row per as-of date and intervention."""

    intervention_id: str = key("Intervention.", personal="intervention")
    customer_id: str = column("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage when it was decided.", words="stages")
    origin: str = column("history, or a decision of ours.", isin=[HISTORY, DECISION])
    playbook_id: str = column("Playbook; of the history, the one that names the action; null if none.", nullable=True)
    recommended_action: str = column("What was to be done.")
    triggered_by_signals: TextList = column("Signals that led to it.", personal="signal")
    confidence: float = column("Confidence in the decision [0-1], up = surer.", ge=0, le=1)
    generated_at: date = column("Day of the decision.")
    is_held_out: bool = column("Whether it was recorded and, on purpose, not carried out.")
    decision_hash: str = column("Hash of the content to be approved; null for the history.", nullable=True)
    approval_status: str = column("Status of the approval at the end of the day.", isin=APPROVAL_STATUSES)
    is_settled: bool = column("Whether it was answered or carried out, or needed no approval.")
    decided_at: Instant = column("Instant of the approval decision [UTC]; null without one.", nullable=True)
    decided_by: str = column("Who decided, or which policy switch; null without a decision.", nullable=True)
    category: str = column("Category of a rejection; null without one.", nullable=True)
    reason: str = column("Reason in the person's words; null without one.", free_text=True, nullable=True)
    is_executed: bool = column("Approved or needing no approval, and something to do.")
    executed_at: Instant = column("Instant from which it counts as executed [UTC]; null if not.", nullable=True)
    expected_cost: float = column("Cost of one use [currency]; null where no playbook names the action.", nullable=True)
    stated_cost: float = column(
        "Cost that the source recorded [currency]; null where it did not, and for our own decisions.", nullable=True
    )
    expected_value: float = column("Value expected of one use [currency]; null where not recorded.", nullable=True)
    outcome: str = column("Latest outcome by the end of the day; null while pending.", words="outcomes", nullable=True)
    playbook_success: bool = column("Success by the source; null where it does not state it.", nullable=True)
    resolution_time_days: float = column("Days to resolution [days]; null if not resolved or pending.", nullable=True)
    estimated_revenue_saved: float = column("Revenue saved, as estimated [currency].", nullable=True)
    human_override: bool = column("Whether a person overrode the decision.", nullable=True)
    measured_at: date = column("Day of the measurement; null while pending.", nullable=True)


def intervention_ledger(
    interventions: ir.Table,
    earlier_recommended_interventions: ir.Table,
    earlier_journey_states: ir.Table,
    customers: ir.Table,
    playbooks: ir.Table,
    approval_decisions: ir.Table,
    outcomes: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Combine the interventions of earlier days with their approvals and outcomes."""
    known = known_outcomes(
        interventions,
        earlier_recommended_interventions,
        earlier_journey_states,
        customers,
        playbooks,
        approval_decisions,
        outcomes,
        as_of,
        policy,
    )
    return known.mutate(is_settled=is_settled(known))
