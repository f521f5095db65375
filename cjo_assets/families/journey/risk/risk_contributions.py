"""Contributions of factors to each risk score.

One row per customer, as-of date, score and factor. The contributions of a score add up to it.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.journey.risk.risk_scores import SCORES, scored_factors, weights_of
from cjo_assets.policy import Policy

# Scores are published with six decimals, contributions with twelve: their sum may differ by half of the sixth.
SUM_TOLERANCE = 6e-7

# Columns with the raw value of a factor, where that is not the factor itself.
RAW_VALUES = {
    "time_in_state": "days_in_state",
    "customer_value": "account_value",
    "signal_count": "negative_signals",
    "friction_reasons": "reasons",
    "churn_probability": "forecast",
}


class RiskContributions(DatedContract):
    """What each factor adds to each score. One row per customer, as-of date, score and factor."""

    customer_id: str = key("Customer.", personal="customer")
    score: str = key("Score of which this is a part, a column of risk_scores.", isin=list(SCORES))
    factor: str = key("Factor of that score.")
    raw_value: float = column("What the factor was made from, in its own unit; null where missing.", nullable=True)
    normalised_value: float = column("The factor [0-1, up = worse].", decimals=12, ge=0, le=1)
    weight: float = column("Share of the factor in the score [0-1].", decimals=12, ge=0, le=1)
    contribution: float = column("normalised_value times weight [0-1].", decimals=12, ge=0, le=1)


def risk_contributions(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    fused_signals: ir.Table,
    journey_forecasts: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Split every score into the contributions of its factors."""
    factors = scored_factors(
        customers, journey_states, journey_evaluations, aggregated_signals, fused_signals, journey_forecasts, policy
    )
    parts = [
        {
            "score": ibis.literal(score),
            "factor": ibis.literal(factor),
            "raw_value": factors[RAW_VALUES.get(factor, factor)].cast("float64"),
            "normalised_value": factors[factor],
            "weight": weight,
            "contribution": factors[factor] * weight,
        }
        for score in SCORES
        for factor, weight in weights_of(score, factors.segment, policy).items()
    ]
    return long_rows(factors, "customer_id", parts)


@check(blocking=True)
def contributions_that_do_not_sum(risk_contributions: ir.Table, risk_scores: ir.Table) -> ir.Table:
    """Return scores that are not the sum of their contributions."""
    parts = risk_contributions
    sums = parts.group_by("customer_id").agg(
        **{f"sum_of_{score}": parts.contribution.sum(where=parts.score == score) for score in SCORES}
    )
    compared = lookup(risk_scores, sums, "customer_id")
    gaps = [(compared[score] - compared[f"sum_of_{score}"].fill_null(-1.0)).abs() for score in SCORES]
    widest = ibis.greatest(*gaps)
    return compared.filter(widest > SUM_TOLERANCE).select("customer_id", gap=widest)
