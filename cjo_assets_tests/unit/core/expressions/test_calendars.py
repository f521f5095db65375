"""Tests of business time: days of clock changes, holidays and weekends by hand, and against a count of open minutes."""

import random
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pytest
from pydantic import ValidationError

from cjo_assets.core.expressions.calendars import (
    business_days,
    microseconds_in,
    minutes_in,
    with_business_time,
    with_first_instant,
    with_last_instant,
)
from cjo_assets.policy.calendar import Calendar, minutes_of
from cjo_assets_tests.support.engine import made_of
from cjo_assets_tests.support.rows import Rows, instant, rows_of

UTC = ZoneInfo("UTC")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def calendar_of(**changes: Any) -> Calendar:
    """Return a calendar, from Monday to Friday and 09:00 to 17:00 UTC unless given."""
    plain = {"timezone": "UTC", "business_days": (1, 2, 3, 4, 5), "opens": "09:00", "closes": "17:00", "holidays": ()}
    return Calendar(**(plain | changes))


OFFICE = calendar_of()
BERLIN = calendar_of(timezone="Europe/Berlin")
ALL_DAY = {"business_days": (1, 2, 3, 4, 5, 6, 7), "opens": "00:00", "closes": "24:00"}
# Each with a day around which its clocks change.
CALENDARS = {
    "office": (OFFICE, date(2024, 12, 31)),
    "holidays": (calendar_of(holidays=(date(2024, 12, 25), date(2025, 1, 1))), date(2024, 12, 28)),
    "leap day": (calendar_of(business_days=(4, 6)), date(2024, 2, 29)),
    "Berlin in spring": (calendar_of(timezone="Europe/Berlin", **ALL_DAY), date(2025, 3, 30)),
    "Berlin in autumn": (calendar_of(timezone="Europe/Berlin", **ALL_DAY), date(2025, 10, 26)),
    "New York in spring": (calendar_of(timezone="America/New_York", business_days=(5, 6, 7, 1)), date(2025, 3, 9)),
    "New York in autumn": (
        calendar_of(timezone="America/New_York", business_days=(7, 1), opens="00:00", closes="23:30"),
        date(2025, 11, 2),
    ),
    "Kolkata": (calendar_of(timezone="Asia/Kolkata", opens="08:15", closes="20:45"), date(2025, 5, 1)),
    "Lord Howe": (calendar_of(timezone="Australia/Lord_Howe", **ALL_DAY), date(2025, 4, 6)),
    "Auckland": (calendar_of(timezone="Pacific/Auckland", opens="00:00", closes="12:00"), date(2025, 9, 28)),
}


def minutes_between(calendar: Calendar, start: str, end: str) -> float:
    """Return the business minutes between two instants, as the expression has them."""
    rows = made_of(
        [{"start": instant(start), "end": instant(end)}], ibis.schema({"start": "timestamp(6)", "end": "timestamp(6)"})
    )
    rows = with_business_time(rows, calendar, before="start", after="end")
    (row,) = rows_of(rows.select(minutes=minutes_in(rows.after - rows.before)))
    return float(row["minutes"])


def end_of(calendar: Calendar, start: str, minutes: float) -> tuple[datetime, datetime]:
    """Return the first and last instant at which so many business minutes have passed since an instant."""
    rows = made_of([{"start": instant(start)}], ibis.schema({"start": "timestamp(6)"}))
    rows = with_business_time(rows, calendar, time="start")
    rows = rows.mutate(time=rows.time + microseconds_in(ibis.literal(minutes)))
    rows = with_last_instant(with_first_instant(rows, calendar, first="time"), calendar, last="time")
    (row,) = rows_of(rows)
    return row["first"], row["last"]


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        # Tuesday 16-17 and Wednesday 9-10.
        ("2025-01-14 16:00", "2025-01-15 10:00", 120),
        # Friday 16-17, no weekend, Monday 9-11.
        ("2025-01-17 16:00", "2025-01-20 11:00", 180),
        ("2025-01-18 00:00", "2025-01-20 09:00", 0),
        ("2025-01-14 03:00", "2025-01-14 23:00", 480),
        ("2025-01-14 10:00:30.5", "2025-01-14 10:01", 29.5 / 60),
        # A leap year has 366 days: 28 February was a Wednesday, 1 March a Friday.
        ("2024-02-28 09:00", "2024-03-01 17:00", 3 * 480),
    ],
)
def test_minutes_of_an_office(start: str, end: str, minutes: float) -> None:
    assert minutes_between(OFFICE, start, end) == pytest.approx(minutes, abs=1e-9)


def test_a_holiday_has_no_business_time() -> None:
    new_year = calendar_of(holidays=(date(2025, 1, 1),))
    assert minutes_between(OFFICE, "2024-12-31 16:00", "2025-01-02 10:00") == 600
    assert minutes_between(new_year, "2024-12-31 16:00", "2025-01-02 10:00") == 120


@pytest.mark.parametrize(
    ("zone", "night", "minutes"),
    [
        ("Europe/Berlin", "2025-03-29 23:00", 23 * 60),
        ("Europe/Berlin", "2025-10-25 22:00", 25 * 60),
        ("America/New_York", "2025-03-09 05:00", 23 * 60),
        ("America/New_York", "2025-11-02 04:00", 25 * 60),
        ("Australia/Lord_Howe", "2025-04-05 13:00", 24 * 60 + 30),
    ],
)
def test_the_day_of_a_clock_change_has_its_own_length(zone: str, night: str, minutes: int) -> None:
    """The instant is that of the local midnight at which the day begins; the next day begins after its length."""
    sundays = calendar_of(timezone=zone, **(ALL_DAY | {"business_days": (7,)}))
    end = instant(night) + timedelta(days=3)
    assert minutes_between(sundays, night, end.isoformat()) == minutes
    assert end_of(sundays, night, minutes)[0] == instant(night) + minutes * MINUTE


def test_opening_hours_follow_the_local_clock() -> None:
    assert end_of(BERLIN, "2025-03-28 15:00", 60)[0] == instant("2025-03-28 16:00")
    # On Friday it closes at 16:00 UTC, on Monday after the change it opens at 07:00 UTC.
    assert end_of(BERLIN, "2025-03-28 15:00", 61)[0] == instant("2025-03-31 07:01")


def test_opening_hours_that_a_clock_change_leaves_out_are_no_business_time() -> None:
    night = calendar_of(timezone="Europe/Berlin", business_days=(7,), opens="02:30", closes="03:15")
    days = business_days(night)
    around = days.filter(days.day.between(date(2025, 3, 23), date(2025, 4, 6)))
    assert [row["day"] for row in rows_of(around.order_by("day"))] == [date(2025, 3, 23), date(2025, 4, 6)]


def test_a_duration_that_ends_at_closing_is_exceeded_at_the_next_opening() -> None:
    assert end_of(OFFICE, "2025-01-17 09:00", 480) == (instant("2025-01-17 17:00"), instant("2025-01-20 09:00"))
    assert end_of(OFFICE, "2025-01-17 09:00", 479.5) == (instant("2025-01-17 16:59:30"),) * 2
    assert end_of(OFFICE, "2025-01-18 12:00", 0) == (instant("2025-01-17 17:00"), instant("2025-01-20 09:00"))


def test_a_duration_beyond_the_last_day_has_no_end() -> None:
    assert end_of(OFFICE, "2025-01-17 09:00", 1e9) == (None, None)


def test_the_breach_of_a_published_case() -> None:
    """Issue 116 of fivetran/dbt_zendesk: open from 14:30 to 23:30 UTC; a target of 540 minutes was exceeded."""
    schedule = calendar_of(opens="14:30", closes="23:30")
    start, end = "2023-10-17 14:51:01", "2023-10-18 17:49:50"
    # 518.98 minutes of Tuesday and 199.83 of Wednesday; the 21.02 that remain on Tuesday evening end on Wednesday.
    assert round(minutes_between(schedule, start, end), 2) == 718.82
    assert end_of(schedule, start, 540)[0] == instant("2023-10-18 14:51:01")


def test_a_missing_instant_has_no_business_time() -> None:
    rows = made_of([{"at": None}], ibis.schema({"at": "timestamp(6)"}))
    rows = with_last_instant(with_business_time(rows, OFFICE, time="at"), OFFICE, last="time")
    assert rows_of(rows) == [{"at": None, "time": None, "last": None}]


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Return whether a calendar is open in the minute that begins at an instant, by the local clock."""
    local = at.replace(tzinfo=UTC).astimezone(_zone(calendar.timezone))
    minute = local.hour * 60 + local.minute
    is_day = local.isoweekday() in calendar.business_days and local.date() not in calendar.holidays
    return is_day and minutes_of(calendar.opens) <= minute < minutes_of(calendar.closes)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def sampled(name: str) -> tuple[Calendar, Rows]:
    """Return instants around the day of a calendar, with the open minutes since the first, counted one by one."""
    calendar, day = CALENDARS[name]
    draw = random.Random(name)
    start = datetime.combine(day, time()) - 4 * DAY
    places = sorted({0, *(draw.randrange(9 * 1440) for _ in range(60))})
    counted, rows = 0, []
    for place in range(9 * 1440):
        if place in places:
            rows.append({"at": start + place * MINUTE, "counted": counted})
        counted += is_open(calendar, start + place * MINUTE)
    return calendar, rows


@pytest.mark.parametrize("name", CALENDARS)
def test_business_time_agrees_with_a_count_of_open_minutes(name: str) -> None:
    calendar, rows = sampled(name)
    table = made_of(rows, ibis.schema({"at": "timestamp(6)", "counted": "int64"}))
    table = with_business_time(table, calendar, time="at")
    found = rows_of(table.mutate(minutes=minutes_in(table.time - table.time.min().over())).order_by("at"))
    assert [row["minutes"] for row in found] == [row["counted"] for row in rows]
    assert rows[-1]["counted"] > 0


@pytest.mark.parametrize("name", CALENDARS)
def test_business_time_is_monotone_and_has_an_inverse(name: str) -> None:
    calendar, rows = sampled(name)
    table = made_of(rows, ibis.schema({"at": "timestamp(6)", "counted": "int64"}))
    table = with_business_time(table, calendar, time="at")
    table = with_last_instant(with_first_instant(table, calendar, first="time"), calendar, last="time")
    table = with_business_time(table, calendar, time_of_first="first", time_of_last="last")
    found = rows_of(table.order_by("at"))
    times = [row["time"] for row in found]
    assert times == sorted(times)
    for row in found:
        assert row["first"] <= row["at"] <= row["last"]
        assert row["time_of_first"] == row["time"] == row["time_of_last"]
        assert (row["first"] < row["last"]) == (not is_open(calendar, row["first"]))
        assert is_open(calendar, row["last"])


def test_business_time_is_additive_over_any_microseconds() -> None:
    draw = random.Random(7)
    start = instant("2025-01-10")
    rows = [{"at": start + timedelta(microseconds=draw.randrange(10 * 86_400_000_000))} for _ in range(200)]
    table = with_business_time(made_of(rows, ibis.schema({"at": "timestamp(6)"})), OFFICE, time="at")
    found = sorted(((row["at"], row["time"]) for row in rows_of(table)), key=lambda pair: pair[0])
    for (at, value), (next_at, next_value) in pairwise(found):
        opened = sum(
            max(timedelta(), min(next_at, opens + 8 * 60 * MINUTE) - max(at, opens)) // timedelta(microseconds=1)
            for opens in (start + place * DAY + 9 * 60 * MINUTE for place in range(11))
            if opens.isoweekday() < 6
        )
        assert next_value - value == opened


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Europe/Atlantis"},
        {"timezone": "../zone.tab"},
        {"opens": "17:00"},
        {"opens": "25:00"},
        {"business_days": ()},
        {"business_days": (0,)},
    ],
)
def test_a_calendar_that_cannot_be_used_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        calendar_of(**change)
