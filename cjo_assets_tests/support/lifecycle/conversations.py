"""Conversations and days of usage by hand."""

from datetime import timedelta
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs.conversations import Conversations
from cjo_assets_tests.support.rows import Row, instant, table_of


def talk(started_at: str, name: str = "V1", customer: str = "C1", minutes: float | None = 5, **more: Any) -> Row:
    """Return a completed conversation of a chatbot; without minutes it is active."""
    start = instant(started_at)
    return {
        "conversation_id": name,
        "customer_id": customer,
        "user_id": "U1",
        "product": "chatbot",
        "started_at": start,
        "ended_at": None if minutes is None else start + timedelta(minutes=minutes),
        "status": "active" if minutes is None else "completed",
    } | more


def conversations_of(*rows: Row) -> ir.Table:
    """Return conversations as a table."""
    return table_of(Conversations, rows)
