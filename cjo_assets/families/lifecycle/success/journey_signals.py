"""Signals about customers that follow from lifecycle records, for other families.

One row per as-of date and signal of the policy's look_back_days. A signal is detected on the first day of its
condition, from records that were known on that day: the rows of an earlier day are those of a later one up to it.
Tables of a day are not read. After a publish the rows of the newest day are written to the exchange file. Health is no
signal, since it is computed from the same records.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.ids import content_id
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.success._derived_from_events import failed_steps, low_usages, renewal_intents
from cjo_assets.families.lifecycle.success._derived_signals import (
    dissatisfied,
    drops_as_signals,
    inactive,
    repeated_tickets,
    ticket_spikes,
    usage_drops,
    usage_recoveries,
)
from cjo_assets.families.lifecycle.success._signal_days import days_back, days_of_grid, grid, satisfaction_answers
from cjo_assets.policy.lifecycle import LifecyclePolicy

SOURCE = "derived"
PREFIX = "DS"


class JourneySignals(DatedContract):
    """Signals derived from lifecycle records. One row per as-of date and signal."""

    signal_id: str = key("Signal; the same on every as-of date.", personal="signal")
    customer_id: str = column("Customer the signal is about.", personal="customer")
    signal_type: str = column("Type, as the signals of the customer journey name it.")
    signal_strength: float = column(
        "Strength of the signal [0-1], whatever its polarity.", ge=0, le=1, decimals=SCORE_DECIMALS
    )
    detected_at: date = column("First day of the condition.")
    source: str = column("derived: a rule between the records and the signal.", isin=[SOURCE])
    evidence: TextList = column("Records behind it as dataset:key, sorted; a day of usage by its date.")


def journey_signals(
    tickets: ir.Table,
    lifecycle_events: ir.Table,
    usage_daily: ir.Table,
    conversations: ir.Table,
    plans: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the signals that were detected within the look-back."""
    rules = policy.signals
    events = known_events(lifecycle_events, as_of)
    rows = grid(tickets, usage_daily, conversations, lifecycle_events, as_of, rules)
    days = days_back(as_of, days_of_grid(rules))
    drops = usage_drops(rows, rules)
    found = ibis.union(
        ticket_spikes(rows, tickets, rules),
        repeated_tickets(tickets, days, rules),
        dissatisfied(rows, satisfaction_answers(conversations, lifecycle_events, as_of), rules),
        drops_as_signals(drops, usage_daily, rules),
        usage_recoveries(rows, drops, usage_daily, rules),
        inactive(rows, rules),
        failed_steps(events, days, rules),
        renewal_intents(events, policy.stages.renewal_days, rules),
        low_usages(events, conversations, plans, days, rules),
    )
    found = found.filter(found.day >= days_after(as_of, -rules.look_back_days))
    return found.mutate(
        signal_id=content_id(PREFIX, found.customer_id, found.signal_type, found.day),
        signal_strength="strength",
        detected_at="day",
        source=ibis.literal(SOURCE),
    )


@check(blocking=True)
def rows_of_no_organization(journey_signals: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return signals whose organization is not in the file."""
    return without_organization(journey_signals, organizations)


@check(blocking=True)
def signals_after_the_day(journey_signals: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return signals that were detected after the as-of date."""
    return journey_signals.filter(journey_signals.detected_at > as_of).select("signal_id", "detected_at")


@check(blocking=True)
def signals_without_evidence(journey_signals: ir.Table) -> ir.Table:
    """Return signals that name no record."""
    return journey_signals.filter(journey_signals.evidence.length() == 0).select("signal_id", "customer_id")
