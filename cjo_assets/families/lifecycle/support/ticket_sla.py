"""SLA clocks of tickets: first response and resolution, against their targets.

One row per as-of date, ticket that was created by then, and clock. Minutes are those of the policy's calendar, or all
minutes for a priority or contract without opening hours. The target is that of the contract that was valid when the
clock started; a later change of the priority leaves it. A target is broken when more time has elapsed than it allows.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.calendars import minutes_in, with_business_time
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.sla_terms import ALWAYS_OPEN, BUSINESS_HOURS
from cjo_assets.families.lifecycle.inputs.tickets import PRIORITIES
from cjo_assets.families.lifecycle.support._clocks import clocks, since_epoch, with_limits, with_time
from cjo_assets.families.lifecycle.support._status_changes import (
    CLOCKS,
    PAUSED,
    RUNNING,
    STATUS_SET,
    STOPPED,
    clock_changes,
    status_changes,
)
from cjo_assets.families.lifecycle.support._targets import CLOCK_NUMBER, targets_of
from cjo_assets.policy.calendar import Calendar
from cjo_assets.policy.lifecycle import LifecyclePolicy

MET, BREACHED, AT_RISK = "met", "breached", "at_risk"
PRIORITY_CHANGE = "priority="


class TicketSla(DatedContract):
    """SLA clocks of tickets. One row per as-of date, ticket and clock."""

    ticket_id: str = key("Ticket.")
    clock: str = key("first_response or resolution.", isin=CLOCKS)
    customer_id: str = column("Customer.", personal="customer")
    priority: str = column("Priority at creation.", isin=PRIORITIES)
    calendar: str = column("Minutes that count: business or always.", isin=[BUSINESS_HOURS, ALWAYS_OPEN])
    target: float = column("Target [minutes].", gt=0)
    is_contracted: bool = column("Whether the target is that of a contract; otherwise the policy's.")
    started_at: Instant = column("Instant the clock started [UTC].")
    stopped_at: Instant = column("Instant it stopped [UTC]; null while it is not stopped.", nullable=True)
    elapsed: float = column("Time that counts so far [minutes], up = worse.", ge=0, decimals=SCORE_DECIMALS)
    paused: float = column(
        "Time in statuses that do not count [minutes of the same calendar].", ge=0, decimals=SCORE_DECIMALS
    )
    share: float = column("elapsed over target, up = worse.", ge=0, decimals=SCORE_DECIMALS)
    due_at: Instant = column(
        "Instant the target is reached [UTC]; null where met or paused before, or beyond the calendar.", nullable=True
    )
    breached_at: Instant = column("Instant from which it is broken [UTC]; null unless breached.", nullable=True)
    reopenings: int = column("Times the clock ran on after it had stopped [times]; 0 for a first response.", ge=0)
    state: str = column(
        "met: stopped in time; breached: more than the target elapsed; paused; at_risk: running, from the policy's "
        "at_risk_share; running.",
        isin=[MET, BREACHED, PAUSED, AT_RISK, RUNNING],
    )


def ticket_sla(
    tickets: ir.Table, sla_terms: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Measure both clocks of each ticket up to the end of the as-of date."""
    end = days_after(as_of, 1).cast("timestamp")
    known = tickets.filter(tickets.created_at < end)
    targets = targets_of(known, sla_terms, policy)
    changes = status_changes(known, known_events(lifecycle_events, as_of))
    changes = clock_changes(known, changes, policy)
    changes = with_time(changes.filter(changes["at"] < end), targets, policy.calendar)
    rows = lookup(clocks(changes), targets.drop("target_time", "is_always_open"), CLOCK_NUMBER)
    rows = with_limits(_until(rows, end, policy.calendar), policy.calendar)
    elapsed, share = minutes_in(rows.elapsed_time), rows.elapsed_time / rows.target_time
    is_breached = rows.elapsed_time > rows.target_time
    state = ibis.cases(
        (is_breached, BREACHED),
        (rows.state == STOPPED, MET),
        (rows.state == PAUSED, PAUSED),
        (share >= policy.sla.at_risk_share, AT_RISK),
        else_=RUNNING,
    )
    return rows.mutate(
        calendar=rows.is_always_open.ifelse(ALWAYS_OPEN, BUSINESS_HOURS),
        elapsed=elapsed,
        paused=minutes_in(rows.paused_time),
        share=elapsed / rows.target,
        due_at=rows.reached_at,
        breached_at=is_breached.ifelse(rows.exceeded_at, ibis.null("timestamp")),
        state=state,
    )


def _until(rows: ir.Table, end: ir.TimestampScalar, calendar: Calendar) -> ir.Table:
    """Add the time from the last change to the end of the day to what has elapsed or paused."""
    ends = with_business_time(end.name("end").as_table(), calendar, business_end="end")
    rows = rows.cross_join(ends.select("business_end", always_end=since_epoch(ends.end)))
    rest = rows.is_always_open.ifelse(rows.always_end, rows.business_end) - rows.since_time
    return rows.mutate(
        elapsed_time=rows.elapsed_time + (rows.state == RUNNING).ifelse(rest, 0),
        paused_time=rows.paused_time + (rows.state == PAUSED).ifelse(rest, 0),
    )


@check(blocking=True)
def rows_of_no_organization(ticket_sla: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return clocks whose organization is not in the file."""
    return without_organization(ticket_sla, organizations)


@check(blocking=True)
def tickets_without_two_clocks(ticket_sla: ir.Table, tickets: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return tickets created by the as-of date that do not have both clocks."""
    counted = ticket_sla.group_by("ticket_id").agg(clocks=ticket_sla.count())
    rows = lookup(tickets.filter(tickets.created_at < days_after(as_of, 1)), counted, "ticket_id")
    return rows.filter(rows.clocks.fill_null(0) != len(CLOCKS)).select("ticket_id", "customer_id", "clocks")


@check
def changed_priorities(ticket_sla: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return changes of the priority of tickets, which leave their targets, and whether a target was broken before."""
    events = known_events(lifecycle_events, as_of, STATUS_SET)
    events = events.mutate(
        changed_to=events.parts.filter(lambda part: part.startswith(PRIORITY_CHANGE)).map(
            lambda part: part.substr(len(PRIORITY_CHANGE))
        )
    ).filter(lambda row: row.changed_to.length() > 0)
    clocks_of = ticket_sla.group_by("ticket_id", "customer_id", "priority").agg(
        first_breached_at=ticket_sla.breached_at.min()
    )
    rows = events.join(clocks_of, [("customer_id", "customer_id"), ("subject_id", "ticket_id")])
    rows = rows.filter(rows.changed_to[0] != rows.priority)
    return rows.select(
        "event_id",
        "customer_id",
        "priority",
        ticket_id="subject_id",
        changed_to=rows.changed_to[0],
        changed_at="occurred_at",
        is_after_breach=(rows.first_breached_at < rows.occurred_at).fill_null(False),
    )


@check
def statuses_of_no_ticket(tickets: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return changes of the status of tickets that are not in the file, which therefore have no effect."""
    events = known_events(lifecycle_events, as_of, STATUS_SET)
    rows = events.filter(events.subject_id.notin(tickets.ticket_id))
    return rows.select("event_id", "customer_id", ticket_id="subject_id", status="about")
