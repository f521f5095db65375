"""What every recommendation says, whatever rule it comes from.

Not a table but the shape that `recommended_for_*` fill in and `recommendations` orders: who or what it is about, why,
what changes from what to what, the steps, the rows it rests on, and what it is expected to bring net of what it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS
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
    """What doing it brings from now on, beside going on as before; what was spent already is in neither.

    Attributes:
        revenue: change of value [currency].
        revenue_low: lower end of its interval.
        revenue_high: upper end of its interval.
        savings: spend to come that is avoided.
        cost: spend to come that is added, and the work of it.
        grade: what the revenue rests on, as shared/evidence_grades has it.
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
    """Return a recommendation for each row, with the columns that all of them share.

    Args:
        rows: what it is recommended for.
        rule: name of the rule, as the policy's priorities have it.
        category: kind of thing it is about.
        action: what to do.
        campaign_id: campaign it concerns.
        target_id: what it is about.
        target_name: how people call that.
        description: what to do, in words.
        rationale: why.
        current: the state now.
        proposed: the state to come.
        steps: how to get there.
        evidence: table and key of the rows it rests on.
        detail: what tells two recommendations of one rule about one target apart.
        impact: what it is expected to bring; None where nobody can say.
        amount: budget that it moves.
        from_campaign_id: campaign whose budget gives it.
        to_campaign_id: campaign whose budget gets it.
    """
    nothing, nowhere = ibis.null("float64"), ibis.null("string")
    said = impact or Impact(nothing, nothing, nothing, nothing, nothing)
    return rows.select(
        rule=_text(rule),
        category=ibis.literal(category),
        action=_text(action),
        campaign_id=campaign_id,
        target_id=target_id,
        target_name=target_name,
        detail=_text(detail),
        description=_text(description),
        rationale=_text(rationale),
        current_value=_text(current),
        recommended_value=_text(proposed),
        steps=ibis.array([_text(step) for step in steps]),
        evidence=evidence,
        revenue_impact=said.revenue.cast("float64"),
        revenue_low=said.revenue_low.cast("float64"),
        revenue_high=said.revenue_high.cast("float64"),
        cost_savings=said.savings.cast("float64"),
        cost=said.cost.cast("float64"),
        grade=_text(said.grade),
        amount=nothing if amount is None else amount.cast("float64"),
        from_campaign_id=nowhere if from_campaign_id is None else from_campaign_id,
        to_campaign_id=nowhere if to_campaign_id is None else to_campaign_id,
    )


def is_at_risk(
    campaign_id: ir.StringValue, channel_id: ir.StringValue, risk_register: ir.Table, policy: Policy
) -> ir.BooleanValue:
    """Tell whether an open risk keeps money out of a campaign's channel: one about the channel, or about all of it."""
    risks = risk_register.filter(
        risk_register.is_open, risk_register.severity.isin(policy.marketing.budgets.refusing_severities)
    )
    whole = risks.filter(risks.channel_ids.length() == 0)
    places = risks.select("campaign_id", channel_id=risks.channel_ids.unnest())
    is_named = is_key_in([campaign_id, channel_id], places, ["campaign_id", "channel_id"])
    return campaign_id.isin(whole.campaign_id) | is_named.fill_null(False)


def sentence(*parts: ir.Value | str | float) -> ir.StringValue:
    """Join parts to one text, of which what is null is left out."""
    texts = [ibis.literal(part) if isinstance(part, str) else _value(part) for part in parts]
    return ibis.literal("").join(texts)


def money(value: ir.NumericValue) -> ir.StringValue:
    """Return an amount as text, to the cent."""
    return value.cast(f"decimal(38, {MONEY_DECIMALS})").cast("string")


def key_in(table: str, *keys: ir.StringValue | str) -> ir.ArrayValue:
    """Return one piece of evidence: a table and the key of a row in it."""
    return ibis.array([sentence(f"{table} ", *_between(keys, " | "))])


def keys_in(table: str, keys: ir.ArrayValue) -> ir.ArrayValue:
    """Return a piece of evidence for each of several keys."""
    return keys.map(lambda key: ibis.literal(f"{table} ").concat(key))


def _between(parts: Sequence[ir.StringValue | str], separator: str) -> list[ir.StringValue | str]:
    found: list[ir.StringValue | str] = []
    for part in parts:
        found += [separator, part] if found else [part]
    return found


def _value(part: ir.Value | float) -> ir.StringValue:
    value = ibis.literal(part) if isinstance(part, (int, float)) else part
    return value if value.type().is_string() else value.cast("string")


def _text(words: Text) -> ir.StringValue:
    return ibis.literal(words) if isinstance(words, str) else words
