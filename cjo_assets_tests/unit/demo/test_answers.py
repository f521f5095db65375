"""Answers of the demonstration: to the most urgent requests of each family."""

from datetime import date, datetime

from cjo_assets.demo.answers import answers_to

DAY = date(2026, 3, 24)


def test_each_family_gets_approvals_one_rejection_and_open_requests() -> None:
    requests = [
        {"family": family, "intervention_id": f"{family}-{place}"} for place in range(9) for family in ("I", "L")
    ]
    answers = list(answers_to(requests, DAY))
    approved = [answer.intervention_id for answer in answers if answer.decision == "approved"]
    assert approved == ["I-0", "I-3", "I-4", "L-0", "L-3", "L-4"]
    assert [answer.intervention_id for answer in answers if answer.decision == "rejected"] == ["I-1", "L-1"]
    assert {answer.at for answer in answers} == {"2026-03-24T16:00:00Z"}


def test_a_request_of_the_evening_is_left() -> None:
    request = {"family": "marketing", "intervention_id": "B1", "answers_from": datetime(2026, 3, 24, 16, 1)}
    assert list(answers_to([request], DAY)) == []
    assert len(list(answers_to([request], date(2026, 3, 25)))) == 1


def test_no_request_needs_no_answer() -> None:
    assert list(answers_to([], DAY)) == []
