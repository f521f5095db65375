"""Decisions of approvers, statuses of approval requests, and regimes under which they are made."""

APPROVED, REJECTED = "approved", "rejected"
PENDING, EXPIRED, STALE = "pending", "expired", "stale"
# A person must answer, or the policy did.
ASKED, AUTO_APPROVED = "asked", "auto_approved"
