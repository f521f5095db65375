"""The state of an approval request in a sentence."""

from __future__ import annotations

from typing import Any

from cjo_assets.core.approval_status import PENDING
from cjo_assets.reporting.naming import packaged_naming
from cjo_assets.reporting.text import instant


def approval_sentence(request: dict[str, Any], rule: str = "") -> str:
    """Return with whom a request waits and until when, or who answered it.

    Args:
        request: row of the approval queue of a family.
        rule: the rule that requires the approval, to follow it.
    """
    if request["status"] == PENDING:
        state = "is overdue since" if request["is_overdue"] else "is due by"
        who = packaged_naming().label("waits_with", request["waits_with"])
        return f"It waits for the approval of the {who}{rule}, which {state} {instant(request['due_at'])}."
    status = packaged_naming().label("status", request["status"])
    return f"It was {status} by {request['decided_by']} at {instant(request['decided_at'])}{rule}."
