"""Answers to approval requests of the lifecycle.

One row per answer. Answers come from the file of another system and from a file of the home to which commands append;
the same rules apply to both.
"""

import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.core.contract import ALWAYS, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset

# Ids of decisions of this family.
OUR_ID = r"^L-[0-9a-f]{12}$"
RECORDS = "lifecycle_approvals.ndjson"


class LifecycleApprovals(Contract):
    """Answers that passed their contract. One row per answer."""

    decision_id: str = key("Decision of the lifecycle that was answered.", personal="decision")
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


def relations(rows: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the decision of an answer."""
    return {"decision_id: not an id of a lifecycle decision": ~rows.decision_id.re_search(OUR_ID)}


DATASET = Dataset(
    "lifecycle_approvals",
    LifecycleApprovals,
    is_optional=True,
    relations=relations,
    record_date="decided_at",
    records=RECORDS,
)
