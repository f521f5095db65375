"""Visits of customers to stages, the event log of process mining.

One row per customer and entry into a stage, of the whole log. A case is a customer, an activity a stage, an event the
entry into it; a visit lasts from an entry to the next one of the customer. A visit to a stage that the customer was in
before is rework.

Undated: except for the end of a visit, a row depends on earlier entries only. `known_visits` returns the visits as
known on a day.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.by_segment import by_name_and_segment
from cjo_assets.families.journey.inputs.state_entries import INVALID, TRANSITIONS, UNKNOWN, entries_in_order
from cjo_assets.policy import Policy


class Visits(Contract):
    """The event log of the journey. One row per customer and entry into a stage."""

    customer_id: str = key("Customer.", personal="customer")
    entry_number: int = key("Place of the entry in the customer's log, 0 = the first.", ge=0)
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage entered.", words="stages")
    previous_stage: str = column("Stage before; null where none is known.", words="stages", nullable=True)
    transition: str = column("initial, valid, re_entry, invalid or unknown.", isin=TRANSITIONS)
    entered_at: date = column("Day of entry.")
    previous_entered_at: date = column("Day the stage before was entered; null for the first entry.", nullable=True)
    left_at: date = column("Day of the customer's next entry; null without one.", nullable=True)
    is_rework: bool = column("Whether the customer had been in the stage before.")


def visits(customers: ir.Table, state_entries: ir.Table, policy: Policy) -> ir.Table:
    """Order the entries of each customer, with the previous entry and the end of the visit."""
    entries = entries_in_order(state_entries, policy).join(customers.select("customer_id", "segment"), "customer_id")
    in_order = ibis.window(group_by=entries.customer_id, order_by=entries.entry_number)
    of_stage = ibis.window(group_by=[entries.customer_id, entries.journey_stage])
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
        is_rework=entries.entry_number > entries.entry_number.min().over(of_stage),
    )


def known_visits(visits: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the visits begun by a day; one that ended later counts as running."""
    known = visits.filter(visits.entered_at <= as_of)
    return known.mutate(left_at=(known.left_at <= as_of).ifelse(known.left_at, ibis.null("date")))


def is_invalid(rows: ir.Table) -> ir.BooleanValue:
    """Return whether the policy's transitions do not allow an entry."""
    return rows.transition == INVALID


def is_judged(rows: ir.Table) -> ir.BooleanValue:
    """Return whether the previous stage of an entry is known, or the entry begins a journey."""
    return rows.transition != UNKNOWN


def typical_days(stage: ir.StringValue, segment: ir.StringValue, policy: Policy) -> ir.NumericValue:
    """Return the typical duration of a stage in a segment [days]; null for a terminal stage."""
    return by_name_and_segment(policy, stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None)
