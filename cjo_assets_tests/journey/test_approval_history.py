"""Every answer that was ever given, whether it had an effect, and what the switch for tests approved by itself."""

from datetime import datetime

from cjo_assets.journey.approval_decisions import ApprovalDecisions
from cjo_assets.journey.approval_history import ApprovalHistory, approval_history
from cjo_assets.journey.approval_requests import ApprovalRequests
from cjo_assets_tests.tables import Row, kept, table_of

MORNING, NOON, EVENING = datetime(2025, 1, 18, 8), datetime(2025, 1, 18, 12), datetime(2025, 1, 18, 18)
AUTO = "policy:auto_approve_for_testing"


def answer(intervention: str, decision: str, at: datetime, who: str, why: str | None = None) -> Row:
    """Return what somebody said."""
    return {"intervention_id": intervention, "decision": decision, "decided_at": at, "decided_by": who, "reason": why}


def request(intervention: str, status: str, at: datetime | None = None, who: str | None = None) -> Row:
    """Return a request and how it went."""
    return {"intervention_id": intervention, "status": status, "decided_at": at, "decided_by": who}


ANSWERS = {
    "approved": answer("approved", "approved", MORNING, "ann", "worth it"),
    "rejected": answer("rejected", "rejected", NOON, "bob"),
    # Too late, not yet, never asked for, and overtaken by the switch.
    "expired": answer("expired", "approved", EVENING, "ann"),
    "pending": answer("pending", "rejected", EVENING, "ann"),
    "unasked": answer("unasked", "rejected", NOON, "bob", "nobody asked"),
    "late and automatic": answer("late and automatic", "rejected", EVENING, "bob"),
}
REQUESTS = [
    request("approved", "approved", MORNING, "ann") | {"reason": "worth it"},
    request("rejected", "rejected", NOON, "bob"),
    request("expired", "expired"),
    request("pending", "pending"),
    request("automatic", "approved", MORNING, AUTO),
    request("late and automatic", "approved", MORNING, AUTO),
    request("unanswered", "expired"),
]


def test_every_answer_is_on_record_with_its_effect() -> None:
    found = kept(
        ApprovalHistory,
        approval_history(table_of(ApprovalRequests, REQUESTS), table_of(ApprovalDecisions, list(ANSWERS.values()))),
    )
    expected = [ANSWERS[name] | {"is_effective": name in ("approved", "rejected")} for name in ANSWERS]
    expected += [
        answer(name, "approved", MORNING, AUTO) | {"is_effective": True} for name in ("automatic", "late and automatic")
    ]

    def order(row: Row) -> tuple[str, str]:
        return row["intervention_id"], row["decided_by"]

    assert sorted(found, key=order) == sorted(expected, key=order)
