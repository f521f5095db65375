"""Tests of assignment decisions: which requests there are, and who takes them, against a recomputation in turn."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.organizations import Organizations
from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.people.agent_scorecard import AgentScorecard
from cjo_assets.families.lifecycle.people.assignment_decisions import (
    AssignmentDecisions,
    assignment_decisions,
    people_beyond_their_limit,
    requests_without_capacity,
)
from cjo_assets.families.lifecycle.people.assignments import Assignments
from cjo_assets_tests.support.engine import BACKEND
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.lifecycle.people import FIRST, generated_case, one_after_the_other
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

NONE: Rows = []
CASES = 300


def person(name: str, clients: int, limit: int, *roles: str, **more: Any) -> Row:
    """Return a person with capacity."""
    load = {"clients": clients, "max_clients": limit, "open_handoffs": 0, "has_capacity": True}
    return {"person_id": name, "roles": list(roles) or ["success_manager"]} | load | more


def handoff(number: int, hour: int = 0, **more: Any) -> Row:
    """Return an open handoff."""
    row = {"kind": "handoff", "assignment_id": f"H{number}", "role": "success_manager", "customer_id": f"C{number}"}
    return row | {"state": "requested", "requested_at": FIRST + timedelta(hours=hour)} | more


def of(
    staff: Rows,
    assigned: Rows = NONE,
    organizations: Rows = NONE,
    people: Rows = NONE,
    events: Rows = NONE,
) -> dict[Any, Row]:
    """Return the decisions by subject and role."""
    table = assignment_decisions(
        table_of(AgentScorecard, staff),
        table_of(Assignments, assigned),
        table_of(Organizations, organizations),
        table_of(People, people),
        events_of(*events),
        as_of(),
        RULES,
    )
    return by(("subject_id", "role"), kept(AssignmentDecisions, table))


def chosen(found: dict[Any, Row]) -> dict[str, str | None]:
    """Return the person by subject."""
    return {subject: row["person_id"] for (subject, _), row in found.items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_each_request_goes_to_the_least_loaded(seed: int) -> None:
    """The decisions are those of giving the requests one after the other, whatever rows and threads are."""
    draw = random.Random(seed)
    cases = [generated_case(draw, number) for number in range(CASES)]
    staff = [row for case in cases for row in case.staff]
    requests = [row for case in cases for row in case.requests]
    found = of(staff, requests)
    given = {
        subject: row["person_id"] and (row["person_id"], row["clients_before"]) for (subject, _), row in found.items()
    }
    expected: dict[str, Any] = {}
    for case in cases:
        expected |= one_after_the_other(case)
    assert given == expected
    assert {row["rule"] for row in found.values()} == {"least_loaded", "no_capacity"}
    draw.shuffle(staff)
    draw.shuffle(requests)
    BACKEND.raw_sql("SET threads = 1")
    try:
        assert of(staff, requests) == found
    finally:
        BACKEND.raw_sql("RESET threads")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_people_of_several_roles_get_no_place_twice(seed: int) -> None:
    draw = random.Random(seed)
    roles = ["success_manager", "support_specialist", "sales_agent"]
    staff = []
    for number in range(12):
        limit = draw.randrange(1, 6)
        own = draw.sample(roles, draw.randrange(1, 4))
        staff.append(person(f"P{number}", draw.randrange(limit), limit, *own, open_handoffs=draw.randrange(2)))
    sources = [None, *(row["person_id"] for row in staff)]
    requests = [
        handoff(number, draw.randrange(20), role=draw.choice(roles), from_person=draw.choice(sources))
        for number in range(30)
    ]
    found = of(staff, requests)
    assert len(found) == len(requests)
    people = {row["person_id"]: row for row in staff}
    taken = Counter(row["person_id"] for row in found.values() if row["person_id"])
    for name, number in taken.items():
        assert people[name]["clients"] + number <= people[name]["max_clients"]
    for (_, role), row in found.items():
        able = [name for name, other in people.items() if role in other["roles"] and name != row["from_person"]]
        assert row["eligible_people"] == len(able)
        assert row["person_id"] is None or row["person_id"] in able
    first = min(found.values(), key=lambda row: (row["requested_at"], row["subject_id"]))
    assert first["person_id"] is not None or first["eligible_people"] == 0


def test_the_sample_by_hand() -> None:
    """F24: the places of A-08 have loads of 0.2 and 0.3, that of A-04 has 0.333."""
    staff = [person("A-04", 5, 15), person("A-08", 2, 10)]
    found = of(staff, [handoff(1), handoff(2, 1), handoff(3, 2), handoff(4, 3)])
    # 4 of 10 is more than 5 of 15, and 6 of 15 is as much, and comes first by name.
    assert chosen(found) == {"H1": "A-08", "H2": "A-08", "H3": "A-04", "H4": "A-04"}
    row = found["H2", "success_manager"]
    assert (row["clients_before"], row["max_clients"], row["eligible_people"]) == (3, 10, 2)
    assert (row["rule"], row["waited_hours"]) == ("least_loaded", 20 * 24 - 10.0)
    staff[0]["open_handoffs"] = 1
    assert chosen(of(staff, [handoff(1), handoff(2, 1), handoff(3, 2), handoff(4, 3)]))["H4"] == "A-08"


def test_people_without_capacity_role_or_skill_are_not_eligible() -> None:
    invitation = {"kind": "specialist", "role": "sales_specialist", "skill": "voice_addon", "assignment_id": "O1"}
    invitation |= {"state": "requested", "customer_id": "C1", "requested_at": FIRST}
    staff = [
        person("P1", 0, 5, "sales_specialist", skills=["custom_integration"]),
        person("P2", 0, 5, "sales_agent", skills=["voice_addon"]),
        person("P3", 0, 5, "sales_specialist", skills=["voice_addon"], has_capacity=False),
    ]
    row = of(staff, [invitation])["O1", "sales_specialist"]
    assert (row["kind"], row["person_id"], row["rule"], row["eligible_people"]) == (
        "invitation",
        None,
        "no_capacity",
        0,
    )
    staff.append(person("P4", 4, 5, "sales_specialist", skills=["custom_integration", "voice_addon"]))
    assert of(staff, [invitation])["O1", "sales_specialist"]["person_id"] == "P4"


def test_a_handoff_does_not_return_to_where_it_comes_from() -> None:
    staff = [person("P1", 0, 10), person("P2", 8, 10)]
    found = of(staff, [handoff(1, from_person="P1"), handoff(2, 1)])
    assert chosen(found) == {"H1": "P2", "H2": "P1"}
    assert [row["eligible_people"] for row in found.values()] == [1, 2]


def test_the_creator_takes_a_signup_up_to_the_limit() -> None:
    signups = [
        {"customer_id": f"C{number}", "created_by": "S1", "signed_up_at": FIRST + timedelta(hours=number)}
        for number in range(3)
    ]
    alone = {"customer_id": "C9", "created_by": None, "signed_up_at": FIRST}
    later = {"customer_id": "C8", "created_by": None, "signed_up_at": datetime(2025, 1, 21, 9)}
    staff = [person("S1", 3, 5, "sales_agent"), person("S2", 0, 2, "sales_agent")]
    found = of(staff, organizations=[*signups, alone, later])
    # S1 has two places left; C9 signed up first and C2 last, and S2 has two places.
    assert chosen(found) == {"C0": "S1", "C1": "S1", "C2": "S2", "C9": "S2"}
    assert [found[name, "sales_agent"]["rule"] for name in ("C0", "C2")] == ["creator", "least_loaded"]
    assert {row["kind"] for row in found.values()} == {"signup"}
    # One who is no seller, or has no capacity, does not take it.
    for other in (person("S1", 3, 5, "success_manager"), person("S1", 3, 5, "sales_agent", has_capacity=False)):
        assert of([other, staff[1]], organizations=signups[:1])["C0", "sales_agent"]["person_id"] == "S2"
    given = {"kind": "auto", "role": "onboarding_specialist", "customer_id": "C0", "state": "completed"}
    assert ("C0", "sales_agent") not in of(staff, [given], signups)


@pytest.mark.parametrize(
    ("left_on", "availability", "since"),
    [
        (None, None, None),
        (day(-10), None, "2025-01-11 00:00"),
        # The last day of work.
        (day(0), None, None),
        (None, ("offline", "2025-01-17 17:00"), "2025-01-17 17:00"),
        (None, ("offline", "2025-01-18 00:00"), None),
        (None, ("away", "2025-01-02 17:00"), None),
        (day(-3), ("offline", "2025-01-10 17:00"), "2025-01-10 17:00"),
    ],
)
def test_clients_of_absent_people_get_another(left_on: Any, availability: Any, since: str | None) -> None:
    active = {"assignment_id": "A1", "customer_id": "C1", "person_id": "P1", "role": "success_manager"}
    active |= {"kind": "auto", "state": "active"}
    events = []
    if availability:
        name, at = availability
        events = [event("agent_availability_set", at, None, "P1", about=name)]
    people = [{"person_id": "P1", "roles": ["success_manager"], "left_on": left_on}]
    found = of([person("P2", 0, 5)], [active], people=people, events=events)
    if since is None:
        assert found == {}
        return
    row = found["A1", "success_manager"]
    assert (row["kind"], row["from_person"], row["person_id"]) == ("absence", "P1", "P2")
    assert row["requested_at"] == instant(since)
    # A handoff of the role is the same need.
    found = of([person("P2", 0, 5)], [active, handoff(1)], people=people, events=events)
    assert {row["kind"] for row in found.values()} == {"handoff"}


def test_decisions_beyond_a_limit_are_found() -> None:
    decisions = table_of(
        AssignmentDecisions, [{"subject_id": f"H{number}", "person_id": name} for number, name in enumerate("AAB")]
    )
    staff = table_of(AgentScorecard, [person("A", 4, 5), person("B", 4, 5), person("C", 9, 5)])
    assert rows_of(people_beyond_their_limit(decisions, staff)) == [
        {"person_id": "A", "clients": 4, "decided": 2, "max_clients": 5}
    ]


def test_requests_without_capacity_are_listed() -> None:
    decisions = table_of(
        AssignmentDecisions,
        [{"subject_id": "H1", "rule": "no_capacity"}, {"subject_id": "H2", "rule": "least_loaded", "person_id": "A"}],
    )
    assert [row["subject_id"] for row in rows_of(requests_without_capacity(decisions))] == ["H1"]
