"""Tests of the action plan: sources, owners, order, expected time and what fits a day."""

from typing import Any

from cjo_assets.families.lifecycle.decisions.action_plan import ActionPlan, action_plan, actions_beyond_a_day
from cjo_assets.families.lifecycle.decisions.approval_queue import ApprovalQueue
from cjo_assets.families.lifecycle.decisions.outbox import Outbox
from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.people.assignments import Assignments
from cjo_assets.families.lifecycle.pipeline.client_pipeline import ClientPipeline
from cjo_assets.families.lifecycle.success.crm_drift import CrmDrift
from cjo_assets.families.lifecycle.success.health_scores import HealthScores
from cjo_assets.families.lifecycle.support.ticket_sla import TicketSla
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

SOURCES = {
    "outbox": Outbox,
    "approval_queue": ApprovalQueue,
    "ticket_sla": TicketSla,
    "health_scores": HealthScores,
    "assignments": Assignments,
    "client_pipeline": ClientPipeline,
    "accounts": Accounts,
    "crm_drift": CrmDrift,
    "people": People,
}


def of(events: Rows | None = None, **sources: Rows) -> Rows:
    """Return the plan over the rows of some sources."""
    tables: Any = {name: table_of(contract, sources.get(name, [])) for name, contract in SOURCES.items()}
    found = action_plan(**tables, lifecycle_events=events_of(*(events or [])), as_of=as_of(), policy=RULES)
    return kept(ActionPlan, found)


def assigned(customer: str, role: str, person: str, at: str = "2024-01-01", state: str = "active") -> Row:
    """Return an assignment."""
    return {
        "kind": "auto",
        "customer_id": customer,
        "role": role,
        "person_id": person,
        "accepted_at": instant(at),
        "state": state,
    }


def decision(kind: str, name: str, customer: str = "C1", **more: Any) -> Row:
    """Return a decision of the outbox."""
    return {"decision_id": name, "kind": kind, "customer_id": customer} | more


def test_the_owner_is_assigned_and_works() -> None:
    red = [{"customer_id": f"C{number}", "band": "red", "score": 10.0} for number in range(1, 6)]
    found = of(
        health_scores=[*red, {"customer_id": "C6", "band": "yellow"}],
        assignments=[
            assigned("C1", "success_manager", "A1"),
            assigned("C1", "success_manager", "A2", "2024-06-01"),
            assigned("C2", "success_manager", "A1", state="completed"),
            assigned("C3", "success_manager", "GONE"),
            assigned("C4", "success_manager", "LEAVES"),
            assigned("C5", "support_specialist", "A1"),
        ],
        people=[{"person_id": "GONE", "left_on": day(-1)}, {"person_id": "LEAVES", "left_on": day(0)}],
    )
    owners = {row["customer_id"]: row["owner"] for row in found}
    assert owners == {"C1": "A2", "C2": "manager", "C3": "manager", "C4": "LEAVES", "C5": "manager"}


def test_decisions_of_people_are_actions_until_they_are_carried_out() -> None:
    approval = {"requires_approval": True, "approval_role": "manager"}
    queue = [
        {"decision_id": name, "status": status, "customer_id": "C1", "waits_with": role}
        for name, status, role in (
            ("L-yes", "approved", None),
            ("L-no", "rejected", None),
            ("L-csm", "pending", "csm"),
            ("L-mgr", "pending", "manager"),
            ("L-exe", "pending", "executive"),
        )
    ]
    found = of(
        outbox=[
            decision("escalation", "L-1"),
            decision("message", "L-2", delivered="ok"),
            decision("message", "L-3", delivered="failed"),
            decision("credit", "L-4"),
            *(decision("rollback", row["decision_id"], **approval) for row in queue),
        ],
        approval_queue=queue,
        assignments=[assigned("C1", "success_manager", "A1"), assigned("C1", "support_specialist", "A2")],
    )
    assert {(row["kind"], row["subject_id"], row["owner"]) for row in found} == {
        ("escalation", "L-1", "A2"),
        ("message", "L-3", "A1"),
        ("rollback", "L-yes", "manager"),
        ("approval", "L-csm", "A1"),
        ("approval", "L-mgr", "manager"),
        ("approval", "L-exe", "executive"),
    }


def test_order_and_day() -> None:
    clock = {"customer_id": "C1", "clock": "resolution", "state": "breached"}
    found = of(
        ticket_sla=[
            clock | {"ticket_id": "late", "breached_at": instant("2025-01-20 09:00")},
            clock | {"ticket_id": "early", "breached_at": instant("2025-01-19 09:00")},
            clock | {"ticket_id": "soon", "state": "at_risk", "due_at": instant("2025-01-21 09:00")},
            clock | {"ticket_id": "stopped", "stopped_at": instant("2025-01-19 09:00")},
            clock | {"ticket_id": "fine", "state": "running"},
        ],
        client_pipeline=[
            {"deal_id": "small", "customer_id": "C2", "is_overdue": True, "step": "demo"},
            {"deal_id": "large", "customer_id": "C3", "is_overdue": True, "step": "demo"},
            {"deal_id": "new", "customer_id": "C4", "is_overdue": True, "step": "demo"},
            {"deal_id": "in_time", "customer_id": "C3", "step": "demo"},
        ],
        accounts=[
            {"customer_id": "C2", "arr": 10.0},
            {"customer_id": "C3", "arr": 20.0, "renewal_on": day(30)},
            {"customer_id": "C5", "renewal_on": day(31)},
        ],
        assignments=[
            {
                "kind": "handoff",
                "assignment_id": "H1",
                "role": "success_manager",
                "customer_id": "C1",
                "state": "requested",
                "requested_at": instant("2025-01-19 09:00"),
            }
        ],
    )
    plan = sorted(found, key=lambda row: row["rank"])
    assert {row["owner"] for row in plan} == {"manager"}
    # The policy's minutes: 30 for a clock, a handoff and a deal, 60 for a renewal.
    assert [(row["kind"], row["subject_id"], row["minutes_before"]) for row in plan] == [
        ("sla", "early resolution", 0),
        ("sla", "late resolution", 30),
        ("sla", "soon resolution", 60),
        ("handoff", "H1 success_manager", 90),
        ("overdue_step", "large", 120),
        ("overdue_step", "small", 150),
        ("overdue_step", "new", 180),
        ("renewal", "2025-02-19", 210),
    ]
    assert [row["rank"] for row in plan] == list(range(1, 9))
    assert by("kind", plan[3:4])["handoff"]["due_at"] == instant("2025-01-20 09:00")


def test_what_does_not_fit_a_day_is_kept() -> None:
    # 45 minutes each: ten fit 480.
    red = [{"customer_id": f"C{number}", "band": "red"} for number in range(12)]
    found = of(health_scores=red)
    assert [row["fits_day"] for row in sorted(found, key=lambda row: row["rank"])] == [True] * 10 + [False] * 2
    table = table_of(ActionPlan, [{name: row[name] for name in row if name != "as_of"} for row in found])
    assert rows_of(actions_beyond_a_day(table)) == [{"owner": "manager", "actions": 2, "minutes": 90}]


def test_done_actions_change_the_expectation() -> None:
    done = [("success", 25.0), ("failure", 15.0), ("no_effect", None)]
    events = [
        event("action_done", "2025-01-10", None, f"red_health:{place}", about=about, quantity=minutes)
        for place, (about, minutes) in enumerate(done)
    ] + [
        event("action_done", "2025-01-10", None, "sla:1", about="success", quantity=5.0),
        event("action_done", "2025-01-21", None, "red_health:9", about="success", quantity=5.0),
    ]
    [row] = of(events, health_scores=[{"customer_id": "C1", "band": "red"}])
    assert row["action_id"].startswith("red_health:")
    # (4 x 45 + 25 + 15) / (4 + 2) = 36.67; (4 x 0.5 + 1) / (4 + 3).
    assert (row["done_before"], row["minutes"], row["success_probability"]) == (3, 37, round(3 / 7, 6))


def test_a_quarterly_review_is_due_a_quarter_after_the_last_or_the_first_payment() -> None:
    paying = {"subscriptions": 1, "arr": 10.0}
    found = of(
        [event("qbr_held", "2024-10-22", "C2"), event("qbr_held", "2024-10-23", "C3")],
        accounts=[
            paying | {"customer_id": "C1", "paid_since": day(-90)},
            paying | {"customer_id": "C2", "paid_since": day(-900)},
            paying | {"customer_id": "C3", "paid_since": day(-900)},
            paying | {"customer_id": "C4", "paid_since": day(-89)},
            {"customer_id": "C5", "subscriptions": 0, "paid_since": day(-900)},
        ],
    )
    assert {(row["kind"], row["customer_id"], row["due_at"]) for row in found} == {
        ("quarterly_review", "C1", instant("2025-01-20 00:00")),
        ("quarterly_review", "C2", instant("2025-01-20 00:00")),
    }


def test_data_that_a_person_must_supply_or_repair() -> None:
    unknown = {"band": "unknown", "not_measurable": ["csat", "days_overdue"]}
    found = of(
        outbox=[decision("crm_conflict", "L-1", what="Decide.")],
        health_scores=[
            unknown | {"customer_id": "C1", "mrr": 5.0},
            unknown | {"customer_id": "C2", "mrr": 0.0},
        ],
        crm_drift=[
            {"customer_id": "C1", "provider": "hubspot", "record_id": "R1", "retries_left": 0},
            {"customer_id": "C2", "provider": "hubspot", "record_id": "R2", "retries_left": 1},
        ],
    )
    assert {(row["kind"], row["what"]) for row in found} == {
        ("crm_conflict", "Decide."),
        ("data_gap", "Supply the missing data of C1: csat, days overdue."),
        ("data_gap", "Repair the synchronization of R1 with hubspot."),
    }
