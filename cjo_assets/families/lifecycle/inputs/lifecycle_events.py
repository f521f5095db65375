"""Lifecycle events: what happened to organizations, in one envelope of 57 types.

One row per event. `occurred_at` is the instant of the event, `recorded_at` the instant it became known: an event is
known on a day if it was recorded by the end of that day. `_event_types.py` gives the columns of each type.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, Instant, TextList, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.days import days_after
from cjo_assets.families.lifecycle.inputs._event_rules import (
    configuration_of_another,
    is_of_two_customers,
    rules_of_types,
    subject_of_another,
)
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES
from cjo_assets.families.lifecycle.inputs._tenancy import is_of_another, is_unknown
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy

AI, AGENT, CLIENT, SYSTEM = "ai", "agent", "client", "system"


class LifecycleEvents(Contract):
    """Lifecycle events that passed their contract. One row per event."""

    event_id: str = key("Event.")
    event_type: str = column("Type of the event.", isin=[kind.name for kind in EVENT_TYPES])
    occurred_at: Instant = column("Instant of the event [UTC].")
    recorded_at: Instant = column("Instant it became known [UTC]; null: when it occurred.", nullable=True)
    customer_id: str = column("Customer; null: an event of staff alone.", nullable=True, personal="customer")
    actor_kind: str = column("Actor: ai, agent, client or system.", isin=[AI, AGENT, CLIENT, SYSTEM])
    actor_id: str = column("Person or system that acted; null where unknown.", nullable=True)
    subject_id: str = column("What the event is about; its kind follows from the type.", nullable=True)
    related_id: str = column("A second id, by type, for example the plan of a subscription.", nullable=True)
    about: str = column("A word, by type, for example the interval of a subscription.", nullable=True)
    amount: float = column("Amount, by type [currency].", ge=0, le=LARGEST_AMOUNT, nullable=True)
    quantity: float = column("Quantity, by type.", ge=0, le=LARGEST_AMOUNT, nullable=True)
    due_at: Instant = column("Instant, by type: due, end or effect [UTC].", nullable=True)
    parts: TextList = column("Parts, by type, for example of a handoff.", nullable=True)
    currency: str = column("Currency of the amount, as ISO 4217 writes it; null: the policy's.", nullable=True)


def relations(
    rows: ir.Table,
    organizations: ir.Table,
    people: ir.Table,
    tickets: ir.Table,
    conversations: ir.Table,
    config_versions: ir.Table,
    policy: Policy,
) -> dict[str, ir.BooleanValue]:
    """Return the rules on the type, the customer, the subject and the times of an event."""
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    return {
        "customer_id: unknown organization": is_unknown(rows, organizations),
        "actor_id: person of another customer": is_of_another(rows, rows.actor_id, people, "person_id"),
        "subject_id: record of another customer": subject_of_another(rows, tickets, conversations, config_versions),
        "related_id: configuration of another customer": configuration_of_another(rows, config_versions),
        "subject_id: events of two customers": is_of_two_customers(rows, organizations),
        "recorded_at: before it occurred": rows.recorded_at < rows.occurred_at,
        "currency: not the policy's currency": rows.currency != rules.billing.currency,
    } | rules_of_types(rows)


DATASET = Dataset(
    "lifecycle_events", LifecycleEvents, may_be_empty=False, relations=relations, record_date="occurred_at"
)


def known_events(lifecycle_events: ir.Table, as_of: ir.DateScalar, *types: str) -> ir.Table:
    """Return the events that were known by the end of the as-of date; of some types, or of all if none are given."""
    recorded_at = ibis.coalesce(lifecycle_events.recorded_at, lifecycle_events.occurred_at)
    known = lifecycle_events.filter(recorded_at < days_after(as_of, 1))
    return known.filter(known.event_type.isin(types)) if types else known
