"""Budget actions: budget moved, or proposed to move, between channels of a campaign.

One row per action. A move that breaks a rule, such as one from a channel to itself or into a risk, is accepted here and
refused by `budget_governance`.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import ALWAYS, LARGEST_AMOUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset

PROPOSED, APPROVED, REJECTED, EXECUTED, ROLLED_BACK = "proposed", "approved", "rejected", "executed", "rolled_back"
ORCHESTRATOR, HUMAN = "orchestrator", "human"


class BudgetActions(Contract):
    """Budget actions that passed their contract. One row per action."""

    budget_action_id: str = key("Budget action.")
    timestamp: Instant = column("Instant it was proposed [UTC].")
    campaign_id: str = column("Campaign whose budget it is.")
    from_channel_id: str = column("Channel that gives.")
    to_channel_id: str = column("Channel that gets.")
    amount: float = column("What is moved [currency].", gt=0, le=LARGEST_AMOUNT)
    currency: str = column("Currency, as ISO 4217 writes it.")
    reason_code: str = column("Why, in one word.", words="budget_reasons")
    reason_detail: str = column("Why, in their words; null without a reason.", free_text=True, nullable=True)
    proposed_by: str = column("orchestrator or human.", isin=[ORCHESTRATOR, HUMAN])
    approved_by_human: bool = column("Whether a person approved it.")
    approver_id: str = column(
        "Who approved or rejected it; null without an answer, or where it was not recorded.", nullable=True
    )
    approval_latency_minutes: float = column(
        "From proposal to answer [minutes]; null where there is none.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    status: str = column(
        "proposed, approved, rejected, executed or rolled_back.",
        isin=[PROPOSED, APPROVED, REJECTED, EXECUTED, ROLLED_BACK],
    )
    decided_at: Instant = column("Instant of the answer [UTC]; null where not recorded.", optional=True)
    executed_at: Instant = column("Instant the money moved [UTC]; null where not recorded.", optional=True)
    proposer_id: str = column(
        "Who proposed it; null where a machine did, or it was not recorded.", optional=True, used_when=ALWAYS
    )


def relations(rows: ir.Table, campaigns: ir.Table, channels: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the actions on nothing we know, and those answered or executed before they were proposed."""
    return {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "from_channel_id: unknown channel": rows.from_channel_id.notin(channels.channel_id),
        "to_channel_id: unknown channel": rows.to_channel_id.notin(channels.channel_id),
        "decided_at: before it was proposed": rows.decided_at < rows.timestamp,
        "executed_at: before it was proposed": rows.executed_at < rows.timestamp,
    }


DATASET = Dataset("budget_actions", BudgetActions, relations=relations, record_date="timestamp")
