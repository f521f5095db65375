"""Arithmetic of SLA clocks: elapsed and paused time, and the instant at which a target is reached.

Each clock measures time on one axis: business time, or all of it where the clock never closes. Its changes of state
divide the axis into spans; the elapsed time is the sum of the running spans.
"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.calendars import (
    FIRST_DAY,
    with_business_time,
    with_first_instant,
    with_last_instant,
)
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.support._status_changes import ORDER, PAUSED, RUNNING, STOPPED
from cjo_assets.families.lifecycle.support._targets import CLOCK_KEY, CLOCK_NUMBER
from cjo_assets.policy.calendar import Calendar

EPOCH = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day)


def with_time(changes: ir.Table, targets: ir.Table, calendar: Calendar) -> ir.Table:
    """Add to each change its place on the axis of its clock (`time`), and the target on it (`target_time`).

    The clock is identified by `clock_number` instead of its key.
    """
    rows = lookup(changes, targets, CLOCK_KEY, CLOCK_NUMBER, "target_time", "is_always_open").drop(*CLOCK_KEY)
    rows = with_business_time(rows, calendar, business="at")
    return rows.mutate(time=rows.is_always_open.ifelse(since_epoch(rows["at"]), rows.business)).drop("business")


def since_epoch(at: ir.TimestampValue) -> ir.IntegerValue:
    """Return the time on the axis of a clock that never closes [microseconds]."""
    return at.delta(ibis.literal(EPOCH), unit="microsecond")


def clocks(changes: ir.Table, *key: str) -> ir.Table:
    """Return the state of clocks after their changes.

    Args:
        changes: changes with `clock_number`, `time`, `target_time` and `is_always_open`.
        key: further columns that divide the changes.

    Returns:
        One row per clock and key: state, since_time (of the last change), stopped_at (null while it is not stopped),
        elapsed_time and paused_time up to the last change, is_exceeded (by then), limit_time (where the target is
        reached if nothing else happens, null if it is not), limit_since (the change after which that is), reopenings,
        is_always_open and target_time.
    """
    of_clock = [CLOCK_NUMBER, *key]
    in_order = ibis.window(group_by=of_clock, order_by=ORDER)
    so_far = ibis.window(group_by=of_clock, order_by=ORDER, preceding=None, following=0)
    rows = changes.mutate(next_time=changes.time.lead().over(in_order), previous=changes.state.lag().over(in_order))
    length = (rows.next_time - rows.time).fill_null(0)
    rows = rows.mutate(
        running=(rows.state == RUNNING).ifelse(length, 0),
        paused=(rows.state == PAUSED).ifelse(length, 0),
        is_last=rows.next_time.isnull(),
        is_restart=((rows.state != STOPPED) & (rows.previous == STOPPED)).fill_null(False),
        is_stop=((rows.state == STOPPED) & (rows.previous != STOPPED)).fill_null(False),
    )
    rows = rows.mutate(before=whole(rows.running.sum().over(so_far)) - rows.running)
    is_within = (rows.state == RUNNING) & (rows.before <= rows.target_time)
    is_exceeded = rows.before + rows.running > rows.target_time
    rows = rows.mutate(
        is_exceeded=is_exceeded,
        has_limit=is_within & (rows.is_last | is_exceeded),
        limit_time=rows.time + rows.target_time - rows.before,
    )
    found = rows.group_by(of_clock).agg(
        state=rows.state.max(where=rows.is_last),
        since_time=rows.time.max(where=rows.is_last),
        last_stop_at=rows["at"].max(where=rows.is_stop),
        elapsed_time=whole(rows.running.sum()),
        paused_time=whole(rows.paused.sum()),
        is_exceeded=rows.is_exceeded.any(),
        limit_time=rows.limit_time.max(where=rows.has_limit),
        limit_since=rows["at"].max(where=rows.has_limit),
        reopenings=rows.is_restart.sum(),
        is_always_open=rows.is_always_open.any(),
        target_time=rows.target_time.max(),
    )
    stopped_at = (found.state == STOPPED).ifelse(found.last_stop_at, ibis.null("timestamp"))
    return found.mutate(stopped_at=stopped_at).drop("last_stop_at")


def with_limits(rows: ir.Table, calendar: Calendar) -> ir.Table:
    """Add the instants at which clocks reach their target (`reached_at`) and begin to exceed it (`exceeded_at`)."""
    business = rows.is_always_open.ifelse(ibis.null("int64"), rows.limit_time)
    rows = rows.mutate(business=business)
    rows = with_first_instant(rows, calendar, first_at="business")
    rows = with_last_instant(rows, calendar, last_at="business")
    always = ibis.literal(EPOCH) + rows.limit_time.as_interval("us")
    reached_at = rows.is_always_open.ifelse(always, rows.first_at)
    return rows.mutate(
        # A clock that was paused with nothing left reaches its target when it runs on.
        reached_at=(reached_at < rows.limit_since).ifelse(rows.limit_since, reached_at),
        exceeded_at=rows.is_always_open.ifelse(always, rows.last_at),
    ).drop("business", "first_at", "last_at")
