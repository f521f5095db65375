"""Decision ledger of the journey: every intervention ever recommended, in a chain of hashes."""

from cjo_assets.core.contract import column
from cjo_assets.core.ledger import Ledger, LedgerHashes, LedgerPlace


class _Identified(LedgerPlace):
    intervention_id: str = column("Intervention; null where erased.", nullable=True, personal="intervention")
    customer_id: str = column("Customer; null where erased.", nullable=True, personal="customer")


class DecisionLedger(LedgerHashes, _Identified):
    """Every decision ever published about a customer, in a chain of hashes. One row per entry."""


# A customer has at most one decision per day: another one is a version of it.
LEDGER = Ledger(
    DecisionLedger, "recommended_interventions", key="customer_id", identifiers=("intervention_id", "customer_id")
)
