"""Tests of the outbox: its sources, ids, approval routes, first days and deliveries."""

import hashlib
from typing import Any

from cjo_assets.families.lifecycle.decisions.outbox import (
    Outbox,
    deliveries_of_unknown_decisions,
    failed_deliveries,
    outbox,
)
from cjo_assets.families.lifecycle.experiments.variant_decisions import VariantDecisions
from cjo_assets.families.lifecycle.money.invoices import Invoices
from cjo_assets.families.lifecycle.money.plan_usage import PlanUsage
from cjo_assets.families.lifecycle.operation.config_changes import ConfigChanges
from cjo_assets.families.lifecycle.operation.incidents import Incidents
from cjo_assets.families.lifecycle.operation.sla_compliance import SlaCompliance
from cjo_assets.families.lifecycle.people.assignment_decisions import AssignmentDecisions
from cjo_assets.families.lifecycle.pipeline.client_pipeline import ClientPipeline
from cjo_assets.families.lifecycle.success.crm_drift import CrmDrift
from cjo_assets.families.lifecycle.success.lifecycle_messages import LifecycleMessages
from cjo_assets.families.lifecycle.success.lifecycle_stages import LifecycleStages
from cjo_assets.families.lifecycle.success.opportunities import Opportunities
from cjo_assets.families.lifecycle.support.escalations import Escalations
from cjo_assets_tests.support.lifecycle.events import event, events_of
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, days_of, instant, kept, rows_of, table_of

SOURCES = {
    "assignment_decisions": AssignmentDecisions,
    "escalations": Escalations,
    "config_changes": ConfigChanges,
    "incidents": Incidents,
    "sla_compliance": SlaCompliance,
    "invoices": Invoices,
    "plan_usage": PlanUsage,
    "client_pipeline": ClientPipeline,
    "lifecycle_messages": LifecycleMessages,
    "opportunities": Opportunities,
    "lifecycle_stages": LifecycleStages,
    "crm_drift": CrmDrift,
    "variant_decisions": VariantDecisions,
}


def of(events: Rows | None = None, earlier: Rows | None = None, **sources: Rows) -> Rows:
    """Return the outbox over the rows of some sources, of customer C1 unless given."""
    tables = {name: [_of_c1(contract, row) for row in sources.get(name, [])] for name, contract in SOURCES.items()}
    found = outbox(
        **{name: table_of(contract, tables[name]) for name, contract in SOURCES.items()},
        lifecycle_events=events_of(*(events or [])),
        earlier_outbox=days_of(Outbox, earlier or []),
        as_of=as_of(),
        policy=POLICY,
    )
    return kept(Outbox, found)


def one(**sources: Rows) -> Row:
    """Return the only decision over the rows of a source."""
    [row] = of(**sources)
    return row


def _of_c1(contract: Any, row: Row) -> Row:
    return ({"customer_id": "C1"} if "customer_id" in contract.to_schema().columns else {}) | row


def id_of(kind: str, customer: str, subject: str) -> str:
    """Return the id of a decision, computed without the platform."""
    return f"L-{hashlib.sha256(chr(31).join([kind, customer, subject]).encode()).hexdigest()[:12]}"


CREDIT: Row = {"metric": "uptime", "month": day(-19), "state": "breached", "credit": 816.67}
VERSION = {"config_id": "F", "config_version": 3}
ROLLBACK: Row = VERSION | {"decision": "roll_back", "to_version": 2, "rule": "error_rate"}
RISKY: Row = VERSION | {"decision": "not_live", "risk": "high", "approval": "pending"}
DRIFT: Row = {"provider": "hubspot", "stage": "at_risk", "expected_crm_stage": "customer", "crm_stage": "lead"}
OFFER: Row = {"kind": "premium_tier", "state": "open", "is_indicated": True, "value": 9.0}


CASES = [
    # Table, its row, kind, subject and role of the approval.
    (
        "assignment_decisions",
        {"kind": "handoff", "subject_id": "H1", "role": "success_manager", "person_id": "A1"},
        "assignment",
        "handoff H1 success_manager",
        None,
    ),
    (
        "assignment_decisions",
        {"kind": "absence", "subject_id": "AS1", "role": "success_manager", "rule": "no_capacity"},
        "assignment",
        "absence AS1 success_manager",
        None,
    ),
    ("escalations", {"subject_kind": "ticket", "subject_id": "T1", "state": "late"}, "escalation", "T1", None),
    ("escalations", {"subject_kind": "ticket", "subject_id": "T2", "state": "missed"}, "escalation", "T2", None),
    ("config_changes", ROLLBACK | {"saved_by_kind": "client"}, "rollback", "F@3", "manager"),
    ("config_changes", ROLLBACK | {"saved_by_kind": "agent"}, "rollback", "F@3", None),
    ("config_changes", RISKY, "config_change", "F@3", "manager"),
    ("incidents", {"incident_id": "INC-1"}, "incident_notice", "INC-1", None),
    ("sla_compliance", CREDIT, "credit", "uptime 2025-01", "csm"),
    ("sla_compliance", CREDIT | {"credit": 999.99}, "credit", "uptime 2025-01", "csm"),
    ("sla_compliance", CREDIT | {"credit": 1000.0}, "credit", "uptime 2025-01", "manager"),
    ("sla_compliance", CREDIT | {"credit": 5000.0}, "credit", "uptime 2025-01", "executive"),
    ("invoices", {"invoice_id": "I1", "dunning": "warning"}, "dunning", "I1 warning", None),
    ("invoices", {"invoice_id": "I2", "dunning": "suspend"}, "suspension", "I2", "manager"),
    ("client_pipeline", {"deal_id": "D1", "needs_approval": True, "price": 100.0}, "price", "D1", "manager"),
    ("client_pipeline", {"deal_id": "D2", "reminder_due": True}, "requirements_reminder", "D2 2025-01-20", None),
    (
        "client_pipeline",
        {"deal_id": "D3", "needs_outreach": True, "requirements_sent_at": instant("2025-01-02 09:00")},
        "outreach",
        "D3 2025-01-02",
        None,
    ),
    ("lifecycle_messages", {"message": "roi", "state": "due", "due_on": day(-1)}, "message", "roi 2025-01-19", None),
    ("opportunities", OFFER, "opportunity", "premium_tier", None),
    (
        "lifecycle_stages",
        {"stage": "at_risk", "previous_stage": "active", "seen_since": day(-3)},
        "crm_stage",
        "at_risk 2025-01-17",
        None,
    ),
    ("crm_drift", DRIFT | {"is_drifting": True, "resolution": "manual"}, "crm_conflict", "hubspot at_risk lead", None),
]
# Rows that lead to no decision.
NO_CASES: list[tuple[str, Row]] = [
    ("escalations", {"subject_kind": "ticket", "subject_id": "T3", "state": "waiting"}),
    ("config_changes", RISKY | {"decision": "hold", "approval": "approved"}),
    ("config_changes", RISKY | {"risk": "medium"}),
    ("incidents", {"notice_sent_at": instant("2025-01-19 09:00")}),
    ("sla_compliance", CREDIT | {"state": "at_risk"}),
    ("sla_compliance", CREDIT | {"credit": 0.0}),
    ("invoices", {"dunning": "none"}),
    ("client_pipeline", {"needs_approval": True, "pricing_approved_at": instant("2025-01-19 09:00")}),
    ("lifecycle_messages", {"message": "roi", "state": "held", "due_on": day(-1)}),
    ("opportunities", OFFER | {"blocked_by": ["unpaid"]}),
    ("opportunities", OFFER | {"state": "invited"}),
    ("lifecycle_stages", {"stage": "active", "previous_stage": None}),
    ("crm_drift", DRIFT | {"is_drifting": False, "resolution": "none"}),
]


def test_each_source_has_its_decisions() -> None:
    sources: dict[str, Rows] = {}
    for number, (name, row, *_) in enumerate([*CASES, *NO_CASES]):
        sources.setdefault(name, []).append({"customer_id": f"K{number}"} | row)
    found = by("customer_id", of(**sources))
    assert set(found) == {f"K{number}" for number in range(len(CASES))}
    for number, (_, _, kind, subject, role) in enumerate(CASES):
        row = found[f"K{number}"]
        assert (row["kind"], row["subject_id"]) == (kind, subject)
        assert (row["approval_role"], row["requires_approval"]) == (role, role is not None), row
        assert row["decision_id"] == id_of(kind, f"K{number}", subject)
        assert (row["first_day"], row["content_since"], row["delivered"]) == (day(0), day(0), None)
        assert row["evidence"]


def test_a_conflict_with_a_crm_is_worded_by_its_resolution() -> None:
    rows = [
        DRIFT | {"customer_id": f"K{place}", "is_drifting": True, "resolution": resolution}
        for place, resolution in enumerate(("platform", "crm", "manual"))
    ]
    assert [row["what"] for row in sorted(of(crm_drift=rows), key=lambda row: row["customer_id"])] == [
        "Set the stage in hubspot to customer; it is lead.",
        "Correct the records: hubspot has lead, which is newer than at risk.",
        "Decide which stage is right: hubspot has lead, the records at risk.",
    ]


def test_promotions_are_of_no_customer() -> None:
    rows = [
        {"experiment_id": name, "decision": decision, "leader": "a"}
        for name, decision in (("X", "promote"), ("Y", "promote_pending"), ("Z", "collect"))
    ]
    found = by("subject_id", of(variant_decisions=rows))
    assert {name: (row["customer_id"], row["approval_role"]) for name, row in found.items()} == {
        "X a": (None, None),
        "Y a": (None, "manager"),
    }
    # A missing customer is one control character in the text that is hashed.
    assert found["X a"]["decision_id"] == id_of("promotion", chr(29), "X a")


def test_budgets_of_language_models() -> None:
    states = {"C1": "ok", "C2": "near", "C3": "over", "C4": "not_measurable"}
    usage = {"plan_id": "starter", "month": day(-19), "included": 10.0}
    of_models = [usage | {"customer_id": name, "meter": "model_cost", "state": state} for name, state in states.items()]
    of_calls = [usage | {"customer_id": "C5", "meter": "api_calls", "state": "over"}]
    found = of(plan_usage=[*of_models, *of_calls])
    assert {(row["customer_id"], row["kind"], row["subject_id"], row["amount"]) for row in found} == {
        ("C2", "budget_alert", "2025-01", 10.0),
        ("C3", "throttle", "2025-01", 10.0),
    }


def test_an_open_need_keeps_its_id_and_its_first_day() -> None:
    first = one(sla_compliance=[CREDIT])
    before = [
        first | {"as_of": day(-2), "first_day": day(-5), "content_since": day(-2)},
        first | {"as_of": day(-1), "first_day": day(-5), "content_since": day(-2)},
    ]
    [same] = of(earlier=before, sla_compliance=[CREDIT])
    assert (same["decision_id"], same["first_day"], same["content_since"]) == (first["decision_id"], day(-5), day(-2))
    [other] = of(earlier=before, sla_compliance=[CREDIT | {"credit": 900.0}])
    assert (other["decision_id"], other["first_day"], other["content_since"]) == (first["decision_id"], day(-5), day(0))
    assert other["decision_hash"] != first["decision_hash"]


def test_figures_of_the_row_change_the_input_hash_alone() -> None:
    first, second = (one(sla_compliance=[CREDIT | {"missed": missed}]) for missed in (60, 61))
    assert first["input_hash"] != second["input_hash"]
    assert first | {"input_hash": ""} == second | {"input_hash": ""}


def test_the_last_known_report_is_the_delivery() -> None:
    name = id_of("credit", "C1", "uptime 2025-01")
    events = [
        event("outbox_delivered", "2025-01-19", None, name, about="failed"),
        event("outbox_delivered", "2025-01-20", None, name, about="ok"),
        event("outbox_delivered", "2025-01-21", None, name, about="failed"),
        event("outbox_delivered", "2025-01-20", None, "L-000000000000", about="ok"),
    ]
    [row] = of(events, sla_compliance=[CREDIT])
    assert (row["delivered"], row["delivered_at"]) == ("ok", instant("2025-01-20 09:00"))
    table = table_of(Outbox, [{name: value for name, value in row.items() if name != "as_of"}])
    unknown = rows_of(deliveries_of_unknown_decisions(table, events_of(*events), as_of()))
    assert by("event_id", unknown) == {"E004": {"event_id": "E004", "decision_id": "L-000000000000"}}
    assert rows_of(failed_deliveries(table)) == []
    [before] = of(events[:1], sla_compliance=[CREDIT])
    assert before["delivered"] == "failed"
