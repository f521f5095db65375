"""Tests of the ledger of a day with its outcomes: joined by id, pending null, counted as of that day."""

from datetime import datetime
from typing import Any

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.outcome.outcome_analyses import (
    OutcomeAnalyses,
    executed_in_window,
    interventions_without_outcome,
    outcome_analyses,
    outcomes_of_another_playbook,
    outcomes_of_what_was_not_executed,
    uses_outside_eligibility,
)
from cjo_assets_tests.support.rows import DAY, POLICY, Row, as_of, by, day, days_of, instant, kept, rows_of, table_of

PENDING_CELLS: Row = dict.fromkeys(
    [
        "outcome_id",
        "outcome",
        "resolution_time_days",
        "csat_delta",
        "churn_risk_delta",
        "estimated_revenue_saved",
        "human_override",
        "measured_at",
    ]
)
MEASURED: Row = {
    "outcome": "resolved",
    "resolution_time_days": 3.0,
    "csat_delta": 1.5,
    "churn_risk_delta": -0.2,
    "estimated_revenue_saved": 2000.0,
    "human_override": False,
}
# A decision of ours that the source hands back is known by the form of its id.
OURS_TODAY = "I-0123456789ab"


def past(name: str, **cells: Any) -> Row:
    """Return an intervention of the history, all for one customer."""
    shared = {"intervention_id": name, "customer_id": "C1", "journey_stage": "support", "recommended_action": "call"}
    return shared | {"generated_at": day(-5), "evaluation_latency_ms": 240.0} | cells


def decision(name: str, **cells: Any) -> Row:
    """Return a decision of ours."""
    shared = {"intervention_id": name, "customer_id": "C2", "journey_stage": "support", "recommended_action": "mail"}
    return shared | {"playbook_id": "P9", "expected_cost": 7.0, "generated_at": DAY} | cells


def outcome(name: str, intervention: str, offset: int, customer: str = "C1", **cells: Any) -> Row:
    """Return an outcome, measured so many days from D."""
    shared = {"outcome_id": name, "intervention_id": intervention, "customer_id": customer}
    return shared | {"measured_at": day(offset)} | MEASURED | cells


HISTORY = [
    past("first"),
    past("second", requires_human_approval=True),
    past("measured again"),
    past("measured tomorrow"),
    past("never measured"),
    past("answered tomorrow", requires_human_approval=True, generated_at=day(-1)),
    past("refused", requires_human_approval=True, generated_at=day(-1)),
    past("watched", recommended_action="monitor_only"),
    past("tomorrow", generated_at=day(1)),
]
OUTCOMES = [
    # Out of order, and the customer has several: only the id joins them.
    outcome("O9", "second", -1, csat_delta=-1.0, outcome="no_response", resolution_time_days=None),
    outcome("O1", "first", -2),
    outcome("O3", "measured again", 0, csat_delta=2.0),
    outcome("O2", "measured again", -3),
    outcome("O4", "measured again", 1, csat_delta=9.0),
    outcome("O5", "measured tomorrow", 1),
    outcome("O6", "watched", -1, outcome="no_action_needed"),
    outcome("O7", "ours before", 0, "C2"),
    # Measured, but of another id than any of ours.
    outcome("O8", "I001", -1),
]
ANSWERS = [
    {"intervention_id": "second", "decision": "approved", "decided_at": instant("2025-01-16T09:15:00")},
    {"intervention_id": "answered tomorrow", "decision": "approved", "decided_at": instant("2025-01-21T00:00:01")},
    {"intervention_id": "refused", "decision": "rejected", "decided_at": instant("2025-01-20T12:00:00")},
]
# outcome, approval status, executed at
EXPECTED = {
    "first": ("O1", "not_required", datetime(2025, 1, 16)),
    "second": ("O9", "approved", instant("2025-01-16T09:15:00")),
    "measured again": ("O3", "not_required", datetime(2025, 1, 16)),
    "measured tomorrow": (None, "not_required", datetime(2025, 1, 16)),
    "never measured": (None, "not_required", datetime(2025, 1, 16)),
    # Approved tomorrow: today it waits, and nothing was done.
    "answered tomorrow": (None, "pending", None),
    "refused": (None, "rejected", None),
    "watched": ("O6", "not_required", None),
    "ours before": ("O7", "not_required", datetime(2025, 1, 20)),
    OURS_TODAY: (None, "not_required", datetime(2025, 1, 21)),
    "ours pending": (None, "pending", None),
}


def test_the_ledger_of_the_day_and_its_outcomes() -> None:
    found = outcome_analyses(
        # The source repeats a decision of ours: it counts once, as we made it.
        table_of(Interventions, [*HISTORY, past(OURS_TODAY)]),
        table_of(
            RecommendedInterventions,
            [
                decision(OURS_TODAY, segment="Enterprise"),
                decision("ours pending", approval_regime="asked", approval_timeout_minutes=60.0),
            ],
        ),
        days_of(RecommendedInterventions, [decision("ours before", as_of=day(-1), generated_at=day(-1))]),
        table_of(JourneyStates, [{"customer_id": "C1", "transition": "valid"}]),
        days_of(JourneyStates, []),
        # C2 has left the file of customers; what was decided for it has not.
        table_of(Customers, [{"customer_id": "C1"}]),
        table_of(Playbooks, []),
        table_of(ApprovalDecisions, ANSWERS, decided_by="ann"),
        table_of(Outcomes, OUTCOMES),
        as_of(),
        POLICY,
    )
    rows = by("intervention_id", kept(OutcomeAnalyses, found))
    assert {
        name: (row["outcome_id"], row["approval_status"], row["executed_at"]) for name, row in rows.items()
    } == EXPECTED
    by_id = {row["outcome_id"]: row for row in OUTCOMES}
    for name, row in rows.items():
        measured = by_id.get(EXPECTED[name][0], PENDING_CELLS)
        assert {cell: row[cell] for cell in PENDING_CELLS} == {cell: measured[cell] for cell in PENDING_CELLS}, name
        assert row["is_executed"] == (EXPECTED[name][2] is not None)
    assert {row["decided_by"] for row in rows.values() if row["decided_at"]} == {"ann"}
    assert rows[OURS_TODAY]["origin"] == "decision"
    assert (rows[OURS_TODAY]["playbook_id"], rows[OURS_TODAY]["expected_cost"]) == ("P9", 7.0)
    assert (rows[OURS_TODAY]["segment"], rows[OURS_TODAY]["evaluation_latency_ms"]) == ("Enterprise", None)
    assert (rows["first"]["origin"], rows["first"]["playbook_id"], rows["first"]["expected_cost"]) == (
        "history",
        None,
        None,
    )
    assert rows["watched"]["expected_cost"] == 0.0

    waiting = rows_of(interventions_without_outcome(table_of(OutcomeAnalyses, list(rows.values()))))
    assert {row["intervention_id"] for row in waiting} == {
        name for name, (found, _, _) in EXPECTED.items() if not found
    }


def test_the_window_counts_thirty_days_that_end_with_the_day() -> None:
    moments = {
        # 30 days end at 2025-01-21 00:00: they begin after 2024-12-22 00:00, the end of 21 December.
        "end of the day before": (datetime(2024, 12, 22), False),
        "first instant": (instant("2024-12-22T00:00:00.000001"), True),
        "end of the first day": (datetime(2024, 12, 23), True),
        "end of D": (datetime(2025, 1, 21), True),
        "tomorrow": (instant("2025-01-21T00:00:00.000001"), False),
    }
    ledger = [
        {"intervention_id": name, "executed_at": moment, "is_executed": True} for name, (moment, _) in moments.items()
    ]
    ledger.append({"intervention_id": "not executed"})
    found = rows_of(executed_in_window(table_of(OutcomeAnalyses, ledger), as_of(), 30))
    assert {row["intervention_id"] for row in found} == {name for name, (_, inside) in moments.items() if inside}


def test_trap_28_ineligible_use_of_a_playbook_is_found() -> None:
    """Trap 28: by its id where the source names it, otherwise by the action that only other places may use."""
    registry = [
        {"playbook_id": "P1", "journey_stage": "support", "eligible_segments": ["SMB"], "default_actions": ["call"]},
        {"playbook_id": "P2", "journey_stage": "support", "eligible_segments": ["All"], "default_actions": ["mail"]},
        {"playbook_id": "P3", "journey_stage": "retention", "eligible_segments": ["SMB"], "default_actions": ["call"]},
    ]
    # playbook, action, segment, stage, fault
    uses = [
        ("P1", "call", "SMB", "support", None),
        ("P2", "mail", "Enterprise", "support", None),
        ("P1", "call", "Enterprise", "support", "segment"),
        ("P2", "mail", "Enterprise", "escalation", "stage"),
        ("P1", "call", "Enterprise", "escalation", "stage and segment"),
        (None, "call", "Enterprise", "support", "segment"),
        (None, "mail", "SMB", "onboarding", "stage"),
        # It fits, but P1 did not exist then; no playbook has the dance; monitoring uses none.
        (None, "call", "SMB", "support", None),
        (None, "dance", "SMB", "support", None),
        ("P99", "call", "SMB", "support", None),
        ("P1", "monitor_only", "Enterprise", "support", None),
    ]
    rows = [
        {"intervention_id": f"I{number:02d}", "playbook_id": playbook, "recommended_action": action}
        | {"segment": segment, "journey_stage": stage}
        for number, (playbook, action, segment, stage, _) in enumerate(uses)
    ]
    found = uses_outside_eligibility(table_of(OutcomeAnalyses, rows), table_of(Playbooks, registry))
    faults = {row["intervention_id"]: row["fault"] for row in rows_of(found)}
    assert faults == {f"I{number:02d}": fault for number, (*_, fault) in enumerate(uses) if fault}


def test_an_outcome_that_names_another_playbook_is_found() -> None:
    ledger = [
        {"intervention_id": "I1", "outcome_id": "O1", "playbook_id": "P1"},
        {"intervention_id": "I2", "outcome_id": "O2", "playbook_id": "P1"},
        {"intervention_id": "I3", "outcome_id": "O3", "playbook_id": "P1"},
    ]
    said = [
        {"outcome_id": "O1", "playbook_id": "P1"},
        {"outcome_id": "O2", "playbook_id": "P2"},
        {"outcome_id": "O3"},
    ]
    found = rows_of(outcomes_of_another_playbook(table_of(OutcomeAnalyses, ledger), table_of(Outcomes, said)))
    assert found == [{"outcome_id": "O2", "intervention_id": "I2", "playbook_id": "P1", "measured_playbook_id": "P2"}]


def test_outcomes_without_execution_are_named_with_revenue() -> None:
    """Measured, but not executed by the ledger: 5,000 + 700 of recorded revenue are left out, and one has none."""
    resolved = {"recommended_action": "call", "outcome": "resolved", "approval_status": "expired"}
    ledger: list[Row] = [
        {"intervention_id": "lapsed", "estimated_revenue_saved": 5000.0},
        {"intervention_id": "refused", "estimated_revenue_saved": 700.0, "approval_status": "rejected"},
        {"intervention_id": "waiting", "approval_status": "pending"},
        # Executed, not measured, monitored, or in the holdout: no contradiction.
        {"intervention_id": "done", "is_executed": True, "estimated_revenue_saved": 1000.0},
        {"intervention_id": "unmeasured", "outcome": None},
        {"intervention_id": "watched", "recommended_action": "monitor_only"},
        {"intervention_id": "held out", "is_held_out": True},
    ]
    rows = [resolved | row for row in ledger]
    found = rows_of(outcomes_of_what_was_not_executed(table_of(OutcomeAnalyses, rows)))
    assert {row["intervention_id"]: row["estimated_revenue_saved"] for row in found} == {
        "lapsed": 5000.0,
        "refused": 700.0,
        "waiting": None,
    }
    assert {row["revenue_left_out"] for row in found} == {5700.0}
