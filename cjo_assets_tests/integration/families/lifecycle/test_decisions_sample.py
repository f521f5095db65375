"""The sample of the lifecycle: decisions that leave the platform, and their approval."""

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
