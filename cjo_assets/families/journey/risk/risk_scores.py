"""How much is at stake with every customer.

One row per customer and as-of date, for customers who have not left. Every score is a weighted sum of factors between 0
and 1, so that each can be taken apart again: `risk_contributions` does.
"""

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

# Each score, its factors, and for each factor the raw value it comes from and where the policy weighs it.
SCORES = ("overall_risk_score", "churn_risk_score", "friction_score", "decision_risk")


class RiskScores(DatedContract):
    """Risk of every customer who has not left. One row per customer and as-of date."""

    customer_id: str = key("Customer.", personal="customer")
    overall_risk_score: float = column("Weighted risk [0-1, up = worse].", ge=0, le=1)
    churn_risk_score: float = column("Risk of leaving [0-1, up = worse]; a score, not a probability.", ge=0, le=1)
    friction_score: float = column("How stuck the customer is [0-1, up = worse].", ge=0, le=1)
    decision_risk: float = column("What eligibility looks at [0-1, up = worse].", ge=0, le=1)
    risk_factors: TextList = column("What stands out, sorted.")
    risk_tier: str = column("Tier of the overall risk; null below the lowest threshold.", isin=TIERS, nullable=True)
    crm_risk_tier: str = column("Tier in the CRM; null where unknown.", isin=TIERS, nullable=True)
    urgency: str = column("How soon somebody should act.", isin=TIERS)


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
    rows = customers.join(journey_states.drop("segment"), "customer_id")
    rows = rows.filter(rows.journey_stage.isnull() | rows.journey_stage.notin(policy.vocabulary.terminal_stages))
    rows = rows.join(
        journey_evaluations.select(
            "customer_id", "stage_health", reasons=journey_evaluations.friction_reasons.length()
        ),
        "customer_id",
    )
    signals = aggregated_signals.select("customer_id", "negative_signals", "aggregated_risk_score")
    rows = rows.join(signals, "customer_id")
    rows = rows.join(fused_signals.select("customer_id", "fused_risk_score"), "customer_id")
    forecasts = journey_forecasts.select("customer_id", forecast="churn_probability")
    rows = rows.join(forecasts, "customer_id")
    segment = rows.segment

    def number(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, segment, pick)

    typical = by_name_and_segment(
        policy, rows.journey_stage, segment, lambda rules: rules.evaluation.typical_stage_durations, None
    )
    stage_weight = by_name_and_segment(
        policy, rows.journey_stage, segment, lambda rules: rules.risk.time_in_state_stage_weights, 1.0
    )
    time = stage_weight * capped(
        rows.days_in_state / (number(lambda rules: rules.risk.time_in_state_saturation) * typical)
    )
    rows = rows.mutate(
        signal_strength=rows.aggregated_risk_score,
        # Without a stage there is no time in it: the factor adds nothing, and its raw value stays null.
        time_in_state=time.fill_null(0.0),
        customer_value=capped(rows.account_value / number(lambda rules: rules.risk.customer_value_saturation)),
        signal_count=capped(rows.negative_signals / number(lambda rules: rules.risk.signal_count_saturation)),
        # Nor is there a forecast of where the customer goes from there.
        churn_probability=rows.forecast.fill_null(0.0),
        friction_reasons=capped(rows.reasons / number(lambda rules: rules.risk.friction_reasons_saturation)),
    )
    for score in ("friction_score", "churn_risk_score", "overall_risk_score", "decision_risk"):
        parts = [rows[factor] * weight for factor, weight in weights_of(score, rows.segment, policy).items()]
        rows = rows.mutate(**{score: capped(sum(parts[1:], parts[0]))})
    return rows


def weights_of(score: str, segment: ir.StringValue, policy: Policy) -> dict[str, ir.NumericValue]:
    """Return the factors of a score, as columns of `scored_factors`, and the relative weight of each."""

    def weight(group: str, name: str) -> ir.NumericValue:
        return by_segment(policy, segment, lambda rules: _group(rules, group).relative(name))

    groups = {
        "overall_risk_score": ("risk_scoring_weights", {}),
        "friction_score": ("friction_weights", {}),
        "churn_risk_score": ("churn_risk_weights", {"friction": "friction_score"}),
        "decision_risk": ("decision_risk_weights", {}),
    }
    group, renamed = groups[score]
    names = [name for name, _ in _group(policy.journey, group)]
    return {renamed.get(name, name): weight(group, name) for name in names}


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
    rows = scored_factors(
        customers, journey_states, journey_evaluations, aggregated_signals, fused_signals, journey_forecasts, policy
    )
    # Thresholds are compared before the scores are rounded to what is published; only float noise is taken off first.
    exact = {name: rounded(rows[name], CONTRIBUTION_DECIMALS) for name in (*SCORES, "time_in_state")}
    rows = rows.mutate(**exact)

    def number(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, rows.segment, pick)

    overall = rows.overall_risk_score
    tier = ibis.cases(
        (overall >= number(lambda rules: rules.risk.risk_tier_thresholds.high), "high"),
        (overall >= number(lambda rules: rules.risk.risk_tier_thresholds.medium), "medium"),
        (overall >= number(lambda rules: rules.risk.risk_tier_thresholds.low), "low"),
        else_=ibis.null("string"),
    )
    is_critical = (rows.stage_health == CRITICAL).fill_null(False)
    urgency = ibis.cases(
        (overall >= number(lambda rules: rules.risk.urgency_high_risk), "high"),
        (is_critical & tier.isin(["high", "medium"]), "high"),
        ((overall >= number(lambda rules: rules.risk.urgency_medium_risk)) | is_critical, "medium"),
        else_="low",
    )
    factors = {
        "high_signal_strength": rows.signal_strength >= number(lambda rules: rules.risk.high_signal_strength),
        "multiple_negative_signals": rows.negative_signals
        >= number(lambda rules: rules.evaluation.multiple_negative_signals),
        "long_time_in_state": rows.time_in_state > number(lambda rules: rules.risk.long_time_in_state),
        "high_customer_value": rows.account_value
        >= number(lambda rules: rules.recommendation.high_value_customer_threshold),
        "early_tenure": rows.tenure_months <= number(lambda rules: rules.evaluation.early_tenure_months),
        "invalid_transition": rows.transition == INVALID,
    }
    return rows.select(
        "customer_id",
        **{score: rounded(rows[score]) for score in SCORES},
        risk_factors=names_where(factors),
        risk_tier=tier,
        crm_risk_tier=rows.risk_tier,
        urgency=urgency,
    )


@check
def distant_crm_tiers(risk_scores: ir.Table, customers: ir.Table, policy: Policy) -> ir.Table:
    """Find customers whose CRM tier is far from the computed one."""
    rows = risk_scores.join(customers.select("customer_id", "segment"), "customer_id")
    steps = [(name, place) for place, name in enumerate(TIERS)]
    distance = rows.risk_tier.cases(*steps, else_=None) - rows.crm_risk_tier.cases(*steps, else_=None)
    limit = by_segment(policy, rows.segment, lambda rules: rules.risk.crm_tier_steps)
    return rows.filter(distance.abs() >= limit).select("customer_id", "crm_risk_tier", "risk_tier")


def _group(rules: JourneyPolicy, name: str) -> Weights:
    group: Weights = getattr(rules.risk, name)
    return group
