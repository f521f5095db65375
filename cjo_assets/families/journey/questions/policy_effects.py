"""Costs, values and review effort under a candidate policy.

One row per as-of date and measure: before is the policy of the day, after is the candidate.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.families.journey.inputs.interventions import ESCALATE, MONITOR_ONLY
from cjo_assets.policy import Policy

KEY = ("as_of", "measure")


class PolicyEffects(Contract):
    """Decisions, costs, values and review effort under both policies. One row per as-of date and measure."""

    as_of: date = key("As-of date.")
    measure: str = key("Measure.")
    unit: str = column("Its unit.")
    before: float = column("Under the policy of the day.")
    after: float = column("Under the candidate.")
    change: float = column("After less before.")


def measures(
    decisions: ir.Table, scores: ir.Table, forecasts: ir.Table, gaps: ir.Table, days: ir.Table, policy: Policy
) -> ir.Table:
    """Return the measures of each day under one policy: as_of, measure, unit, value.

    Expected cost and value cover executed decisions: neither monitor_only nor the holdout. Review effort covers
    requests that are new on the day, with the minutes of the policy; two approvers take twice as long.

    Args:
        decisions: `recommended_interventions` of the days with column as_of, like the next three.
        scores: `risk_scores`.
        forecasts: `journey_forecasts`.
        gaps: `coverage_gaps`.
        days: the days, column as_of, so that days without decisions count as 0.
        policy: for the minutes of a review.
    """
    minutes = policy.journey.roi.review_minutes_per_approval
    is_done = ~decisions.is_held_out & (decisions.recommended_action != MONITOR_ONLY)
    asks = decisions.requires_human_approval
    is_asked_now = asks & (decisions.generated_at == decisions.as_of)
    people = decisions.needs_two_people.ifelse(2, 1)
    decided = {
        ("decisions", "decisions"): decisions.count(),
        ("watched only", "decisions"): decisions.count(where=decisions.recommended_action == MONITOR_ONLY),
        ("calls for a person", "decisions"): decisions.count(where=decisions.recommended_action == ESCALATE),
        ("held out", "decisions"): decisions.count(where=decisions.is_held_out),
        ("expected cost", "currency"): rounded(decisions.expected_cost.sum(where=is_done), MONEY_DECIMALS),
        ("expected value", "currency"): rounded(decisions.expected_value.sum(where=is_done), MONEY_DECIMALS),
        ("approval requests", "requests"): decisions.count(where=asks),
        **{
            (f"approval requests to {role}", "requests"): decisions.count(where=decisions.approval_role == role)
            for role in ROLES
        },
        ("review of what is asked anew", "minutes"): (people * minutes).sum(where=is_asked_now),
    }
    scored = {
        (f"customers at {tier} risk", "customers"): scores.count(where=scores.risk_tier == tier) for tier in TIERS
    }
    missed = {
        ("customers without an answer", "customers"): gaps.count(),
        ("account value without an answer", "currency"): rounded(gaps.account_value.sum(), MONEY_DECIMALS),
    }
    expected = {("revenue at risk", "currency"): rounded(forecasts.revenue_at_risk.sum(), MONEY_DECIMALS)}
    parts = [
        _per_day(rows, values, days)
        for rows, values in ((decisions, decided), (scores, scored), (gaps, missed), (forecasts, expected))
    ]
    return ibis.union(*parts)


def policy_effects(before: ir.Table, after: ir.Table) -> ir.Table:
    """Join the measures under the candidate to those under the policy of the day."""
    rows = before.rename(before="value").join(after.drop("unit").rename(after="value"), list(KEY))
    return rows.select("as_of", "measure", "unit", "before", "after", change=rounded(rows.after - rows.before))


def _per_day(rows: ir.Table, values: dict[tuple[str, str], ir.NumericValue], days: ir.Table) -> ir.Table:
    """Return one row per day and value, 0 for days without rows."""
    numbered = {f"value_{number}": value.cast("float64") for number, value in enumerate(values.values())}
    sums = lookup(days, rows.group_by("as_of").agg(**numbered), "as_of")
    parts = [
        {
            "measure": ibis.literal(measure),
            "unit": ibis.literal(unit),
            "value": sums[f"value_{number}"].fill_null(0.0),
        }
        for number, (measure, unit) in enumerate(values)
    ]
    return long_rows(sums, "as_of", parts)
