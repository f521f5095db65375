"""What the decisions about each campaign have in common, and how soon they follow what was known.

One row per as-of date and campaign; a campaign without decisions has a row of zeros and nulls. From insight to action
is measured where the source says when the insight was had, and not measurable elsewhere.
"""

import re
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, any_of, column, key, names_where
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.policy import Policy

MICROSECONDS_PER_HOUR = 3_600_000_000


class DecisionInsights(DatedContract):
    """Decisions about campaigns, added up. One row per as-of date and campaign."""

    campaign_id: str = key("Campaign.")
    total_decisions: int = column("Decisions so far [decisions].", ge=0)
    automated_decisions: int = column("Of these, left as the machine made them [decisions].", ge=0)
    human_overrides: int = column("Of these, decided otherwise by a person [decisions].", ge=0)
    override_rate: float = column("Overrides per decision [0-1]; null without decisions.", ge=0, le=1, nullable=True)
    average_confidence: float = column(
        "Mean confidence [0-1], up = surer; null without decisions.", ge=0, le=1, nullable=True
    )
    common_triggers: TextList = column("What led to most of them, the commonest first.")
    decision_patterns: TextList = column("Kinds of action taken, as the policy's words tell them, sorted.")
    unrecognised_decisions: int = column("Decisions whose action fits no kind [decisions].", ge=0)
    measured_decisions: int = column("Decisions of which both instants are recorded [decisions].", ge=0)
    insight_to_action_hours: float = column(
        "Median from insight to decision [hours], up = slower; null where no instants are recorded.",
        ge=0,
        nullable=True,
    )
    insight_to_action_status: str = column("Whether that could be measured.", isin=[MEASURED, NOT_MEASURABLE])


def decision_insights(orchestrator_decisions: ir.Table, campaigns: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add up the decisions known on the as-of date."""
    known = orchestrator_decisions.filter(orchestrator_decisions.timestamp < as_of + timedelta(days=1))
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
    is_known = (campaigns.created_at < as_of + timedelta(days=1)) | campaigns.campaign_id.isin(known.campaign_id)
    rows = campaigns.filter(is_known).select("campaign_id").left_join(sums, "campaign_id").drop("campaign_id_right")
    rows = rows.left_join(_common_triggers(known, policy), "campaign_id").drop("campaign_id_right")
    total, overrides = rows.total_decisions.fill_null(0), rows.human_overrides.fill_null(0)
    measured = rows.measured_decisions.fill_null(0)
    return rows.select(
        "campaign_id",
        total_decisions=total,
        automated_decisions=total - overrides,
        human_overrides=overrides,
        override_rate=rounded(overrides / total.nullif(0)),
        average_confidence=rounded(rows.average_confidence),
        common_triggers=rows.common_triggers.fill_null(ibis.literal([], "array<string>")),
        decision_patterns=names_where({name: rows[f"has_{name}"].fill_null(False) for name in patterns}),
        unrecognised_decisions=rows.unrecognised_decisions.fill_null(0),
        measured_decisions=measured,
        insight_to_action_hours=rounded(rows.insight_to_action_hours),
        insight_to_action_status=(measured > 0).ifelse(MEASURED, NOT_MEASURABLE),
    )


def _patterns(action_taken: ir.StringValue, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return, by kind of action, whether a word of the text begins with one of its words."""
    return {
        name: action_taken.re_search(rf"(?i)\b({'|'.join(map(re.escape, words))})")
        for name, words in policy.marketing.decisions.decision_patterns.items()
    }


def _common_triggers(known: ir.Table, policy: Policy) -> ir.Table:
    """Return the commonest triggers of each campaign, the first of the alphabet where as many are as common."""
    counted = known.group_by("campaign_id", trigger=known.trigger.strip()).agg(times=known.count())
    in_order = ibis.window(group_by=counted.campaign_id, order_by=[counted.times.desc(), counted.trigger])
    ranked = counted.mutate(place=ibis.row_number().over(in_order))
    ranked = ranked.filter(ranked.place < policy.marketing.decisions.common_triggers)
    placed = ibis.struct({"place": ranked.place, "trigger": ranked.trigger})
    rows = ranked.group_by("campaign_id").agg(placed=placed.collect())
    return rows.select("campaign_id", common_triggers=rows.placed.sort().map(lambda entry: entry["trigger"]))


@check
def decisions_of_no_kind(orchestrator_decisions: ir.Table, policy: Policy) -> ir.Table:
    """Find decisions whose action none of the policy's words describes."""
    rows = orchestrator_decisions
    is_known = any_of(_patterns(rows.action_taken, policy).values())
    return rows.filter(~is_known).select("decision_id", "campaign_id", "action_taken")
