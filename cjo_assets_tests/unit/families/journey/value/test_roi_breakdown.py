"""Tests of cost and value of one population: executions in the thirty days that end with D, and answers in them."""

from datetime import date, datetime
from typing import Any

import pytest

from cjo_assets.families.audit.language.language_model_calls import LanguageModelCalls
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.value.baseline_comparisons import BaselineComparisons
from cjo_assets.families.journey.value.roi_breakdown import (
    RoiBreakdown,
    amounts_that_are_not_their_product,
    roi_breakdown,
)
from cjo_assets.policy import Policy
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
    policy_with,
    rows_of,
    table_of,
)

# The window: after 2024-12-22 00:00, the end of 21 December, up to 2025-01-21 00:00, the end of D.
BEFORE, FIRST = datetime(2024, 12, 22), instant("2024-12-22T00:00:00.000001")
LAST, AFTER = datetime(2025, 1, 21), instant("2025-01-21T00:00:00.000001")
KEY = ("component", "evidence_grade")


def executed(name: str, at: datetime, cost: float | None, revenue: float | None, **cells: Any) -> Row:
    """Return an intervention that needed no approval and was executed."""
    done = {"intervention_id": name, "is_executed": True, "executed_at": at, "approval_status": "not_required"}
    return done | {"expected_cost": cost, "estimated_revenue_saved": revenue} | cells


def asked(name: str, **cells: Any) -> Row:
    """Return an intervention with an approval request; cost and revenue count only if it was executed."""
    return {
        "intervention_id": name,
        "requires_human_approval": True,
        "expected_cost": 1e6,
        "estimated_revenue_saved": 1e6,
    } | cells


def answered(name: str, at: datetime, who: str = "ann", decision: str = "approved") -> Row:
    """Return an answer."""
    return {"intervention_id": name, "decided_at": at, "decided_by": who, "decision": decision}


LEDGER = [
    executed("first instant", FIRST, 100.10, 2000.0),
    executed("last instant", LAST, 50.05, None),
    executed("cost unknown", LAST, None, 0.5),
    executed("before", BEFORE, 1e6, 1e6),
    executed("after", AFTER, 1e6, 1e6),
    # Approved and executed: it costs its use and the time of both who agreed.
    executed("approved", LAST, 10.0, 100.0, requires_human_approval=True),
    # What the source itself calls a failure has retained nothing.
    executed("failed", LAST, 10.0, 700.0, outcome="resolved", playbook_success=False),
    # A review is paid for whatever its answer; nothing unapproved costs more than that.
    asked("rejected"),
    asked("rejected before"),
    asked("waiting for the second"),
    asked("not answered"),
    # Held out: on record, and neither requested nor carried out.
    {"intervention_id": "held out", "is_held_out": True, "expected_cost": 1e6, "estimated_revenue_saved": 1e6},
]
ANSWERS = [
    answered("approved", LAST),
    answered("approved", FIRST, "bob"),
    # The same person in other letters, and a third word of hers: one review.
    answered("approved", FIRST, " Ann"),
    answered("approved", LAST, "a\u00adnn\u200b"),
    # A text that names no person is no review time.
    answered("approved", FIRST, "N/A"),
    answered("rejected", FIRST, decision="rejected"),
    answered("rejected before", BEFORE, decision="rejected"),
    answered("waiting for the second", LAST),
    answered("not answered", AFTER),
    # It has no request.
    answered("held out", LAST),
    answered("first instant", LAST),
]
# Calls of D itself are made when its tables are done: they are paid for from D + 1 on, and for thirty days.
CALLS: Rows = [
    {"as_of": day(offset), "request_hash": str(offset), "started_at": datetime(2025, 1, 1)}
    for offset in (-31, -30, -29, -1)
]
AMOUNTS = {
    # 100.10 + 50.05 + 10 + 10
    "playbook_cost": ("cost", 170.15),
    # Ann and Bob on "approved", Ann on "rejected" and on "waiting": 30 minutes each at 50 an hour.
    "human_review_time": ("cost", 4 * 0.5 * 50.0),
    # Five executed interventions make one call each: 0.005, half a cent, away from zero.
    "api_calls": ("cost", 0.01),
    "llm_usage": ("cost", 0.03),
    "infrastructure": ("cost", 500.0),
    "retained_revenue": ("value", 2000.0 + 0.5 + 100.0),
    "escalation_prevention": ("value", None),
    "support_workload_reduction": ("value", None),
    "faster_resolution": ("value", None),
}


def price(ledger: Rows, policy: Policy = POLICY, **records: Rows) -> dict[tuple[str, str], Row]:
    """Return the components by name and grade."""
    calls = [row for row in records.get("calls", []) if row["as_of"] < DAY]
    found = roi_breakdown(
        table_of(OutcomeAnalyses, ledger),
        table_of(ApprovalDecisions, records.get("answers", [])),
        table_of(TreatmentEffects, records.get("effects", [])),
        table_of(BaselineComparisons, records.get("comparisons", [])),
        table_of(Customers, records.get("customers", [])),
        days_of(LanguageModelCalls, calls),
        as_of(),
        policy,
    )
    rows = kept(RoiBreakdown, found, policy=policy)
    assert rows_of(amounts_that_are_not_their_product(table_of(RoiBreakdown, rows))) == []
    return by(KEY, rows)


def by_component(rows: dict[tuple[str, str], Row]) -> dict[str, Row]:
    """Return components by name alone, where each has one grade."""
    return by("component", list(rows.values()))


def test_every_component_counts_the_population_of_the_window() -> None:
    rows = by_component(price(LEDGER, answers=ANSWERS, calls=CALLS))
    assert {name: (row["kind"], row["amount"]) for name, row in rows.items()} == AMOUNTS
    assert {row["evidence_grade"] for row in rows.values()} == {"assumption"}
    assert all(row["assumption"] for row in rows.values())
    assert {row["amount_low"] for row in rows.values()} == {None}
    assert {name: rows[name]["formula"] for name in AMOUNTS} == {
        "playbook_cost": "170.15 by the estimates of 4 of 5 executed x 1",
        "human_review_time": "4 reviews x 30 minutes x 50 an hour",
        "api_calls": "5 executed interventions x 1 calls x 0.001",
        "llm_usage": "3 calls made x 0.01",
        "infrastructure": "30 / 30 days x 500 a month",
        "retained_revenue": "2100.5 recorded with 3 of 5 executed without a comparison x 1 credited",
        "escalation_prevention": "not measurable: no baseline to compare with",
        "support_workload_reduction": "not measurable: no baseline to compare with",
        "faster_resolution": "not measurable: no baseline to compare with",
    }


def test_an_empty_ledger_costs_its_infrastructure() -> None:
    rows = by_component(price([]))
    assert {name: row["amount"] for name, row in rows.items()} == {
        "playbook_cost": 0.0,
        "human_review_time": 0.0,
        "api_calls": 0.0,
        "llm_usage": 0.0,
        "infrastructure": 500.0,
        "retained_revenue": 0.0,
        "escalation_prevention": None,
        "support_workload_reduction": None,
        "faster_resolution": None,
    }


def test_another_window_and_other_prices() -> None:
    """Trap 15: what is charged follows the window and what was called."""
    rules = policy_with(
        journey__roi__window_days=15,
        journey__roi__review_minutes_per_approval=6,
        journey__roi__cost_per_human_review_hour=100.0,
        journey__roi__api_calls_per_intervention=3,
        journey__roi__cost_per_api_call=0.5,
        journey__roi__cost_per_llm_call=2.0,
        journey__roi__infrastructure_cost_per_month=90.0,
        journey__roi__playbook_cost_multiple=2.0,
        journey__roi__credited_revenue_share=0.5,
    )
    amounts = {
        name: row["amount"] for name, row in by_component(price(LEDGER, rules, answers=ANSWERS, calls=CALLS)).items()
    }
    # "first instant", "rejected", and the answers of the first day are before the fifteen days.
    assert amounts["playbook_cost"] == (50.05 + 10.0 + 10.0) * 2
    assert amounts["human_review_time"] == 2 * 0.1 * 100.0
    assert amounts["api_calls"] == 4 * 3 * 0.5
    assert amounts["llm_usage"] == 1 * 2.0
    assert amounts["infrastructure"] == 90.0 * 15 / 30
    assert amounts["retained_revenue"] == (0.5 + 100.0) * 0.5


def effect(playbook: str, control: str, difference: float, segment: str = "All", status: str = "measured") -> Row:
    """Return a measured effect, with an interval of 0.1 to either side."""
    grade = {"held_out": "randomised", "untreated": "matched"}[control]
    ends = {"difference": difference, "difference_low": difference - 0.1, "difference_high": difference + 0.1}
    key = {"playbook_id": playbook, "control": control, "segment": segment}
    return key | {"evidence_grade": grade, "status": status} | ends


def run_of(playbook: str | None, number: int, outcome: str, revenue: float | None) -> Row:
    """Return a measured run of a playbook in the window."""
    return executed(f"{playbook} {number}", LAST, 0.0, revenue, playbook_id=playbook, outcome=outcome)


def test_run_with_measured_effect_counts_only_that_effect() -> None:
    """Trap 21: revenue has the grade of the best evidence there is for its playbook, and counts once.

    P: four runs, a success worth 1,000 and one worth 3,000, a held-out effect of 0.25: 4 x 0.25 x 2,000 = 2,000, from
    0.15 to 0.35. The amounts of its other revenue rows are not added.
    """
    ledger = [
        run_of("P", 1, "resolved", 1000.0),
        run_of("P", 2, "resolved", 3000.0),
        run_of("P", 3, "no_response", 50.0),
        run_of("P", 4, "no_response", None),
        # Harmful, by the comparison with refused customers: -0.2 of two runs worth 500 each.
        run_of("M", 1, "resolved", 500.0),
        run_of("M", 2, "no_response", None),
        # Too few were held out: what is recorded is an assumption.
        run_of("F", 1, "partial_improvement", 70.0),
        run_of(None, 1, "resolved", 8.0),
    ]
    effects = [
        effect("P", "held_out", 0.25),
        effect("P", "untreated", 0.9),
        effect("P", "held_out", 0.8, segment="SMB"),
        effect("M", "held_out", 0.5, status="not_measurable"),
        effect("M", "untreated", -0.2),
        effect("F", "held_out", 0.7, status="not_measurable"),
        effect("unused", "held_out", 0.7),
    ]
    rows = price(ledger, effects=effects)
    revenue = {grade: row for (name, grade), row in rows.items() if name == "retained_revenue"}
    figures = {
        grade: tuple(row[cell] for cell in ("amount", "amount_low", "amount_high", "records"))
        for grade, row in revenue.items()
    }
    assert figures == {
        "randomised": (2000.0, pytest.approx(1200.0), pytest.approx(2800.0), 4),
        "matched": (-200.0, pytest.approx(-300.0), pytest.approx(-100.0), 2),
        "assumption": (78.0, None, None, 2),
    }
    assert revenue["randomised"]["formula"] == "2000.0 for 1.0 more recoveries in 4 runs than without x 1 credited"
    # Without a success of a known worth the worth of a recovery is unknown.
    unknown = price([run_of("P", 1, "no_response", 900.0)], effects=effects)["retained_revenue", "randomised"]
    assert (unknown["amount"], unknown["quantity"]) == (None, None)
    assert unknown["formula"].startswith("not measurable: no success with a known revenue")


def test_an_outcome_without_a_value_is_not_worth_nothing() -> None:
    """Trap 6: no outcome is no revenue of 0."""
    row = by_component(price([run_of(None, 1, "resolved", None)]))["retained_revenue"]
    assert (row["quantity"], row["amount"], row["records"]) == (None, None, 0)
    assert row["formula"] == "not measurable: no revenue recorded of what was executed"
    zero = by_component(price([run_of(None, 1, "no_response", 0.0)]))["retained_revenue"]
    assert (zero["amount"], zero["records"]) == (0.0, 1)


def compared(metric: str, baseline: str, value: float, against: float, exposure: float) -> Row:
    """Return a comparison; its interval reaches from 0.5 to 2 times its ratio."""
    ratio = value / against
    sides = {"value": value, "baseline_value": against, "customers": 40, "baseline_customers": 60}
    grade = "randomised" if baseline == "held_out" else "before_after"
    ends = {"ratio": ratio, "ratio_low": ratio / 2, "ratio_high": ratio * 2, "window_exposure": exposure}
    return {"metric": metric, "baseline": baseline, "evidence_grade": grade, "status": "measured"} | sides | ends


def test_days_saved_have_the_price_of_the_policy() -> None:
    """Escalation 0.5 of 0.8 days in 100 customer-months: 30 days; support up by 0.1: a loss; cases a day shorter."""
    comparisons = [
        compared("escalation_days", "held_out", 0.5, 0.8, 100.0),
        # A weaker baseline of the same metric adds nothing.
        compared("escalation_days", "supplied", 0.1, 0.8, 400.0),
        compared("support_days", "baseline_period", 1.1, 1.0, 400.0),
        compared("days_per_support_case", "supplied", 4.0, 5.0, 20.0),
        # Worth nothing by itself: departures count through the revenue of recoveries.
        compared("churn_rate", "held_out", 0.01, 0.02, 100.0),
    ]
    customers: Rows = [{"account_value": 3650.0}, {"account_value": 10950.0}]
    rows = price([], comparisons=comparisons, customers=customers)
    escalation = rows["escalation_prevention", "randomised"]
    figures = [escalation[cell] for cell in ("quantity", "amount", "amount_low", "amount_high", "records")]
    # From 80 x (1 - 1.25) to 80 x (1 - 0.3125) days.
    assert figures == pytest.approx([30.0, 3000.0, -2000.0, 5500.0, 100])
    assert escalation["formula"] == "30.0 days saved against the baseline held_out x 100 a day"
    workload = rows["support_workload_reduction", "before_after"]
    assert (workload["quantity"], workload["amount"]) == pytest.approx((-40.0, -1000.0))
    # 20 cases, one day each, of customers who pay 7,300 / 365 = 20 a day: 400, of which a tenth is missed.
    faster = rows["faster_resolution", "before_after"]
    assert (faster["quantity"], faster["amount"]) == pytest.approx((400.0, 40.0))
    assert {name for name, _ in rows} == set(AMOUNTS)
    rules = policy_with(
        journey__roi__cost_per_escalation_day=1.0,
        journey__roi__cost_per_support_day=2.0,
        journey__roi__value_share_in_trouble=0.5,
    )
    others = price([], rules, comparisons=comparisons, customers=customers)
    saved = [("escalation_prevention", "randomised"), ("support_workload_reduction", "before_after")]
    assert [others[key]["amount"] for key in [*saved, ("faster_resolution", "before_after")]] == [30.0, -80.0, 200.0]


def test_amounts_that_are_not_their_product_are_found() -> None:
    right = {"quantity": 3.0, "unit_price": 2.0, "amount": 6.0, "amount_low": 1.0, "amount_high": 7.0}
    faults: Rows = [{"amount": 6.01}, {"amount": None}, {"quantity": None}, {"amount_low": 6.5}, {"amount_high": 5.0}]
    assert rows_of(amounts_that_are_not_their_product(table_of(RoiBreakdown, [right]))) == []
    for fault in faults:
        assert len(rows_of(amounts_that_are_not_their_product(table_of(RoiBreakdown, [right | fault])))) == 1, fault
    assert date(2025, 1, 20) == DAY
