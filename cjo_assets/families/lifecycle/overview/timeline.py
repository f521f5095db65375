"""Timeline of each customer: events, tickets, rated conversations and decisions, in one list.

One row per record and what happened to it. A view of the present records and of the decisions of the newest day; the
column `role` names the role that a row concerns.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, Instant, column, key
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES

SALES, SUPPORT, SUCCESS, ENGINEER = "sales_agent", "support_specialist", "success_manager", "platform_engineer"
ROLE_OF_GROUP = {
    "identity": SUCCESS,
    "pipeline": SALES,
    "money": SUCCESS,
    "configuration": ENGINEER,
    "support": SUPPORT,
    "runtime": ENGINEER,
    "success": SUCCESS,
    "decisions": SUCCESS,
}
EVENT_SOURCE, TICKET_SOURCE, TALK_SOURCE, DECISION_SOURCE = (
    "lifecycle_events",
    "tickets",
    "conversations",
    "outbox",
)
SOURCES = [EVENT_SOURCE, TICKET_SOURCE, TALK_SOURCE, DECISION_SOURCE]
ROLE_OF_SYSTEM = {"people": SUCCESS, "helpdesk": SUPPORT, "crm": SALES, "runtime": ENGINEER}
CREATED, ANSWERED, RESOLVED = "ticket_created", "ticket_answered", "ticket_resolved"
RATED, DECISION = "conversation_rated", "decision"


class Timeline(Contract):
    """What happened to customers. One row per record and kind."""

    source: str = key("Table of the record.", isin=SOURCES)
    record_id: str = key("Its key.")
    kind: str = key(
        "Type of the event, ticket_created, ticket_answered, ticket_resolved, conversation_rated, decision."
    )
    customer_id: str = column("Customer.", personal="customer")
    occurred_at: Instant = column("Instant [UTC]; of a decision the beginning of its first published day.")
    text: str = column("What happened, in the words of the record.")
    role: str = column("Role that it concerns most.", isin=[SALES, SUPPORT, SUCCESS, ENGINEER])


CONFIG = TableConfig(is_view=True)


def timeline(lifecycle_events: ir.Table, tickets: ir.Table, conversations: ir.Table, outbox: ir.Table) -> ir.Table:
    """Return what happened to customers."""
    return ibis.union(
        _events(lifecycle_events),
        _tickets(tickets, "created_at", CREATED),
        _tickets(tickets, "first_response_at", ANSWERED),
        _tickets(tickets, "resolved_at", RESOLVED),
        _rated(conversations),
        _decisions(outbox),
    )


def _row(rows: ir.Table, source: str, record_id: str, **values: ir.Value) -> ir.Table:
    return rows.select(source=ibis.literal(source), record_id=record_id, customer_id="customer_id", **values)


def _events(events: ir.Table) -> ir.Table:
    rows = events.filter(events.customer_id.notnull())
    about = sentence(": {}", rows.about).fill_null("")
    amount = sentence(", {}", rows.amount.cast("string")).fill_null("")
    roles = [(kind.name, ROLE_OF_GROUP[kind.group]) for kind in EVENT_TYPES]
    return _row(
        rows,
        EVENT_SOURCE,
        "event_id",
        kind=rows.event_type,
        occurred_at=rows.occurred_at,
        text=rows.event_type.replace("_", " ") + about + amount,
        role=rows.event_type.cases(*roles, else_=SUCCESS),
    )


def _tickets(tickets: ir.Table, column_of: str, kind: str) -> ir.Table:
    rows = tickets.filter(tickets[column_of].notnull())
    return _row(
        rows,
        TICKET_SOURCE,
        "ticket_id",
        kind=ibis.literal(kind),
        occurred_at=rows[column_of],
        text=sentence("{}, priority {}: {}", kind.replace("_", " "), rows.priority, rows.category),
        role=ibis.literal(SUPPORT),
    )


def _rated(conversations: ir.Table) -> ir.Table:
    rows = conversations.filter(conversations.csat.notnull())
    return _row(
        rows,
        TALK_SOURCE,
        "conversation_id",
        kind=ibis.literal(RATED),
        occurred_at=ibis.coalesce(rows.ended_at, rows.started_at),
        text=sentence("{} conversation rated {} of 5", rows["product"], rows.csat.cast("string")),
        role=ibis.literal(SUPPORT),
    )


def _decisions(outbox: ir.Table) -> ir.Table:
    rows = outbox.filter(outbox.customer_id.notnull())
    return _row(
        rows,
        DECISION_SOURCE,
        "decision_id",
        kind=ibis.literal(DECISION),
        occurred_at=rows.first_day.cast("timestamp(6)"),
        text=rows.what,
        role=rows.target_system.cases(*ROLE_OF_SYSTEM.items(), else_=SUCCESS),
    )
