"""Decision ledger of the lifecycle: every decision that ever left the platform, in a chain of hashes."""

from cjo_assets.core.contract import column
from cjo_assets.core.ledger import Ledger, LedgerHashes, LedgerPlace


class _Identified(LedgerPlace):
    decision_id: str = column("Decision; null where erased.", nullable=True, personal="decision")
    customer_id: str = column(
        "Customer; null of a decision about several, and where erased.", nullable=True, personal="customer"
    )


class LifecycleLedger(LedgerHashes, _Identified):
    """Every decision of the outbox ever published, in a chain of hashes. One row per entry."""


LEDGER = Ledger(LifecycleLedger, "outbox", key="decision_id", identifiers=("decision_id", "customer_id"))
