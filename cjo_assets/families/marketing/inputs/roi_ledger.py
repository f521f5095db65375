"""ROI ledger: cost and value of a campaign in its bookkeeping.

One row per campaign. It has no dates: past days use the ledger of the present file. It is compared with the metrics
(`reconciliation`) and replaces none of them.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset


class RoiLedger(Contract):
    """Ledger entries that passed their contract. One row per campaign."""

    campaign_id: str = key("Campaign.")
    llm_cost: float = column("Cost of language models [currency].", ge=0, le=LARGEST_AMOUNT)
    human_review_cost: float = column("Cost of people's review [currency].", ge=0, le=LARGEST_AMOUNT)
    media_spend: float = column("Media spend [currency].", ge=0, le=LARGEST_AMOUNT)
    estimated_value: float = column("Value, as the source estimates it [currency].", ge=0, le=LARGEST_AMOUNT)
    net_roi: float = column(
        "Value minus the three costs, as the source states it [currency], up = better; null where it does not.",
        optional=True,
        ge=-LARGEST_AMOUNT,
        le=LARGEST_AMOUNT,
    )


def relations(rows: ir.Table, campaigns: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the entries about no campaign we know."""
    return {"campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id)}


DATASET = Dataset("roi_ledger", RoiLedger, relations=relations, is_history=False)
