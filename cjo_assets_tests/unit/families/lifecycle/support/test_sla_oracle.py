"""Tests of SLA clocks against an independent recomputation on 300 generated tickets with messy histories."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla, ticket_sla
from cjo_assets_tests.support.lifecycle.events import RULES, events_of
from cjo_assets_tests.support.lifecycle.generated_tickets import generated
from cjo_assets_tests.support.lifecycle.sla_oracle import (
    ZERO,
    Hours,
    changes_of,
    clock_at,
    opening_hours,
    target_of,
)
from cjo_assets_tests.support.lifecycle.tickets import terms_of, tickets_of
from cjo_assets_tests.support.rows import as_of, by, day, kept, policy_with

MINUTE = timedelta(minutes=1)
ALL_HOURS: Hours = [(datetime(2020, 1, 1), datetime(2080, 1, 1))]
# Around the days of clock changes in America, and the end of the year.
OFFSETS = (-17, 0, 48, 52, 80)
CALENDARS = {
    "office": {},
    "New York": {
        "timezone": "America/New_York",
        "opens": "08:30",
        "closes": "18:00",
        "business_days": (7, 1, 2, 3, 5),
        "holidays": (date(2025, 1, 20), date(2025, 3, 9)),
    },
}


def rules_of(calendar: str) -> Any:
    """Return the policy's section with another calendar."""
    changes = {f"lifecycle__calendar__{name}": value for name, value in CALENDARS[calendar].items()}
    return policy_with(**changes).lifecycle if changes else RULES  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_clocks_agree(calendar: str, seed: int) -> None:
    tickets, events, terms = generated(seed)
    rules = rules_of(calendar)
    business = opening_hours(rules.calendar, date(2024, 12, 1), date(2026, 12, 31))
    states: set[str] = set()
    for offset in OFFSETS:
        end = datetime.combine(day(offset + 1), time())
        table = ticket_sla(tickets_of(*tickets), terms_of(*terms), events_of(*events), as_of(offset), rules)
        found = by(("ticket_id", "clock"), kept(TicketSla, table, day(offset)))
        known = [row for row in tickets if row["created_at"] < end]
        assert len(found) == 2 * len(known)
        for row in known:
            own = [
                log
                for log in events
                if (log["subject_id"], log["customer_id"]) == (row["ticket_id"], row["customer_id"])
            ]
            for name in ("first_response", "resolution"):
                minutes, is_always = target_of(row, name, terms, rules)
                hours = ALL_HOURS if is_always else business
                changes = changes_of(row, name, own, rules.sla.counting_statuses)
                clock = clock_at(changes, minutes * MINUTE, hours, end, rules.sla.at_risk_share)
                actual = found[row["ticket_id"], name]
                assert (actual["target"], actual["calendar"]) == (minutes, "always" if is_always else "business")
                assert actual["elapsed"] == round(clock.elapsed / MINUTE, 6), (row, own)
                assert actual["paused"] == round(clock.paused / MINUTE, 6)
                assert actual["share"] == pytest.approx(clock.elapsed / clock.target, abs=1e-6)
                expected = (clock.state, clock.stopped_at, clock.reopenings, clock.breached_at, clock.due_at)
                names = ("state", "stopped_at", "reopenings", "breached_at", "due_at")
                assert tuple(actual[key] for key in names) == expected, (row, own, clock)
                states.add(clock.state)
                assert clock.elapsed >= ZERO
    assert states == {"met", "breached", "paused", "at_risk", "running"}
