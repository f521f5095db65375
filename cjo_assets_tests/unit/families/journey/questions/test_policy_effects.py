"""Tests of the measures of a policy, computed by hand."""

from typing import Any

from cjo_assets.families.journey.decision.coverage_gaps import CoverageGaps
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.questions.policy_effects import PolicyEffects, measures, policy_effects
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.rows import DAY, POLICY, Row, by, day, days_of, kept

ASKED = {"requires_human_approval": True, "approval_role": "manager"}
DECISIONS: list[Row] = [
    {"expected_cost": 100.0, "expected_value": 1000.0, "generated_at": DAY} | ASKED,
    {"expected_cost": 50.0, "expected_value": 500.0, "generated_at": DAY, "needs_two_people": True} | ASKED,
    # Requested on an earlier day and still pending, so there is no new review.
    {"expected_cost": 10.0, "expected_value": 20.0, "generated_at": day(-1)} | ASKED,
    # In the holdout or monitor only: no cost.
    {"expected_cost": 7.0, "expected_value": 70.0, "is_held_out": True, "generated_at": DAY},
    {"recommended_action": "monitor_only", "expected_value": None, "generated_at": DAY},
    {"recommended_action": "escalate_to_person", "generated_at": DAY},
]


def effects(before: list[Row], after: list[Row]) -> dict[Any, Row]:
    """Return the effects of two sets of decisions by measure."""
    scores = days_of(RiskScores, [{"as_of": DAY, "risk_tier": tier} for tier in ("high", "low", "low")])
    forecasts = days_of(JourneyForecasts, [{"as_of": DAY, "revenue_at_risk": 12.5}, {"as_of": DAY}])
    gaps = days_of(CoverageGaps, [{"as_of": DAY, "account_value": 300.0}])
    days = scores.select("as_of").distinct()
    sides = []
    for rows in (before, after):
        decisions = days_of(RecommendedInterventions, [{"as_of": DAY} | row for row in rows] or [{"as_of": day(-9)}])
        decisions = decisions.filter(decisions.as_of == DAY)
        sides.append(measures(decisions, scores, forecasts, gaps, days, POLICY))
    return by("measure", kept(PolicyEffects, policy_effects(*sides)))


def test_a_day_with_and_a_day_without_decisions() -> None:
    found = effects(DECISIONS, [])
    before = {measure: row["before"] for measure, row in found.items() if row["before"]}
    assert before == {
        "decisions": 6,
        "watched only": 1,
        "calls for a person": 1,
        "held out": 1,
        "expected cost": 160,
        "expected value": 1520,
        "approval requests": 3,
        "approval requests to manager": 3,
        # One person and then two, half an hour each.
        "review of what is asked anew": 90,
        "customers at high risk": 1,
        "customers at low risk": 2,
        "customers without an answer": 1,
        "account value without an answer": 300,
        "revenue at risk": 12.5,
    }
    assert found["decisions"]["after"] == 0, "none is a number, not a missing row"
    assert found["expected cost"]["change"] == -160
    assert found["revenue at risk"]["change"] == 0
