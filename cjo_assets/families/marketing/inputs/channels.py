"""Channels on which campaigns are shown, with their prices.

One row per channel. `reconciliation` compares the cost of each asset with its units at the channel's average price.
"""

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset


class Channels(Contract):
    """Channels that passed their contract. One row per channel."""

    channel_id: str = key("Channel.")
    type: str = column("Kind of channel.", words="channel_types")
    platform: str = column("Who runs it; null where not recorded.", free_text=True, optional=True)
    cost_model: str = column("What is paid for; null where not recorded.", words="cost_models", optional=True)
    avg_cost: float = column(
        "Average price of one unit of the cost model [currency].", ge=0, le=LARGEST_AMOUNT, nullable=True
    )


DATASET = Dataset("channels", Channels, may_be_empty=False, is_history=False)
