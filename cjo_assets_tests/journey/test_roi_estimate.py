"""The totals: sums of the parts, by grade and over all; the days of the window; the weakest evidence."""

from datetime import date

import pytest

from cjo_assets.journey.roi_breakdown import RoiBreakdown
from cjo_assets.journey.roi_by_grade import RoiByGrade, grades_that_do_not_sum, roi_by_grade
from cjo_assets.journey.roi_estimate import RoiEstimate, roi_estimate, totals_that_do_not_sum
from cjo_assets.policy import Policy
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, by, kept, policy_with, rows_of, table_of

Part = tuple[str, str, float | None, str]
# component, kind, amount, grade
PARTS: list[Part] = [
    ("playbook_cost", "cost", 100.10, "assumption"),
    ("infrastructure", "cost", 500.0, "assumption"),
    ("retained_revenue", "value", 450.25, "randomised"),
    ("retained_revenue", "value", -50.05, "matched"),
    # What cannot be said adds nothing.
    ("escalation_prevention", "value", None, "assumption"),
]
CALLS: Row = {"component": "api_calls", "kind": "cost", "amount": 0.0, "evidence_grade": "assumption", "records": 7}


def parts_of(parts: list[Part]) -> Rows:
    """Return components as rows, with the seven executed interventions."""
    names = ("component", "kind", "amount", "evidence_grade")
    return [dict(zip(names, part, strict=True)) for part in parts] + [CALLS]


def grades(parts: list[Part]) -> dict[str, Row]:
    """Return the totals of each grade."""
    return by("evidence_grade", kept(RoiByGrade, roi_by_grade(table_of(RoiBreakdown, parts_of(parts)))))


def total(parts: list[Part], policy: Policy = POLICY) -> Row:
    """Return the one row of totals."""
    breakdown = table_of(RoiBreakdown, parts_of(parts))
    found = kept(RoiEstimate, roi_estimate(breakdown, DAY, policy))
    of_grades = table_of(RoiByGrade, list(grades(parts).values()))
    assert rows_of(totals_that_do_not_sum(table_of(RoiEstimate, found), breakdown, of_grades)) == []
    [row] = found
    return row


def test_totals_are_the_sums_of_their_parts() -> None:
    assert total(PARTS) == {
        "as_of": DAY,
        # 30 days: 22 December to 20 January, both included.
        "window_start": date(2024, 12, 22),
        "window_end": DAY,
        "interventions_executed": 7,
        "total_value": pytest.approx(400.20),
        "total_cost": 100.10 + 500.0,
        "net_benefit": pytest.approx(400.20 - 600.10),
        # 100 x -199.90 / 600.10 = -33.3111...
        "roi_percent": -33.31,
        # Prices are assumptions; the value itself was compared.
        "evidence_grade": "assumption",
        "value_evidence_grade": "matched",
        "value_randomised": 450.25,
        "value_matched": -50.05,
        "value_before_after": 0.0,
        "value_assumption": 0.0,
        "net_benefit_compared": pytest.approx(-199.90),
    }


def test_the_weakest_value_is_named_and_can_be_left_out() -> None:
    row = total([*PARTS, ("retained_revenue", "value", 1000.0, "assumption")])
    assert (row["net_benefit"], row["net_benefit_compared"]) == (pytest.approx(800.10), pytest.approx(-199.90))
    assert row["value_evidence_grade"] == "assumption"
    # A value of 0 weakens nothing; no value has no grade.
    zero = total([("retained_revenue", "value", 5.0, "randomised"), ("faster_resolution", "value", 0.0, "assumption")])
    assert zero["value_evidence_grade"] == "randomised"
    assert total(PARTS[:2])["value_evidence_grade"] is None


def test_each_grade_and_what_remains_down_to_it() -> None:
    rows = grades([*PARTS, ("retained_revenue", "value", 1000.0, "assumption")])
    figures = {
        name: [row[cell] for cell in ("strength", "components", "value", "cost", "value_so_far", "net_benefit_so_far")]
        for name, row in rows.items()
    }
    assert figures == {
        "randomised": pytest.approx([1, 1, 450.25, 0.0, 450.25, -149.85]),
        "matched": pytest.approx([2, 1, -50.05, 0.0, 400.20, -199.90]),
        "before_after": pytest.approx([3, 0, 0.0, 0.0, 400.20, -199.90]),
        "assumption": pytest.approx([4, 4, 1000.0, 600.10, 1400.20, 800.10]),
    }


def test_a_window_of_one_day_is_the_day_itself() -> None:
    row = total(PARTS, policy_with(journey__roi__window_days=1))
    assert (row["window_start"], row["window_end"]) == (DAY, DAY)


def test_nothing_spent_has_no_percentage() -> None:
    row = total([("playbook_cost", "cost", 0.0, "assumption"), ("retained_revenue", "value", 5.0, "randomised")])
    assert (row["net_benefit"], row["roi_percent"], row["evidence_grade"]) == (5.0, None, "assumption")


def test_totals_that_are_not_their_parts_are_found() -> None:
    breakdown = table_of(RoiBreakdown, parts_of(PARTS))
    of_grades = list(grades(PARTS).values())
    right = total(PARTS)
    faults = {
        "total_value": 400.21,
        "total_cost": 600.11,
        "net_benefit": -199.89,
        "value_randomised": 450.26,
        "net_benefit_compared": -199.89,
    }
    for name, wrong in faults.items():
        estimate = table_of(RoiEstimate, [right | {name: wrong}])
        assert len(rows_of(totals_that_do_not_sum(estimate, breakdown, table_of(RoiByGrade, of_grades)))) == 1, name
    estimate = table_of(RoiEstimate, [right])
    broken = table_of(RoiByGrade, [row | {"net_benefit_so_far": 1.0} for row in of_grades])
    assert len(rows_of(totals_that_do_not_sum(estimate, breakdown, broken))) == 1
    assert len(rows_of(totals_that_do_not_sum(estimate, breakdown, table_of(RoiByGrade, [])))) == 1


def test_grades_that_are_not_their_parts_are_found() -> None:
    breakdown, rows = table_of(RoiBreakdown, parts_of(PARTS)), list(grades(PARTS).values())
    assert rows_of(grades_that_do_not_sum(table_of(RoiByGrade, rows), breakdown)) == []
    for name in ("value", "cost"):
        wrong = [row | {name: row[name] + 0.01} if row["evidence_grade"] == "assumption" else row for row in rows]
        assert len(rows_of(grades_that_do_not_sum(table_of(RoiByGrade, wrong), breakdown))) == 1
    # A grade that no row stands for loses its money.
    assert len(rows_of(grades_that_do_not_sum(table_of(RoiByGrade, rows[:1]), breakdown))) == 2
