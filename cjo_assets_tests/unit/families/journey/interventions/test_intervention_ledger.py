"""Tests of the interventions known when the day decides: history and our earlier days, answers, outcomes.

D is 20 January and ends at 2025-01-21 00:00. Requests of 11 January (D - 9) were made at its end.
"""

from datetime import datetime
from typing import Any

from cjo_assets.core.table import Days, inputs_of
from cjo_assets.families.journey.interventions.intervention_ledger import InterventionLedger, intervention_ledger
from cjo_assets_tests.support.journey.deciding import answer, decided, ledger_of, outcome, past, playbook
from cjo_assets_tests.support.rows import DAY, Row, Rows, by, day, kept

# An id of our own form: a source that hands it back adds nothing to the history.
OURS = "I-0123456789ab"

PEOPLE: Rows = [{"customer_id": "ann", "segment": "SMB"}, {"customer_id": "ben", "segment": "Enterprise"}]
CALLS = playbook("P1", default_actions=["call"])
ASKED_IN_FILE: Row = {"requires_human_approval": True}
HISTORY: Rows = [
    past("measured", "ann", -9, confidence=0.4, triggered_by_signals=["S1"], expected_value=500.0),
    past("refused", "ben", -9, **ASKED_IN_FILE),
    past("lapsed", "ben", -9, **ASKED_IN_FILE),
    past("waiting", "ben", 0, **ASKED_IN_FILE),
    past("another action", "ann", -9, recommended_action="dance"),
    past("tomorrow", "ann", 1),
    # The source repeats a decision of ours: it counts once, as we made it.
    past(OURS, "ann", -9, confidence=0.1),
]


def asked(name: str, customer: str, offset: int, **cells: Any) -> Row:
    """Return a decision of ours with an approval request for a day, and with a need of its own."""
    route = {"approval_regime": "asked", "approval_timeout_minutes": 1440.0, "decision_hash": f"content of {name}"}
    return decided(name, customer, "P1", offset) | route | {"need_id": f"need of {name}", "segment": "SMB"} | cells


EARLIER: Rows = [
    decided(OURS, "ann", "P1", -9, segment="Enterprise", confidence=0.9, need_id="need of ours"),
    asked("ours, approved", "ben", -9),
    # It was open for two days and counts once, as it was on the first.
    asked("ours, twice", "ben", -2, expected_cost=70.0, generated_at=day(-2)),
    asked("ours, twice", "ben", -1, expected_cost=90.0, generated_at=day(-2)),
    # On D - 1 it was not decided any more.
    asked("ours, gone", "ann", -2),
    decided("ours, held out", "ann", "P1", -9, is_held_out=True, need_id="need of held out"),
]
ANSWERS: Rows = [
    answer("refused", "rejected", -8) | {"category": "bad_timing", "reason": "on holiday"},
    answer("ours, approved", "approved", -8),
    # Not known yet.
    answer("waiting", "approved", 1),
]
OUTCOMES: Rows = [
    outcome("O1", "measured", -3, outcome="no_response", estimated_revenue_saved=0.0),
    outcome("O2", "measured", 0, outcome="resolved", estimated_revenue_saved=800.0, resolution_time_days=4.0),
    outcome("O3", "measured", 1, outcome="no_response"),
    outcome("O4", "ours, approved", 1, outcome="resolved"),
    # Its action names no playbook; its outcome does.
    outcome("O5", "another action", -1, outcome="no_response", playbook_id="P7"),
]
ASKED, NOON = datetime(2025, 1, 12), datetime(2025, 1, 12, 12)
# origin, segment, playbook, cost; approval status, whether settled, executed at; outcome
EXPECTED = {
    "measured": ("history", "SMB", "P1", 100.0, "not_required", True, ASKED, "resolved"),
    "refused": ("history", "Enterprise", "P1", 100.0, "rejected", True, None, None),
    "lapsed": ("history", "Enterprise", "P1", 100.0, "expired", False, None, None),
    "waiting": ("history", "Enterprise", "P1", 100.0, "pending", False, None, None),
    "another action": ("history", "SMB", "P7", None, "not_required", True, ASKED, "no_response"),
    OURS: ("decision", "Enterprise", "P1", 100.0, "not_required", True, ASKED, None),
    "ours, approved": ("decision", "SMB", "P1", 100.0, "approved", True, NOON, None),
    "ours, twice": ("decision", "SMB", "P1", 70.0, "expired", False, None, None),
    "ours, gone": ("decision", "SMB", "P1", 100.0, "stale", False, None, None),
    "ours, held out": ("decision", "SMB", "P1", 100.0, "not_required", True, None, None),
}
NAMES = ("origin", "segment", "playbook_id", "expected_cost", "approval_status", "is_settled", "executed_at", "outcome")


def known(**changes: Rows) -> dict[str, Row]:
    """Return the ledger of these rows by intervention; something was decided on every day of a decision."""
    given = {"history": HISTORY, "earlier": EARLIER, "answers": ANSWERS, "outcomes": OUTCOMES} | changes
    days = sorted({row["as_of"] for row in given["earlier"]})
    found = ledger_of([CALLS], people=PEOPLE, decided_on=days, **given)
    return by("intervention_id", kept(InterventionLedger, found))


def test_decisions_answers_and_outcomes_by_the_end_of_the_day() -> None:
    rows = known()
    assert {name: tuple(row[cell] for cell in NAMES) for name, row in rows.items()} == EXPECTED
    assert all(row["is_executed"] == (row["executed_at"] is not None) for row in rows.values())
    assert {name for name, row in rows.items() if row["is_held_out"]} == {"ours, held out"}


def test_every_cell_has_the_value_of_its_source() -> None:
    rows = known()
    measured = {name: cell for name, cell in rows["measured"].items() if cell is not None}
    assert measured == {
        "as_of": DAY,
        "intervention_id": "measured",
        "customer_id": "ann",
        "segment": "SMB",
        "journey_stage": "support",
        "origin": "history",
        "playbook_id": "P1",
        "recommended_action": "call",
        "triggered_by_signals": ["S1"],
        "confidence": 0.4,
        "generated_at": day(-9),
        "is_held_out": False,
        "approval_status": "not_required",
        "is_settled": True,
        "is_executed": True,
        "executed_at": ASKED,
        "expected_cost": 100.0,
        "expected_value": 500.0,
        "outcome": "resolved",
        "resolution_time_days": 4.0,
        "estimated_revenue_saved": 800.0,
        "measured_at": DAY,
    }
    said = ("decided_at", "decided_by", "category", "reason")
    assert tuple(rows["refused"][cell] for cell in said) == (NOON, "ann", "bad_timing", "on holiday")
    assert tuple(rows["ours, approved"][cell] for cell in said) == (NOON, "ann", None, None)
    assert tuple(rows["waiting"][cell] for cell in said) == (None,) * 4
    assert (rows[OURS]["confidence"], rows["ours, gone"]["decision_hash"]) == (0.9, "content of ours, gone")


def test_row_order_and_later_days_change_nothing() -> None:
    """No look-ahead: without what happened after D the ledger is the same."""
    rows = known()
    moment = datetime(2025, 1, 21)
    assert rows == known(
        history=[row for row in HISTORY if row["generated_at"] <= DAY],
        answers=[row for row in ANSWERS if row["decided_at"] <= moment],
        outcomes=[row for row in OUTCOMES if row["measured_at"] <= DAY],
    )
    assert rows == known(history=HISTORY[::-1], earlier=EARLIER[::-1], answers=ANSWERS[::-1], outcomes=OUTCOMES[::-1])


def test_decisions_of_the_day_are_not_earlier_decisions() -> None:
    """The day decides with this table, so its own decisions and states cannot be in it."""
    read = inputs_of(intervention_ledger, "journey")
    days = {name: read[name].days for name in ("earlier_recommended_interventions", "earlier_journey_states")}
    assert set(days.values()) == {Days.EARLIER}
    assert not {"recommended_interventions", "all_recommended_interventions", "journey_states"} & read.keys()


def test_before_anything_was_decided_only_the_history_is_known() -> None:
    assert {row["origin"] for row in known(earlier=[]).values()} == {"history"}
    assert known(history=[], earlier=[]) == {}
