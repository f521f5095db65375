"""Answers to approval requests of marketing.

One row per answer. Answers come from the file of another system and from a file of the home to which commands append;
the same rules apply to both.
"""

from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.contract import ALWAYS, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset

RECORDS = "marketing_approvals.ndjson"


class MarketingApprovals(Contract):
    """Answers that passed their contract. One row per answer."""

    request_id: str = key("Recommendation or budget action that was answered.")
    decided_by: str = key("Person who decided.", free_text=True)
    decided_at: Instant = key("Instant of the answer [UTC].")
    decision: str = column("approved or rejected.", isin=[APPROVED, REJECTED])
    category: str = column("Category of a rejection; null without one.", optional=True)
    reason: str = column("Reason as written; null without one.", free_text=True, optional=True)
    decision_hash: str = column(
        "Hash of the content that was answered; null: the content of the first request.",
        optional=True,
        used_when=ALWAYS,
    )


DATASET = Dataset(
    "marketing_approvals", MarketingApprovals, is_optional=True, record_date="decided_at", records=RECORDS
)
