"""Conversations that bots had with users of a customer.

One row per conversation. Neither transcript nor name is stored: a user is a pseudonym. The version of the configuration
is that at the start, which applies until the end.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, is_unknown

CHATBOT, VOICEBOT = "chatbot", "voicebot"
PRODUCTS = [CHATBOT, VOICEBOT]
ACTIVE, COMPLETED, ABANDONED, FAILED, ESCALATED = "active", "completed", "abandoned", "failed", "escalated"


class Conversations(Contract):
    """Conversations that passed their contract. One row per conversation."""

    conversation_id: str = key("Conversation.")
    customer_id: str = column("Customer whose bot it was.", personal="customer")
    user_id: str = column("User, as a pseudonym; null where unknown.", nullable=True)
    product: str = column("chatbot or voicebot.", isin=PRODUCTS)
    config_id: str = column("Configuration of the bot; null where unknown.", nullable=True)
    config_version: int = column("Its version at the start; null where unknown.", ge=1, nullable=True)
    ended_version: int = column("Its version at the end; null where unknown.", ge=1, nullable=True)
    started_at: Instant = column("Instant of the start [UTC].")
    ended_at: Instant = column("Instant of the end [UTC]; null while it is active.", nullable=True)
    status: str = column(
        "active, completed, abandoned, failed or escalated.", isin=[ACTIVE, COMPLETED, ABANDONED, FAILED, ESCALATED]
    )
    is_resolved: bool = column("Whether it solved the user's problem; null where unknown.", nullable=True)
    ai_confidence: float = column("Confidence of the bot [0-1]; null where unknown.", ge=0, le=1, nullable=True)
    asked_for_human: bool = column("Whether the user requested a person.")
    csat: float = column(
        "Satisfaction of the user [1-5], up = better; null without an answer.", ge=1, le=5, nullable=True
    )
    p95_ms: float = column(
        "95th percentile of its response times [ms]; null where unknown.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    tool_calls: int = column("Calls of tools [calls]; null where unknown.", ge=0, le=LARGEST_COUNT, nullable=True)
    tool_errors: int = column("Of these, failed [calls]; null where unknown.", ge=0, le=LARGEST_COUNT, nullable=True)
    is_flagged: bool = column("Whether an answer was found to be invented; null where not examined.", optional=True)


def relations(rows: ir.Table, organizations: ir.Table, config_versions: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer, the configuration and the times of a conversation."""
    is_foreign = is_of_another(rows, rows.config_id, config_versions, "config_id")
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "config_id: configuration of another customer": is_foreign,
        "ended_at: before started_at": rows.ended_at < rows.started_at,
        "tool_errors: more than tool_calls": rows.tool_errors > rows.tool_calls,
    }


DATASET = Dataset("conversations", Conversations, relations=relations, record_date="started_at")
