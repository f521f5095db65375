"""Business time: how long a calendar was open before an instant, and the instants at which a duration ends.

Business time is one function of the instant, in microseconds. It rises while the calendar is open and is constant
while it is closed, so the business time between two instants is the difference of its values, and the instant at which
a duration ends is the value of its inverse. Time zones, daylight saving and holidays are in the rows of
`business_days`; the function itself is arithmetic on UTC.
"""

from __future__ import annotations

import functools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import whole
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.policy.calendar import Calendar, minutes_of, time_zone

# Outside of them a calendar is closed.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2079, 12, 31)
MICROSECONDS_PER_MINUTE = 60_000_000
SECONDS_PER_MINUTE = 60
_SPINE = {"opens_at": "spine_opens_at", "before": "spine_before", "after": "spine_after"}


def business_days(calendar: Calendar) -> ir.Table:
    """Return the days on which a calendar opens.

    Returns:
        One row per local date (`day`) with the instants `opens_at` and `closes_at` [UTC], and the business time at
        both, `before` and `after` [microseconds].
    """
    places = ibis.range(0, (LAST_DAY - FIRST_DAY).days + 1).unnest().name("place").as_table()
    days = places.mutate(day=days_after(ibis.literal(FIRST_DAY), places.place))
    # ibis counts weekdays from 0, Monday.
    days = days.filter(days.day.day_of_week.index().isin([number - 1 for number in calendar.business_days]))
    if calendar.holidays:
        days = days.filter(days.day.notin([ibis.literal(day) for day in calendar.holidays]))
    offsets = literal_rows(
        [dict(zip(("since", "opens_after", "closes_after"), spell, strict=True)) for spell in _spells(calendar)],
        {"since": "int64", "opens_after": "int64", "closes_after": "int64"},
    )
    days = days.asof_join(offsets, on=days.place >= offsets.since)
    midnight = days.day.cast("timestamp")
    days = days.mutate(
        opens_at=midnight + days.opens_after.as_interval("s"),
        # Where clocks are set forward in between, closing may come first.
        closes_at=midnight + ibis.greatest(days.opens_after, days.closes_after).as_interval("s"),
    )
    length = days.closes_at.delta(days.opens_at, unit="microsecond")
    days = days.filter(length > 0)
    after = whole(length.sum().over(ibis.window(order_by=days.day, preceding=None, following=0)))
    return days.select("day", "opens_at", "closes_at", before=after - length, after=after)


def with_business_time(rows: ir.Table, calendar: Calendar, **instants: str) -> ir.Table:
    """Add the business time at instants [microseconds since the first day]; null where the instant is null.

    Args:
        rows: the rows.
        calendar: the calendar.
        instants: by name of the added column, the column of the instant [UTC].
    """
    for name, instant in instants.items():
        spine = _spine(calendar)
        found = rows.asof_join(spine, on=rows[instant] >= spine.spine_opens_at)
        value = found.spine_before + found[instant].delta(found.spine_opens_at, unit="microsecond")
        value = ibis.least(value, found.spine_after).fill_null(0)
        rows = found.mutate(**{name: found[instant].isnull().ifelse(ibis.null("int64"), value)}).drop(spine.columns)
    return rows


def with_first_instant(rows: ir.Table, calendar: Calendar, **times: str) -> ir.Table:
    """Add the first instant at which the business time had a value [UTC]; null beyond the last day of the calendar.

    A duration that ends when the calendar closes ends on that day.

    Args:
        rows: the rows.
        calendar: the calendar.
        times: by name of the added column, the column of the business time [microseconds].
    """
    return _with_instant(rows, calendar, times, is_first=True)


def with_last_instant(rows: ir.Table, calendar: Calendar, **times: str) -> ir.Table:
    """Add the last instant at which the business time has a value [UTC]; null beyond the last day of the calendar.

    A duration that ends when the calendar closes is exceeded when it opens again.

    Args:
        rows: the rows.
        calendar: the calendar.
        times: by name of the added column, the column of the business time [microseconds].
    """
    return _with_instant(rows, calendar, times, is_first=False)


def minutes_in(microseconds: ir.NumericValue) -> ir.FloatingValue:
    """Return a duration in minutes."""
    return microseconds / MICROSECONDS_PER_MINUTE


def microseconds_in(minutes: ir.NumericValue) -> ir.IntegerValue:
    """Return a duration in whole microseconds from minutes."""
    return (minutes.cast("float64") * MICROSECONDS_PER_MINUTE).round().cast("int64")


def _with_instant(rows: ir.Table, calendar: Calendar, times: dict[str, str], *, is_first: bool) -> ir.Table:
    for name, time in times.items():
        spine = _spine(calendar)
        is_reached = rows[time] > spine.spine_before if is_first else rows[time] >= spine.spine_before
        found = rows.asof_join(spine, on=is_reached)
        instant = found.spine_opens_at + (found[time] - found.spine_before).as_interval("us")
        is_within = found[time] <= found.spine_after
        rows = found.mutate(**{name: is_within.ifelse(instant, ibis.null("timestamp"))}).drop(spine.columns)
    return rows


def _spine(calendar: Calendar) -> ir.Table:
    """Return the days of a calendar under names that no rows have."""
    return business_days(calendar).select(**{new: old for old, new in _SPINE.items()})


@functools.cache
def _spells(calendar: Calendar) -> tuple[tuple[int, int, int], ...]:
    """Return the spells of days on which a calendar opens and closes at the same time of UTC.

    Returns:
        For each spell the number of its first day, and the seconds from midnight of UTC to opening and closing.
    """
    zone = time_zone(calendar.timezone)
    minutes = [minutes_of(calendar.opens), minutes_of(calendar.closes)]
    spells: list[tuple[int, int, int]] = []
    for place in range((LAST_DAY - FIRST_DAY).days + 1):
        midnight = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day) + timedelta(days=place)
        opens, closes = (
            minute * SECONDS_PER_MINUTE - _offset_seconds(midnight + timedelta(minutes=minute), zone)
            for minute in minutes
        )
        if not spells or spells[-1][1:] != (opens, closes):
            spells.append((place, opens, closes))
    return tuple(spells)


def _offset_seconds(local: datetime, zone: ZoneInfo) -> int:
    """Return the offset from UTC at a local time; the first of two where clocks are set back."""
    return int((local.replace(tzinfo=zone).utcoffset() or timedelta()).total_seconds())
