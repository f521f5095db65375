"""Customers.

One row per customer. Customers have no date: a past day is computed with the customers of the current file.
"""

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset

TIERS = ["high", "medium", "low"]


class Customers(Contract):
    """Customers that passed their contract. One row per customer."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    account_value: float = column("Yearly value of the account [currency].", ge=0, le=LARGEST_AMOUNT)
    tenure_months: int = column("Whole months as a customer [months].", ge=0)
    risk_tier: str = column("Risk tier in the CRM, not computed here; null where unknown.", isin=TIERS, nullable=True)


DATASET = Dataset("customers", Customers, may_be_empty=False, is_history=False)
