"""Approval decisions: what people said when they were asked.

One row per intervention that somebody decided on.
"""

import ibis.expr.types as ir

from cjo_assets.journey.interventions import known_interventions
from cjo_assets.shared.contract import Contract, Instant, column
from cjo_assets.shared.dataset import Dataset

DECISIONS = ["approved", "rejected"]


class ApprovalDecisions(Contract):
    """Approval decisions that passed their contract. One row per intervention decided on."""

    intervention_id: str = column("Intervention decided on, of the history or of our decisions.")
    decision: str = column("approved or rejected.", isin=DECISIONS)
    decided_at: Instant = column("Instant of the decision [UTC].")
    decided_by: str = column("Who decided.", free_text=True)
    reason: str = column("Why; null where nothing was said.", free_text=True, nullable=True)

    class Config:
        """An intervention is decided on once."""

        unique = ["intervention_id"]


def relations(rows: ir.Table, interventions: ir.Table, issued_interventions: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the decisions on no known intervention."""
    known = known_interventions(interventions, issued_interventions)
    return {"intervention_id: unknown intervention": rows.intervention_id.notin(known.intervention_id)}


DATASET = Dataset("approval_decisions", ApprovalDecisions, relations=relations, record_date="decided_at")
