"""Tests of SLA clocks: business hours, pauses, reopening, contracts, late records, states and checks.

The as-of date is Monday 20 January 2025; business hours are 09:00 to 17:00 UTC.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from cjo_assets.families.lifecycle.support.ticket_sla import (
    TicketSla,
    changed_priorities,
    rows_of_no_organization,
    statuses_of_no_ticket,
    ticket_sla,
    tickets_without_two_clocks,
)
from cjo_assets_tests.support.lifecycle.events import RULES, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.tickets import status, term, terms_of, ticket, tickets_of
from cjo_assets_tests.support.rows import Row, as_of, by, day, instant, kept, policy_with, rows_of

FIRST_RESPONSE, RESOLUTION = "first_response", "resolution"


def of(
    *tickets: Row, events: Sequence[Row] = (), terms: Sequence[Row] = (), offset: int = 0, rules: Any = RULES
) -> dict[tuple[str, str], Row]:
    """Return the clocks of a day, by ticket and clock."""
    table = ticket_sla(tickets_of(*tickets), terms_of(*terms), events_of(*events), as_of(offset), rules)
    return by(("ticket_id", "clock"), kept(TicketSla, table, day(offset)))


def first_response(*tickets: Row, **more: Any) -> Row:
    """Return the clock of the first response of T1."""
    return of(*tickets, **more)["T1", FIRST_RESPONSE]


def resolution(*tickets: Row, **more: Any) -> Row:
    """Return the clock of the resolution of T1."""
    return of(*tickets, **more)["T1", RESOLUTION]


def test_a_response_in_business_hours() -> None:
    """Tuesday 16 to 17 and Wednesday 9 to 10: 120 of 240 minutes."""
    row = first_response(ticket("2025-01-14 16:00", "high", first_response_at="2025-01-15 10:00"))
    assert (row["elapsed"], row["target"], row["share"], row["state"]) == (120.0, 240.0, 0.5, "met")
    assert (row["stopped_at"], row["due_at"], row["breached_at"]) == (instant("2025-01-15 10:00"), None, None)
    assert (row["calendar"], row["is_contracted"]) == ("business", False)


def test_an_urgent_ticket_counts_all_hours() -> None:
    """Saturday 22:00 to 23:30: 90 of 60 minutes, broken at 23:00."""
    row = first_response(ticket("2025-01-11 22:00", "urgent", first_response_at="2025-01-11 23:30"))
    assert (row["elapsed"], row["state"], row["calendar"]) == (90.0, "breached", "always")
    assert row["breached_at"] == row["due_at"] == instant("2025-01-11 23:00")


def test_a_response_of_the_next_day_is_not_known() -> None:
    late = ticket("2025-01-20 20:00", "urgent", first_response_at="2025-01-21 08:00")
    today, tomorrow = first_response(late), first_response(late, offset=1)
    # Four hours to the end of the day.
    assert (today["elapsed"], today["stopped_at"], today["state"]) == (240.0, None, "breached")
    assert (tomorrow["elapsed"], tomorrow["stopped_at"]) == (720.0, instant("2025-01-21 08:00"))
    assert today["breached_at"] == tomorrow["breached_at"] == instant("2025-01-20 21:00")


def test_a_ticket_created_after_the_day_is_not_known() -> None:
    assert of(ticket("2025-01-21 00:00")) == {}


def test_pending_pauses_the_resolution() -> None:
    """Friday 15 to 16, pending until Monday 11:00, then to 17:00: 60 + 360 of 960; 540 are left."""
    log = [status("2025-01-17 16:00", "pending"), status("2025-01-20 11:00", "open")]
    opened = ticket("2025-01-17 15:00", "high")
    row = resolution(opened, events=log)
    assert (row["elapsed"], row["share"], row["state"]) == (420.0, 0.4375, "running")
    # Friday 16 to 17 and Monday 9 to 11.
    assert row["paused"] == 180.0
    # Tuesday 480 and Wednesday 60.
    assert row["due_at"] == instant("2025-01-22 10:00")
    paused = resolution(opened, events=log, offset=-1)
    assert (paused["elapsed"], paused["state"], paused["due_at"]) == (60.0, "paused", None)


def test_on_hold_counts_and_the_policy_decides_what_does() -> None:
    log = [status("2025-01-20 10:00", "on_hold")]
    assert resolution(ticket("2025-01-20 09:00"), events=log)["elapsed"] == 480.0
    rules = policy_with(lifecycle__sla__counting_statuses=("new", "open")).lifecycle  # type: ignore[attr-defined]
    row = resolution(ticket("2025-01-20 09:00"), events=log, rules=rules)
    assert (row["elapsed"], row["paused"], row["state"]) == (60.0, 420.0, "paused")


def test_a_reopened_ticket_continues_where_it_stopped() -> None:
    """Wednesday 10 to 17 and Thursday 9 to 12 are 600; reopened on Tuesday at 10:00, solved on Wednesday at 11:00."""
    log = [
        status("2025-01-09 12:00", "solved"),
        status("2025-01-14 10:00", "open"),
        status("2025-01-15 11:00", "solved"),
    ]
    opened = ticket("2025-01-08 10:00", resolved_at="2025-01-15 11:00")
    row = resolution(opened, events=log)
    assert (row["elapsed"], row["reopenings"], row["state"]) == (420 + 180 + 420 + 120, 1, "met")
    assert row["stopped_at"] == instant("2025-01-15 11:00")
    solved, open_again = (resolution(opened, events=log, offset=offset) for offset in (-11, -6))
    assert (solved["elapsed"], solved["reopenings"], solved["state"]) == (600.0, 0, "met")
    assert (open_again["elapsed"], open_again["stopped_at"], open_again["state"]) == (1020.0, None, "running")


def test_without_events_the_file_decides() -> None:
    """420 on Thursday, 480 on Friday and 180 on Monday."""
    row = resolution(ticket("2025-01-09 10:00", resolved_at="2025-01-13 12:00"))
    assert (row["elapsed"], row["target"], row["state"]) == (1080.0, 2400.0, "met")


def test_the_whole_target_is_not_broken_until_more_elapses() -> None:
    """Friday 480 and Monday 480 of 960: reached when the office closes, broken when it opens."""
    opened = ticket("2025-01-17 09:00", "high")
    today, tomorrow = resolution(opened), resolution(opened, offset=1)
    assert (today["elapsed"], today["share"], today["state"], today["breached_at"]) == (960.0, 1.0, "at_risk", None)
    assert today["due_at"] == tomorrow["due_at"] == instant("2025-01-20 17:00")
    assert (tomorrow["state"], tomorrow["breached_at"]) == ("breached", instant("2025-01-21 09:00"))


def test_a_holiday_does_not_count() -> None:
    """31 December 16 to 17, the holiday, 2 January 9 to 10."""
    row = first_response(ticket("2024-12-31 16:00", first_response_at="2025-01-02 10:00"))
    assert row["elapsed"] == 120.0


def test_a_share_below_the_limit_is_running() -> None:
    """Six days of 480 minutes: 2,880 of 4,800."""
    row = resolution(ticket("2025-01-13 09:00", "low"))
    assert (row["elapsed"], row["share"], row["state"]) == (2880.0, 0.6, "running")


def test_clocks_are_exact_to_the_second() -> None:
    """The published case of issue 116 of fivetran/dbt_zendesk, in its schedule."""
    hours = policy_with(lifecycle__calendar__opens="14:30", lifecycle__calendar__closes="23:30")
    opened = ticket("2023-10-17 14:51:01", first_response_at="2023-10-18 17:49:50.002")
    agreed = [term(FIRST_RESPONSE, 540.0, "2023-01-01")]
    row = first_response(opened, terms=agreed, rules=hours.lifecycle)  # type: ignore[attr-defined]
    assert (round(row["elapsed"], 2), row["state"]) == (718.82, "breached")
    assert row["breached_at"] == instant("2023-10-18 14:51:01")


@pytest.mark.parametrize(
    ("terms", "target", "calendar"),
    [
        ([], 480.0, "business"),
        ([term(FIRST_RESPONSE, 100.0, "2025-01-14")], 100.0, "business"),
        # Agreed after the clock started.
        ([term(FIRST_RESPONSE, 100.0, "2025-01-15")], 480.0, "business"),
        ([term(FIRST_RESPONSE, 100.0, "2024-01-01"), term(FIRST_RESPONSE, 50.0, "2025-01-01")], 50.0, "business"),
        # A term for the priority precedes one for all, however old.
        (
            [term(FIRST_RESPONSE, 100.0, "2024-01-01", "normal"), term(FIRST_RESPONSE, 50.0, "2025-01-01")],
            100.0,
            "business",
        ),
        ([term(FIRST_RESPONSE, 100.0, "2024-01-01", "high")], 480.0, "business"),
        ([term(FIRST_RESPONSE, 100.0, "2024-01-01", calendar="always")], 100.0, "always"),
        ([term(RESOLUTION, 100.0, "2024-01-01")], 480.0, "business"),
        ([term(FIRST_RESPONSE, 100.0, "2024-01-01", customer="C2")], 480.0, "business"),
    ],
)
def test_the_contract_that_was_valid_at_the_start_applies(terms: list[Row], target: float, calendar: str) -> None:
    row = first_response(ticket("2025-01-14 16:00"), terms=terms)
    assert (row["target"], row["calendar"], row["is_contracted"]) == (target, calendar, target != 480.0)


def test_a_contract_may_give_an_urgent_ticket_business_hours() -> None:
    agreed = [term(FIRST_RESPONSE, 60.0, "2024-01-01", "urgent", calendar="business")]
    row = first_response(ticket("2025-01-18 22:00", "urgent"), terms=agreed)
    assert (row["elapsed"], row["breached_at"]) == (480.0, instant("2025-01-20 10:00"))


def test_a_target_beyond_any_clock_is_not_reached() -> None:
    row = resolution(ticket("2025-01-14 16:00"), terms=[term(RESOLUTION, 1e12, "2024-01-01")])
    assert (row["target"], row["due_at"], row["state"]) == (1e12, None, "running")


def test_a_solution_without_a_response_is_a_response() -> None:
    row = first_response(ticket("2025-01-20 09:00", resolved_at="2025-01-20 10:00"))
    assert (row["elapsed"], row["stopped_at"], row["state"]) == (60.0, instant("2025-01-20 10:00"), "met")
    again = [status("2025-01-20 11:00", "open")]
    assert first_response(ticket("2025-01-20 09:00", resolved_at="2025-01-20 10:00"), events=again)["elapsed"] == 60.0


def test_a_status_recorded_later_is_unknown_before() -> None:
    log = [status("2025-01-20 10:00", "solved", recorded_at="2025-01-21 08:00")]
    today, tomorrow = (resolution(ticket("2025-01-20 09:00"), events=log, offset=offset) for offset in (0, 1))
    assert (today["elapsed"], today["state"]) == (480.0, "running")
    assert (tomorrow["elapsed"], tomorrow["state"]) == (60.0, "met")


def test_a_pause_with_nothing_left_is_due_when_it_ends() -> None:
    agreed = [term(RESOLUTION, 60.0, "2024-01-01")]
    log = [status("2025-01-17 10:00", "pending"), status("2025-01-20 12:00", "open")]
    opened = ticket("2025-01-17 09:00")
    before, after = (resolution(opened, events=log, terms=agreed, offset=offset) for offset in (-1, 0))
    assert (before["elapsed"], before["share"], before["state"]) == (60.0, 1.0, "paused")
    assert (after["state"], after["breached_at"], after["due_at"]) == ("breached", *[instant("2025-01-20 12:00")] * 2)


def test_statuses_of_another_customer_and_before_creation() -> None:
    log = [
        status("2025-01-20 10:00", "solved", customer="C2"),
        # An event with an earlier clock counts from the creation.
        status("2025-01-20 08:59:58", "pending"),
    ]
    row = resolution(ticket("2025-01-20 09:00"), events=log)
    assert (row["elapsed"], row["paused"], row["state"]) == (0.0, 480.0, "paused")


def test_events_of_one_instant_count_in_the_order_of_their_ids() -> None:
    log = [status("2025-01-20 10:00", "solved"), status("2025-01-20 10:00", "open")]
    assert resolution(ticket("2025-01-20 09:00"), events=log)["elapsed"] == 480.0
    assert resolution(ticket("2025-01-20 09:00"), events=log[::-1])["elapsed"] == 60.0


def test_checks_report_what_needs_attention() -> None:
    tickets = tickets_of(
        ticket("2025-01-14 16:30", first_response_at="2025-01-16 10:00"), ticket("2025-01-20 09:00", name="T2")
    )
    log = events_of(
        status("2025-01-16 09:30", "open", parts=["priority=high"]),
        status("2025-01-20 09:30", "open", "T2", parts=["priority=low", "group=billing"]),
        status("2025-01-20 09:40", "open", "T2", parts=["priority=normal"]),
        status("2025-01-20 09:40", "open", "T9"),
    )
    table = ticket_sla(tickets, terms_of(), log, as_of(), RULES)
    found = by("ticket_id", rows_of(changed_priorities(table, log, as_of())))
    assert {name: (row["changed_to"], row["is_after_breach"]) for name, row in found.items()} == {
        "T1": ("high", True),
        "T2": ("low", False),
    }
    assert [row["ticket_id"] for row in rows_of(statuses_of_no_ticket(tickets, log, as_of()))] == ["T9"]
    assert rows_of(tickets_without_two_clocks(table, tickets, as_of())) == []
    half = table.filter(table.clock == RESOLUTION)
    assert len(rows_of(tickets_without_two_clocks(half, tickets, as_of()))) == 2
    assert rows_of(rows_of_no_organization(table, organizations_of("C1"))) == []
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 4
