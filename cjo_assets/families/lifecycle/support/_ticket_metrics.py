"""Daily metrics of tickets: created, solved, reopened, complex, and clocks that met their target.

A day counts what was known at its end. A clock counts once, on the first day on which it was known to have stopped in
time or to be broken; where that changes later, the day of the change corrects the numerator.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._event_types import SOLVED
from cjo_assets.families.lifecycle.inputs.tickets import BY_AI
from cjo_assets.families.lifecycle.support._clocks import clocks, with_limits, with_time
from cjo_assets.families.lifecycle.support._metrics import combined, correction, share_of, summed
from cjo_assets.families.lifecycle.support._status_changes import ORDER, STOPPED, clock_changes, status_changes
from cjo_assets.families.lifecycle.support._targets import CLOCK_NUMBER, targets_of
from cjo_assets.policy.lifecycle import LifecyclePolicy

ESCALATED = "escalated"
KNOWN = ["ticket_id", "customer_id", "known_on"]


def ticket_metrics(
    tickets: ir.Table, sla_terms: ir.Table, lifecycle_events: ir.Table, policy: LifecyclePolicy
) -> ir.Table:
    """Return the metrics of tickets by customer and day."""
    changes = status_changes(tickets, lifecycle_events)
    targets = targets_of(tickets, sla_terms, policy)
    outcomes = lookup(_outcomes(tickets, changes, targets, policy), targets, CLOCK_NUMBER, "ticket_id", "customer_id")
    solved, reopened = _solved(tickets, changes), _reopened(tickets, changes)
    broken = outcomes.filter(~outcomes.is_met).select("ticket_id", "customer_id", known_on="decided_on")
    return ibis.union(
        summed(tickets, tickets.created_at.date(), {"tickets": (1, None)}),
        _solutions(solved),
        combined(
            summed(solved, solved.known_on, {"reopened": (0, 1)}),
            correction(reopened, "reopened", reopened.known_on, 1.0),
        ),
        _clocks(outcomes),
        _complex(ibis.union(broken, reopened, _escalated(tickets, lifecycle_events))),
    )


def _solved(tickets: ir.Table, changes: ir.Table) -> ir.Table:
    """Return the tickets that were solved, with the first day a solution was known."""
    rows = changes.filter(changes.status == SOLVED)
    first = rows.group_by("ticket_id").agg(known_on=rows.known_at.min().date())
    return first.join(tickets.select("ticket_id", "customer_id", "resolved_by"), "ticket_id")


def _solutions(solved: ir.Table) -> ir.Table:
    measures = {"resolved_tickets": (1, None), "resolved_by_ai": share_of(solved.resolved_by == BY_AI)}
    return summed(solved, solved.known_on, measures)


def _reopened(tickets: ir.Table, changes: ir.Table) -> ir.Table:
    """Return the reopened tickets, with the first day a reopening was known together with a solution before it."""
    so_far = ibis.window(group_by="ticket_id", order_by=ORDER, preceding=None, following=0)
    solved_at = (changes.status == SOLVED).ifelse(changes.known_at, ibis.null("timestamp"))
    rows = changes.mutate(solution_known_at=solved_at.min().over(so_far))
    rows = rows.filter(rows.status != SOLVED, rows.solution_known_at.notnull())
    rows = rows.mutate(known_on=ibis.greatest(rows.known_at, rows.solution_known_at).date())
    first = rows.group_by("ticket_id").agg(known_on=rows.known_on.min())
    return first.join(tickets.select("ticket_id", "customer_id"), "ticket_id").select(*KNOWN)


def _escalated(tickets: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    """Return the escalations of tickets, with the day each was known."""
    events = lifecycle_events.filter(lifecycle_events.event_type == ESCALATED)
    owners = tickets.select("customer_id", "ticket_id", "created_at")
    rows = events.join(owners, [("customer_id", "customer_id"), ("subject_id", "ticket_id")])
    known_at = ibis.greatest(ibis.coalesce(rows.recorded_at, rows.occurred_at), rows.created_at)
    return rows.select("customer_id", ticket_id="subject_id", known_on=known_at.date()).select(*KNOWN)


def _complex(rows: ir.Table) -> ir.Table:
    """Count each ticket on the first day on which it was broken, reopened or escalated."""
    first = rows.group_by("ticket_id", "customer_id").agg(known_on=rows.known_on.min())
    return summed(first, first.known_on, {"complex_tickets": (1, None)})


def _clocks(outcomes: ir.Table) -> ir.Table:
    """Return the clocks that met or broke their target, and corrections of these."""
    in_order = ibis.window(group_by=CLOCK_NUMBER, order_by="decided_on")
    outcomes = outcomes.mutate(before=outcomes.is_met.lag().over(in_order))
    first = outcomes.filter(outcomes.before.isnull())
    changed = outcomes.filter(outcomes.before != outcomes.is_met)
    return combined(
        summed(first, first.decided_on, {"sla_met": share_of(first.is_met)}),
        correction(changed, "sla_met", changed.decided_on, changed.is_met.ifelse(1.0, -1.0)),
    )


def _outcomes(tickets: ir.Table, changes: ir.Table, targets: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return what was known of each clock from each day on which a change of it became known.

    A running clock breaks its target on a later day if no change becomes known before.

    Returns:
        One row per clock and day with an outcome: clock_number, decided_on, is_met.
    """
    timed = with_time(clock_changes(tickets, changes, policy), targets, policy.calendar)
    timed = timed.mutate(known_on=timed.known_at.date())
    days = _days_to_evaluate(timed)
    known = days.join(timed, CLOCK_NUMBER)
    known = known.filter(known.known_on <= known.day)
    rows = with_limits(clocks(known, "day", "is_on_time"), policy.calendar)
    is_stopped = (rows.state == STOPPED) & ~rows.is_exceeded
    happened_on = is_stopped.ifelse(rows.stopped_at, rows.exceeded_at).date()
    next_day = rows.day.lead().over(ibis.window(group_by=CLOCK_NUMBER, order_by="day"))
    rows = rows.mutate(
        next_day=next_day,
        decided_on=(~rows.is_on_time & (happened_on < rows.day)).ifelse(rows.day, happened_on),
    )
    is_broken = (
        rows.is_exceeded | (rows.decided_on < rows.next_day) | rows.next_day.isnull() & rows.decided_on.notnull()
    )
    rows = rows.mutate(is_met=ibis.cases((is_stopped, True), (is_broken, False)))
    return rows.filter(rows.is_met.notnull()).select(CLOCK_NUMBER, "decided_on", "is_met")


def _days_to_evaluate(timed: ir.Table) -> ir.Table:
    """Return the days on which a change of each clock became known.

    Where each change was known on its day, and none followed a stop, the outcome does not change once it is decided;
    the last day shows when that was.

    Returns:
        One row per clock and day: clock_number, day, is_on_time (only the last day of the clock is returned).
    """
    stops_at = (timed.state == STOPPED).ifelse(timed["at"], ibis.null("timestamp"))
    runs_at = (timed.state == STOPPED).ifelse(ibis.null("timestamp"), timed["at"])
    found = timed.group_by(CLOCK_NUMBER).agg(
        last_day=timed.known_on.max(),
        is_known_late=(timed.known_on != timed["at"].date()).any(),
        is_restarted=(stops_at.min() <= runs_at.max()).fill_null(False),
    )
    found = found.mutate(is_on_time=~found.is_known_late & ~found.is_restarted)
    days = lookup(timed.select(CLOCK_NUMBER, day="known_on"), found, CLOCK_NUMBER, "last_day", "is_on_time")
    days = days.filter(~days.is_on_time | (days.day == days.last_day))
    return days.select(CLOCK_NUMBER, "day", "is_on_time").distinct()
