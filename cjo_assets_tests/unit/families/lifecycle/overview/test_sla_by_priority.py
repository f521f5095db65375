"""Tests of the SLA clocks by clock and priority."""

from cjo_assets.families.lifecycle.overview.sla_by_priority import (
    SlaByPriority,
    sla_by_priority,
    states_that_do_not_sum,
)
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.rows import Row, by, instant, kept, rows_of, table_of


def clock(state: str, priority: str = "high", stopped: str | None = None, name: str = "resolution") -> Row:
    """Return a clock of a ticket."""
    return {"clock": name, "priority": priority, "state": state, "stopped_at": stopped and instant(stopped)}


def test_clocks_are_counted_by_state() -> None:
    clocks = [
        clock("met", stopped="2025-01-20 09:00"),
        clock("met", stopped="2025-01-20 10:00"),
        clock("breached", stopped="2025-01-20 11:00"),
        clock("breached"),
        *(clock(state) for state in ("at_risk", "running", "paused")),
        clock("running", "low"),
        clock("met", stopped="2025-01-20 09:00", name="first_response"),
    ]
    found = by(("clock", "priority"), kept(SlaByPriority, sla_by_priority(table_of(TicketSla, clocks))))
    assert set(found) == {("resolution", "high"), ("resolution", "low"), ("first_response", "high")}
    high = found["resolution", "high"]
    assert (high["tickets"], high["met"], high["breached"], high["breached_open"]) == (7, 2, 2, 1)
    assert (high["at_risk"], high["running"], high["paused"], high["met_share"]) == (1, 1, 1, 0.5)
    assert found["resolution", "low"]["met_share"] is None
    assert found["first_response", "high"]["met_share"] == 1.0


def test_states_add_up_to_the_tickets() -> None:
    row = {"tickets": 2, "met": 1}
    assert len(rows_of(states_that_do_not_sum(table_of(SlaByPriority, [row])))) == 1
    assert rows_of(states_that_do_not_sum(table_of(SlaByPriority, [row | {"paused": 1}]))) == []
