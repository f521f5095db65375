"""Measurement windows of running services.

One row per window of a service of a customer: requests, errors, response times and downtime.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, is_unknown

LONGEST_MINUTES = 1440


class ServiceWindows(Contract):
    """Service windows that passed their contract. One row per window."""

    window_id: str = key("Window.")
    customer_id: str = column("Customer.", personal="customer")
    service: str = column("chatbot, voicebot, or the name of an integration.")
    config_id: str = column("Configuration that was live; null where unknown.", nullable=True)
    config_version: int = column("Its version; null where unknown.", ge=1, nullable=True)
    started_at: Instant = column("Instant of the start [UTC].")
    minutes: int = column("Length of the window [minutes].", ge=1, le=LONGEST_MINUTES)
    requests: int = column("Requests [requests].", ge=0, le=LARGEST_COUNT)
    errors: int = column("Of these, failed [requests].", ge=0, le=LARGEST_COUNT)
    p95_ms: float = column(
        "95th percentile of response times [ms]; null where unknown.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )
    down_minutes: int = column("Minutes in which it did not answer [minutes].", ge=0, le=LONGEST_MINUTES)
    ended: int = column("Conversations that ended [conversations].", ge=0, le=LARGEST_COUNT)
    completed: int = column("Of these, completed [conversations].", ge=0, le=LARGEST_COUNT)
    is_maintenance: bool = column("Whether the window was announced as maintenance.")


def relations(rows: ir.Table, organizations: ir.Table, config_versions: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer, the configuration and the counts of a window."""
    is_foreign = is_of_another(rows, rows.config_id, config_versions, "config_id")
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "config_id: configuration of another customer": is_foreign,
        "errors: more than requests": rows.errors > rows.requests,
        "completed: more than ended": rows.completed > rows.ended,
        "down_minutes: more than minutes": rows.down_minutes > rows.minutes,
    }


DATASET = Dataset("service_windows", ServiceWindows, is_optional=True, relations=relations, record_date="started_at")
