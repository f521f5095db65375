"""Lifecycle events, organizations and plans by hand."""

from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.lifecycle.inputs.lifecycle_events import LifecycleEvents
from cjo_assets.families.lifecycle.inputs.organizations import Organizations
from cjo_assets_tests.support.rows import POLICY, Row, Rows, instant, table_of

# The section that a transform of the family gets.
RULES: Any = POLICY.lifecycle  # type: ignore[attr-defined]


def event(kind: str, at: str, customer: str | None = "C1", subject: str | None = None, **more: Any) -> Row:
    """Return an event; a date alone means 09:00."""
    given = {name: instant(value) if name.endswith("_at") else value for name, value in more.items()}
    return {
        "event_type": kind,
        "occurred_at": instant(at if "T" in at or " " in at else f"{at} 09:00"),
        "customer_id": customer,
        "subject_id": subject,
    } | given


def started(at: str, amount: float, customer: str = "C1", subject: str = "S1", **more: Any) -> Row:
    """Return the start of a subscription, monthly unless given."""
    terms = {"amount": amount, "about": "monthly", "related_id": "starter"}
    return event("subscription_started", at, customer, subject, **(terms | more))


def changed(at: str, amount: float, customer: str = "C1", subject: str = "S1", **more: Any) -> Row:
    """Return a change of a subscription."""
    return started(at, amount, customer, subject, **more) | {"event_type": "subscription_changed"}


def cancelled(at: str, customer: str = "C1", subject: str = "S1", **more: Any) -> Row:
    """Return the cancellation of a subscription."""
    return event("subscription_cancelled", at, customer, subject, **more)


def events_of(*rows: Row) -> ir.Table:
    """Return events as a table; their ids are in the order of the rows."""
    return table_of(LifecycleEvents, [{"event_id": f"E{number:03d}"} | row for number, row in enumerate(rows, 1)])


def organizations_of(*customers: str, signed_up_at: str = "2020-01-01") -> ir.Table:
    """Return organizations that signed up long ago."""
    rows: Rows = [{"customer_id": name, "signed_up_at": instant(signed_up_at)} for name in customers]
    return table_of(Organizations, rows)
