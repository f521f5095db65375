"""The totals: sums of the parts, the days of the window, the weakest evidence."""

from datetime import date, datetime

import pytest

from cjo_assets.journey.outcome_analyses import OutcomeAnalyses
from cjo_assets.journey.roi_breakdown import RoiBreakdown
from cjo_assets.journey.roi_estimate import RoiEstimate, roi_estimate, totals_that_do_not_sum
from cjo_assets.policy import Policy
from cjo_assets_tests.tables import DAY, POLICY, Row, Rows, kept, policy_with, rows_of, table_of

# component, kind, amount, grade
PARTS = [
    ("playbook_cost", "cost", 100.10, "before_after"),
    ("infrastructure", "cost", 500.0, "randomised"),
    ("retained_revenue", "value", 450.25, "matched"),
    # What cannot be said adds nothing, and weakens nothing.
    ("escalation_prevention", "value", None, "assumption"),
]
LEDGER: Rows = [
    {"intervention_id": "in", "is_executed": True, "executed_at": datetime(2025, 1, 21)},
    {"intervention_id": "first day", "is_executed": True, "executed_at": datetime(2024, 12, 23)},
    {"intervention_id": "day before", "is_executed": True, "executed_at": datetime(2024, 12, 22)},
    {"intervention_id": "not executed"},
]


def parts_of(parts: list[tuple[str, str, float | None, str]]) -> Rows:
    """Return components as rows."""
    names = ("component", "kind", "amount", "evidence_grade")
    return [dict(zip(names, part, strict=True)) for part in parts]


def total(parts: list[tuple[str, str, float | None, str]], policy: Policy = POLICY) -> Row:
    """Return the one row of totals."""
    breakdown = table_of(RoiBreakdown, parts_of(parts))
    found = kept(RoiEstimate, roi_estimate(breakdown, table_of(OutcomeAnalyses, LEDGER), DAY, policy))
    assert rows_of(totals_that_do_not_sum(table_of(RoiEstimate, found), breakdown)) == []
    [row] = found
    return row


def test_totals_are_the_sums_of_their_parts() -> None:
    assert total(PARTS) == {
        "as_of": DAY,
        # 30 days: 22 December to 20 January, both included.
        "window_start": date(2024, 12, 22),
        "window_end": DAY,
        "interventions_executed": 2,
        "total_value": 450.25,
        "total_cost": 100.10 + 500.0,
        "net_benefit": pytest.approx(450.25 - 600.10),
        # 100 x -149.85 / 600.10 = -24.9708...
        "roi_percent": -24.97,
        "evidence_grade": "before_after",
    }


def test_a_window_of_one_day_is_the_day_itself() -> None:
    row = total(PARTS, policy_with(journey__roi__window_days=1))
    assert (row["window_start"], row["window_end"], row["interventions_executed"]) == (DAY, DAY, 1)


def test_nothing_spent_has_no_percentage() -> None:
    row = total([("playbook_cost", "cost", 0.0, "assumption"), ("retained_revenue", "value", 5.0, "randomised")])
    assert (row["net_benefit"], row["roi_percent"], row["evidence_grade"]) == (5.0, None, "assumption")


def test_totals_that_are_not_their_parts_are_found() -> None:
    breakdown = table_of(RoiBreakdown, parts_of(PARTS))
    right = {"total_value": 450.25, "total_cost": 600.10, "net_benefit": -149.85}
    for wrong in ({"total_value": 450.26}, {"total_cost": 600.11}, {"net_benefit": -149.84}):
        assert len(rows_of(totals_that_do_not_sum(table_of(RoiEstimate, [right | wrong]), breakdown))) == 1
