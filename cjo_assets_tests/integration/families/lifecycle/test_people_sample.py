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
