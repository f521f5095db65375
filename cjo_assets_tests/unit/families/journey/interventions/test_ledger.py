"""Tests of the common ledger of history and decisions: cost, execution, and the latest outcome."""

from datetime import date, datetime
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.outcomes import Outcomes
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.interventions._ledger import end_of_day, latest_outcomes, ledger, with_approval
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    days_of,
    instant,
    policy_with,
    rows_of,
    table_of,
)

# An id of our own form: a source that hands it back adds nothing to the history.
OURS = "I-0123456789ab"

PEOPLE = [{"customer_id": "small", "segment": "SMB"}, {"customer_id": "large", "segment": "Enterprise"}]
SUPPORT: Row = {"journey_stage": "support"}
REGISTRY = [
    SUPPORT
    | {"playbook_id": "P2", "eligible_segments": ["All"], "default_actions": ["call", "mail"]}
    | {"avg_cost_estimate": 20.0},
    # Also calls, but only large customers; the lower id is taken where both fit.
    SUPPORT
    | {"playbook_id": "P1", "eligible_segments": ["Enterprise"], "default_actions": ["call"]}
    | {"avg_cost_estimate": 10.0},
    {"playbook_id": "P0", "journey_stage": "onboarding", "eligible_segments": ["All"], "default_actions": ["call"]}
    | {"avg_cost_estimate": 5.0},
]


def past(name: str, action: str = "call", customer: str = "small", **cells: Any) -> Row:
    """Return an intervention of the history."""
    shared = {"intervention_id": name, "customer_id": customer, "recommended_action": action, "generated_at": day(-9)}
    return SUPPORT | shared | cells


def decided(name: str, on: date, since: date, **cells: Any) -> Row:
    """Return a decision of ours as it was on a day."""
    shared = {"intervention_id": name, "as_of": on, "generated_at": since, "customer_id": "small"}
    return SUPPORT | shared | {"recommended_action": "own action", "expected_cost": 7.0, "playbook_id": "P9"} | cells


def ledger_of(history: Rows, decisions: Rows, until: ir.DateScalar | None = None) -> ir.Table:
    """Return the ledger of both."""
    return ledger(
        table_of(Interventions, history),
        days_of(RecommendedInterventions, decisions),
        table_of(Customers, PEOPLE),
        table_of(Playbooks, REGISTRY),
        until,
        decision_days=days_of(JourneyStates, [], transition="valid"),
    )


def test_history_and_decisions_are_in_one_ledger() -> None:
    history = [
        past("by small"),
        past("by large", customer="large"),
        past("second action", "mail"),
        past("other stage", journey_stage="onboarding"),
        past("unknown action", "dance"),
        past("watching", "monitor_only"),
        past("today", generated_at=DAY),
        past("tomorrow", generated_at=day(1)),
        past("no customer", customer="stranger"),
    ]
    decisions = [
        # One decision that was open for three days counts once, as it was on the first.
        decided(OURS, day(-3), day(-3), approval_reasons=["high_urgency"], approval_regime="asked"),
        decided(OURS, day(-2), day(-3), approval_reasons=[]),
        decided(OURS, day(1), day(-3), approval_reasons=[]),
        decided("monitored", DAY, DAY, recommended_action="monitor_only", playbook_id=None, expected_cost=0.0),
        decided("ours tomorrow", day(1), day(1)),
    ]
    rows = by("intervention_id", rows_of(ledger_of(history, decisions, as_of())))
    found = {
        name: (row["origin"], row["segment"], row["playbook_id"], row["expected_cost"]) for name, row in rows.items()
    }
    assert found == {
        "by small": ("history", "SMB", "P2", 20.0),
        "by large": ("history", "Enterprise", "P1", 10.0),
        "second action": ("history", "SMB", "P2", 20.0),
        "other stage": ("history", "SMB", "P0", 5.0),
        "unknown action": ("history", "SMB", None, None),
        "watching": ("history", "SMB", None, 0.0),
        "today": ("history", "SMB", "P2", 20.0),
        OURS: ("decision", "SMB", "P9", 7.0),
        "monitored": ("decision", "SMB", None, 0.0),
    }
    assert (rows[OURS]["approval_reasons"], rows[OURS]["asked_on"]) == (["high_urgency"], day(-3))
    assert rows[OURS]["generated_at"] == day(-3)
    everything = by("intervention_id", rows_of(ledger_of(history, decisions)))
    assert everything.keys() - rows.keys() == {"tomorrow", "ours tomorrow"}


def test_playbook_and_cost_of_the_source_come_first() -> None:
    history = [
        past("suggested"),
        past("named", playbook_id="P0"),
        past("priced", expected_cost=3.0, expected_value=50.0),
        past("both", playbook_id="P0", expected_cost=3.0),
        past("named in vain", playbook_id="P99"),
        # P2 was written later than this: its present cost is not that of then.
        past("before it existed", playbook_id="P2", generated_at=date(2023, 12, 31)),
        past("monitored", "monitor_only", expected_cost=2.0),
    ]
    ours = decided(OURS, day(-3), day(-3), expected_value=9.0)
    rows = by("intervention_id", rows_of(ledger_of([*history, past(OURS, playbook_id="P0")], [ours], as_of())))
    names = ("playbook_id", "expected_cost", "expected_value")
    assert {name: tuple(row[cell] for cell in names) for name, row in rows.items()} == {
        "suggested": ("P2", 20.0, None),
        "named": ("P0", 5.0, None),
        "priced": ("P2", 3.0, 50.0),
        "both": ("P0", 3.0, None),
        "named in vain": ("P99", None, None),
        "before it existed": ("P2", None, None),
        "monitored": (None, 2.0, None),
        OURS: ("P9", 7.0, 9.0),
    }


# All were generated at D - 9 = 11 January and requested at its end; requests lapse two days later.
ASKED, LAPSED = datetime(2025, 1, 12), datetime(2025, 1, 14)
IN_TIME = instant("2025-01-12T09:30:00")
# status, executed at, decided at
SAID = {
    "free": ("not_required", ASKED, None),
    "approved": ("approved", IN_TIME, IN_TIME),
    "approved at once": ("approved", instant("2025-01-11T12:00:00"), instant("2025-01-11T12:00:00")),
    "rejected": ("rejected", None, IN_TIME),
    "at the deadline": ("approved", LAPSED, LAPSED),
    "too late": ("expired", None, None),
    "unanswered": ("expired", None, None),
    # Monitoring is no execution, with or without approval.
    "monitored": ("not_required", None, None),
    "monitored, approved": ("approved", None, IN_TIME),
    # An answer without a request changes nothing.
    "unasked": ("not_required", ASKED, None),
}
ANSWERS = [
    {"intervention_id": name, "decision": decision, "decided_at": moment}
    for name, decision, moment in (
        ("approved", "approved", IN_TIME),
        ("approved at once", "approved", instant("2025-01-11T12:00:00")),
        ("rejected", "rejected", IN_TIME),
        ("at the deadline", "approved", LAPSED),
        ("too late", "approved", instant("2025-01-14T00:00:00.000001")),
        ("monitored, approved", "approved", IN_TIME),
        ("unasked", "rejected", IN_TIME),
        ("of nothing we know", "approved", IN_TIME),
    )
]
FREE = {"free", "monitored", "unasked"}
HISTORY = [
    past(name, "monitor_only" if name.startswith("monitored") else "call", requires_human_approval=name not in FREE)
    for name in SAID
]


def test_executed_is_what_was_approved_or_needed_no_approval() -> None:
    known = with_approval(
        ledger_of(HISTORY, []),
        table_of(ApprovalDecisions, ANSWERS, decided_by="a person", reason="a reason"),
        end_of_day(as_of()),
        POLICY,
    )
    rows = by("intervention_id", rows_of(known))
    assert {name: (row["approval_status"], row["executed_at"], row["decided_at"]) for name, row in rows.items()} == SAID
    for name, row in rows.items():
        assert row["is_executed"] == (SAID[name][1] is not None)
        assert (row["requested_at"], row["expires_at"]) == ((None, None) if name in FREE else (ASKED, LAPSED))
        said = ("a person", "a reason") if SAID[name][2] else (None, None)
        assert (row["decided_by"], row["reason"]) == said


def test_a_request_waits_until_its_deadline_is_over() -> None:
    answers = table_of(ApprovalDecisions, ANSWERS, decided_by="a person")
    # 13 January ends at the deadline itself: it is not over, and an answer of that instant still counts.
    rows = by("intervention_id", rows_of(with_approval(ledger_of(HISTORY, []), answers, end_of_day(as_of(-7)), POLICY)))
    statuses = {name: row["approval_status"] for name, row in rows.items()}
    assert statuses["unanswered"] == statuses["too late"] == "pending"
    assert statuses["at the deadline"] == "approved"
    # On 11 January there was no request before its end, and only the answer of that day was given.
    rows = by("intervention_id", rows_of(with_approval(ledger_of(HISTORY, []), answers, end_of_day(as_of(-9)), POLICY)))
    asked = {name: row["approval_status"] for name, row in rows.items() if name not in FREE}
    assert asked == dict.fromkeys(SAID.keys() - FREE, "pending") | {"approved at once": "approved"}


def test_a_segment_may_have_more_time_to_answer() -> None:
    rules = policy_with(
        journey__approval__approval_timeout_minutes=60,
        segment_overrides={"Enterprise": {"approval": {"approval_timeout_minutes": 90.5}}},
    )
    history = [past(name, customer=name, requires_human_approval=True) for name in ("small", "large")]
    known = with_approval(ledger_of(history, []), table_of(ApprovalDecisions, []), end_of_day(as_of()), rules)
    assert {row["customer_id"]: row["expires_at"] for row in rows_of(known)} == {
        "small": datetime(2025, 1, 12, 1, 0, 0),
        "large": datetime(2025, 1, 12, 1, 30, 30),
    }


def test_the_latest_measurement_by_the_day_counts() -> None:
    measured = [
        ("A1", "once", day(-5)),
        ("B1", "twice", day(-5)),
        ("B2", "twice", day(-4)),
        ("B3", "twice", day(1)),
        # Of two on one day the higher id.
        ("C2", "same day", DAY),
        ("C1", "same day", DAY),
        ("D1", "tomorrow", day(1)),
    ]
    rows = [
        {"outcome_id": name, "intervention_id": intervention, "measured_at": moment}
        for name, intervention, moment in measured
    ]
    found = rows_of(latest_outcomes(table_of(Outcomes, rows), as_of()))
    assert {row["intervention_id"]: row["outcome_id"] for row in found} == {
        "once": "A1",
        "twice": "B2",
        "same day": "C2",
    }
