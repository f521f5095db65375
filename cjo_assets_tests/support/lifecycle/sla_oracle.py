"""SLA clocks recomputed in plain Python, span by span over lists of opening hours.

It shares no code with the transforms: a clock is walked through its changes, and each span is cut with the hours in
which the calendar is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cjo_assets_tests.support.rows import Row

ZERO, DAY = timedelta(), timedelta(days=1)
UTC = ZoneInfo("UTC")
Hours = list[tuple[datetime, datetime]]


def opening_hours(calendar: Any, first: date, last: date) -> Hours:
    """Return the hours between two days in which a calendar is open, as instants of UTC."""
    zone, found, day = ZoneInfo(calendar.timezone), [], first
    while day <= last:
        if day.isoweekday() in calendar.business_days and day not in calendar.holidays:
            opens, closes = (
                (datetime.combine(day, time()) + _since_midnight(text)).replace(tzinfo=zone).astimezone(UTC)
                for text in (calendar.opens, calendar.closes)
            )
            found.append((opens.replace(tzinfo=None), closes.replace(tzinfo=None)))
        day += DAY
    return found


def _since_midnight(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


@dataclass
class Clock:
    """A clock as of an instant.

    Attributes:
        target: allowed time.
        elapsed, paused: time that counted, and that did not while it was not stopped.
        stopped_at: None while it is not stopped.
        reopenings: times it ran on after a stop.
        state: as the table names it.
        breached_at: first instant at which more than the target had elapsed by any later one; None unless breached.
        due_at: instant at which the target is reached if nothing else happens; None where it is not.
    """

    target: timedelta
    elapsed: timedelta = ZERO
    paused: timedelta = ZERO
    stopped_at: datetime | None = None
    reopenings: int = 0
    state: str = ""
    breached_at: datetime | None = None
    due_at: datetime | None = None


def changes_of(ticket: Row, clock: str, events: Iterable[Row], counting: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the changes of a clock, whenever they were known: order, instant known, state."""
    created = ticket["created_at"]
    found = [((created, 0, ""), created, "running")]
    if ticket.get("resolved_at"):
        found.append(((ticket["resolved_at"], 1, ""), ticket["resolved_at"], "stopped"))
    if clock == "first_response" and ticket.get("first_response_at"):
        found.append(((ticket["first_response_at"], 1, ""), ticket["first_response_at"], "stopped"))
    for row in events:
        at = max(row["occurred_at"], created)
        state = "stopped" if row["about"] == "solved" else "running" if row["about"] in counting else "paused"
        if clock == "resolution" or state == "stopped":
            known_at = max(row.get("recorded_at") or row["occurred_at"], at)
            found.append(((at, 2, row["event_id"]), known_at, state))
    return sorted(found)


def target_of(ticket: Row, clock: str, terms: Iterable[Row], rules: Any) -> tuple[float, bool]:
    """Return the target of a clock in minutes, and whether all hours count."""
    is_always = ticket["priority"] in rules.sla.always_open
    best: Row | None = None
    for row in sorted(terms, key=lambda row: (row["priority"] != "all", row["valid_from"])):
        is_valid = row["valid_from"] <= ticket["created_at"].date() and row["priority"] in ("all", ticket["priority"])
        if row["metric"] == f"{clock}_minutes" and row["customer_id"] == ticket["customer_id"] and is_valid:
            best = row
    if best is None:
        return float(getattr(getattr(rules.sla.targets, clock), ticket["priority"])), is_always
    return best["target"], best["calendar"] == "always" if best.get("calendar") else is_always


def clock_at(changes: list[tuple[Any, ...]], target: timedelta, hours: Hours, end: datetime, share: float) -> Clock:
    """Walk the changes of a clock that were known at the end of a day, up to that instant."""
    found = Clock(target)
    known = [(order[0], state) for order, known_at, state in changes if known_at < end and order[0] < end]
    horizon = hours[-1][1]
    for place, (at, state) in enumerate(known):
        is_last = place == len(known) - 1
        until = end if is_last else known[place + 1][0]
        previous = known[place - 1][1] if place else ""
        found.reopenings += state != "stopped" and previous == "stopped"
        if state == "stopped":
            found.stopped_at = at if previous != "stopped" else found.stopped_at
            continue
        found.stopped_at = None
        open_time = sum((stop - start for start, stop in _within(hours, at, until)), ZERO)
        if state == "paused":
            found.paused += open_time
            continue
        reached_at, exceeded_at = _limits(hours, at, horizon, target - found.elapsed)
        found.elapsed += open_time
        if found.elapsed > target and found.breached_at is None:
            found.breached_at, found.due_at = exceeded_at, reached_at
        elif is_last and found.breached_at is None:
            found.due_at = reached_at
    last = known[-1][1]
    if found.elapsed > target:
        found.state = "breached"
    elif last == "running":
        found.state = "at_risk" if found.elapsed / target >= share else "running"
    else:
        found.state = {"stopped": "met", "paused": "paused"}[last]
    return found


def _within(hours: Hours, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    for opens, closes in hours:
        if closes > start and opens < end:
            yield max(opens, start), min(closes, end)


def _limits(hours: Hours, start: datetime, end: datetime, left: timedelta) -> tuple[datetime | None, datetime | None]:
    """Return when what is left has elapsed since a start, and when more begins to elapse."""
    reached = start if left == ZERO else None
    for opens, closes in _within(hours, start, end):
        if left < closes - opens:
            return reached or opens + left, opens + left
        if left == closes - opens:
            reached = closes
        left -= closes - opens
    return reached, None
