"""SLA terms: contracted targets of single customers, in place of the policy's.

One row per customer, metric, priority and first day of validity. The term that was valid when a clock started applies
to that clock.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_unknown
from cjo_assets.families.lifecycle.inputs.tickets import PRIORITIES

FIRST_RESPONSE, RESOLUTION, UPTIME, P95 = "first_response_minutes", "resolution_minutes", "uptime", "p95_ms"
ALL_PRIORITIES = "all"
BUSINESS_HOURS, ALWAYS_OPEN = "business", "always"


class SlaTerms(Contract):
    """SLA terms that passed their contract. One row per customer, metric, priority and first day."""

    customer_id: str = key("Customer.", personal="customer")
    metric: str = key(
        "first_response_minutes, resolution_minutes, uptime or p95_ms.",
        isin=[FIRST_RESPONSE, RESOLUTION, UPTIME, P95],
    )
    priority: str = key("Priority of the tickets it is about, or all.", isin=[*PRIORITIES, ALL_PRIORITIES])
    valid_from: date = key("First day of validity.")
    target: float = column("Target, in the unit of the metric; of uptime a share [0-1].", gt=0, le=LARGEST_AMOUNT)
    calendar: str = column(
        "Minutes that count: business or always; null: as the policy has it for the priority.",
        isin=[BUSINESS_HOURS, ALWAYS_OPEN],
        nullable=True,
    )
    credit_share: float = column(
        "Credit when the target is missed [share of the monthly recurring revenue]; null: none was agreed.",
        ge=0,
        le=1,
        nullable=True,
    )


def relations(rows: ir.Table, organizations: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer and the target of a term."""
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "target: uptime above 1": (rows.metric == UPTIME) & (rows.target > 1),
    }


DATASET = Dataset("sla_terms", SlaTerms, is_optional=True, relations=relations, record_date="valid_from")
