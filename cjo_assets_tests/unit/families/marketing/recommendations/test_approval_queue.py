"""Tests of the approval queue of marketing: requests, roles, waiting time and answers, by hand."""

from collections.abc import Sequence

import pytest

from cjo_assets.families.marketing.governance.budget_governance import BudgetGovernance
from cjo_assets.families.marketing.inputs.budget_actions import BudgetActions
from cjo_assets.families.marketing.inputs.marketing_approvals import MarketingApprovals
from cjo_assets.families.marketing.recommendations.approval_answers import (
    ApprovalAnswers,
    answers_without_effect,
    approval_answers,
)
from cjo_assets.families.marketing.recommendations.approval_queue import (
    ApprovalQueue,
    approval_queue,
    overdue_requests,
    recommendations_without_request,
)
from cjo_assets.families.marketing.recommendations.recommendations import Recommendations
from cjo_assets_tests.support.rows import (
    Row,
    Rows,
    as_of,
    by,
    day,
    days_of,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

TIMEOUT = 600
RULES = policy_with(
    marketing__approvals={"timeout_minutes": TIMEOUT, "executive_amount": 5000},
    journey__approval__approvers={"manager": ["Mia"], "executive": ["Eva", "Ed"]},
)
RECOMMENDATIONS: Rows = [
    {"recommendation_id": "REC-new", "amount": 4999.99},
    {"recommendation_id": "REC-old", "amount": 5000.0},
    {"recommendation_id": "REC-none", "amount": None},
    {"recommendation_id": "REC-changed", "amount": 20.0},
    {"recommendation_id": "REC-free", "amount": None, "requires_human_approval": False},
]
GOVERNANCE: Rows = [
    {"budget_action_id": "B1", "amount": 100.0, "proposed_at": instant("2025-01-20 12:00")},
    {"budget_action_id": "B2", "amount": 100.0, "is_refused": True},
    {"budget_action_id": "B3", "amount": 100.0, "approval_state": "approved"},
]
ACTIONS: Rows = [{"budget_action_id": "B1", "proposer_id": "Mia", "reason_detail": "pace"}]
RECOMMENDED = [{"requires_human_approval": True} | row for row in RECOMMENDATIONS]
PROPOSED = [{"approval_state": "pending", "is_refused": False} | row for row in GOVERNANCE]
TEXTS = {"description": "Move it", "recommended_value": "moved", "rationale": "It pays"}
CHANNELS = {"currency": "USD", "from_channel_id": "CH1", "to_channel_id": "CH2"}
TABLES = (
    table_of(Recommendations, RECOMMENDED, campaign_id="C", action="reallocate", **TEXTS),
    table_of(BudgetGovernance, PROPOSED, campaign_id="C", **CHANNELS),
    table_of(BudgetActions, ACTIONS),
)


def queue_of(answers: Sequence[Row] = (), earlier: Sequence[Row] = ()) -> dict[str, Row]:
    """Return the queue by request, given the answers with their effect and the queue of earlier days."""
    given = table_of(ApprovalAnswers, list(answers)), days_of(ApprovalQueue, list(earlier))
    return by("request_id", kept(ApprovalQueue, approval_queue(*TABLES, *given, as_of(), RULES)))


HASHES = {name: row["decision_hash"] for name, row in queue_of().items()}
# On record since two days and since one; the last has had another content until now.
EARLIER: Rows = [
    {"as_of": day(-2), "request_id": "REC-old", "answers_from": instant("2025-01-18")},
    {"as_of": day(-1), "request_id": "REC-old", "answers_from": instant("2025-01-18")},
    {"as_of": day(-1), "request_id": "REC-none", "answers_from": instant("2025-01-19")},
    {"as_of": day(-1), "request_id": "REC-changed", "answers_from": instant("2025-01-10"), "decision_hash": "other"},
]
EARLIER = [{"decision_hash": HASHES[row["request_id"]]} | row for row in EARLIER]


def answer(request: str, by_whom: str, at: str, decision: str = "approved", content: str | None = None) -> Row:
    """Return an answer about the present content unless another is given."""
    return {
        "request_id": request,
        "decided_by": by_whom,
        "decided_at": instant(at),
        "decision": decision,
        "decision_hash": content or HASHES.get(request),
    }


def answered(*given: Row) -> tuple[dict[str, Row], dict[tuple[str, str], Row]]:
    """Return the queue by request, and the answers by request and person."""
    tables = table_of(MarketingApprovals, list(given)), days_of(ApprovalQueue, EARLIER)
    answers = kept(ApprovalAnswers, approval_answers(*TABLES, *tables, as_of(), RULES))
    return queue_of(answers, EARLIER), by(("request_id", "decided_by"), answers)


def test_requests_with_role_and_waiting_time() -> None:
    queue = queue_of(earlier=EARLIER)
    names = ("source", "approval_role", "waits_with", "waited_minutes", "is_overdue", "status")
    assert {name: tuple(row[column] for column in names) for name, row in queue.items()} == {
        # First of today: requested at its end, so it has waited no minute.
        "REC-new": ("recommendation", "manager", "manager", 0.0, False, "pending"),
        "REC-changed": ("recommendation", "manager", "manager", 0.0, False, "pending"),
        # Of two days ago: it has waited since the end of that day, two days: 2,880 minutes.
        "REC-old": ("recommendation", "executive", "executive", 2880.0, True, "pending"),
        # 1,440 minutes are two timeouts and more: it has gone to the executive.
        "REC-none": ("recommendation", "manager", "executive", 1440.0, True, "pending"),
        # Proposed at noon: 720 minutes until the end of the day, more than one timeout.
        "B1": ("budget_action", "manager", "executive", 720.0, True, "pending"),
    }
    assert queue["REC-old"]["due_at"] == instant("2025-01-19 10:00")
    assert queue["REC-new"]["due_at"] == instant("2025-01-21 10:00")
    assert queue["REC-new"]["entitled_approvers"] == ["Ed", "Eva", "Mia"]
    assert queue["REC-old"]["entitled_approvers"] == ["Ed", "Eva"]


def test_requests_state_what_and_why() -> None:
    queue = queue_of()
    names = ("what", "why", "requested_by", "evidence", "approval_reasons")
    assert [queue["B1"][name] for name in names] == [
        "Move 100.00 USD from CH1 to CH2",
        "pace",
        "Mia",
        ["budget_governance B1"],
        ["unanswered_proposal"],
    ]
    assert [queue["REC-old"][name] for name in names[:3]] == ["Move it", "It pays", None]
    assert queue["REC-old"]["approval_reasons"] == ["approval_needed", "executive_amount"]
    assert queue["REC-none"]["approval_reasons"] == ["approval_needed"]


def test_answers_settle_requests_or_name_their_fault() -> None:
    queue, answers = answered(
        answer("REC-new", "mia", "2025-01-20 09:00"),
        answer("REC-new", "Eva", "2025-01-20 10:00"),
        answer("REC-old", "Mia", "2025-01-20 09:00"),
        answer("REC-old", "Eva", "2025-01-18 10:00", "rejected"),
        answer("REC-none", "Ed", "2025-01-20 09:00", content="another"),
        # Given for the content of the days before.
        answer("REC-changed", "Ed", "2025-01-19 09:00", content="other"),
        answer("B1", "Mia", "2025-01-20 13:00"),
        answer("REC-free", "Eva", "2025-01-20 09:00"),
        answer("REC-gone", "Eva", "2025-01-20 09:00"),
    )
    assert {name: (row["status"], row["decided_by"]) for name, row in queue.items()} == {
        "REC-new": ("approved", "mia"),
        "REC-old": ("rejected", "Eva"),
        "REC-none": ("pending", None),
        "REC-changed": ("pending", None),
        "B1": ("pending", None),
    }
    assert {key: row["why_ineffective"] for key, row in answers.items()} == {
        ("REC-new", "mia"): None,
        ("REC-new", "Eva"): "given after the request was settled",
        ("REC-old", "Mia"): "given by somebody not entitled",
        ("REC-old", "Eva"): None,
        ("REC-none", "Ed"): "given for another content of the decision",
        ("REC-changed", "Ed"): "given before anybody was asked",
        ("B1", "Mia"): "given to one's own request",
        ("REC-free", "Eva"): "nobody was asked",
        ("REC-gone", "Eva"): "nobody was asked",
    }
    assert queue["REC-new"]["waits_with"] is None
    found = rows_of(answers_without_effect(table_of(ApprovalAnswers, list(answers.values()))))
    assert len(found) == 7


@pytest.mark.parametrize("later", ["2025-01-21 00:00", "2025-02-01 00:00"])
def test_an_answer_of_a_later_day_is_not_known(later: str) -> None:
    queue, answers = answered(answer("REC-new", "Mia", later))
    assert (queue["REC-new"]["status"], answers) == ("pending", {})


def test_overdue_requests_are_reported() -> None:
    queue = queue_of(earlier=EARLIER)
    found = rows_of(overdue_requests(table_of(ApprovalQueue, list(queue.values()))))
    assert {row["request_id"] for row in found} == {"REC-old", "REC-none", "B1"}


def test_recommendations_without_request_are_found() -> None:
    queue = table_of(ApprovalQueue, [row for name, row in queue_of().items() if name != "REC-new"])
    [found] = rows_of(recommendations_without_request(queue, TABLES[0]))
    assert found["recommendation_id"] == "REC-new"
