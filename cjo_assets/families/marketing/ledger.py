"""Decision ledger of marketing: every action and budget move ever recommended, in a chain of hashes."""

from cjo_assets.core.contract import column
from cjo_assets.core.ledger import Ledger, LedgerHashes, LedgerPlace


class _Identified(LedgerPlace):
    recommendation_id: str = column("Recommendation.", nullable=True)
    campaign_id: str = column("Campaign it concerns; of a move between two the one that gets.", nullable=True)


class MarketingLedger(LedgerHashes, _Identified):
    """Every recommendation and budget move ever published, in a chain of hashes. One row per entry."""


LEDGER = Ledger(
    MarketingLedger, "recommendations", key="recommendation_id", identifiers=("recommendation_id", "campaign_id")
)
