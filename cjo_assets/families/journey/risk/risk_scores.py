"""Risk scores of every customer.

One row per customer and as-of date, for customers who have not left. Every score is a weighted sum of factors between 0
and 1; `risk_contributions` has the parts.
"""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.by_segment import Pick, by_name_and_segment, by_segment
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, capped, rounded
from cjo_assets.families.journey.evaluation.journey_evaluations import CRITICAL
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.families.journey.inputs.state_entries import INVALID
from cjo_assets.policy import JourneyPolicy, Policy, Weights

SCORES = ("overall_risk_score", "churn_risk_score", "friction_score", "decision_risk")
# A score may be a factor of a later one.
SCORING_ORDER = ("friction_score", "churn_risk_score", "overall_risk_score", "decision_risk")
# The policy's weights of each score, and the factors whose weight has another name.
WEIGHTS: dict[str, Callable[[JourneyPolicy], Weights]] = {
    "overall_risk_score": lambda rules: rules.risk.risk_scoring_weights,
    "friction_score": lambda rules: rules.risk.friction_weights,
    "churn_risk_score": lambda rules: rules.risk.churn_risk_weights,
    "decision_risk": lambda rules: rules.risk.decision_risk_weights,
}
FACTORS = {"friction": "friction_score"}


class RiskScores(DatedContract):
    """Risk of every customer who has not left. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    overall_risk_score: float = column("Weighted risk [0-1, up = worse].", decimals=6, ge=0, le=1)
    churn_risk_score: float = column(
        "Risk of leaving [0-1, up = worse]; a score, not a probability.", decimals=6, ge=0, le=1
    )
    friction_score: float = column("How stuck the customer is [0-1, up = worse].", decimals=6, ge=0, le=1)
    decision_risk: float = column("Risk used for eligibility [0-1, up = worse].", decimals=6, ge=0, le=1)
    risk_factors: TextList = column("Main risk factors, sorted.")
    risk_tier: str = column("Tier of the overall risk; null below the lowest threshold.", isin=TIERS, nullable=True)
    crm_risk_tier: str = column("Tier in the CRM; null where unknown.", isin=TIERS, nullable=True)
    urgency: str = column("How soon to act.", isin=TIERS)


def scored_factors(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    fused_signals: ir.Table,
    journey_forecasts: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Return, per customer who has not left, every factor [0-1] and every score, unrounded."""
    active = customers.join(journey_states.drop("segment"), "customer_id")
    active = active.filter(
        active.journey_stage.isnull() | active.journey_stage.notin(policy.vocabulary.terminal_stages)
    )
    reasons = journey_evaluations.friction_reasons.length()
    for known in (
        journey_evaluations.select("customer_id", "stage_health", reasons=reasons),
        aggregated_signals.select("customer_id", "negative_signals", "aggregated_risk_score"),
        fused_signals.select("customer_id", "fused_risk_score"),
        journey_forecasts.select("customer_id", forecast="churn_probability"),
    ):
        active = active.join(known, "customer_id")
    scored = active.mutate(**_factors(active, policy))
    for score in SCORING_ORDER:
        parts = [scored[factor] * weight for factor, weight in weights_of(score, scored.segment, policy).items()]
        scored = scored.mutate(**{score: capped(sum(parts[1:], parts[0]))})
    return scored


def weights_of(score: str, segment: ir.StringValue, policy: Policy) -> dict[str, ir.NumericValue]:
    """Return the factors of a score, as columns of `scored_factors`, and the relative weight of each."""
    weights = WEIGHTS[score]

    def relative(name: str) -> ir.NumericValue:
        return by_segment(policy, segment, lambda rules: weights(rules).relative(name))

    return {FACTORS.get(name, name): relative(name) for name, _ in weights(policy.journey)}


def risk_scores(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    fused_signals: ir.Table,
    journey_forecasts: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Score, tier and rank the urgency of every customer who has not left."""
    factors = scored_factors(
        customers, journey_states, journey_evaluations, aggregated_signals, fused_signals, journey_forecasts, policy
    )
    # Thresholds are compared before the scores are rounded to six decimals, without the noise of binary floats.
    exact = {name: rounded(factors[name], CONTRIBUTION_DECIMALS) for name in (*SCORES, "time_in_state")}
    scored = factors.mutate(**exact)
    tier = _risk_tier(scored, policy)
    return scored.mutate(
        risk_factors=names_where(_risk_factors(scored, policy)),
        risk_tier=tier,
        crm_risk_tier=scored.risk_tier,
        urgency=_urgency(scored, tier, policy),
    )


@check
def distant_crm_tiers(risk_scores: ir.Table, customers: ir.Table, policy: Policy) -> ir.Table:
    """Return customers whose CRM tier is far from the computed one."""
    scores = risk_scores.join(customers.select("customer_id", "segment"), "customer_id")
    places = [(name, place) for place, name in enumerate(TIERS)]
    distance = scores.risk_tier.cases(*places, else_=None) - scores.crm_risk_tier.cases(*places, else_=None)
    limit = by_segment(policy, scores.segment, lambda rules: rules.risk.crm_tier_steps)
    return scores.filter(distance.abs() >= limit).select("customer_id", "crm_risk_tier", "risk_tier")


def _factors(active: ir.Table, policy: Policy) -> dict[str, ir.NumericValue]:
    """Return every factor of a score that is not one of its inputs [0-1]."""

    def number(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, active.segment, pick)

    stage, segment = active.journey_stage, active.segment
    typical = by_name_and_segment(policy, stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None)
    stage_weight = by_name_and_segment(
        policy, stage, segment, lambda rules: rules.risk.time_in_state_stage_weights, 1.0
    )
    saturation = number(lambda rules: rules.risk.time_in_state_saturation) * typical
    time_in_state = stage_weight * capped(active.days_in_state / saturation)
    return {
        "signal_strength": active.aggregated_risk_score,
        # Without a stage there is neither a time in it nor a forecast: both factors are 0, their raw values null.
        "time_in_state": time_in_state.fill_null(0.0),
        "customer_value": capped(active.account_value / number(lambda rules: rules.risk.customer_value_saturation)),
        "signal_count": capped(active.negative_signals / number(lambda rules: rules.risk.signal_count_saturation)),
        "churn_probability": active.forecast.fill_null(0.0),
        "friction_reasons": capped(active.reasons / number(lambda rules: rules.risk.friction_reasons_saturation)),
    }


def _risk_tier(scored: ir.Table, policy: Policy) -> ir.StringValue:
    """Return the tier of the overall risk; null below the lowest threshold."""

    def threshold(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, scored.segment, pick)

    overall = scored.overall_risk_score
    return ibis.cases(
        (overall >= threshold(lambda rules: rules.risk.risk_tier_thresholds.high), "high"),
        (overall >= threshold(lambda rules: rules.risk.risk_tier_thresholds.medium), "medium"),
        (overall >= threshold(lambda rules: rules.risk.risk_tier_thresholds.low), "low"),
        else_=ibis.null("string"),
    )


def _urgency(scored: ir.Table, tier: ir.StringValue, policy: Policy) -> ir.StringValue:
    """Return how soon to act, from the overall risk, its tier and the stage health."""
    high = by_segment(policy, scored.segment, lambda rules: rules.risk.urgency_high_risk)
    medium = by_segment(policy, scored.segment, lambda rules: rules.risk.urgency_medium_risk)
    is_critical = (scored.stage_health == CRITICAL).fill_null(False)
    return ibis.cases(
        (scored.overall_risk_score >= high, "high"),
        (is_critical & tier.isin(["high", "medium"]), "high"),
        ((scored.overall_risk_score >= medium) | is_critical, "medium"),
        else_="low",
    )


def _risk_factors(scored: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return, per noteworthy property of a customer, whether it holds."""

    def threshold(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, scored.segment, pick)

    several = threshold(lambda rules: rules.evaluation.multiple_negative_signals)
    valuable = threshold(lambda rules: rules.recommendation.high_value_customer_threshold)
    return {
        "high_signal_strength": scored.signal_strength >= threshold(lambda rules: rules.risk.high_signal_strength),
        "multiple_negative_signals": scored.negative_signals >= several,
        "long_time_in_state": scored.time_in_state > threshold(lambda rules: rules.risk.long_time_in_state),
        "high_customer_value": scored.account_value >= valuable,
        "early_tenure": scored.tenure_months <= threshold(lambda rules: rules.evaluation.early_tenure_months),
        "invalid_transition": scored.transition == INVALID,
    }
