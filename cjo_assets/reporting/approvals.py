"""An approval request in words: its state, its cost and who answers it."""

from __future__ import annotations

from typing import Any

from cjo_assets.core.approval_status import PENDING
from cjo_assets.reporting.naming import Naming, page_naming
from cjo_assets.reporting.text import instant, money


def approval_sentence(request: dict[str, Any], rule: str = "") -> str:
    """Return with whom a request waits and until when, or who answered it.

    Args:
        request: row of the approval queue of a family.
        rule: the rule that requires the approval, to follow it.
    """
    if request["status"] == PENDING:
        state = "is overdue since" if request["is_overdue"] else "is due by"
        who = page_naming().label("waits_with", request["waits_with"])
        return f"It waits for the approval of the {who}{rule}, which {state} {instant(request['due_at'])}."
    status = page_naming().label("status", request["status"])
    return f"It was {status} by {request['decided_by']} at {instant(request['decided_at'])}{rule}."


def cost_of(request: dict[str, Any]) -> str:
    """Return the cost or amount of a pending request [currency], or why it has none."""
    if request["expected_cost"] is not None:
        return money(request["expected_cost"])
    return "no money moves" if request.get("moves_no_money") else "cost unknown"


def approver_of(request: dict[str, Any], naming: Naming) -> str:
    """Return the role that has to answer a pending request, whether two people must, and who has approved it."""
    role = request.get("waits_with") or request["approval_role"]
    who = naming.label("waits_with", role) if role else "any role"
    by = f", approved by {', '.join(request['approved_by'])}" if request["approved_by"] else ""
    return f"two people, {who}{by}" if request["needs_two_people"] else f"{who}{by}"


def reasons_of(request: dict[str, Any], naming: Naming) -> str:
    """Return why a person must answer a pending request."""
    reasons = request["approval_reasons"]
    return naming.text("approval_reasons", reasons, "words") if reasons else "requested by its source"
