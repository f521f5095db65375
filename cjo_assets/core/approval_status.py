"""Decisions of approvers, and statuses of approval requests."""

APPROVED, REJECTED = "approved", "rejected"
PENDING, EXPIRED, STALE = "pending", "expired", "stale"
