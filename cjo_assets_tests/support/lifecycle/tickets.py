"""Tickets, their statuses and SLA terms by hand."""

from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs.sla_terms import SlaTerms
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets_tests.support.lifecycle.events import event
from cjo_assets_tests.support.rows import Row, instant, table_of


def ticket(created_at: str, priority: str = "normal", name: str = "T1", customer: str = "C1", **more: Any) -> Row:
    """Return a ticket; instants are given as texts."""
    given = {key: instant(value) if key.endswith("_at") else value for key, value in more.items()}
    return {
        "ticket_id": name,
        "customer_id": customer,
        "priority": priority,
        "created_at": instant(created_at),
    } | given


def status(at: str, about: str, name: str = "T1", customer: str = "C1", **more: Any) -> Row:
    """Return a change of the status of a ticket."""
    return event("ticket_status_set", at, customer, name, about=about, **more)


def term(metric: str, target: float, valid_from: str, priority: str = "all", customer: str = "C1", **more: Any) -> Row:
    """Return a term of a contract; the metric is named as the clock is."""
    return {
        "customer_id": customer,
        "metric": f"{metric}_minutes",
        "priority": priority,
        "valid_from": date.fromisoformat(valid_from),
        "target": target,
    } | more


def tickets_of(*rows: Row) -> ir.Table:
    """Return tickets as a table."""
    return table_of(Tickets, rows)


def terms_of(*rows: Row) -> ir.Table:
    """Return SLA terms as a table."""
    return table_of(SlaTerms, rows)
