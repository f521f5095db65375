"""Overrides, triggers, kinds and speed of the decisions about each campaign.

One row per as-of date and campaign; a campaign without decisions has zeros and nulls. The time from insight to action
is measured where the source records the instant of the insight.
"""

import re

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, any_of, column, key, names_where
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy import Policy

MICROSECONDS_PER_HOUR = 3_600_000_000


class DecisionInsights(DatedContract):
    """Decisions about campaigns, added up. One row per as-of date and campaign."""

    campaign_id: str = key("Campaign.")
    total_decisions: int = column("Decisions so far [decisions].", ge=0)
    automated_decisions: int = column("Of these, left as the machine made them [decisions].", ge=0)
    human_overrides: int = column("Of these, decided otherwise by a person [decisions].", ge=0)
    override_rate: float = column(
        "Overrides per decision [0-1]; null without decisions.", ge=0, le=1, nullable=True, decimals=6
    )
    average_confidence: float = column(
        "Mean confidence [0-1], up = surer; null without decisions.", ge=0, le=1, nullable=True, decimals=6
    )
    common_triggers: TextList = column("What led to most of them, the commonest first.")
    decision_patterns: TextList = column("Kinds of action taken, recognised by the policy's words, sorted.")
    unrecognised_decisions: int = column("Decisions whose action fits no kind [decisions].", ge=0)
    measured_decisions: int = column("Decisions of which both instants are recorded [decisions].", ge=0)
    insight_to_action_hours: float = column(
        "Median from insight to decision [hours], up = slower; null where no instants are recorded.",
        ge=0,
        nullable=True,
        decimals=6,
    )
    insight_to_action_status: str = column("Whether that could be measured.", isin=[MEASURED, NOT_MEASURABLE])


def decision_insights(
    orchestrator_decisions: ir.Table, campaigns: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Summarize the decisions known on the as-of date."""
    known = orchestrator_decisions.filter(orchestrator_decisions.timestamp < days_after(as_of, 1))
    patterns = _patterns(known.action_taken, policy)
    known = known.mutate(
        hours=known.timestamp.delta(known.insight_at, unit="microsecond") / MICROSECONDS_PER_HOUR,
        **{f"is_{name}": holds for name, holds in patterns.items()},
    )
    sums = known.group_by("campaign_id").agg(
        total_decisions=known.count(),
        human_overrides=known.human_override.cast("int64").sum(),
        average_confidence=known.confidence_score.cast("decimal(38, 12)").mean(),
        unrecognised_decisions=(~any_of(known[f"is_{name}"] for name in patterns)).cast("int64").sum(),
        measured_decisions=known.hours.count(),
        insight_to_action_hours=known.hours.median(),
        **{f"has_{name}": known[f"is_{name}"].any() for name in patterns},
    )
    is_known = (campaigns.created_at < days_after(as_of, 1)) | campaigns.campaign_id.isin(known.campaign_id)
    summary = lookup(campaigns.filter(is_known).select("campaign_id"), sums, "campaign_id")
    summary = lookup(summary, _common_triggers(known, policy), "campaign_id")
    total, overrides = summary.total_decisions.fill_null(0), summary.human_overrides.fill_null(0)
    measured = summary.measured_decisions.fill_null(0)
    return summary.mutate(
        total_decisions=total,
        automated_decisions=total - overrides,
        human_overrides=overrides,
        override_rate=overrides / total.nullif(0),
        common_triggers=summary.common_triggers.fill_null(ibis.literal([], "array<string>")),
        decision_patterns=names_where({name: summary[f"has_{name}"].fill_null(False) for name in patterns}),
        unrecognised_decisions=summary.unrecognised_decisions.fill_null(0),
        measured_decisions=measured,
        insight_to_action_status=(measured > 0).ifelse(MEASURED, NOT_MEASURABLE),
    )


def _patterns(action_taken: ir.StringValue, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return, per kind of action, whether a word of the text begins with one of its words."""
    return {
        name: action_taken.re_search(rf"(?i)\b({'|'.join(map(re.escape, words))})")
        for name, words in policy.marketing.decisions.decision_patterns.items()
    }


def _common_triggers(known: ir.Table, policy: Policy) -> ir.Table:
    """Return the most common triggers of each campaign; ties are in alphabetical order."""
    counted = known.group_by("campaign_id", trigger=known.trigger.strip()).agg(times=known.count())
    in_order = ibis.window(group_by=counted.campaign_id, order_by=[counted.times.desc(), counted.trigger])
    ranked = counted.mutate(place=ibis.row_number().over(in_order))
    ranked = ranked.filter(ranked.place < policy.marketing.decisions.common_triggers)
    placed = ibis.struct({"place": ranked.place, "trigger": ranked.trigger})
    lists = ranked.group_by("campaign_id").agg(placed=placed.collect())
    return lists.select("campaign_id", common_triggers=lists.placed.sort().map(lambda entry: entry["trigger"]))


@check
def decisions_of_no_kind(orchestrator_decisions: ir.Table, policy: Policy) -> ir.Table:
    """Return decisions whose action matches no kind of the policy."""
    is_known = any_of(_patterns(orchestrator_decisions.action_taken, policy).values())
    return orchestrator_decisions.filter(~is_known).select("decision_id", "campaign_id", "action_taken")
