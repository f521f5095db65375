"""The sample of the lifecycle: decisions that leave the platform, and their approval."""

from datetime import date

from cjo_assets_tests.support.chain import Chain


def test_outbox(lifecycle_sample: Chain) -> None:
    rows = lifecycle_sample.rows("FROM lifecycle.outbox")
    found = {(row["kind"], row["customer_id"], row["subject_id"]): row for row in rows}
    # F23: 0.10 x 8,166.67, below 1,000.
    credit = found["credit", "C008", "uptime 2025-01"]
    assert (credit["amount"], credit["approval_role"], credit["target_system"]) == (816.67, "csm", "billing")
    # F21: the client saved the version.
    rollback = found["rollback", "C004", "cfg-01@2"]
    assert (rollback["what"], rollback["approval_role"]) == ("Roll cfg-01 back to version 1.", "manager")
    # F19: 15 days overdue; the billing system has reported it.
    dunning = found["dunning", "C005", "INV-105 warning"]
    assert (dunning["requires_approval"], dunning["delivered"]) == (False, "ok")
    # F17, F20 and F27.
    assert found["message", "C011", "success 2025-01-20"]["target_system"] == "messaging"
    assert found["opportunity", "C001", "premium_tier"]["amount"] == 30_000.0
    assert found["budget_alert", "C001", "2025-01"]["amount"] == 0.04
    # F11: the ticket is breached, and a person has not taken it.
    assert found["escalation", "C008", "T-07"]["what"] == "Take over the ticket T-07."
    # F24: C001's handoff, and C010, whose manager has left.
    given = {row["customer_id"]: row["what"] for row in rows if row["kind"] == "assignment"}
    assert (given["C001"], given["C010"]) == (
        "Assign A-08 to C001 as success manager.",
        "Assign A-08 to C010 as success manager.",
    )
    assert len({row["decision_id"] for row in rows}) == len(rows)


def test_approval_queue(lifecycle_sample: Chain) -> None:
    found = {row["kind"]: row for row in lifecycle_sample.rows("FROM lifecycle.approval_queue")}
    assert set(found) == {"approval_requested", "credit", "rollback"}
    # A tenth is the manager's; 41 days later it waits with the executive.
    discount = found["approval_requested"]
    assert (discount["subject_id"], discount["approval_role"], discount["waits_with"]) == (
        "AR-1",
        "manager",
        "executive",
    )
    # From 2024-12-10 09:00 to the end of 2025-01-20.
    assert (discount["waited_minutes"], discount["is_overdue"]) == (41 * 1440 + 15 * 60.0, True)
    assert (found["rollback"]["status"], found["rollback"]["decided_by"]) == ("approved", "maria.keller")
    assert (found["credit"]["status"], found["credit"]["waits_with"]) == ("pending", "csm")
    answers = lifecycle_sample.by("decision", "lifecycle.approval_answers")
    assert answers["rejected"]["why_ineffective"] == "nobody was asked", "a warning needs no approval"


def test_action_plan(lifecycle_sample: Chain) -> None:
    rows = lifecycle_sample.rows("FROM lifecycle.action_plan ORDER BY owner, rank")
    of_owner = {row["owner"]: [other["kind"] for other in rows if other["owner"] == row["owner"]] for row in rows}
    # A-05 supports C001, C004 and C008; A-04 has C003, C004, C005 and C007.
    assert of_owner["A-05"] == ["sla", *["escalation"] * 3, *["incident_notice"] * 2]
    assert of_owner["A-04"] == ["red_health", "renewal", *["quarterly_review"] * 3]
    # 90 days after 2023-07-10, 2023-11-20, 2024-07-08 and, with A-08, 2024-03-18; C007 had its review on 2025-01-15.
    reviews = {row["customer_id"]: row["due_at"].date() for row in rows if row["kind"] == "quarterly_review"}
    of_managers = {name: day for name, day in reviews.items() if name in ("C003", "C004", "C005", "C007", "C008")}
    assert of_managers == {
        "C004": date(2023, 10, 8),
        "C003": date(2024, 2, 18),
        "C005": date(2024, 10, 6),
        "C008": date(2024, 6, 16),
    }
    # The credit of C008, F23; the discount of C009, overdue for weeks.
    assert (of_owner["A-08"], of_owner["executive"]) == (["approval", "quarterly_review"], ["approval"])
    # A-09, who had C010, has left. F25: the handoff of C001 waits for a success manager.
    by_manager = {(row["kind"], row["customer_id"]) for row in rows if row["owner"] == "manager"}
    assert {("red_health", "C010"), ("handoff", "C001"), ("rollback", "C004")} <= by_manager
    # C005 was called once, for 40 minutes without effect: (4 x 45 + 40) / 5, (2 + 0) / 5.
    call = next(row for row in rows if row["kind"] == "red_health" and row["customer_id"] == "C005")
    assert (call["done_before"], call["minutes"], call["success_probability"]) == (1, 44, 0.4)
    # The billing system has sent the warning.
    assert "dunning" not in {row["kind"] for row in rows}
