"""Current journey stage of every customer.

One row per customer and as-of date. The state is the latest entry by that date; a customer without an entry has a row
without a stage. Days in the stage are computed; the number that the source reports is kept beside.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.inputs.state_entries import INVALID, TRANSITIONS, UNKNOWN, entries_in_order
from cjo_assets.policy import Policy


class JourneyStates(DatedContract):
    """Current stage of every customer. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Current stage; null without an entry by then.", words="stages", nullable=True)
    state_entered_at: date = column("Day the stage was entered.", nullable=True)
    days_in_state: int = column("Whole days since then, derived [days].", ge=0, nullable=True)
    reported_days_in_state: int = column("Days in the stage as the source reported them [days].", ge=0, nullable=True)
    previous_stage: str = column("Stage before; null where none is known.", words="stages", nullable=True)
    transition: str = column("initial, valid, re_entry, invalid or unknown.", isin=TRANSITIONS)


# Later days read of earlier ones only which days there were: decisions were made on them.
CONFIG = TableConfig(look_back_columns=("as_of",))


def journey_states(customers: ir.Table, state_entries: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return each customer's latest entry by the as-of date."""
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    entries = entries_in_order(known, policy)
    current = entries.filter(entries.is_last).rename(reported_days_in_state="days_in_state")
    states = lookup(customers.select("customer_id", "segment"), current, "customer_id")
    return states.mutate(
        days_in_state=as_of.delta(states.state_entered_at, unit="day"),
        transition=states.transition.fill_null(UNKNOWN),
    )


@check
def disagreeing_days(journey_states: ir.Table) -> ir.Table:
    """Return states whose reported days are not the days since entry."""
    states = journey_states.filter(journey_states.reported_days_in_state != journey_states.days_in_state)
    return states.select("customer_id", "days_in_state", "reported_days_in_state")


@check
def invalid_transitions(journey_states: ir.Table) -> ir.Table:
    """Return customers who entered their stage by a transition that the policy does not allow."""
    invalid = journey_states.filter(journey_states.transition == INVALID)
    return invalid.select("customer_id", "previous_stage", "journey_stage")
