"""Organizations: the clients, to which all other lifecycle datasets refer.

One row per organization. `customer_id` is the customer of the journey. Names and settings are those of the present
file; `signed_up_at` is the instant from which an organization is known.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.days import days_after


class Organizations(Contract):
    """Organizations that passed their contract. One row per organization."""

    customer_id: str = key("Customer: the organization.", personal="customer")
    name: str = column("Name.", free_text=True)
    industry: str = column("Industry.")
    signed_up_at: Instant = column("Instant of the signup [UTC].")
    created_by: str = column("Person who created the account; null where the client signed up alone.", nullable=True)
    village_opt_in: bool = column("Whether its practices may be used, without its name, for other organizations.")
    source_campaign_id: str = column("Marketing campaign that led to the signup; null where unknown.", optional=True)


DATASET = Dataset("organizations", Organizations, may_be_empty=False, record_date="signed_up_at", is_history=False)


def known_organizations(organizations: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the organizations that had signed up by the end of the as-of date."""
    return organizations.filter(organizations.signed_up_at < days_after(as_of, 1))
