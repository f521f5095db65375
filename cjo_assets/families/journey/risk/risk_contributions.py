"""Every score taken apart.

One row per customer, as-of date, score and factor. The contributions of a score add up to it.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.families.journey.risk.risk_scores import SCORES, scored_factors, weights_of
from cjo_assets.policy import Policy

# Scores are published with six decimals, contributions with twelve: their sum may differ by half of the sixth.
SUM_TOLERANCE = 6e-7

# What a person would look up for a factor that is not its own raw value.
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
    score: str = key("Score taken apart, a column of risk_scores.", isin=list(SCORES))
    factor: str = key("Factor of that score.")
    raw_value: float = column("What the factor was made from, in its own unit; null where missing.", nullable=True)
    normalised_value: float = column("The factor [0-1, up = worse].", ge=0, le=1)
    weight: float = column("Share of the factor in the score [0-1].", ge=0, le=1)
    contribution: float = column("normalised_value times weight [0-1].", ge=0, le=1)


def risk_contributions(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    fused_signals: ir.Table,
    journey_forecasts: ir.Table,
    policy: Policy,
) -> ir.Table:
    """Split every score into what each factor adds."""
    rows = scored_factors(
        customers, journey_states, journey_evaluations, aggregated_signals, fused_signals, journey_forecasts, policy
    )
    parts = [
        ibis.struct(
            {
                "score": ibis.literal(score),
                "factor": ibis.literal(factor),
                "raw_value": rows[RAW_VALUES.get(factor, factor)].cast("float64"),
                "normalised_value": rounded(rows[factor], CONTRIBUTION_DECIMALS),
                "weight": rounded(weight, CONTRIBUTION_DECIMALS),
                "contribution": rounded(rows[factor] * weight, CONTRIBUTION_DECIMALS),
            }
        )
        for score in SCORES
        for factor, weight in weights_of(score, rows.segment, policy).items()
    ]
    return rows.select("customer_id", part=ibis.array(parts).unnest()).unpack("part")


@check(blocking=True)
def contributions_that_do_not_sum(risk_contributions: ir.Table, risk_scores: ir.Table) -> ir.Table:
    """Find scores that are not the sum of their contributions."""
    parts = risk_contributions
    sums = parts.group_by("customer_id").agg(
        **{f"sum_of_{score}": parts.contribution.sum(where=parts.score == score) for score in SCORES}
    )
    rows = risk_scores.left_join(sums, "customer_id")
    gaps = [(rows[score] - rows[f"sum_of_{score}"].fill_null(-1.0)).abs() for score in SCORES]
    widest = ibis.greatest(*gaps)
    return rows.filter(widest > SUM_TOLERANCE).select("customer_id", gap=widest)
