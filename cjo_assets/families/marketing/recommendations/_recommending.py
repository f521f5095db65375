"""Columns that all recommendations share, and texts and evidence of which they consist.

The functions `for_*` of `_recommended_for_*` build recommendations, and `recommendations` ranks them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS
from cjo_assets.core.expressions.sentences import sentence as clause
from cjo_assets.policy import Policy

CAMPAIGN, EXPERIMENT, BUDGET, CREATIVE, AUDIENCE = "campaign", "experiment", "budget", "creative", "audience"
RISK, MEASUREMENT = "risk", "measurement"
CATEGORIES = [CAMPAIGN, EXPERIMENT, BUDGET, CREATIVE, AUDIENCE, RISK, MEASUREMENT]
PAUSE, SCALE, INCREASE, DECREASE = "pause", "scale", "increase_budget", "decrease_budget"
REALLOCATE, OPTIMIZE, STOP, FREEZE = "reallocate", "optimize", "stop", "freeze_budget"
REJECT, ROLL_BACK, REVIEW, SETTLE, MEND = "reject", "roll_back", "review", "settle_status", "mend_tracking"
ACTIONS = [PAUSE, SCALE, INCREASE, DECREASE, REALLOCATE, OPTIMIZE, STOP]
ACTIONS += [FREEZE, REJECT, ROLL_BACK, REVIEW, SETTLE, MEND]
Text: TypeAlias = str | ir.StringValue


@dataclass(frozen=True)
class Impact:
    """Money impact of an action from now on, against no action; money spent already is in neither.

    Attributes:
        revenue: change of value [currency].
        revenue_low: lower end of its interval.
        revenue_high: upper end of its interval.
        savings: future spend that is avoided.
        cost: future spend that is added, and the work of the action.
        grade: evidence grade of the revenue.
    """

    revenue: ir.NumericValue
    revenue_low: ir.NumericValue
    revenue_high: ir.NumericValue
    savings: ir.NumericValue
    cost: ir.NumericValue
    grade: Text = ASSUMPTION


def recommended(
    rows: ir.Table,
    rule: Text,
    *,
    category: str,
    action: Text,
    campaign_id: ir.StringValue,
    target_id: ir.StringValue,
    target_name: ir.StringValue,
    description: Text,
    rationale: Text,
    current: Text,
    proposed: Text,
    steps: Sequence[Text],
    evidence: ir.ArrayValue,
    detail: Text = "",
    impact: Impact | None = None,
    amount: ir.NumericValue | None = None,
    from_campaign_id: ir.StringValue | None = None,
    to_campaign_id: ir.StringValue | None = None,
) -> ir.Table:
    """Return a recommendation for each row, with the columns of `Recommendations` except impact, order and id.

    `rule` is a name of the policy's priorities, `current` and `proposed` are the current and the recommended value, and
    `detail` distinguishes recommendations of one rule on one target. Without an impact the money columns are null.
    """
    nowhere = ibis.null("string")
    return rows.select(
        rule=_literal(rule),
        category=ibis.literal(category),
        action=_literal(action),
        campaign_id=campaign_id,
        target_id=target_id,
        target_name=target_name,
        detail=_literal(detail),
        description=_literal(description),
        rationale=_literal(rationale),
        current_value=_literal(current),
        recommended_value=_literal(proposed),
        steps=ibis.array([_literal(step) for step in steps]),
        evidence=evidence,
        **_money_columns(impact),
        amount=ibis.null("float64") if amount is None else amount.cast("float64"),
        from_campaign_id=nowhere if from_campaign_id is None else from_campaign_id,
        to_campaign_id=nowhere if to_campaign_id is None else to_campaign_id,
    )


def _money_columns(impact: Impact | None) -> dict[str, ir.Value]:
    nothing = ibis.null("float64")
    known = impact or Impact(nothing, nothing, nothing, nothing, nothing)
    return {
        "revenue_impact": known.revenue.cast("float64"),
        "revenue_low": known.revenue_low.cast("float64"),
        "revenue_high": known.revenue_high.cast("float64"),
        "cost_savings": known.savings.cast("float64"),
        "cost": known.cost.cast("float64"),
        "grade": _literal(known.grade),
    }


def is_at_risk(
    campaign_id: ir.StringValue, channel_id: ir.StringValue, risk_register: ir.Table, policy: Policy
) -> ir.BooleanValue:
    """Return whether an open risk about a channel, or about the whole campaign, keeps money out of the channel."""
    risks = risk_register.filter(
        risk_register.is_open, risk_register.severity.isin(policy.marketing.budgets.refusing_severities)
    )
    whole = risks.filter(risks.channel_ids.length() == 0)
    places = risks.select("campaign_id", channel_id=risks.channel_ids.unnest())
    is_named = is_key_in([campaign_id, channel_id], places, ["campaign_id", "channel_id"])
    return campaign_id.isin(whole.campaign_id) | is_named.fill_null(False)


def sentence(template: str, *values: ir.Value | str | int) -> ir.StringValue:
    """Return a text in which each `{}` of the template holds a value, or nothing where the value is null."""
    return clause(template, *(_text(value).fill_null("") for value in values))


def money(value: ir.NumericValue) -> ir.StringValue:
    """Return an amount as text, to the cent."""
    return value.cast(f"decimal(38, {MONEY_DECIMALS})").cast("string")


def key_in(table: str, *keys: ir.StringValue | str) -> ir.ArrayValue:
    """Return one piece of evidence: a table and the key of a row in it."""
    return ibis.array([sentence(f"{table} {' | '.join(['{}'] * len(keys))}", *keys)])


def keys_in(table: str, keys: ir.ArrayValue) -> ir.ArrayValue:
    """Return a piece of evidence for each of several keys."""
    return keys.map(lambda key: ibis.literal(f"{table} ").concat(key))


def _text(value: ir.Value | str | int) -> ir.StringValue:
    found = value if isinstance(value, ir.Value) else ibis.literal(str(value))
    return found if found.type().is_string() else found.cast("string")


def _literal(words: Text) -> ir.StringValue:
    return ibis.literal(words) if isinstance(words, str) else words
