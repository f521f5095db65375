"""Tests of the scorecard: load and capacity, tickets, answers of clients, escalations, handoffs, actions and peers."""

from datetime import date
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.families.lifecycle.people.agent_scorecard import (
    AgentScorecard,
    agent_scorecard,
    clients_of_people_who_left,
    people_beyond_a_limit,
)
from cjo_assets.families.lifecycle.people.assignments import Assignments
from cjo_assets.families.lifecycle.success.health_scores import HealthScores
from cjo_assets.families.lifecycle.support.escalations import Escalations
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

NONE: Rows = []
ONLINE = event("agent_availability_set", "2025-01-20", None, "P1", about="online")


def of(
    *events: Row,
    people: Rows = NONE,
    assigned: Rows = NONE,
    tickets: Rows = NONE,
    escalations: Rows = NONE,
    scores: Rows = NONE,
) -> dict[Any, Row]:
    """Return the rows by person; P1 is of our staff unless given."""
    clocks = [
        {
            "ticket_id": row["ticket_id"],
            "clock": clock,
            "stopped_at": row.get(column),
            "elapsed": row.get("minutes", 0.0),
        }
        for row in tickets
        for clock, column in (("first_response", "first_response_at"), ("resolution", "resolved_at"))
    ]
    table = agent_scorecard(
        table_of(People, people or [{"person_id": "P1", "roles": ["support_specialist"]}]),
        table_of(Assignments, [{"state": "active", "kind": "auto"} | row for row in assigned]),
        table_of(Tickets, [{name: value for name, value in row.items() if name != "minutes"} for row in tickets]),
        table_of(TicketSla, clocks),
        table_of(Escalations, escalations),
        table_of(HealthScores, scores),
        events_of(*events),
        as_of(),
        RULES,
    )
    return by("person_id", kept(AgentScorecard, table))


def client(number: int, **more: Any) -> Row:
    """Return an active assignment of P1."""
    return {"assignment_id": f"A{number}", "customer_id": f"C{number}", "person_id": "P1"} | more


def ticket(number: int, response: float | None = None, *, is_resolved: bool = False, **more: Any) -> Row:
    """Return a ticket of P1 of the window."""
    at = instant("2025-01-15 10:00")
    row = {"ticket_id": f"T{number}", "assigned_to": "P1", "created_at": at, "minutes": response or 0.0}
    row |= {"first_response_at": None if response is None else at}
    return row | ({"resolved_at": at, "resolved_by": "agent"} if is_resolved else {}) | more


def test_people_of_ours_and_the_ai_have_a_row() -> None:
    found = of(people=[{"person_id": "P1", "customer_id": None}, {"person_id": "P2", "customer_id": "C1"}])
    assert found.keys() == {"P1", "ai"}
    row = found["P1"]
    assert (row["clients"], row["max_clients"], row["utilisation"]) == (0, 15, 0.0)
    assert (row["open_handoffs"], row["max_handoffs"], row["availability"]) == (0, 3, None)
    assert (row["tickets"], row["resolution_rate"], row["csat"], row["actions"]) == (0, None, None, 0)
    assert [found["ai"][name] for name in ("clients", "max_clients", "utilisation", "open_handoffs")] == [None] * 4


def test_clients_are_customers() -> None:
    given = [client(1), client(2), client(2, assignment_id="A3", role="sales_agent"), client(4, state="completed")]
    row = of(assigned=given, people=[{"person_id": "P1", "max_clients": 4}])["P1"]
    assert (row["clients"], row["max_clients"], row["utilisation"]) == (2, 4, 0.5)
    assert of(people=[{"person_id": "P1", "max_clients": 0}])["P1"]["utilisation"] is None


def test_open_handoffs_are_those_given() -> None:
    leg = {"kind": "handoff", "from_person": "P1", "state": "requested"}
    legs = [
        leg | {"assignment_id": f"H{place}", "state": state}
        for place, state in enumerate(("requested", "rejected", "completed"))
    ]
    row = of(assigned=[*legs, leg | {"from_person": "P2", "assignment_id": "H9"}])["P1"]
    assert (row["open_handoffs"], row["clients"]) == (2, 0)


@pytest.mark.parametrize(
    ("about", "clients", "handoffs", "left_on", "has_capacity"),
    [
        ("online", 1, 1, None, True),
        ("busy", 1, 1, None, False),
        (None, 1, 1, None, False),
        ("online", 2, 1, None, False),
        ("online", 1, 2, None, False),
        ("online", 1, 1, day(0), True),
        ("online", 1, 1, day(-1), False),
    ],
)
def test_capacity(about: str | None, clients: int, handoffs: int, left_on: date | None, has_capacity: bool) -> None:
    given = [client(number) for number in range(clients)]
    given += [
        {"assignment_id": f"H{number}", "kind": "handoff", "from_person": "P1", "state": "requested"}
        for number in range(handoffs)
    ]
    people: Rows = [{"person_id": "P1", "max_clients": 2, "max_handoffs": 2, "left_on": left_on}]
    events = [event("agent_availability_set", "2025-01-19", None, "P1", about="offline"), ONLINE | {"about": about}]
    row = of(*(events if about else []), people=people, assigned=given)["P1"]
    assert (row["has_capacity"], row["availability"]) == (has_capacity, about)
    assert row["has_left"] is (left_on == day(-1))


def test_tickets_of_people_and_of_the_ai() -> None:
    old = {"created_at": instant("2024-12-23 23:59")}
    tickets = [
        ticket(1, 30.0, is_resolved=True, ai_attempts=1),
        ticket(2, 90.0),
        ticket(3),
        ticket(4, 10.0, is_resolved=True) | old,
        ticket(5, 2.0, is_resolved=True, resolved_by="ai", ai_attempts=2),
        ticket(6, 4.0, is_resolved=True, resolved_by="ai"),
        # Resolved later, by the AI.
        ticket(7, resolved_by="ai", ai_attempts=1),
        ticket(8, assigned_to=None, ai_attempts=1),
    ]
    found = of(tickets=tickets)
    row = found["P1"]
    assert (row["tickets"], row["tickets_resolved"], row["resolution_rate"]) == (4, 1, 0.25)
    assert row["median_first_response"] == 60.0
    # It tried 1, 5, 7 and 8, and resolved 5 and 6.
    machine = found["ai"]
    assert (machine["tickets"], machine["tickets_resolved"], machine["resolution_rate"]) == (5, 2, 0.4)
    assert machine["median_first_response"] == 3.0


def rated(number: int, quantity: float, at: str = "2025-01-16", subject: str = "T") -> Row:
    """Return an answer on satisfaction."""
    return event("csat_given", at, subject=f"{subject}{number}", quantity=quantity)


def test_satisfaction_has_a_minimum_of_answers() -> None:
    tickets = [ticket(number) for number in range(5)]
    answers = [rated(number, float(number + 1)) for number in range(5)]
    row = of(*answers, tickets=tickets)["P1"]
    assert (row["csat_answers"], row["csat"]) == (5, 3.0)
    row = of(*answers[:4], tickets=tickets)["P1"]
    assert (row["csat_answers"], row["csat"]) == (4, None)
    # The last answer of a ticket counts, and none before the window.
    again = [rated(0, 5.0, "2025-01-17"), rated(9, 5.0, "2024-12-23")]
    row = of(*answers, *again, tickets=[*tickets, ticket(9)])["P1"]
    assert (row["csat_answers"], row["csat"]) == (5, 3.8)


def test_satisfaction_with_conversations_is_of_who_took_them() -> None:
    taken = event("escalation_taken", "2025-01-15", subject="V1", actor_id="P1")
    found = of(taken, *(rated(number, 4.0, subject="V") for number in range(1, 7)))
    assert (found["P1"]["csat_answers"], found["ai"]["csat_answers"], found["ai"]["csat"]) == (1, 5, 4.0)


def test_net_promoter_score() -> None:
    answers = [
        event("nps_given", "2025-01-15", f"C{number}", quantity=quantity)
        for number, quantity in enumerate((10.0, 9.0, 9.0, 8.0, 7.0, 6.0, 0.0))
    ]
    first = event("nps_given", "2025-01-14", "C0", quantity=0.0)
    given = [client(number) for number in range(7)]
    row = of(first, *answers, assigned=given)["P1"]
    # (3 - 2) / 7.
    assert (row["nps_answers"], row["nps"]) == (7, 14.285714)
    row = of(first, *answers, assigned=given[:4])["P1"]
    assert (row["nps_answers"], row["nps"]) == (4, None)


def test_escalations_taken() -> None:
    cases: Rows = [
        {"subject_id": "T1", "waited_minutes": 4.0},
        {"subject_id": "T2", "waited_minutes": 10.0},
        {"subject_id": "T3", "waited_minutes": 99.0},
    ]
    events = [
        event("escalation_taken", at, subject=subject, actor_id=actor)
        for at, subject, actor in (
            ("2025-01-15", "T1", "P1"),
            ("2025-01-15", "T2", "P1"),
            ("2025-01-15", "T3", "P1"),
            ("2025-01-16", "T3", "P2"),
            ("2024-12-01", "T4", "P1"),
        )
    ]
    row = of(*events, escalations=cases)["P1"]
    assert (row["escalations_taken"], row["median_wait_minutes"]) == (2, 7.0)


def test_handoffs_clients_and_actions() -> None:
    leg = {"kind": "handoff", "from_person": "P1", "state": "completed", "requested_at": instant("2025-01-15 10:00")}
    legs = [leg | {"assignment_id": f"H{place}", "completeness": share} for place, share in enumerate((1.0, 0.5))]
    legs.append(legs[0] | {"assignment_id": "H9", "completeness": 0.0, "requested_at": instant("2024-12-01 10:00")})
    scores: Rows = [{"customer_id": "C1", "score": 40.0}, {"customer_id": "C2", "score": 70.0}, {"customer_id": "C3"}]
    done = [
        event("action_done", "2025-01-15", subject=f"X{place}", actor_id="P1", actor_kind="agent", about=about)
        for place, about in enumerate(("success", "failure", "no_effect", "success"))
    ]
    machine = event("action_done", "2025-01-15", subject="X9", actor_kind="ai", about="success")
    found = of(*done, machine, assigned=[*legs, *(client(number) for number in (1, 2, 3))], scores=scores)
    row = found["P1"]
    assert (row["completeness_given"], row["clients_health"]) == (0.75, 55.0)
    assert (row["actions"], row["action_success"], found["ai"]["actions"]) == (4, 0.5, 1)


def test_peers_have_a_common_role() -> None:
    roles = {"P1": ["a", "b"], "P2": ["a"], "P3": ["b"], "P4": ["a", "b"], "P5": ["c"], "P6": ["a"]}
    minutes = {"P1": 1.0, "P2": 10.0, "P3": 20.0, "P4": 60.0, "P5": 500.0}
    tickets = [
        ticket(place, response, is_resolved=name != "P2", assigned_to=name)
        for place, (name, response) in enumerate(minutes.items())
    ]
    people: Rows = [{"person_id": name, "roles": own} for name, own in roles.items()]
    found = of(people=people, tickets=tickets)
    # P2, P3 and P4; P6 has no tickets.
    assert (found["P1"]["peers_first_response"], found["P1"]["peers_resolution_rate"]) == (20.0, 1.0)
    # P1 and P4.
    assert found["P2"]["peers_first_response"] == 30.5
    assert (found["P5"]["peers_first_response"], found["ai"]["peers_resolution_rate"]) == (None, None)


def test_limits_and_departures_are_checked() -> None:
    rows: Rows = [
        {"person_id": "A", "clients": 5, "max_clients": 5, "open_handoffs": 0, "max_handoffs": 3},
        {"person_id": "B", "clients": 6, "max_clients": 5, "open_handoffs": 0, "max_handoffs": 3},
        {"person_id": "C", "clients": 1, "max_clients": 5, "open_handoffs": 4, "max_handoffs": 3, "has_left": True},
        {"person_id": "D", "clients": 0, "max_clients": 5, "open_handoffs": 0, "max_handoffs": 3, "has_left": True},
    ]
    table = table_of(AgentScorecard, rows)
    assert [row["person_id"] for row in rows_of(people_beyond_a_limit(table))] == ["B", "C"]
    assert [row["person_id"] for row in rows_of(clients_of_people_who_left(table))] == ["C"]
