"""Rules of lifecycle events: by type, between the events of a subject, and between events and other records."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import any_of
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.families.lifecycle.inputs._event_types import CASE, CONFIGURATION, CONVERSATION, EVENT_TYPES, TICKET
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, ownership, shared_keys

Rules = dict[str, ir.BooleanValue]
IN_FILES = (TICKET, CONVERSATION, CASE, CONFIGURATION)


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
    """Return whether the subject of an event, which no file owns, has events of several known customers."""
    events = rows.mutate(subject_kind=_kind_of_subject(rows, is_in_file=False))
    events = events.filter(events.subject_kind.notnull(), events.customer_id.isin(organizations.customer_id))
    shared = shared_keys(events, "subject_kind", "subject_id")
    kind = _kind_of_subject(rows, is_in_file=False)
    return is_key_in([kind, rows.subject_id], shared, ["subject_kind", "subject_id"])


def subject_of_another(
    rows: ir.Table, tickets: ir.Table, conversations: ir.Table, config_versions: ir.Table
) -> ir.BooleanValue:
    """Return whether the subject of an event is a ticket, a conversation or a configuration of another customer."""
    kind = _kind_of_subject(rows, is_in_file=True)
    sources = [
        ((TICKET, CASE), tickets, "ticket_id"),
        ((CONVERSATION, CASE), conversations, "conversation_id"),
        ((CONFIGURATION,), config_versions, "config_id"),
    ]
    found = [
        ownership(rows, kind.isin(kinds).ifelse(rows.subject_id, None), records, key) for kinds, records, key in sources
    ]
    return any_of(is_owned for is_owned, _ in found) & ~any_of(is_own for _, is_own in found)


def configuration_of_another(rows: ir.Table, config_versions: ir.Table) -> ir.BooleanValue:
    """Return whether an event of a configuration names one of another customer."""
    types = [kind.name for kind in EVENT_TYPES if kind.related == CONFIGURATION]
    named = rows.event_type.isin(types).ifelse(rows.related_id, None)
    return is_of_another(rows, named, config_versions, "config_id")


def _kind_of_subject(rows: ir.Table, *, is_in_file: bool) -> ir.StringValue:
    """Return what the subject of an event is, if it is, or is not, a record of a file.

    Equal ids of a deal and of an invoice are two subjects.
    """
    kinds = [
        (kind.name, kind.subject) for kind in EVENT_TYPES if kind.subject and (kind.subject in IN_FILES) is is_in_file
    ]
    return rows.event_type.cases(*kinds, else_=ibis.null("string"))
