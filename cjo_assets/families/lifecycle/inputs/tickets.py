"""Support tickets.

One row per ticket, as the helpdesk has it now. Its history is in the events `ticket_status_set`; instants after an
as-of date have not happened on that date.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, is_unknown

LOW, NORMAL, HIGH, URGENT = "low", "normal", "high", "urgent"
PRIORITIES = [LOW, NORMAL, HIGH, URGENT]
BY_AI, BY_AGENT = "ai", "agent"


class Tickets(Contract):
    """Tickets that passed their contract. One row per ticket."""

    ticket_id: str = key("Ticket.")
    customer_id: str = column("Customer.", personal="customer")
    category: str = column("Category.", words="ticket_categories")
    priority: str = column("Priority at creation.", isin=PRIORITIES)
    created_at: Instant = column("Instant of creation [UTC].")
    first_response_at: Instant = column("Instant of the first response [UTC]; null without one.", nullable=True)
    resolved_at: Instant = column("Instant of the last resolution [UTC]; null while it is open.", nullable=True)
    resolved_by: str = column("Resolved by ai or agent; null while it is open.", isin=[BY_AI, BY_AGENT], nullable=True)
    assigned_to: str = column("Person it is assigned to; null without one.", nullable=True)
    ai_confidence: float = column("Confidence of the AI [0-1]; null where it did not try.", ge=0, le=1, nullable=True)
    ai_attempts: int = column("Attempts of the AI [attempts]; null where unknown.", ge=0, nullable=True)
    asked_for_human: bool = column("Whether the client requested a person.")
    requested_feature: str = column("Feature that a feature request names; null without one.", nullable=True)


def relations(rows: ir.Table, organizations: ir.Table, people: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer, the assignee and the times of a ticket."""
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "assigned_to: person of another customer": is_of_another(rows, rows.assigned_to, people, "person_id"),
        "first_response_at: before created_at": rows.first_response_at < rows.created_at,
        "resolved_at: before created_at": rows.resolved_at < rows.created_at,
    }


DATASET = Dataset("tickets", Tickets, relations=relations, record_date="created_at")
