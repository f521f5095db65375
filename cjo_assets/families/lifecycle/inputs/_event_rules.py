"""Rules of lifecycle events: by type, between the events of a subject, and between events and other records."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import any_of
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES
from cjo_assets.families.lifecycle.inputs._tenancy import shared_keys

Rules = dict[str, ir.BooleanValue]
STARTED, CHANGED, CANCELLED = "subscription_started", "subscription_changed", "subscription_cancelled"


def rules_of_types(rows: ir.Table) -> Rules:
    """Return the rules on the columns that a type requires, and on the values that it allows.

    There is one rule per column: each rule is a query when rows are rejected, and there are 57 types.
    """
    rules: Rules = {}
    for name in dict.fromkeys(column for kind in EVENT_TYPES for column in kind.required_columns):
        types = [kind.name for kind in EVENT_TYPES if name in kind.required_columns]
        rules[f"{name}: required by the event_type"] = rows.event_type.isin(types) & rows[name].isnull()
    words = {kind.name: kind.about for kind in EVENT_TYPES if isinstance(kind.about, tuple)}
    bounds = {kind.name: kind.bounds for kind in EVENT_TYPES if kind.bounds is not None}
    return rules | {
        "about: not a word of the event_type": any_of(
            (rows.event_type == name) & rows.about.notin(allowed) for name, allowed in words.items()
        ),
        "quantity: out of the range of the event_type": any_of(
            (rows.event_type == name) & ~rows.quantity.between(low, high) for name, (low, high) in bounds.items()
        ),
    }


def is_of_two_customers(rows: ir.Table, organizations: ir.Table) -> ir.BooleanValue:
    """Return whether the subject of an event has events of several known customers."""
    events = _with_kind_of_subject(rows.filter(rows.customer_id.isin(organizations.customer_id)))
    shared = shared_keys(events, "subject_kind", "subject_id")
    return is_key_in([_kind_of_subject(rows), rows.subject_id], shared, ["subject_kind", "subject_id"])


def is_before_start(rows: ir.Table) -> ir.BooleanValue:
    """Return whether a subscription was changed or cancelled before the first of its starts."""
    starts = rows.filter(rows.event_type == STARTED)
    first = starts.group_by("subject_id").agg(first_at=starts.occurred_at.min())
    later = rows.filter(rows.event_type.isin([CHANGED, CANCELLED])).join(first, "subject_id")
    early = later.filter(later.occurred_at < later.first_at)
    return rows.event_type.isin([CHANGED, CANCELLED]) & rows.event_id.isin(early.event_id)


def _with_kind_of_subject(rows: ir.Table) -> ir.Table:
    return rows.mutate(subject_kind=_kind_of_subject(rows))


def _kind_of_subject(rows: ir.Table) -> ir.StringValue:
    """Return what the subject of an event is: equal ids of a ticket and of an invoice are two subjects."""
    kinds = [(kind.name, kind.subject) for kind in EVENT_TYPES if kind.subject]
    return rows.event_type.cases(*kinds, else_=ibis.null("string"))
