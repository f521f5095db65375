"""Tests of the contributions to each score: raw value, factor, weight, contribution, and their sum."""

import pytest

from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals
from cjo_assets.families.journey.evaluation.fused_signals import FusedSignals
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.risk.risk_contributions import (
    RiskContributions,
    contributions_that_do_not_sum,
    risk_contributions,
)
from cjo_assets.families.journey.risk.risk_scores import RiskScores, risk_scores
from cjo_assets_tests.support.rows import POLICY, Rows, by, kept, rows_of, table_of

CUSTOMERS: Rows = [
    {"customer_id": "stuck", "account_value": 50000.0},
    {"customer_id": "nowhere", "account_value": 400000.0},
    {"customer_id": "left", "account_value": 400000.0},
]
STATES: Rows = [
    {"customer_id": "stuck", "journey_stage": "support", "days_in_state": 9, "transition": "valid"},
    {"customer_id": "nowhere", "transition": "unknown"},
    {"customer_id": "left", "journey_stage": "churned", "days_in_state": 9, "transition": "valid"},
]
EVALUATIONS: Rows = [
    {"customer_id": "stuck", "stage_health": "critical", "friction_reasons": ["only one"]},
    {"customer_id": "nowhere"},
    {"customer_id": "left"},
]
SIGNALS: Rows = [
    {"customer_id": "stuck", "aggregated_risk_score": 0.123457, "negative_signals": 1},
    {"customer_id": "nowhere", "aggregated_risk_score": 0.5, "negative_signals": 7},
    {"customer_id": "left", "aggregated_risk_score": 0.5, "negative_signals": 7},
]
FUSED: Rows = [{"customer_id": name, "fused_risk_score": 0.3} for name in ("stuck", "nowhere", "left")]
# A customer without a stage has no known next stage.
FORECASTS: Rows = [
    {"customer_id": "stuck", "churn_probability": 0.4},
    {"customer_id": "nowhere"},
    {"customer_id": "left", "churn_probability": 0.4},
]

# Support lasts 7 days typically: 9 of 14. One reason of 2, one negative of 5, 50,000 of 200,000.
TIME = 9 / 14
OVERALL = 0.35 * 0.123457 + 0.25 * TIME + 0.20 * 0.25 + 0.20 * 0.2
FRICTION = 0.6 * TIME + 0.4 * 0.5
CHURN = 0.5 * 0.123457 + 0.3 * FRICTION + 0.2 * TIME
# score and factor: raw value, factor, weight
STUCK = {
    ("overall_risk_score", "signal_strength"): (0.123457, 0.123457, 0.35),
    ("overall_risk_score", "time_in_state"): (9, TIME, 0.25),
    ("overall_risk_score", "customer_value"): (50000, 0.25, 0.20),
    ("overall_risk_score", "signal_count"): (1, 0.2, 0.20),
    ("friction_score", "time_in_state"): (9, TIME, 0.6),
    ("friction_score", "friction_reasons"): (1, 0.5, 0.4),
    ("churn_risk_score", "signal_strength"): (0.123457, 0.123457, 0.5),
    ("churn_risk_score", "friction_score"): (FRICTION, FRICTION, 0.3),
    ("churn_risk_score", "time_in_state"): (9, TIME, 0.2),
    ("decision_risk", "overall_risk_score"): (OVERALL, OVERALL, 0.5),
    ("decision_risk", "churn_risk_score"): (CHURN, CHURN, 0.25),
    ("decision_risk", "fused_risk_score"): (0.3, 0.3, 0.15),
    ("decision_risk", "churn_probability"): (0.4, 0.4, 0.10),
}
# Without a stage the raw values of time and forecast are unknown and the factors add nothing; what is beyond its limit
# counts 1.
NOWHERE = {
    ("overall_risk_score", "signal_strength"): (0.5, 0.5, 0.35),
    ("overall_risk_score", "time_in_state"): (None, 0.0, 0.25),
    ("overall_risk_score", "customer_value"): (400000, 1.0, 0.20),
    ("overall_risk_score", "signal_count"): (7, 1.0, 0.20),
    ("decision_risk", "fused_risk_score"): (0.3, 0.3, 0.15),
    ("decision_risk", "churn_probability"): (None, 0.0, 0.10),
}


def test_every_score_is_the_sum_of_its_contributions() -> None:
    inputs = [
        table_of(Customers, CUSTOMERS),
        table_of(JourneyStates, STATES),
        table_of(JourneyEvaluations, EVALUATIONS),
        table_of(AggregatedSignals, SIGNALS),
        table_of(FusedSignals, FUSED),
        table_of(JourneyForecasts, FORECASTS),
    ]
    found = kept(RiskContributions, risk_contributions(*inputs, policy=POLICY))
    rows = by(("customer_id", "score", "factor"), found)
    assert {name for name, _, _ in rows} == {"stuck", "nowhere"}, "who has left has no score"
    assert {key[1:] for key in rows if key[0] == "stuck"} == {*STUCK}
    assert {key[1:] for key in rows if key[0] == "nowhere"} == {*STUCK}
    for name, cases in (("stuck", STUCK), ("nowhere", NOWHERE)):
        for key, (raw, factor, weight) in cases.items():
            row = rows[(name, *key)]
            assert row["raw_value"] == (None if raw is None else pytest.approx(raw, abs=1e-11)), key
            assert (row["normalised_value"], row["weight"]) == pytest.approx((factor, weight), abs=1e-11), key
            assert row["contribution"] == pytest.approx(factor * weight, abs=1e-11), key

    scores = kept(RiskScores, risk_scores(*inputs, policy=POLICY))
    for row in scores:
        for score in ("overall_risk_score", "friction_score", "churn_risk_score", "decision_risk"):
            parts = [
                part["contribution"]
                for part in found
                if (part["customer_id"], part["score"]) == (row["customer_id"], score)
            ]
            assert sum(parts) == pytest.approx(row[score], abs=6e-7)

    contributions, published = table_of(RiskContributions, found), table_of(RiskScores, scores)
    assert rows_of(contributions_that_do_not_sum(contributions, published)) == []
    # A part lost, and a customer of whom no part is left, are found.
    less = contributions.filter(
        ~((contributions.customer_id == "stuck") & (contributions.factor == "friction_reasons"))
        & (contributions.customer_id != "nowhere")
    )
    gaps = by("customer_id", rows_of(contributions_that_do_not_sum(less, published)))
    assert gaps.keys() == {"stuck", "nowhere"}
    assert gaps["stuck"]["gap"] == pytest.approx(0.4 * 0.5, abs=1e-6)
