"""Tests of the approval history: every answer, its effect or why it had none, and automatic approvals."""

from cjo_assets.families.journey.approval.approval_history import (
    ApprovalHistory,
    answers_without_effect,
    approval_history,
)
from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests, approval_requests
from cjo_assets_tests.support.journey.hand_made_days import ANSWERS, EXPECTED, SWITCH, WITHOUT_EFFECT, inputs
from cjo_assets_tests.support.rows import POLICY, kept, rows_of, table_of


def test_every_answer_is_on_record_with_its_effect() -> None:
    tables = inputs()
    requests = table_of(ApprovalRequests, kept(ApprovalRequests, approval_requests(**tables, policy=POLICY)))
    history = approval_history(requests, tables["approval_decisions"], tables["all_journey_states"], POLICY)
    found = kept(ApprovalHistory, history)
    people = [row for row in found if row["decided_by"] != SWITCH]
    answered = ("intervention_id", "decision", "decided_at", "decided_by", "category")
    given = sorted(tuple(str(row.get(name)) for name in answered) for row in ANSWERS)
    assert sorted(tuple(str(row[name]) for name in answered) for row in people) == given
    why = {
        (row["intervention_id"], row["decided_by"]): row["why_ineffective"] for row in people if not row["is_effective"]
    }
    assert why == WITHOUT_EFFECT
    assert all(row["why_ineffective"] is None for row in found if row["is_effective"])
    # Of two answers by one person only the first counted.
    same = [row["is_effective"] for row in people if row["intervention_id"] == "two, same person"]
    assert sorted(same) == [False, True]
    # Trap 11: a decision of the switch is never recorded as that of a person.
    switched = {row["intervention_id"]: row["decision"] for row in found if row["decided_by"] == SWITCH}
    assert switched == {name: "approved" for name, row in EXPECTED.items() if row[1] == SWITCH}
    ignored = rows_of(answers_without_effect(table_of(ApprovalHistory, found)))
    assert {(row["intervention_id"], row["decided_by"]) for row in ignored} == WITHOUT_EFFECT.keys()
