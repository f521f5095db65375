"""Tests of customer_360: each value equals that of its table, and every customer has one row."""

from datetime import date, datetime
from typing import Any

from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets.families.journey.portfolio.customer_360 import Customer360, customer_360
from cjo_assets.families.journey.portfolio.next_steps import NextSteps
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.rows import Rows, by, kept, table_of

CONTRACTS = {
    "customers": Customers,
    "journey_states": JourneyStates,
    "journey_evaluations": JourneyEvaluations,
    "risk_scores": RiskScores,
    "journey_forecasts": JourneyForecasts,
    "recommended_interventions": RecommendedInterventions,
    "approval_requests": ApprovalRequests,
    "outcome_analyses": OutcomeAnalyses,
    "next_steps": NextSteps,
}


def overview(**rows: Rows) -> dict[Any, dict[str, Any]]:
    """Return the rows by customer; a table that is not named is empty."""
    tables = {name: table_of(contract, rows.get(name, [])) for name, contract in CONTRACTS.items()}
    return by("customer_id", kept(Customer360, customer_360(**tables)))


def test_everything_known_of_a_customer_and_nothing_of_a_stranger() -> None:
    found = overview(
        customers=[{"customer_id": "C1", "account_value": 100.0, "tenure_months": 7}, {"customer_id": "C2"}],
        journey_states=[{"customer_id": "C1", "journey_stage": "support", "days_in_state": 9}],
        journey_evaluations=[{"customer_id": "C1", "stage_health": "critical"}],
        risk_scores=[{"customer_id": "C1", "overall_risk_score": 0.5, "risk_tier": "medium", "risk_factors": ["a"]}],
        journey_forecasts=[{"customer_id": "C1", "churn_probability": 0.25, "revenue_at_risk": 25.0}],
        recommended_interventions=[
            {"customer_id": "C1", "intervention_id": "I1", "recommended_action": "call", "confidence": 0.75}
        ],
        approval_requests=[
            {"intervention_id": "I1", "customer_id": "C1", "status": "approved", "decided_by": "maria"},
            {"intervention_id": "I0", "customer_id": "C1", "status": "expired"},
        ],
        next_steps=[
            {"rank": 3, "subject": "C1", "owner": "manager", "reference_table": "coverage_gaps"},
            {"rank": 2, "subject": "C1", "owner": "csm", "reference_table": "approval_requests"},
            {"rank": 1, "subject": "C1", "owner": "data_steward", "reference_table": "rejections_by_rule"},
        ],
    )
    row = found["C1"]
    assert (row["account_value"], row["tenure_months"]) == (100.0, 7)
    assert (row["journey_stage"], row["days_in_state"], row["stage_health"]) == ("support", 9, "critical")
    assert (row["overall_risk_score"], row["risk_tier"], row["risk_factors"]) == (0.5, "medium", ["a"])
    assert (row["churn_probability"], row["revenue_at_risk"]) == (0.25, 25.0)
    assert (row["intervention_id"], row["recommended_action"], row["confidence"]) == ("I1", "call", 0.75)
    assert (row["approval_status"], row["approved_by"]) == ("approved", "maria"), (
        "of this decision, not of an older one"
    )
    assert row["owner"] == "csm", "of the first step about a customer; a dataset may have the same name"
    known = {"customer_id", "segment", "account_value", "tenure_months"}
    assert {name for name, value in found["C2"].items() if value is not None} == known


def test_last_outcome_is_latest_then_highest_id() -> None:
    def outcome(number: int, measured_at: date | None, action: str) -> dict[str, Any]:
        measured = {"outcome_id": f"O{number}", "outcome": "resolved"} if measured_at else {}
        return {
            "intervention_id": f"I{number}",
            "customer_id": "C1",
            "recommended_action": action,
            "measured_at": measured_at,
        } | measured

    found = overview(
        customers=[{"customer_id": "C1"}],
        outcome_analyses=[
            outcome(9, date(2025, 1, 1), "earlier"),
            outcome(1, date(2025, 1, 5), "lower id"),
            outcome(2, date(2025, 1, 5), "last"),
            outcome(3, None, "not measured yet"),
        ],
    )["C1"]
    assert (found["last_outcome"], found["last_outcome_at"]) == ("resolved", date(2025, 1, 5))
    assert found["last_outcome_action"] == "last"


def test_last_contact_is_the_latest_execution_with_or_without_an_outcome() -> None:
    executed = {"O1": datetime(2025, 1, 5, 9), "O2": datetime(2025, 1, 7, 8, 30), "O3": None}
    found = overview(
        customers=[{"customer_id": "C1"}, {"customer_id": "C2"}],
        outcome_analyses=[
            {"intervention_id": name, "customer_id": "C1", "executed_at": moment} for name, moment in executed.items()
        ],
    )
    assert found["C1"]["last_contact_at"] == executed["O2"]
    assert found["C2"]["last_contact_at"] is None
