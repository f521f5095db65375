"""Tests of assignments: the state of handoffs and invitations, waits, completeness, and the checks."""

from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.organizations import Organizations
from cjo_assets.families.lifecycle.people.assignments import (
    Assignments,
    active_people_who_are_unknown,
    answers_to_no_handoff,
    assignments,
    dual_handoffs_with_one_leg,
    roles_with_two_people,
)
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.lifecycle.operation import people_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, instant, kept, rows_of, table_of


def of(*events: Row, created_by: str | None = None) -> dict[Any, Row]:
    """Return the assignments of C1, by id and role."""
    organizations = table_of(Organizations, [{"customer_id": "C1", "created_by": created_by}])
    table = assignments(organizations, events_of(*events), as_of(), RULES)
    return by(("assignment_id", "role"), kept(Assignments, table))


def assigned(at: str, person: str, role: str, subject: str = "A1", **more: Any) -> Row:
    """Return the assignment of a person."""
    return event("assigned", at, subject=subject, related_id=person, about=role, **more)


def handoff(kind: str, at: str, role: str = "success_manager", actor: str = "P1", **more: Any) -> Row:
    """Return an event of a leg of the handoff H1."""
    return event(f"handoff_{kind}", at, subject="H1", about=role, actor_id=actor, **more)


ALL_PARTS = ["technical_requirements", "context_notes", "client_preferences"]
REQUEST = handoff("requested", "2025-01-17", parts=ALL_PARTS)


@pytest.mark.parametrize(
    ("role", "created_by", "kind"),
    [
        ("sales_agent", "P1", "assisted_signup"),
        ("sales_agent", "P2", "auto"),
        ("sales_agent", None, "auto"),
        ("success_manager", "P1", "auto"),
    ],
)
def test_a_signup_is_assisted_by_its_creator(role: str, created_by: str | None, kind: str) -> None:
    row = of(assigned("2025-01-02", "P1", role), created_by=created_by)["A1", role]
    assert (row["kind"], row["state"], row["person_id"]) == (kind, "active", "P1")
    assert (row["accepted_at"], row["requested_at"], row["waited_hours"]) == (instant("2025-01-02 09:00"), None, None)
    assert (row["is_late"], row["completeness"]) == (False, None)


def test_an_assignment_ends_and_may_be_given_again() -> None:
    first, end = assigned("2025-01-02", "P1", "sales_agent"), event("assignment_ended", "2025-01-05", subject="A1")
    row = of(first, end)["A1", "sales_agent"]
    assert (row["state"], row["ended_at"]) == ("completed", instant("2025-01-05 09:00"))
    row = of(first, end, assigned("2025-01-07", "P2", "sales_agent"))["A1", "sales_agent"]
    assert (row["state"], row["person_id"], row["ended_at"]) == ("active", "P2", None)


def test_an_open_handoff_waits_until_the_end_of_the_day() -> None:
    row = of(REQUEST)["H1", "success_manager"]
    # 15 hours of Friday and three days.
    assert (row["state"], row["waited_hours"], row["is_late"], row["completeness"]) == ("requested", 87.0, True, 1.0)
    assert (row["from_person"], row["person_id"], row["accepted_at"]) == ("P1", None, None)


def test_the_last_answer_counts() -> None:
    accepted, rejected = (handoff(kind, "2025-01-17 15:00", actor="P2") for kind in ("accepted", "rejected"))
    row = of(REQUEST, accepted)["H1", "success_manager"]
    assert (row["state"], row["person_id"], row["waited_hours"], row["is_late"]) == ("completed", "P2", 6.0, False)
    row = of(REQUEST, rejected)["H1", "success_manager"]
    assert (row["state"], row["person_id"], row["waited_hours"]) == ("rejected", None, 87.0)
    again = handoff("requested", "2025-01-20", actor="P3", parts=["context_notes", "gossip"])
    row = of(REQUEST, rejected, again)["H1", "success_manager"]
    assert (row["state"], row["from_person"], row["waited_hours"]) == ("requested", "P3", 15.0)
    # One of three parts, and one that is none.
    assert row["completeness"] == 0.333333


def test_an_assignment_of_the_role_completes_a_handoff() -> None:
    later = assigned("2025-01-18", "P2", "success_manager")
    row = of(REQUEST, later)["H1", "success_manager"]
    assert (row["state"], row["person_id"], row["waited_hours"]) == ("completed", "P2", 24.0)
    assert row["is_late"] is False
    for other in (assigned("2025-01-16", "P2", "success_manager"), assigned("2025-01-18", "P2", "sales_agent")):
        assert of(REQUEST, other)["H1", "success_manager"]["state"] == "requested"


def test_legs_of_one_handoff_have_states_of_their_own() -> None:
    support = handoff("requested", "2025-01-17", "support_specialist")
    found = of(REQUEST, support, handoff("accepted", "2025-01-17 11:00", "support_specialist", "P2"))
    assert {key: row["state"] for key, row in found.items()} == {
        ("H1", "success_manager"): "requested",
        ("H1", "support_specialist"): "completed",
    }
    assert found["H1", "support_specialist"]["completeness"] == 0.0


@pytest.mark.parametrize(
    ("events", "state", "person", "waited"),
    [
        ([("specialist_invited", "2025-01-16 12:00", {})], "requested", None, 108.0),
        ([("specialist_invited", "2025-01-16 12:00", {"related_id": "P6"})], "active", "P6", 0.0),
        (
            [
                ("specialist_invited", "2025-01-16 12:00", {}),
                ("specialist_invited", "2025-01-17 12:00", {"related_id": "P6"}),
            ],
            "active",
            "P6",
            24.0,
        ),
        (
            [("specialist_invited", "2025-01-16 12:00", {}), ("specialist_closed", "2025-01-17 00:00", {})],
            "completed",
            None,
            12.0,
        ),
    ],
)
def test_invitations_of_specialists(
    events: list[tuple[str, str, Row]], state: str, person: str | None, waited: float
) -> None:
    about = {"specialist_invited": "voice_addon", "specialist_closed": "lost"}
    log = [event(kind, at, subject="O1", about=about[kind], actor_id="P1", **more) for kind, at, more in events]
    row = of(*log)["O1", "sales_specialist"]
    assert (row["kind"], row["skill"], row["from_person"]) == ("specialist", "voice_addon", "P1")
    assert (row["state"], row["person_id"], row["waited_hours"]) == (state, person, waited)


def test_events_of_later_days_are_unknown() -> None:
    late = handoff("accepted", "2025-01-18", actor="P2", recorded_at="2025-01-21 08:00")
    assert of(REQUEST, late)["H1", "success_manager"]["state"] == "requested"
    assert of(handoff("requested", "2025-01-21")) == {}


def checked(*rows: Row) -> Any:
    """Return assignments as a table."""
    given: Rows = [{"customer_id": "C1", "kind": "auto", "state": "active", "person_id": "P1"} | row for row in rows]
    return table_of(Assignments, given)


def test_two_people_in_one_role_are_listed() -> None:
    rows = [{"role": "sales_agent"}, {"role": "sales_agent", "person_id": "P2"}]
    assert rows_of(roles_with_two_people(checked(*rows))) == [{"customer_id": "C1", "role": "sales_agent", "people": 2}]
    for other in ({"person_id": "P1"}, {"state": "completed"}, {"role": "success_manager"}, {"kind": "specialist"}):
        assert rows_of(roles_with_two_people(checked(rows[0], rows[1] | other))) == []


def test_handoffs_to_one_of_support_and_success_are_listed() -> None:
    leg = {"kind": "handoff", "assignment_id": "H1", "role": "success_manager", "state": "requested"}
    active = {"role": "support_specialist", "assignment_id": "A1"}
    people = people_of(P1=(None, ["support_specialist"]))

    def listed(*rows: Row) -> Rows:
        return rows_of(dual_handoffs_with_one_leg(checked(*rows), people))

    expected = {"customer_id": "C1", "assignment_id": "H1", "role": "success_manager"}
    assert listed(leg) == [expected | {"missing_role": "support_specialist"}]
    assert listed(leg, active | {"person_id": "P2"}) == listed(leg)
    for other in (leg | {"role": "support_specialist"}, active):
        assert listed(leg, other) == []
    assert listed(leg | {"role": "onboarding_specialist"}) == []


def test_answers_without_a_request_are_listed() -> None:
    answer = handoff("accepted", "2025-01-17", actor="P2")
    row = of(answer)["H1", "success_manager"]
    assert (row["state"], row["waited_hours"], row["completeness"]) == ("completed", None, None)
    assert [row["about"] for row in rows_of(answers_to_no_handoff(events_of(answer), as_of()))] == ["success_manager"]
    assert rows_of(answers_to_no_handoff(events_of(REQUEST, answer), as_of())) == []


def test_active_people_must_be_of_our_staff() -> None:
    people = people_of(P1=(None, ["sales_agent"]), P2=("C1", ["admin"]))
    table = checked({}, {"person_id": "P2"}, {"person_id": "P3"}, {"person_id": "P3", "state": "completed"})
    assert [row["person_id"] for row in rows_of(active_people_who_are_unknown(table, people))] == ["P2", "P3"]
