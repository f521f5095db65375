"""Pending approval requests.

One row per approval request that is pending at the end of the latest day: a view of `approval_requests`.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.config import TableConfig
from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests


class PendingApprovals(ApprovalRequests):
    """Approval requests that wait for an answer. One row per intervention."""


CONFIG = TableConfig(is_view=True)


def pending_approvals(approval_requests: ir.Table) -> ir.Table:
    """Return the requests that wait for an answer."""
    return approval_requests.filter(approval_requests.status == PENDING)
