"""Tests of the ROI totals: sums of the parts, by grade and over all; the days of the window; the weakest evidence."""

from datetime import date

import ibis
import numpy
import pyarrow
import pytest

from cjo_assets.core.expressions.intervals import difference_variance, interval_of_sum, sign_of
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets.families.journey.value.roi_by_grade import RoiByGrade, grades_that_do_not_sum, roi_by_grade
from cjo_assets.families.journey.value.roi_estimate import RoiEstimate, roi_estimate, totals_that_do_not_sum
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    BACKEND,
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    kept,
    policy_with,
    rows_of,
    table_of,
)

# Component, kind, amount, grade; of what was compared both ends.
Part = tuple[str, str, float | None, str] | tuple[str, str, float | None, str, float, float]
PARTS: list[Part] = [
    ("playbook_cost", "cost", 100.10, "assumption"),
    ("infrastructure", "cost", 500.0, "assumption"),
    ("retained_revenue", "value", 450.25, "randomised"),
    ("retained_revenue", "value", -50.05, "matched"),
    # A part that is not measurable adds nothing.
    ("escalation_prevention", "value", None, "assumption"),
]
INTERVALS = ("net_benefit", "net_benefit_compared", "value_randomised", "value_matched", "value_before_after")
CALLS: Row = {"component": "api_calls", "kind": "cost", "amount": 0.0, "evidence_grade": "assumption", "records": 7}


def parts_of(parts: list[Part]) -> Rows:
    """Return components as rows, with the seven executed interventions."""
    names = ("component", "kind", "amount", "evidence_grade", "amount_low", "amount_high")
    return [dict(zip(names, part, strict=False)) for part in parts] + [CALLS]


def grades(parts: list[Part]) -> dict[str, Row]:
    """Return the totals of each grade."""
    return by("evidence_grade", kept(RoiByGrade, roi_by_grade(table_of(RoiBreakdown, parts_of(parts)))))


def total(parts: list[Part], policy: Policy = POLICY) -> Row:
    """Return the one row of totals."""
    breakdown = table_of(RoiBreakdown, parts_of(parts))
    found = kept(RoiEstimate, roi_estimate(breakdown, as_of(), policy))
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
        # Neither comparison has an interval.
        **{f"{name}_{end}": None for name in INTERVALS for end in ("low", "high")},
        "compared_value_status": "not_measurable",
        "compared_net_status": "not_measurable",
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


def compared(grade: str, amount: float, low: float, high: float, component: str = "retained_revenue") -> Part:
    """Return a value that was compared, with its interval."""
    return component, "value", amount, grade, low, high


COSTS: list[Part] = [("infrastructure", "cost", 500.0, "assumption")]


def test_totals_carry_the_ends_of_what_was_compared() -> None:
    """1,000 [400, 1,600] and 300 [-200, 800] of chance, 50 [-70, 90] matched, 2,000 assumed; the ends are added."""
    parts = [
        *COSTS,
        compared("randomised", 1000.0, 400.0, 1600.0),
        compared("randomised", 300.0, -200.0, 800.0, "escalation_prevention"),
        compared("matched", 50.0, -70.0, 90.0),
        ("faster_resolution", "value", 2000.0, "assumption"),
    ]
    row = total(parts)
    assert {name: (row[f"{name}_low"], row[f"{name}_high"]) for name in INTERVALS} == {
        "value_randomised": (200.0, 2400.0),
        "value_matched": (-70.0, 90.0),
        "value_before_after": (None, None),
        "net_benefit_compared": (130.0 - 500.0, 2490.0 - 500.0),
        # An assumption has no interval of its own and moves both ends alike.
        "net_benefit": (130.0 - 500.0 + 2000.0, 2490.0 - 500.0 + 2000.0),
    }
    # It had an effect; whether it pays for itself is open.
    assert (row["compared_value_status"], row["compared_net_status"]) == ("positive", "not_distinguishable")
    names = ("value_low", "value_high", "value_status", "net_benefit_so_far_low", "net_benefit_so_far_high")
    assert {grade: tuple(found[name] for name in names) for grade, found in grades(parts).items()} == {
        "randomised": (200.0, 2400.0, "positive", -300.0, 1900.0),
        "matched": (-70.0, 90.0, "not_distinguishable", -370.0, 1990.0),
        "before_after": (None, None, "not_measurable", -370.0, 1990.0),
        "assumption": (None, None, "not_measurable", 1630.0, 3990.0),
    }


def test_a_value_on_both_sides_of_zero_is_no_value_yet() -> None:
    open_value = total([*COSTS, compared("randomised", 5000.0, -100.0, 10100.0)])
    assert (open_value["value_randomised"], open_value["compared_value_status"]) == (5000.0, "not_distinguishable")
    assert open_value["compared_net_status"] == "not_distinguishable"
    loss = total([*COSTS, compared("randomised", -50.0, -90.0, -10.0)])
    assert (loss["compared_value_status"], loss["compared_net_status"]) == ("negative", "negative")
    small = total([*COSTS, compared("before_after", 20.0, 10.0, 30.0)])
    assert (small["compared_value_status"], small["compared_net_status"]) == ("positive", "negative")
    # A comparison without an interval leaves the sum without one; an assumption has none.
    unsure = total([*COSTS, compared("randomised", 50.0, 40.0, 60.0), ("retained_revenue", "value", 9.0, "matched")])
    assert (unsure["value_randomised_low"], unsure["net_benefit_compared_low"]) == (40.0, None)
    assert unsure["compared_value_status"] == "not_measurable"
    believed = total([*COSTS, ("retained_revenue", "value", 9000.0, "assumption")])
    assert (believed["net_benefit_low"], believed["compared_value_status"]) == (None, "not_measurable")


def test_programmes_that_do_nothing_seldom_claim_value() -> None:
    """2,000 programmes of two playbooks, 570 treated and 30 held out each, of which 40 % recover whatever is done.

    Their value is 570 runs of 50 each, times the difference in recovery: far from zero in most, on both sides of it in
    nine of ten. The interval of each playbook is as `treatment_effects` makes it, at 90 %.
    """
    programmes, chance = 2000, numpy.random.default_rng(11)
    arms: dict[str, list[float]] = {name: [] for name in ("programme", "treated", "held_out")}
    for _ in range(2):
        arms["programme"] += range(programmes)
        arms["treated"] += chance.binomial(570, 0.4, programmes).tolist()
        arms["held_out"] += chance.binomial(30, 0.4, programmes).tolist()
    rows = BACKEND.create_table(ibis.util.gen_name("arms"), pyarrow.table(arms), temp=True)
    error = difference_variance(rows.treated, ibis.literal(570), rows.held_out, ibis.literal(30)).sqrt()
    rows = rows.mutate(worth=570 * 50 * (rows.treated / 570 - rows.held_out / 30), reach=1.6448536269514722 * error)
    rows = rows.mutate(low=rows.worth - 570 * 50 * rows.reach, high=rows.worth + 570 * 50 * rows.reach)
    low, high = interval_of_sum(rows.worth, rows.low, rows.high, are_independent=False)
    sums = rows.group_by("programme").agg(worth=rows.worth.sum(), low=low, high=high)
    found = rows_of(sums.select("worth", sign=sign_of(sums.low, sums.high)))
    claims = sum(row["sign"] == "positive" for row in found)
    assert sum(row["worth"] > 3000 for row in found) > 0.2 * programmes, "chance alone makes large values"
    assert claims <= 0.05 * programmes
    assert sum(row["sign"] == "not_distinguishable" for row in found) >= 0.90 * programmes


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
    faults |= {"value_randomised_low": 450.26, "value_randomised_high": 450.24}
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
    # A grade without a row loses its money.
    assert len(rows_of(grades_that_do_not_sum(table_of(RoiByGrade, rows[:1]), breakdown))) == 2
