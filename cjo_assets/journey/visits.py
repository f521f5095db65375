"""Visits: the event log of the journey, as process mining reads it, by any day.

Not a table but the steps that the tables of conformance share. A case is a customer, an activity a stage, an event the
entry into a stage; a visit lasts from an entry to the customer's next one. A visit to a stage that the customer was in
before is rework.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.state_entries import INVALID, UNKNOWN, entries_in_order
from cjo_assets.policy import Policy
from cjo_assets.shared.by_segment import by_name_and_segment


def visits(customers: ir.Table, state_entries: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return every entry by the as-of date, with what came before it and when it ended; null where it goes on."""
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    entries = entries_in_order(known, policy).join(customers.select("customer_id", "segment"), "customer_id")
    in_order = ibis.window(group_by=entries.customer_id, order_by=entries.entry_number)
    of_stage = ibis.window(
        group_by=[entries.customer_id, entries.journey_stage], order_by=entries.entry_number, rows=(None, -1)
    )
    return entries.select(
        "customer_id",
        "segment",
        "journey_stage",
        "entry_number",
        "previous_stage",
        "transition",
        entered_at="state_entered_at",
        previous_entered_at=entries.state_entered_at.lag().over(in_order),
        left_at=entries.state_entered_at.lead().over(in_order),
        is_rework=entries.customer_id.count().over(of_stage) > 0,
    )


def is_invalid(rows: ir.Table) -> ir.BooleanValue:
    """Tell which entries the policy's transitions do not allow."""
    return rows.transition == INVALID


def is_judged(rows: ir.Table) -> ir.BooleanValue:
    """Tell which entries say where they came from, or are the start of a journey."""
    return rows.transition != UNKNOWN


def typical_days(stage: ir.StringValue, segment: ir.StringValue, policy: Policy) -> ir.NumericValue:
    """Return how long a stage usually lasts in a segment [days]; null for a terminal stage."""
    return by_name_and_segment(policy, stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None)
