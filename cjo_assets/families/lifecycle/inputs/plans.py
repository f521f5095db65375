"""Plans: prices and included units of each plan.

One row per plan. Prices are those of the present file; what a customer pays is in the events of its subscriptions.
"""

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset


class Plans(Contract):
    """Plans that passed their contract. One row per plan."""

    plan_id: str = key("Plan.")
    tier: int = column("Place among the plans, from the smallest [1, 2, ...].", ge=1)
    monthly_price: float = column("List price [currency per month].", ge=0, le=LARGEST_AMOUNT)
    included_conversations: int = column(
        "Included conversations [per month]; null: unlimited.", ge=0, le=LARGEST_COUNT, nullable=True
    )
    included_voice_minutes: int = column(
        "Included voice minutes [minutes per month]; null: unlimited.", ge=0, le=LARGEST_COUNT, nullable=True
    )
    included_api_calls: int = column(
        "Included API calls [calls per month]; null: unlimited.", ge=0, le=LARGEST_COUNT, nullable=True
    )
    conversation_price: float = column("Price of a further conversation [currency].", ge=0, le=LARGEST_AMOUNT)
    voice_minute_price: float = column("Price of a further voice minute [currency].", ge=0, le=LARGEST_AMOUNT)
    api_call_price: float = column("Price of a further API call [currency].", ge=0, le=LARGEST_AMOUNT)
    model_cost_budget: float = column(
        "Budget of language-model calls [currency per month]; null without one.",
        ge=0,
        le=LARGEST_AMOUNT,
        nullable=True,
    )


DATASET = Dataset("plans", Plans, is_history=False)
