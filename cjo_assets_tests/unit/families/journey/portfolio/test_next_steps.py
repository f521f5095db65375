"""Tests of next steps: all of them, each with owner, reason and money, in one order."""

import random
from datetime import datetime

import ibis.expr.types as ir

from cjo_assets.families.journey.decision.coverage_gaps import CoverageGaps
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.learning.playbook_performance import PlaybookPerformance
from cjo_assets.families.journey.learning.threshold_advice import ThresholdAdvice
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.portfolio.next_steps import KINDS, NextSteps, next_steps
from cjo_assets.families.journey.portfolio.portfolio_by_stage import PortfolioByStage
from cjo_assets.families.journey.portfolio.rejections_by_rule import RejectionsByRule
from cjo_assets.families.journey.value.kpis import Kpis
from cjo_assets_tests.support.rows import Row, Rows, as_of, kept, policy_with, table_of

POLICY = policy_with(journey__contact__open_intervention_days=30)
CONTRACTS = {
    "outcome_analyses": OutcomeAnalyses,
    "recommended_interventions": RecommendedInterventions,
    "coverage_gaps": CoverageGaps,
    "journey_forecasts": JourneyForecasts,
    "portfolio_by_stage": PortfolioByStage,
    "kpis": Kpis,
    "rejections_by_rule": RejectionsByRule,
    "playbook_performance": PlaybookPerformance,
    "threshold_advice": ThresholdAdvice,
}
MONEY = {"C1": 10.0, "C2": 500.0, "C3": None, "C4": 70.0, "C5": 9000.0}
DONE = {"is_executed": True, "recommended_action": "call"}
SOURCES: dict[str, Rows] = {
    "journey_forecasts": [{"customer_id": name, "revenue_at_risk": money} for name, money in MONEY.items()],
    "outcome_analyses": [
        {"intervention_id": "I1", "customer_id": "C1", "recommended_action": "call", "approval_status": "pending"},
        {"intervention_id": "I2", "customer_id": "C2", "recommended_action": "offer", "approval_status": "pending"},
        # Executed 30 days ago, and the day before that.
        {"intervention_id": "I3", "customer_id": "C3", "executed_at": datetime(2024, 12, 21, 9), **DONE},
        {"intervention_id": "I4", "customer_id": "C4", "executed_at": datetime(2024, 12, 20, 9), **DONE},
        # Nothing left to do.
        {"intervention_id": "I5", "customer_id": "C1", "executed_at": datetime(2025, 1, 1), "outcome": "resolved"}
        | DONE,
        {"intervention_id": "I6", "customer_id": "C1", "approval_status": "rejected"},
        {"intervention_id": "I7", "customer_id": "C1", "recommended_action": "monitor_only"},
    ],
    "recommended_interventions": [
        {"intervention_id": "I2", "customer_id": "C2", "approval_role": "executive"}
        | {"approval_reasons": ["high_urgency", "high_value_customer"]},
    ],
    "coverage_gaps": [
        {"customer_id": "C1", "reason": "no_trigger_signal", "nearest_playbook_id": "P1"},
        {"customer_id": "C5", "reason": "no_playbook_for_stage", "escalated_intervention_id": "I9"},
    ],
    "portfolio_by_stage": [
        {"journey_stage": "support", "is_systemic_failure": True, "customers_in_friction": 7, "active_customers": 10}
        | {"friction_rate": 0.7, "systemic_friction_rate": 0.6, "revenue_at_risk": 800.0},
        {"journey_stage": "retention"},
    ],
    "kpis": [
        {"kpi": "late", "status": "critical", "value": 8.5, "unit": "days", "target": 5.0, "basis": "measured"},
        {"kpi": "slow", "status": "at_risk", "value": 0.1, "unit": "share", "target": 0.2, "basis": "proxy"},
        {"kpi": "unknown", "status": "not_measurable", "note": "Missing: labels."},
        {"kpi": "open", "status": "not_distinguishable", "value": 0.5, "unit": "points", "target": 1.0, "n": 6}
        | {"basis": "measured", "interval_low": -0.1, "interval_high": 1.1},
        {"kpi": "single", "status": "not_distinguishable", "value": 4.0, "unit": "points", "target": 1.0, "n": 1}
        | {"basis": "measured"},
        {"kpi": "fine", "status": "on_track", "value": 1.0},
        {"kpi": "better", "status": "exceeded", "value": 1.0},
    ],
    "rejections_by_rule": [
        {"dataset": "signals", "rule": "customer_id: unknown customer", "rejected_rows": 2}
        | {"customers": 1, "example_customer_id": "C999"},
        {"dataset": "playbooks", "rule": "name: missing", "rejected_rows": 1},
    ],
    "playbook_performance": [
        {"playbook_id": "P1", "segment": "All", "advice": "retire", "advice_rule": "net_value_surely_negative"},
        {"playbook_id": "P1", "segment": "SMB", "advice": "review", "advice_rule": "people_overrule_it_often"},
        {"playbook_id": "P2", "segment": "All", "advice": "keep"},
    ],
    "threshold_advice": [
        {"confidence_threshold": 0.3, "net_value_change": 900.0, "net_value_change_low": -50.0},
        {"confidence_threshold": 0.4, "is_advised": True, "net_value_change": 850.0, "net_value_change_low": 10.0},
        {"confidence_threshold": 0.6, "net_value_change_low": 20.5}
        | {"is_advised": True, "net_value_change": 120.5, "decided_otherwise": 40},
        {"confidence_threshold": 0.7, "is_advised": True, "net_value_change": 120.5, "net_value_change_low": 20.5},
    ],
}
# kind, subject, owner, money, table, reference
EXPECTED = [
    ("decide", "C2", "executive", 500.0, "approval_requests", "I2"),
    # The history has no approval role.
    ("decide", "C1", "csm", 10.0, "approval_requests", "I1"),
    ("carry_out", "C3", "csm", None, "outcome_analyses", "I3"),
    ("record_outcome", "C4", "csm", 70.0, "outcome_analyses", "I4"),
    ("close_gap", "C5", "playbook_owner", 9000.0, "coverage_gaps", "C5"),
    ("close_gap", "C1", "csm", 10.0, "coverage_gaps", "C1"),
    ("mend_stage", "support", "journey_owner", 800.0, "portfolio_by_stage", "support"),
    ("mend_kpi", "late", "journey_owner", None, "kpis", "late"),
    ("mend_kpi", "slow", "journey_owner", None, "kpis", "slow"),
    ("mend_data", "playbooks", "data_steward", None, "rejections_by_rule", "playbooks | name: missing"),
    (
        *("mend_data", "signals", "data_steward", None, "rejections_by_rule"),
        "signals | customer_id: unknown customer",
    ),
    ("review_playbook", "P1", "playbook_owner", None, "playbook_performance", "P1 | All"),
    ("review_playbook", "P1", "playbook_owner", None, "playbook_performance", "P1 | SMB"),
    # That with the highest lower end of those advised, of two the lower.
    ("review_threshold", "intervention_confidence_threshold", "policy_owner", None, "threshold_advice", "0.6"),
    ("make_measurable", "open", "data_steward", None, "kpis", "open"),
    ("make_measurable", "single", "data_steward", None, "kpis", "single"),
    ("make_measurable", "unknown", "data_steward", None, "kpis", "unknown"),
]
WHY = [
    "offer waits for approval: high_urgency, high_value_customer",
    "call waits for approval",
    "call stands since 2024-12-21: carry it out and record what comes of it",
    "call stands since 2024-12-20: nobody recorded what came of it",
    "no playbook answers: no_playbook_for_stage; a person was called",
    "no playbook answers: no_trigger_signal, nearest P1",
    "7 of 10 customers are in friction: a share of 0.7, and the stage's limit is 0.6",
    "critical: 8.5 days, target 5.0 (measured)",
    "at_risk: 0.1 share, target 0.2 (proxy)",
    "name: missing: turned away 1 rows",
    "customer_id: unknown customer: turned away 2 rows, for example of customer C999",
    "retire for All: net_value_surely_negative",
    "review for SMB: people_overrule_it_often",
    "in hindsight worth 120.5 more than the threshold in force, at least 20.5, over 40 runs decided otherwise",
    "not_distinguishable: 0.5 points, target 1.0 (measured), interval -0.1 to 1.1, n 6: more records decide",
    "not_distinguishable: 4.0 points, target 1.0 (measured), no interval, n 1: more records decide",
    "Missing: labels.",
]


def steps(sources: dict[str, Rows]) -> Rows:
    """Return the steps in their order; a table that is not named is empty."""
    tables: dict[str, ir.Table] = {
        name: table_of(contract, sources.get(name, [])) for name, contract in CONTRACTS.items()
    }
    return sorted(kept(NextSteps, next_steps(**tables, as_of=as_of(), policy=POLICY)), key=lambda row: row["rank"])


def test_next_steps_hold_every_open_item_of_every_table() -> None:
    rows = steps(SOURCES)
    columns = ("kind", "subject", "owner", "revenue_at_risk", "reference_table", "reference")
    assert [tuple(row[name] for name in columns) for row in rows] == EXPECTED
    assert [row["why"] for row in rows] == WHY
    assert [row["rank"] for row in rows] == [*range(1, len(EXPECTED) + 1)]
    assert {row["kind"] for row in rows} == set(KINDS)


def test_trap_19_most_revenue_at_risk_comes_first() -> None:
    """Trap 19: the customer with most at risk and no decision heads the list of gaps; ties by name, unknown last."""
    customers = [f"C{number:03d}" for number in range(200)]
    chance = random.Random(7)
    money = {name: chance.choice([None, 0.0, 5.0, float(number)]) for number, name in enumerate(customers)}
    rows: list[Row] = [{"customer_id": name, "reason": "no_stage"} for name in customers]
    forecasts: list[Row] = [{"customer_id": name, "revenue_at_risk": money[name]} for name in customers]
    expected = sorted(customers, key=lambda name: (money[name] is None, -(money[name] or 0.0), name))
    found = steps({"coverage_gaps": chance.sample(rows, 200), "journey_forecasts": chance.sample(forecasts, 200)})
    assert [row["subject"] for row in found] == expected


def test_where_nothing_is_to_be_done_nothing_is_listed() -> None:
    assert steps({}) == []
