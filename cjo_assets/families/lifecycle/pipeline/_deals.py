"""Deals: which there are, when they began, and the instants of their milestones."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES
from cjo_assets.families.lifecycle.money._subscription_terms import STARTED, TRIAL_STARTED
from cjo_assets.families.lifecycle.pipeline._milestones import ITERATION, MILESTONES, NEW, SIGNED_UP, Milestone

DEAL_EVENTS = [kind.name for kind in EVENT_TYPES if kind.subject == "deal"]


def deals(organizations: ir.Table, events: ir.Table) -> ir.Table:
    """Return the deals that events name, and one for each organization with neither deal nor subscription.

    The first deal of a customer begins with the signup. A deal is an iteration where the customer had another deal or a
    subscription before it; it begins with its first event. The deal of an organization that has just signed up has the
    customer's id until an event names one.

    Args:
        organizations: the organizations that had signed up.
        events: the events that were known.
    """
    named = events.filter(events.event_type.isin(DEAL_EVENTS))
    found = named.group_by(deal_id="subject_id").agg(
        customer_id=named.customer_id.min(), first_event_at=named.occurred_at.min()
    )
    in_order = ibis.window(group_by="customer_id", order_by=["first_event_at", "deal_id"])
    found = found.mutate(place=ibis.row_number().over(in_order))
    starts = events.filter(events.event_type == STARTED)
    subscribed = starts.group_by("customer_id").agg(subscribed_at=starts.occurred_at.min())
    found = lookup(found, subscribed, "customer_id")
    found = lookup(found, organizations, "customer_id", "signed_up_at")
    is_iteration = (found.place > 0) | (found.subscribed_at < found.first_event_at).fill_null(False)
    found = found.mutate(
        kind=is_iteration.ifelse(ITERATION, NEW),
        begun_at=is_iteration.ifelse(found.first_event_at, ibis.least(found.signed_up_at, found.first_event_at)),
        signed_up_at=is_iteration.ifelse(ibis.null("timestamp"), found.signed_up_at),
    )
    columns = ["deal_id", "customer_id", "kind", "begun_at", "signed_up_at"]
    return ibis.union(found.select(*columns), _without_deal(organizations, events, found).select(*columns))


def _without_deal(organizations: ir.Table, events: ir.Table, found: ir.Table) -> ir.Table:
    clients = events.filter(events.event_type.isin([STARTED, TRIAL_STARTED]))
    is_lead = organizations.customer_id.notin(found.customer_id) & organizations.customer_id.notin(clients.customer_id)
    leads = organizations.filter(is_lead)
    return leads.select(
        "customer_id",
        "signed_up_at",
        deal_id="customer_id",
        kind=ibis.literal(NEW),
        begun_at="signed_up_at",
    )


def with_milestones(deals: ir.Table, events: ir.Table) -> ir.Table:
    """Add the instant of each milestone: the first event of its type."""
    of_deal = [milestone for milestone in MILESTONES if milestone.event and milestone.is_of_deal]
    of_customer = [milestone for milestone in MILESTONES if milestone.event and not milestone.is_of_deal]
    reached = events.group_by(deal_id="subject_id").agg(**_instants(events, of_deal))
    ours = events.filter(events.event_type.isin([milestone.event for milestone in of_customer]))
    attributed = _of_newest_deal(ours, deals)
    later = attributed.group_by("deal_id").agg(**_instants(attributed, of_customer))
    return lookup(lookup(deals, reached, "deal_id"), later, "deal_id")


def _instants(events: ir.Table, milestones: list[Milestone]) -> dict[str, ir.TimestampValue]:
    def is_reached(milestone: Milestone) -> ir.BooleanValue:
        is_of_type = events.event_type == milestone.event
        return is_of_type & (events.about == milestone.about) if milestone.about else is_of_type

    return {milestone.column: events.occurred_at.min(where=is_reached(milestone)) for milestone in milestones}


def _of_newest_deal(events: ir.Table, deals: ir.Table) -> ir.Table:
    """Add to each event the deal of its customer that had begun last by then; others are left out."""
    begun = deals.select("customer_id", "deal_id", "begun_at")
    pairs = events.join(begun, "customer_id").filter(lambda row: row.begun_at <= row.occurred_at)
    return first_per(pairs, "event_id", [ibis.desc("begun_at"), ibis.desc("deal_id")])


def milestone_columns() -> list[str]:
    """Return the columns of the instants in the order of the milestones."""
    return [milestone.column for milestone in MILESTONES]


def milestones_after(kind: str) -> list[str]:
    """Return the milestones of a kind of deal: an iteration has no signup."""
    return [milestone.name for milestone in MILESTONES if kind == NEW or milestone.name != SIGNED_UP]
