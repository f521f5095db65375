"""Tests of pending approvals: the pending requests, unchanged."""

from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests
from cjo_assets.families.journey.approval.pending_approvals import PendingApprovals, pending_approvals
from cjo_assets_tests.support.rows import kept, rows_of, table_of


def test_only_pending_requests_wait() -> None:
    requests = table_of(
        ApprovalRequests,
        [{"intervention_id": status, "status": status} for status in ("pending", "approved", "rejected", "expired")],
    )
    waiting = kept(PendingApprovals, pending_approvals(requests))
    assert waiting == [row for row in rows_of(requests) if row["intervention_id"] == "pending"]
