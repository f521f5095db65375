"""The sample of the lifecycle: the facts of people with their arithmetic."""

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import by, instant


def test_handoffs(lifecycle_sample: Chain) -> None:
    """F25: from 01-17 09:00 to 24:00 of 01-20 are 87 hours; C006 got two of three parts, after six hours."""
    rows = lifecycle_sample.rows("FROM lifecycle.assignments WHERE kind = 'handoff' ORDER BY assignment_id, role")
    found = [
        (row["assignment_id"], row["role"], row["state"], row["waited_hours"], row["is_late"], row["completeness"])
        for row in rows
    ]
    assert found == [
        ("H-001", "success_manager", "requested", 87.0, True, 1.0),
        ("H-001", "support_specialist", "completed", 2.0, False, 1.0),
        ("H-006", "onboarding_specialist", "completed", 6.0, False, 0.666667),
        ("H-007", "success_manager", "completed", 6.0, False, 1.0),
        ("H-007", "support_specialist", "completed", 2.0, False, 1.0),
    ]


def test_other_assignments(lifecycle_sample: Chain) -> None:
    rows = lifecycle_sample.rows("FROM lifecycle.assignments WHERE kind <> 'handoff'")
    found = by("assignment_id", rows)
    signups = sorted(row["customer_id"] for row in found.values() if row["kind"] == "assisted_signup")
    # The organizations with a creator.
    assert signups == ["C004", "C006", "C007", "C008", "C009"]
    row = found["OPP-10"]
    assert (row["kind"], row["skill"], row["person_id"], row["state"]) == (
        "specialist",
        "custom_integration",
        "A-06",
        "active",
    )
    assert found["OPP-7"]["state"] == "completed"
    assert found["AS-C013-success"]["ended_at"] == instant("2025-01-10 16:30")
    assert {row["state"] for name, row in found.items() if name.startswith("AS-") and name != "AS-C013-success"} == {
        "active"
    }


def test_load_and_results_of_people(lifecycle_sample: Chain) -> None:
    found = lifecycle_sample.by("person_id", "lifecycle.agent_scorecard")
    # F24: A-08 has C002 and C008 of 10, A-04 has C003, C004, C005, C007 and C009.
    assert [(found[name]["clients"], found[name]["max_clients"]) for name in ("A-08", "A-04")] == [(2, 10), (5, 15)]
    assert {name for name, row in found.items() if not row["has_capacity"]} == {"A-07", "A-09", "ai"}
    row = found["A-05"]
    # All but T-08, T-09, T-10 and T-14 of the 13 valid tickets; T-04, T-07, T-13 and T-15 are open.
    assert (row["tickets"], row["tickets_resolved"], row["resolution_rate"]) == (9, 5, 0.555556)
    # 120, 570, 90, 40, 60, 60, 60 and 120 minutes of T-01 to T-06, T-13 and T-15.
    assert row["median_first_response"] == 75.0
    # After 6 and 10 minutes.
    assert (row["escalations_taken"], row["median_wait_minutes"]) == (2, 8.0)
    # One answer is no mean.
    assert (row["csat_answers"], row["csat"]) == (1, None)
    # F13: 3 of 13 tickets, of which it tried all.
    assert (found["ai"]["tickets_resolved"], found["ai"]["tickets"]) == (3, 13)
    # ACT-2 had no effect, and ACT-3 failed; H-006 had two of three parts.
    assert (found["A-04"]["actions"], found["A-04"]["action_success"]) == (2, 0.0)
    assert (found["A-02"]["completeness_given"], found["A-03"]["open_handoffs"]) == (0.666667, 1)


def test_who_takes_unassigned_clients(lifecycle_sample: Chain) -> None:
    """F24: loads of 2/10 and 3/10 of A-08 are below 5/15 of A-04."""
    rows = lifecycle_sample.rows("FROM lifecycle.assignment_decisions ORDER BY requested_at")
    found = [(row["kind"], row["customer_id"], row["role"], row["person_id"], row["clients_before"]) for row in rows]
    assert found == [
        ("absence", "C010", "success_manager", "A-08", 2),
        ("handoff", "C001", "success_manager", "A-08", 3),
    ]
    # A-09 is offline since the evening of the last day of work.
    assert [row["requested_at"] for row in rows] == [instant("2025-01-10 17:00"), instant("2025-01-17 09:00")]
