"""Decisions of the orchestrator about campaigns, and overrides by people.

One row per decision.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset


class OrchestratorDecisions(Contract):
    """Decisions of the history that passed their contract. One row per decision."""

    decision_id: str = key("Decision.", personal="decision")
    campaign_id: str = column("Campaign it was about.")
    trigger: str = column("What led to it.", free_text=True)
    action_taken: str = column("What was done.", free_text=True)
    confidence_score: float = column("Confidence in the decision [0-1], up = surer.", ge=0, le=1)
    human_override: bool = column("Whether a person decided otherwise than the machine.")
    timestamp: Instant = column("Instant of the decision [UTC].")
    insight_at: Instant = column(
        "Instant at which what led to it was known [UTC]; null where not recorded.", optional=True
    )
    evaluation_latency_seconds: float = column(
        "Time the machine took to decide [seconds], up = slower; null where not recorded.",
        ge=0,
        le=LARGEST_AMOUNT,
        optional=True,
    )


def relations(rows: ir.Table, campaigns: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the decisions about no campaign we know, and those made before what led to them was known."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "insight_at: after the decision": rows.insight_at > rows.timestamp,
    }


DATASET = Dataset("orchestrator_decisions", OrchestratorDecisions, relations=relations, record_date="timestamp")
