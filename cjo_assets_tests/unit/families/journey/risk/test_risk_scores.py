"""Tests of scores, tiers, urgency and main risk factors, figured by hand from the factors.

overall  = 0.35 signals + 0.25 time + 0.20 value / 200,000 + 0.20 negatives / 5, time = weight x days / (2 x typical)
friction = 0.6 time + 0.4 reasons / 2
churn    = 0.5 signals + 0.3 friction + 0.2 time
decision = 0.5 overall + 0.25 churn + 0.15 fused + 0.10 churn probability; every factor is at most 1.
"""

from typing import NamedTuple

import ibis.expr.types as ir
import pytest

from cjo_assets.families.journey.evaluation.aggregated_signals import AggregatedSignals
from cjo_assets.families.journey.evaluation.fused_signals import FusedSignals
from cjo_assets.families.journey.evaluation.journey_evaluations import JourneyEvaluations
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.risk.risk_scores import RiskScores, distant_crm_tiers, risk_scores
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, by, kept, policy_with, rows_of, table_of


class Case(NamedTuple):
    """What is known of a customer; support lasts 7 days typically, so that 14 days saturate its time factor."""

    signals: float = 0.0
    days: int | None = 0
    value: float = 0.0
    negatives: int = 0
    reasons: int = 0
    health: str | None = "healthy"
    stage: str | None = "support"
    tenure: int = 12
    transition: str = "valid"
    crm: str | None = None
    segment: str = "SMB"
    fused: float = 0.0
    forecast: float | None = 0.0


def score(cases: dict[str, Case], policy: Policy = POLICY) -> dict[str, Row]:
    """Return the scores of each case that has any."""
    return by("customer_id", kept(RiskScores, risk_scores(*inputs_of(cases), policy=policy), policy=policy))


def inputs_of(cases: dict[str, Case]) -> list[ir.Table]:
    """Return customers, states, evaluations, signals and forecasts with the cells of the cases."""
    people, states, evaluations, signals, fused, forecasts = [], [], [], [], [], []
    for name, case in cases.items():
        customer = {"customer_id": name}
        people.append(
            customer
            | {"account_value": case.value, "tenure_months": case.tenure, "risk_tier": case.crm}
            | {"segment": case.segment}
        )
        states.append(
            customer
            | {"journey_stage": case.stage, "days_in_state": case.days, "transition": case.transition}
            | {"segment": case.segment}
        )
        reasons = [f"reason {number}" for number in range(case.reasons)]
        evaluations.append(customer | {"stage_health": case.health, "friction_reasons": reasons})
        signals.append(customer | {"aggregated_risk_score": case.signals, "negative_signals": case.negatives})
        fused.append(customer | {"fused_risk_score": case.fused})
        forecasts.append(customer | {"churn_probability": case.forecast})
    return [
        table_of(Customers, people),
        table_of(JourneyStates, states),
        table_of(JourneyEvaluations, evaluations),
        table_of(AggregatedSignals, signals),
        table_of(FusedSignals, fused),
        table_of(JourneyForecasts, forecasts),
    ]


SCORED = {
    # 7 of 14 days, 50,000 of 200,000, 2 of 5 negatives, 2 of 2 reasons.
    "middling": Case(0.55, 7, 50000.0, 2, 2, fused=0.3, forecast=0.2),
    # Everything beyond its limit counts 1.
    "capped": Case(1.0, 1000, 1e9, 50, 3, fused=1.0, forecast=1.0),
    "nothing": Case(),
    # Staying long in retention is mostly good: 0.3 x 180 / 180.
    "retained": Case(days=180, stage="retention"),
    "retained, half": Case(days=90, stage="retention"),
    # Each of them alone: 0.15 x 1, and 0.10 x 1.
    "fused alone": Case(fused=1.0),
    "forecast alone": Case(forecast=1.0),
    # No stage, no time and no forecast: scored on signals and value.
    "nowhere": Case(0.5, None, 200000.0, 1, stage=None, health=None, transition="unknown", fused=0.4, forecast=None),
    "left": Case(1.0, 100, 1e6, 9, 3, None, "churned"),
}
# overall, friction, churn, decision
SCORES = {
    "middling": (
        0.35 * 0.55 + 0.25 * 0.5 + 0.20 * 0.25 + 0.20 * 0.4,  # 0.4475
        0.6 * 0.5 + 0.4 * 1,  # 0.7
        0.5 * 0.55 + 0.3 * 0.7 + 0.2 * 0.5,  # 0.585
        0.5 * 0.4475 + 0.25 * 0.585 + 0.15 * 0.3 + 0.10 * 0.2,  # 0.435
    ),
    "capped": (1.0, 1.0, 1.0, 1.0),
    "nothing": (0.0, 0.0, 0.0, 0.0),
    "retained": (0.25 * 0.3, 0.6 * 0.3, 0.3 * 0.18 + 0.2 * 0.3, 0.5 * 0.075 + 0.25 * 0.114),
    "retained, half": (0.25 * 0.15, 0.6 * 0.15, 0.3 * 0.09 + 0.2 * 0.15, 0.5 * 0.0375 + 0.25 * 0.057),
    "fused alone": (0.0, 0.0, 0.0, 0.15 * 1),
    "forecast alone": (0.0, 0.0, 0.0, 0.10 * 1),
    "nowhere": (
        0.35 * 0.5 + 0.20 * 1 + 0.20 * 0.2,  # 0.415
        0.0,
        0.5 * 0.5,  # 0.25
        0.5 * 0.415 + 0.25 * 0.25 + 0.15 * 0.4,  # 0.33, as if the forecast were 0
    ),
}

# Just at a limit, and one currency unit of account value (0.20 / 200,000 = 0.000001 of risk) below it.
TIERS = {
    # 0.35 + 0.25 + 0.20 x 100,000 / 200,000 = 0.70
    "at 0.70": (Case(1.0, 14, 100000.0), "high"),
    "below 0.70": (Case(1.0, 14, 99999.0), "medium"),
    # 0.20 x 1 + 0.20 x 5 / 5 = 0.40
    "at 0.40": (Case(value=200000.0, negatives=5), "medium"),
    "below 0.40": (Case(value=199999.0, negatives=5), "low"),
    "at 0": (Case(), "low"),
}
URGENCIES = {
    # 0.35 + 0.25 + 0.20 = 0.80
    "at 0.80": (Case(1.0, 14, 200000.0), "high"),
    "below 0.80": (Case(1.0, 14, 199999.0), "medium"),
    # 0.25 + 0.20 x 50,000 / 200,000 + 0.20 x 5 / 5 = 0.50
    "at 0.50": (Case(days=14, value=50000.0, negatives=5), "medium"),
    "below 0.50": (Case(days=14, value=49999.0, negatives=5), "low"),
    "critical at tier medium": (Case(value=200000.0, negatives=5, health="critical"), "high"),
    "critical at tier low": (Case(value=199999.0, negatives=5, health="critical"), "medium"),
    "only at risk": (Case(value=200000.0, negatives=5, health="at_risk"), "low"),
}
FACTORS = {
    "signals at 0.5": (Case(signals=0.5), ["high_signal_strength"]),
    "signals below 0.5": (Case(signals=0.499999), []),
    "two negatives": (Case(negatives=2), ["multiple_negative_signals"]),
    "one negative": (Case(negatives=1), []),
    "half the time": (Case(days=7), []),
    "over half the time": (Case(days=8), ["long_time_in_state"]),
    # Of retention's 0.3 no time makes more than half.
    "long in retention": (Case(days=9999, stage="retention"), []),
    "value at 30,000": (Case(value=30000.0), ["high_customer_value"]),
    "value below 30,000": (Case(value=29999.99), []),
    "three months": (Case(tenure=3), ["early_tenure"]),
    "four months": (Case(tenure=4), []),
    "jumped": (Case(transition="invalid"), ["invalid_transition"]),
    "re-entered": (Case(transition="re_entry"), []),
    "everything": (
        Case(0.9, 14, 90000.0, 3, 3, tenure=1, transition="invalid"),
        [
            "early_tenure",
            "high_customer_value",
            "high_signal_strength",
            "invalid_transition",
            "long_time_in_state",
            "multiple_negative_signals",
        ],
    ),
}


def test_scores_are_the_weighted_factors() -> None:
    rows = score(SCORED)
    assert rows.keys() == SCORES.keys(), "who has left is not scored"
    for name, scores in SCORES.items():
        row = rows[name]
        found = [row[score] for score in ("overall_risk_score", "friction_score", "churn_risk_score", "decision_risk")]
        assert found == pytest.approx(scores, abs=5e-7), name


def test_tier_urgency_and_factors_at_their_limits() -> None:
    rows = score({name: case for name, (case, _) in [*TIERS.items(), *URGENCIES.items(), *FACTORS.items()]})
    assert {name: rows[name]["risk_tier"] for name in TIERS} == {name: tier for name, (_, tier) in TIERS.items()}
    assert {name: rows[name]["urgency"] for name in URGENCIES} == {name: soon for name, (_, soon) in URGENCIES.items()}
    assert {name: rows[name]["risk_factors"] for name in FACTORS} == {
        name: found for name, (_, found) in FACTORS.items()
    }


def test_the_crm_tier_is_kept_and_compared() -> None:
    cases = {
        "two steps up": Case(1.0, 14, 200000.0, crm="low"),  # computed high
        "two steps down": Case(crm="high"),  # computed low
        "one step": Case(value=200000.0, negatives=5, crm="high"),  # computed medium
        "agrees": Case(crm="low"),
        "unknown": Case(),
    }
    inputs = inputs_of(cases)
    found = kept(RiskScores, risk_scores(*inputs, policy=POLICY))
    assert {row["customer_id"]: row["crm_risk_tier"] for row in found} == {
        name: case.crm for name, case in cases.items()
    }
    scores = table_of(RiskScores, found)
    assert by("customer_id", rows_of(distant_crm_tiers(scores, inputs[0], POLICY))) == {
        "two steps up": {"customer_id": "two steps up", "crm_risk_tier": "low", "risk_tier": "high"},
        "two steps down": {"customer_id": "two steps down", "crm_risk_tier": "high", "risk_tier": "low"},
    }


def test_segment_may_have_its_own_weights_and_tiers() -> None:
    weights = {"signal_strength": 1.0, "time_in_state": 1.0, "customer_value": 0.0, "signal_count": 2.0}
    rules = policy_with(
        journey__risk__risk_tier_thresholds={"high": 0.7, "medium": 0.4, "low": 0.1},
        segment_overrides={"Enterprise": {"risk": {"risk_scoring_weights": weights, "signal_count_saturation": 10}}},
    )
    rows = score(
        {
            "large": Case(0.6, 7, 200000.0, 5, segment="Enterprise"),
            "small": Case(0.6, 7, 200000.0, 5),
            "at 0.1": Case(value=100000.0),
            "below 0.1": Case(value=99999.0, health="critical"),
        },
        rules,
    )
    # Weights are relative to their sum of 4; 5 of 10 negatives.
    assert rows["large"]["overall_risk_score"] == pytest.approx((0.6 + 0.5 + 2 * 0.5) / 4)
    assert rows["small"]["overall_risk_score"] == pytest.approx(0.35 * 0.6 + 0.25 * 0.5 + 0.20 + 0.20)
    assert (rows["at 0.1"]["risk_tier"], rows["below 0.1"]["risk_tier"]) == ("low", None)
