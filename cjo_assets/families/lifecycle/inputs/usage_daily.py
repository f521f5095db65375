"""Product usage of each customer and day.

One row per customer and day. A source may leave out days without usage.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_unknown


class UsageDaily(Contract):
    """Days of usage that passed their contract. One row per customer and day."""

    customer_id: str = key("Customer.", personal="customer")
    usage_date: date = key("Day of the usage.")
    active_users: int = column("Users who were active [users].", ge=0, le=LARGEST_COUNT)
    logins: int = column("Logins [logins].", ge=0, le=LARGEST_COUNT)
    features_used: int = column("Different features that were used [features].", ge=0, le=LARGEST_COUNT)
    api_calls: int = column("API calls [calls].", ge=0, le=LARGEST_COUNT)
    voice_minutes: int = column("Minutes of voice calls [minutes].", ge=0, le=LARGEST_COUNT)


def relations(rows: ir.Table, organizations: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the customer of a day."""
    return {"customer_id: unknown organization": is_unknown(rows, organizations)}


DATASET = Dataset("usage_daily", UsageDaily, relations=relations, record_date="usage_date")
