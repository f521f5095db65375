"""Tests of recommended interventions: choice, approval reasons, escalation, and ids from day to day."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.families.journey.decision.playbook_candidates import PlaybookCandidates
from cjo_assets.families.journey.decision.recommended_interventions import (
    RecommendedInterventions,
    ids_of_two_decisions,
    recommended_interventions,
    unaddressed_strong_signals,
)
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.evaluation.known_signals import KnownSignals
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.learning.playbook_performance import PlaybookPerformance
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.deciding import ledger_of, need, needs_of, people_of, tables_of
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
    kept,
    made_of,
    policy_with,
    rows_of,
    table_of,
)

TRIGGERED, UNTRIGGERED = "P TRIGGERED", "P UNTRIGGERED"
PLAYBOOKS: Rows = [
    {"playbook_id": TRIGGERED, "name": "Usage review", "trigger_signals": ["usage_drop", "low_product_usage"]}
    | {"default_actions": ["call", "visit"], "avg_cost_estimate": 100.0},
    {"playbook_id": UNTRIGGERED, "name": "Care", "trigger_signals": [], "default_actions": ["care"]},
    {"playbook_id": "GUARDED", "name": "Guarded", "approval_required": True, "default_actions": ["approve first"]},
    {"playbook_id": "NEXT", "name": "Next", "default_actions": ["mail"]},
]
PLAYBOOK_CELLS: Row = {"journey_stage": "support", "eligible_segments": ["All"], "status": "active"}


def person(customer: str, value: float = 1000.0) -> Row:
    """Return a customer of the frame."""
    return {"customer_id": customer, "account_value": value, "tenure_months": 12, "segment": "SMB"}


def candidate(
    customer: str, playbook: str = UNTRIGGERED, rank: int | None = 1, failed: str | None = None, **cells: Any
) -> Row:
    """Return a candidate: by default the one that was chosen, with confidence 0.7."""
    shared = {"customer_id": customer, "playbook_id": playbook, "rank": rank, "first_failed_rule": failed}
    numbers = {"decision_risk": 0.5, "confidence": 0.7, "source_trust": 1.0, "completeness": 1.0}
    return shared | numbers | {"expected_cost": 10.0, "expected_value": 90.0, "is_eligible": rank is not None} | cells


def signal(name: str, customer: str, kind: str, offset: int = -1, strength: float = 0.5) -> Row:
    """Return a signal, detected so many days from D."""
    return {"signal_id": name, "customer_id": customer, "signal_type": kind, "detected_at": day(offset)} | {
        "signal_strength": strength
    }


def recommend(
    candidates: Sequence[Row],
    *,
    stages: dict[str, str | None] | None = None,
    health: dict[str, str] | None = None,
    others: Sequence[str] = (),
    people: Sequence[Row] | None = None,
    signals: Sequence[Row] = (),
    scores: dict[str, Row] | None = None,
    entries: Sequence[Row] = (),
    playbooks: Sequence[Row] | None = None,
    history: Sequence[Row] = (),
    outcomes: Sequence[Row] = (),
    answers: Sequence[Row] = (),
    earlier: Sequence[Row] = (),
    decided_on: list[date] | None = None,
    offset: int = 0,
    policy: Policy = POLICY,
) -> dict[str, Row]:
    """Return the recommendations by customer; what a test does not name exists and has no content."""
    names = sorted({row["customer_id"] for row in candidates} | set(others))
    own: dict[str, Row] = {row["customer_id"]: row for row in reversed(candidates)}
    needs = [
        need(name, own.get(name, {}).get("decision_risk", 0.5), (stages or {}).get(name, "support"))
        | {"urgency": "low", "account_value": worth.get(name, 1000.0), **_certainty(own.get(name, {}))}
        | (scores or {}).get(name, {})
        for worth in [{row["customer_id"]: row["account_value"] for row in people or []}]
        for name in names
    ]
    registry = [PLAYBOOK_CELLS | row for row in PLAYBOOKS] if playbooks is None else playbooks
    days_before = [{"as_of": past, "customer_id": "anybody"} for past in decided_on or []]
    ledger = ledger_of(
        registry,
        people=people_of(needs),
        history=history,
        earlier=earlier,
        decided_on=decided_on or (),
        answers=answers,
        outcomes=outcomes,
        offset=offset,
        policy=policy,
    )
    found = recommended_interventions(
        customers=tables_of(needs)["customers"],
        customer_needs=needs_of(needs, intervention_ledger=ledger, health=health, offset=offset, policy=policy),
        state_entries=table_of(StateEntries, entries),
        known_signals=table_of(KnownSignals, signals),
        playbook_candidates=table_of(PlaybookCandidates, candidates),
        playbooks=table_of(Playbooks, registry),
        playbook_performance=table_of(PlaybookPerformance, []),
        intervention_ledger=ledger,
        earlier_recommended_interventions=days_of(RecommendedInterventions, earlier),
        earlier_journey_states=days_of(JourneyStates, days_before, transition="valid"),
        as_of=as_of(offset),
        policy=policy,
    )
    return by("customer_id", kept(RecommendedInterventions, found, day(offset), policy))


HASHES = ("intervention_id", "need_id", "input_hash", "decision_hash")


def _certainty(cells: Row) -> Row:
    """Return the severities and the trust from which a need has the confidence of the candidate."""
    certainty = min(1.0, cells.get("decision_risk", 0.5) + 0.2)
    return {"average_source_trust": min(1.0, cells.get("confidence", 0.7) / certainty)}


WATCHED: Row = {"failed": "confidence_below_threshold", "expected_cost": 100.0}
CHOICES = [
    candidate("served", TRIGGERED, expected_cost=100.0, expected_value=900.0, decision_risk=0.6),
    candidate("served", UNTRIGGERED, 2, "outranked"),
    # A playbook that waits for nothing is led by the negative signals.
    candidate("cared for"),
    candidate("silent"),
    # The best has too little confidence, the next has enough.
    candidate("next", TRIGGERED, 1, "confidence_below_threshold", confidence=0.49),
    candidate("next", "NEXT", 2),
    # None passes. From 0.40 on it is worth monitoring; the best is what is withheld.
    candidate("monitored", TRIGGERED, 1, confidence=0.4, **WATCHED),
    candidate("monitored", UNTRIGGERED, 2, confidence=0.4, **WATCHED),
    candidate("monitored second", TRIGGERED, None, "risk_below_threshold", confidence=0.45),
    candidate("monitored second", UNTRIGGERED, 1, confidence=0.45, **WATCHED),
    candidate("too unsure", TRIGGERED, 1, confidence=0.399999, **WATCHED),
    candidate("nothing eligible", TRIGGERED, None, "risk_below_threshold"),
]
CHOICE_SIGNALS = [
    signal("S2", "served", "usage_drop", -2),
    signal("S1", "served", "low_product_usage", -90),
    # Not of the playbook's types; not in the look-back; not yet; another customer's.
    signal("S3", "served", "negative_sentiment"),
    signal("S4", "served", "usage_drop", -91),
    signal("S5", "served", "usage_drop", 1),
    signal("S6", "next", "usage_drop"),
    signal("C2", "cared for", "negative_sentiment", 0),
    signal("C1", "cared for", "usage_drop"),
    signal("C3", "cared for", "renewal_intent"),
    signal("C4", "cared for", "invented"),
    signal("W1", "monitored", "usage_drop"),
    signal("W2", "monitored", "negative_sentiment"),
]


def test_the_best_candidate_is_recommended_or_monitored() -> None:
    rows = recommend(CHOICES, signals=CHOICE_SIGNALS)
    assert rows.keys() == {"served", "cared for", "silent", "next", "monitored", "monitored second"}
    served = rows["served"]
    shown = {name: cell for name, cell in served.items() if name not in HASHES}
    assert shown == {
        "as_of": DAY,
        "customer_id": "served",
        "segment": "SMB",
        "journey_stage": "support",
        "playbook_id": TRIGGERED,
        "playbook_name": "Usage review",
        "withheld_playbook_id": None,
        "recommended_action": "call",
        "triggered_by_signals": ["S1", "S2"],
        "risk_score": 0.6,
        "confidence": 0.7,
        "conflict": 0.0,
        # 0.7 of min(1, 0.6 + 0.2)
        "source_trust": pytest.approx(0.7 / 0.8),
        "completeness": 1.0,
        "customer_value": 1000.0,
        # 100 x (0.6 x 0 + 0.4 x 1,000 / 200,000) x 0.8
        "priority_score": pytest.approx(0.16),
        "expected_cost": 100.0,
        "expected_value": 900.0,
        "requires_human_approval": False,
        "approval_reasons": [],
        "approval_regime": "not_required",
        "approval_role": None,
        "needs_two_people": False,
        "entitled_approvers": [],
        "approval_timeout_minutes": None,
        "is_held_out": False,
        "open_intervention_id": None,
        "evaluation_latency_ms": None,
        "generated_at": DAY,
        "policy_hash": POLICY.policy_hash,
    }
    assert rows["cared for"]["triggered_by_signals"] == ["C1", "C2"]
    assert rows["silent"]["triggered_by_signals"] == []
    assert (rows["next"]["playbook_id"], rows["next"]["recommended_action"]) == ("NEXT", "mail")
    for name, withheld, triggers in (("monitored", TRIGGERED, ["W1"]), ("monitored second", UNTRIGGERED, [])):
        row = rows[name]
        assert (row["recommended_action"], row["withheld_playbook_id"]) == ("monitor_only", withheld)
        assert (row["playbook_id"], row["playbook_name"]) == (None, None)
        assert (row["expected_cost"], row["expected_value"]) == (0.0, None)
        assert (row["requires_human_approval"], row["approval_reasons"]) == (False, [])
        assert row["triggered_by_signals"] == triggers
    for row in rows.values():
        assert re.fullmatch("I-[0-9a-f]{12}", row["intervention_id"])
        assert re.fullmatch("N-[0-9a-f]{12}", row["need_id"])
        assert re.fullmatch("[0-9a-f]{64}", row["input_hash"])
        assert re.fullmatch("[0-9a-f]{64}", row["decision_hash"])
    assert len({row["intervention_id"] for row in rows.values()}) == len(rows)


REASONS: dict[str, tuple[Row, Row, float, list[str]]] = {
    # candidate, score, account value, reasons
    "guarded": ({"playbook": "GUARDED"}, {}, 1000.0, ["playbook_requires_approval"]),
    "tier high": ({}, {"risk_tier": "high"}, 1000.0, ["high_risk_tier"]),
    "tier medium": ({}, {"risk_tier": "medium"}, 1000.0, []),
    "no tier": ({}, {"risk_tier": None}, 1000.0, []),
    "urgent": ({}, {"urgency": "high"}, 1000.0, ["high_urgency"]),
    "not urgent": ({}, {"urgency": "medium"}, 1000.0, []),
    "value at 30,000": ({}, {}, 30000.0, ["high_value_customer"]),
    "value below": ({}, {}, 29999.99, []),
    "confidence at 0.55": ({"confidence": 0.55}, {}, 1000.0, []),
    "confidence below": ({"confidence": 0.549999}, {}, 1000.0, ["low_confidence"]),
    "all": (
        {"playbook": "GUARDED", "confidence": 0.5},
        {"risk_tier": "high", "urgency": "high"},
        30000.0,
        [
            "high_risk_tier",
            "high_urgency",
            "high_value_customer",
            "low_confidence",
            "playbook_requires_approval",
        ],
    ),
    # Monitoring needs no approval, for any customer.
    "watching": (
        {"playbook": "GUARDED", "confidence": 0.4, "failed": "confidence_below_threshold"},
        {"risk_tier": "high", "urgency": "high"},
        30000.0,
        [],
    ),
}
# urgency, overall risk, account value: 100 x (0.6 risk + 0.4 value / 200,000) x 1.2 | 1.0 | 0.8, at most 100
PRIORITIES = {
    "low": ("low", 0.5, 50000.0, 100 * (0.6 * 0.5 + 0.4 * 0.25) * 0.8),
    "medium": ("medium", 0.5, 50000.0, 100 * (0.6 * 0.5 + 0.4 * 0.25) * 1.0),
    "high": ("high", 0.5, 50000.0, 100 * (0.6 * 0.5 + 0.4 * 0.25) * 1.2),
    "over the top": ("high", 1.0, 200000.0, 100.0),
    "value over its limit": ("medium", 0.0, 900000.0, 40.0),
}


def test_approval_reasons_and_priority() -> None:
    candidates = [candidate(name, **cells) for name, (cells, _, _, _) in REASONS.items()]
    candidates += [candidate(name) for name in PRIORITIES]
    scores = {name: cells for name, (_, cells, _, _) in REASONS.items()}
    scores |= {
        name: {"urgency": urgency, "overall_risk_score": risk} for name, (urgency, risk, _, _) in PRIORITIES.items()
    }
    people = [person(name, value) for name, (_, _, value, _) in REASONS.items()]
    people += [person(name, value) for name, (_, _, value, _) in PRIORITIES.items()]
    rows = recommend(candidates, scores=scores, people=people)
    for name, (_, _, _, reasons) in REASONS.items():
        assert (rows[name]["approval_reasons"], rows[name]["requires_human_approval"]) == (reasons, bool(reasons)), name
    for name, (_, _, _, priority) in PRIORITIES.items():
        assert rows[name]["priority_score"] == pytest.approx(priority, abs=5e-7), name

    off = policy_with(journey__approval__enable_hitl=False)
    for name, row in recommend(candidates, scores=scores, people=people, policy=off).items():
        assert (row["approval_reasons"], row["requires_human_approval"]) == (["waived_by_policy"], False), name
        assert row["policy_hash"] == off.policy_hash != POLICY.policy_hash


def outcome(name: str, intervention: str, measured: date) -> Row:
    """Return an outcome of an intervention."""
    return {"outcome_id": name, "intervention_id": intervention, "measured_at": measured}


STOPPED = "confidence_below_threshold"
# candidate, need, account value: whether a person is called; escalation from 100,000 or a risk of 0.6
CALLS: dict[str, tuple[Row, Row, float, str | None]] = {
    "monitored, of value": ({"failed": STOPPED, "confidence": 0.4}, {}, 75000.0, "escalate_to_person"),
    "monitored, below it": ({"failed": STOPPED, "confidence": 0.4}, {}, 74999.99, "monitor_only"),
    "at risk": (
        {"failed": STOPPED, "confidence": 0.4, "decision_risk": 0.6},
        {},
        1.0,
        "escalate_to_person",
    ),
    "below the risk": (
        {"failed": STOPPED, "confidence": 0.4, "decision_risk": 0.599999},
        {},
        1.0,
        "monitor_only",
    ),
    "in trouble, none fits": (
        {"failed": "no_trigger_signal", "rank": None},
        {"risk_tier": "medium"},
        75000.0,
        "escalate_to_person",
    ),
    "not in trouble, none fits": ({"failed": "no_trigger_signal", "rank": None}, {}, 75000.0, None),
    "chosen": ({}, {"risk_tier": "high"}, 75000.0, "care"),
    "refused": ({"failed": STOPPED, "confidence": 0.4}, {}, 75000.0, "monitor_only"),
    "over capacity": ({"failed": "review_capacity_exhausted"}, {"risk_tier": "high"}, 75000.0, None),
    "cooling down": ({"failed": "refused_recently"}, {"risk_tier": "high"}, 75000.0, None),
    "something open": ({"failed": "no_trigger_signal", "rank": None}, {"risk_tier": "high"}, 1e5, None),
}


def test_a_person_is_called_where_monitoring_is_not_enough() -> None:
    """Trap 19: the customer with the most revenue at risk was given monitor_only."""
    asked = {"journey_stage": "support", "requires_human_approval": True, "recommended_action": "call"}
    known: dict[str, Any] = {
        "people": [person(name, value) for name, (_, _, value, _) in CALLS.items()]
        + [person("no playbook at all", 75000.0), person("nowhere", 75000.0)],
        "scores": {name: cells for name, (_, cells, _, _) in CALLS.items()},
        # Without a stage it is not known what to take over.
        "stages": {"nowhere": None},
        "health": {"no playbook at all": "critical"},
        "others": ["no playbook at all", "nowhere"],
        "history": [
            asked | {"intervention_id": "H1", "customer_id": "refused", "generated_at": day(-9)},
            asked | {"intervention_id": "H2", "customer_id": "something open", "generated_at": day(-1)},
        ],
        "answers": [{"intervention_id": "H1", "decision": "rejected", "decided_at": instant("2025-01-12T09:00:00")}],
    }
    rows = recommend([candidate(name, **cells) for name, (cells, *_) in CALLS.items()], **known)
    expected = {name: action for name, (*_, action) in CALLS.items()} | {"no playbook at all": "escalate_to_person"}
    assert {name: row["recommended_action"] for name, row in rows.items()} == {
        name: action for name, action in expected.items() if action
    }
    for row in rows.values():
        if row["recommended_action"] == "escalate_to_person":
            assert row["requires_human_approval"]
            assert "a_person_must_take_over" in row["approval_reasons"]
            assert (row["playbook_id"], row["expected_cost"], row["is_held_out"]) == (None, 0.0, False)


def test_a_fallback_answers_the_signals_that_called_it() -> None:
    rows = recommend(
        [candidate("called", UNTRIGGERED, fallback_of=TRIGGERED)],
        signals=[signal("S1", "called", "usage_drop"), signal("S2", "called", "negative_sentiment")],
    )
    assert rows["called"]["triggered_by_signals"] == ["S1"]


def test_a_held_out_decision_is_recorded_without_a_request() -> None:
    row = recommend([candidate("held out", "GUARDED", is_held_out=True)])["held out"]
    assert (row["playbook_id"], row["is_held_out"]) == ("GUARDED", True)
    assert (row["requires_human_approval"], row["approval_reasons"]) == (False, [])


def test_the_latest_open_intervention_of_the_history_is_named() -> None:
    def past(name: str, customer: str, offset: int, action: str = "call", asks: bool = False) -> Row:
        shared = {"intervention_id": name, "customer_id": customer, "journey_stage": "support"}
        return shared | {
            "recommended_action": action,
            "generated_at": day(offset),
            "requires_human_approval": asks,
        }

    def answer(name: str, decision: str, moment: str) -> Row:
        return {"intervention_id": name, "decision": decision, "decided_at": instant(moment)}

    expected = {
        "open": "I open",
        "measured": None,
        "measured tomorrow": "I measured tomorrow",
        "monitored": None,
        "refused": None,
        # Requested at the end of D - 4, lapsed two days later.
        "expired": None,
        "waiting": "I waiting",
        "approved": "I approved",
        "two": "I younger",
        "two of a day": "I b",
        "tomorrow": None,
        "none": None,
    }
    history = [
        *(past(f"I {name}", name, -3) for name in ("open", "measured", "measured tomorrow")),
        past("I monitored", "monitored", -3, "monitor_only"),
        *(past(f"I {name}", name, -4, asks=True) for name in ("refused", "expired", "approved")),
        past("I waiting", "waiting", -1, asks=True),
        past("I younger", "two", -2),
        past("I older", "two", -3),
        past("I a", "two of a day", -2),
        past("I b", "two of a day", -2),
        past("I tomorrow", "tomorrow", 1),
    ]
    rows = recommend(
        [candidate(name) for name in expected],
        history=history,
        outcomes=[outcome("O1", "I measured", DAY), outcome("O2", "I measured tomorrow", day(1))],
        answers=[
            answer("I refused", "rejected", "2025-01-17T09:00:00"),
            answer("I approved", "approved", "2025-01-17T09:00:00"),
        ],
    )
    assert {name: row["open_intervention_id"] for name, row in rows.items()} == expected


def test_the_input_hash_is_over_what_the_decision_could_see() -> None:
    names = ["same", "signal gone", "signal stronger", "entry moved", "worth more", "treated", "measured"]
    candidates = [candidate(name) for name in names]
    registry = [PLAYBOOK_CELLS | row for row in PLAYBOOKS]

    def entry(name: str, stage: str, offset: int) -> Row:
        return {"customer_id": name, "journey_stage": stage, "state_entered_at": day(offset)}

    people = [person(name) for name in names]
    signals = [signal(f"{kind} of {name}", name, kind) for name in names for kind in ("usage_drop", "invented")]
    entries = [entry(name, stage, offset) for name in names for stage, offset in (("support", -5), ("onboarding", -9))]
    history = [{"intervention_id": "I1", "customer_id": "measured", "generated_at": day(-9)}]
    known: dict[str, Any] = {"signals": signals, "entries": entries, "people": people, "history": history}
    base = recommend(candidates, **known, playbooks=registry)

    # Neither the order of rows, nor what is not known yet, nor another customer's records matter; known records do.
    changed = recommend(
        candidates[::-1],
        people=[person(name, 1000.01 if name == "worth more" else 1000.0) for name in names[::-1]],
        signals=[
            signal("tomorrow", "same", "usage_drop", 1),
            signal("too old", "same", "usage_drop", -91),
            *(
                row | ({"signal_strength": 0.51} if row["customer_id"] == "signal stronger" else {})
                for row in signals[::-1]
                if row["signal_id"] != "invented of signal gone"
            ),
        ],
        entries=[
            entry("same", "engagement", 1),
            *(
                row | ({"state_entered_at": day(-4)} if row["customer_id"] == "entry moved" else {})
                for row in entries[::-1]
            ),
        ],
        playbooks=[registry[0] | {"playbook_id": "not yet", "created_at": day(1)}, *registry[::-1]],
        history=[
            {"intervention_id": "I3", "customer_id": "same", "generated_at": day(1)},
            {"intervention_id": "I2", "customer_id": "treated", "generated_at": DAY},
            *history,
        ],
        outcomes=[
            {"outcome_id": "O2", "intervention_id": "I9", "customer_id": "same", "measured_at": day(1)},
            {"outcome_id": "O1", "intervention_id": "I1", "customer_id": "measured", "measured_at": DAY},
        ],
    )
    assert changed["same"] == base["same"]
    assert [name for name in names if changed[name]["input_hash"] == base[name]["input_hash"]] == ["same"]
    assert all(changed[name]["intervention_id"] == base[name]["intervention_id"] for name in names[2:])

    # Every decision depends on the registry.
    dearer = [registry[0] | {"avg_cost_estimate": 100.01}, *registry[1:]]
    after = recommend(candidates, **known, playbooks=dearer)
    assert not [name for name in names if after[name]["input_hash"] == base[name]["input_hash"]]


def test_answer_that_changes_the_decision_changes_its_hash() -> None:
    """DESIGN 5: the same input_hash and policy_hash on the same day are the same row."""
    history: Rows = [
        {"intervention_id": "I1", "customer_id": "asked", "generated_at": day(-1), "recommended_action": "call"}
    ]
    history[0] |= {"requires_human_approval": True, "journey_stage": "support"}
    answer = {"intervention_id": "I1", "decision": "rejected", "decided_at": instant("2025-01-20T09:00:00")}
    before = recommend([candidate("asked")], history=history)["asked"]
    after = recommend([candidate("asked")], history=history, answers=[answer])["asked"]
    assert (before["open_intervention_id"], after["open_intervention_id"]) == ("I1", None)
    assert before["input_hash"] != after["input_hash"]


def test_strong_signals_without_an_intervention_are_shown() -> None:
    names = ["signal_id", "customer_id", "signal_type", "signal_strength", "detected_at"]
    texts = [
        ["at 0.7", "A", "usage_drop", "0.7", "2025-01-19"],
        ["below", "A", "usage_drop", "0.69", "2025-01-19"],
        # Rejected, and strong all the same.
        ["no customer", "C999", "negative_sentiment", "0.9", "2025-01-14"],
        ["too old", "A", "usage_drop", "0.9", "2024-10-21"],
        ["at the edge", "A", "usage_drop", "0.9", "2024-10-22"],
        ["tomorrow", "A", "usage_drop", "0.9", "2025-01-21"],
        ["answered in history", "A", "usage_drop", "0.9", "2025-01-19"],
        ["answered tomorrow", "A", "usage_drop", "0.9", "2025-01-19"],
        ["answered today", "A", "usage_drop", "0.9", "2025-01-19"],
        ["answered before", "A", "usage_drop", "0.9", "2025-01-19"],
        ["unreadable", "A", "usage_drop", "strong", "2025-01-19"],
    ]
    raw: ir.Table = made_of(
        [dict(zip(names, row, strict=True)) for row in texts], ibis.schema(dict.fromkeys(names, "string"))
    )
    history = [
        {"intervention_id": "I1", "triggered_by_signals": ["answered in history"], "generated_at": DAY},
        {"intervention_id": "I2", "triggered_by_signals": ["answered tomorrow"], "generated_at": day(1)},
    ]

    def unaddressed(policy: Policy) -> set[str]:
        found = unaddressed_strong_signals(
            raw_signals=raw,
            customers=table_of(Customers, [{"customer_id": "A", "segment": "Enterprise"}]),
            interventions=table_of(Interventions, history),
            recommended_interventions=table_of(
                RecommendedInterventions, [{"triggered_by_signals": ["answered today"]}]
            ),
            earlier_recommended_interventions=days_of(
                RecommendedInterventions, [{"as_of": day(-1), "triggered_by_signals": ["answered before"]}]
            ),
            as_of=as_of(),
            policy=policy,
        )
        return {row["signal_id"] for row in rows_of(found)}

    assert unaddressed(POLICY) == {"at 0.7", "no customer", "at the edge", "answered tomorrow"}
    # What counts as strong, and for how long, may differ by segment; signals without a customer have the general rule.
    stricter = {"strong_signal_strength": 0.8, "look_back_days": 89}
    rules = policy_with(segment_overrides={"Enterprise": {"signals": stricter}})
    assert unaddressed(rules) == {"no customer", "answered tomorrow"}


def test_pending_decision_keeps_its_id_with_its_content() -> None:
    """Trap 26: an answer is to what was shown. A dearer playbook is another question, unless it has been answered."""
    names = ["waits", "waits, dearer", "approved, dearer", "free, dearer"]
    asked = {name: {"urgency": "low" if name.startswith("free") else "high"} for name in names}

    first = recommend([candidate(name, TRIGGERED, expected_cost=100.0) for name in names], scores=asked)
    answer = {"intervention_id": first["approved, dearer"]["intervention_id"], "decision": "approved"}
    answer |= {"decided_by": "ann", "decided_at": instant("2025-01-21T12:00:00")}
    second = recommend(
        [
            candidate(name, TRIGGERED, expected_cost=120.0 if name.endswith("dearer") else 100.0)
            | {"standing_intervention_id": first[name]["intervention_id"]}
            for name in names
        ],
        scores=asked,
        answers=[answer],
        earlier=list(first.values()),
        decided_on=[DAY],
        offset=1,
    )
    kept_names = {name for name in names if second[name]["intervention_id"] == first[name]["intervention_id"]}
    assert kept_names == set(names) - {"waits, dearer"}
    renamed = second["waits, dearer"]
    assert (renamed["need_id"], renamed["generated_at"]) == (first["waits, dearer"]["need_id"], day(1))
    # The old request goes stale with the day: it is not open any more.
    assert renamed["open_intervention_id"] is None
    for name in names:
        is_same = second[name]["decision_hash"] == first[name]["decision_hash"]
        assert is_same == (not name.endswith("dearer")), name


def test_a_stale_request_is_repeated_when_the_need_returns() -> None:
    urgent = {"needy": {"urgency": "high"}}
    first = recommend([candidate("needy", TRIGGERED)], scores=urgent)
    # On D + 1 a decision day passed without it.
    third = recommend(
        [candidate("needy", TRIGGERED)],
        scores=urgent,
        earlier=list(first.values()),
        decided_on=[DAY, day(1)],
        offset=2,
    )
    assert third["needy"]["need_id"] == first["needy"]["need_id"]
    assert third["needy"]["intervention_id"] != first["needy"]["intervention_id"]
    assert third["needy"]["generated_at"] == day(2)


def test_id_of_two_customers_is_found_within_and_between_days() -> None:
    """An id has 48 bits: at a hundred million decisions some two are the same."""

    def decided(*pairs: tuple[str, str]) -> Rows:
        return [{"customer_id": customer, "intervention_id": name} for customer, name in pairs]

    today = decided(("C1", "I-1"), ("C2", "I-2"), ("C3", "I-3"), ("C4", "I-3"))
    before = decided(("C1", "I-1"), ("C5", "I-2"), ("C6", "I-6"))
    earlier = days_of(RecommendedInterventions, [{"as_of": day(-1)} | row for row in before])
    found = rows_of(ids_of_two_decisions(table_of(RecommendedInterventions, today), earlier))
    assert by("intervention_id", found) == {
        "I-2": {"intervention_id": "I-2", "customer_id": "C2", "other_customer_id": "C5"},
        "I-3": {"intervention_id": "I-3", "customer_id": "C3", "other_customer_id": "C4"},
    }


def test_monitoring_playbook_needs_no_approval_or_cost() -> None:
    """Whatever would otherwise need an approval: risk, urgency, value, the playbook's own word."""
    watching = {"playbook_id": "WATCH", "name": "Watch", "default_actions": ["monitor_only"], "approval_required": True}
    rows = recommend(
        [
            candidate("monitored", "WATCH", expected_cost=5.94, is_held_out=True, standing_intervention_id="I-before"),
            candidate("cared for"),
        ],
        people=[person("monitored", 60000.0)],
        scores={"monitored": {"urgency": "high", "risk_tier": "high"}},
        playbooks=[PLAYBOOK_CELLS | row for row in [*PLAYBOOKS, watching]],
    )
    row = rows["monitored"]
    assert (row["recommended_action"], row["playbook_id"], row["withheld_playbook_id"]) == ("monitor_only", None, None)
    assert (row["expected_cost"], row["expected_value"], row["is_held_out"]) == (0.0, None, False)
    assert (row["requires_human_approval"], row["approval_reasons"]) == (False, [])
    assert (row["approval_regime"], row["approval_role"], row["needs_two_people"]) == ("not_required", None, False)
    assert (rows["cared for"]["playbook_id"], rows["cared for"]["recommended_action"]) == (UNTRIGGERED, "care")
