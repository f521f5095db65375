"""Recommendations on audiences, creatives and measurement.

Stopping an audience saves its future spend, at the recent pace of experiments that continue, and loses its future
value. The money is claimed only where the campaign's budget is not moved as well. More budget for an audience comes
from the same campaign, so it claims no money.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import highest_of_none, two_sided_quantile
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.expressions.sentences import sentence as clause
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.analysis._funnel_steps import EXCEEDS, NOT_TRACKED
from cjo_assets.families.marketing.analysis.reconciliation import BEYOND
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, COMPLETED
from cjo_assets.families.marketing.inputs.segment_rollups import HOLD, REVISE
from cjo_assets.families.marketing.measurement._economics import nonzero
from cjo_assets.families.marketing.recommendations._recommended_for_experiments import blocked_campaigns, days_to_come
from cjo_assets.families.marketing.recommendations._recommending import (
    AUDIENCE,
    CREATIVE,
    MEASUREMENT,
    MEND,
    OPTIMIZE,
    PAUSE,
    REVIEW,
    SCALE,
    STOP,
    Impact,
    key_in,
    keys_in,
    money,
    recommended,
    sentence,
)
from cjo_assets.families.marketing.recommendations.budget_proposals import price_of_an_answer, worth_of_a_conversion
from cjo_assets.policy import Policy


def for_audiences(
    segment_portfolio: ir.Table,
    audience_segments: ir.Table,
    spend_of_late: ir.Table,
    campaign_analysis: ir.Table,
    risk_register: ir.Table,
    budget_proposals: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the action for each audience of a campaign that is not over, unless the action is hold.

    Args:
        segment_portfolio: audiences with their action.
        audience_segments: their names.
        spend_of_late: their recent spend, as `recent_spend` returns it.
        campaign_analysis: their campaigns.
        risk_register: open risks, which prevent claims of money.
        budget_proposals: moves of budget, which claim the same money.
        as_of: the day.
        policy: days ahead, level and the price of an answer.
    """
    audiences = _audiences(segment_portfolio, audience_segments, spend_of_late, campaign_analysis)
    moved = ibis.union(
        budget_proposals.select(campaign_id="from_campaign_id"), budget_proposals.select(campaign_id="to_campaign_id")
    )
    blocked = blocked_campaigns(risk_register)
    may_claim = (audiences.action == STOP) & (audiences.campaign_status == ACTIVE)
    may_claim &= audiences.campaign_id.notin(moved.campaign_id) & audiences.campaign_id.notin(blocked.campaign_id)
    name, action = audiences.audience_name, audiences.action
    return recommended(
        audiences,
        action.cases((SCALE, "segment_scale"), (REVISE, "segment_revise"), else_="segment_stop"),
        category=AUDIENCE,
        action=(action == REVISE).ifelse(OPTIMIZE, action),
        campaign_id=audiences.campaign_id,
        target_id=audiences.segment_id,
        target_name=name,
        description=action.cases(
            (SCALE, sentence("Give {} more of the campaign's budget", name)),
            (REVISE, sentence("Try another message for {}", name)),
            else_=sentence("Stop spending on {}", name),
        ),
        rationale=_reason_for_action(audiences),
        current=sentence("spend so far {}", money(audiences.spend)),
        proposed=action.cases(
            (SCALE, "a larger share of the same budget"), (REVISE, "the same share, another message"), else_="no spend"
        ),
        steps=[
            action.cases(
                (SCALE, "Choose which audience of the campaign gives."),
                (REVISE, "Make a variant for this audience, and test it against the present one."),
                else_="Take the audience out of the campaign's targeting.",
            ),
            "Look at its figures again when it has the exposures to be judged.",
        ],
        evidence=key_in("segment_portfolio", audiences.campaign_id, audiences.segment_id),
        detail=audiences.campaign_id,
        impact=_impact_of_stopping(audiences, may_claim, as_of, policy),
    )


def _audiences(
    segment_portfolio: ir.Table, audience_segments: ir.Table, spend_of_late: ir.Table, campaign_analysis: ir.Table
) -> ir.Table:
    """Return the audiences to act on, with their names, campaigns and recent spend."""
    campaigns = campaign_analysis.select(
        "campaign_id",
        "start_date",
        "end_date",
        campaign_name="name",
        campaign_status="status",
        campaign_worth=campaign_analysis["value"] / nonzero(campaign_analysis.conversions),
    )
    audiences = segment_portfolio.join(campaigns, "campaign_id")
    audiences = audiences.filter(
        audiences.action.notnull(), audiences.action != HOLD, audiences.campaign_status != COMPLETED
    )
    audiences = lookup(audiences, audience_segments, "segment_id", segment_name="name")
    audiences = lookup(audiences, spend_of_late, ["campaign_id", "segment_id"])
    segment = ibis.coalesce(audiences.segment_name, audiences.segment_id)
    audiences = audiences.mutate(audience_name=sentence("{} in {}", segment, audiences.campaign_name))
    return audiences.cross_join(worth_of_a_conversion(campaign_analysis))


def _reason_for_action(audiences: ir.Table) -> ir.StringValue:
    """Return the rule of the action, the figures it compared, and the source's recommendation."""
    return sentence(
        "{}{}{}{}{}{}.",
        audiences.rule,
        clause(": {} {}", audiences.primary_kpi, audiences.kpi_value),
        clause(" against {}", audiences.reference),
        clause(", return on investment {}", audiences.roi),
        (audiences.action == SCALE).ifelse(". The money comes from the campaign's other audiences", ""),
        clause(". The source says {}", audiences.source_recommendation),
    )


def _impact_of_stopping(
    audiences: ir.Table, may_claim: ir.BooleanValue, as_of: ir.DateScalar, policy: Policy
) -> Impact:
    """Return the impact of stopping an audience in the days to come, at the pace of the last days.

    The value its money has brought so far is lost. An audience without conversions may still have brought some: the
    upper bound of a count of 0 (three, at a level of 0.90) times the worth of a conversion elsewhere.
    """
    rules = policy.marketing.recommendations
    nothing = ibis.null("float64")
    days_so_far = as_of.delta(audiences.start_date, unit="day") + 1
    per_day = audiences.recent_spend / ibis.least(days_so_far, rules.pace_days).cast("float64")
    to_come = per_day * days_to_come(audiences.end_date, as_of, policy)
    to_come = (may_claim & (days_so_far > 0) & (to_come > 0)).ifelse(to_come, nothing)
    effect = audiences.design_effect.fill_null(1.0)
    reach = (two_sided_quantile(rules.interval_level) * (effect / audiences.conversions.nullif(0)).sqrt()).exp()
    lost = to_come * audiences.roas
    most_conversions = highest_of_none(rules.interval_level) * effect
    worth = ibis.coalesce(audiences.campaign_worth, audiences.any_worth)
    lost_at_most = ibis.coalesce(lost * reach, to_come / nonzero(audiences.spend) * most_conversions * worth)
    # Without any conversion anywhere the loss is unknown, and nothing is claimed.
    is_known = lost_at_most.notnull()
    lost_at_least = ibis.coalesce(lost / reach, lost)
    return Impact(
        revenue=rounded(is_known.ifelse(-lost, nothing), MONEY_DECIMALS),
        revenue_low=rounded(-lost_at_most, MONEY_DECIMALS),
        revenue_high=rounded(is_known.ifelse(-lost_at_least, nothing), MONEY_DECIMALS),
        savings=rounded(is_known.ifelse(to_come, nothing), MONEY_DECIMALS),
        cost=ibis.literal(price_of_an_answer(policy)),
    )


def for_creatives(
    creative_assets: ir.Table, campaign_analysis: ir.Table, asset_performance: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Return a recommendation for each creative without approval or with flags, of campaigns that are not over."""
    campaigns = campaign_analysis.select("campaign_id", campaign_name="name", campaign_status="status")
    creatives = creative_assets.filter(creative_assets.created_at < days_after(as_of, 1))
    creatives = creatives.filter(~creatives.approved_by_human | (creatives.risk_flags.length() > 0))
    creatives = creatives.join(campaigns, "campaign_id")
    creatives = creatives.filter(creatives.campaign_status != COMPLETED)
    shown = asset_performance.filter(asset_performance.impressions > 0)
    creatives = creatives.mutate(
        is_shown=creatives.asset_id.isin(shown.asset_id), flags=creatives.risk_flags.join(", ")
    )
    must_stop = creatives.is_shown & ~creatives.approved_by_human & (creatives.campaign_status == ACTIVE)
    return recommended(
        creatives,
        "unapproved_creative",
        category=CREATIVE,
        action=must_stop.ifelse(PAUSE, REVIEW),
        campaign_id=creatives.campaign_id,
        target_id=creatives.asset_id,
        target_name=sentence("{} ({}) of {}", creatives.message_theme, creatives.variant, creatives.campaign_name),
        description=must_stop.ifelse(
            sentence("Stop showing {} until a person has approved it", creatives.asset_id),
            sentence("Have a person look at {}", creatives.asset_id),
        ),
        rationale=sentence(
            "{}{}{}.",
            creatives.approved_by_human.ifelse("Approved", "Nobody has approved it"),
            creatives.is_shown.ifelse(", and it was shown", ""),
            (creatives.flags == "").ifelse("", sentence("; flagged: {}", creatives.flags)),
        ),
        current=creatives.approved_by_human.ifelse(
            "approved, flagged", creatives.is_shown.ifelse("not approved, shown", "not approved")
        ),
        proposed=creatives.approved_by_human.ifelse("flags settled, or withdrawn", "approved, or withdrawn"),
        steps=[
            must_stop.ifelse("Stop showing it.", "Keep it from being shown anew."),
            "Have a person approve it, change it, or withdraw it.",
        ],
        evidence=key_in("creative_assets", creatives.asset_id),
    )


def for_measurement(funnel_analysis: ir.Table, reconciliation: ir.Table, campaign_analysis: ir.Table) -> list[ir.Table]:
    """Return recommendations on funnel steps without usable counts, and on figures that disagree."""
    open_campaigns = campaign_analysis.filter(campaign_analysis.status != COMPLETED)
    return [_untracked_stages(funnel_analysis, open_campaigns), _disagreements(reconciliation, campaign_analysis)]


def _untracked_stages(funnel_analysis: ir.Table, campaigns: ir.Table) -> ir.Table:
    steps = funnel_analysis.filter(funnel_analysis.state.isin([NOT_TRACKED, EXCEEDS]))
    is_source = (steps.state == NOT_TRACKED) & steps.from_count.isnull() & steps.to_count.notnull()
    steps = steps.mutate(
        stage=is_source.ifelse(steps.from_stage, steps.to_stage),
        row_key=sentence("{} | {} | {}", steps.campaign_id, steps.path, steps.step),
    )
    stages = steps.group_by(["campaign_id", "stage", "state"]).agg(row_keys=steps.row_key.collect(distinct=True).sort())
    stages = stages.join(campaigns.select("campaign_id", "name"), "campaign_id")
    is_untracked = stages.state == NOT_TRACKED
    return recommended(
        stages,
        "untracked_funnel",
        category=MEASUREMENT,
        action=MEND,
        campaign_id=stages.campaign_id,
        target_id=stages.campaign_id,
        target_name=stages.name,
        description=sentence(
            "{} {} of {}",
            is_untracked.ifelse("Count the stage", "Mend the counts of the stage"),
            stages.stage,
            stages.name,
        ),
        rationale=is_untracked.ifelse(
            "Nobody counts it: whether people are lost there cannot be said.",
            "More arrive than left the stage before: two systems count differently, or people come from elsewhere.",
        ),
        current=stages.state,
        proposed="counted, on the same people as the stage before",
        steps=["Find the system that sees the stage.", "Have it report a count for each day, zero included."],
        evidence=keys_in("funnel_analysis", stages.row_keys),
        detail=sentence("{} {}", stages.stage, stages.state),
    )


def _disagreements(reconciliation: ir.Table, campaign_analysis: ir.Table) -> ir.Table:
    residuals = reconciliation.filter(reconciliation.state == BEYOND)
    keys = (residuals[name] for name in ("campaign_id", "scope", "figure", "one_source", "other_source"))
    residuals = residuals.mutate(
        row_key=sentence("{} | {} | {} | {} | {}", *keys),
        comparison=sentence(
            "{} ({}) {} against {}", residuals.figure, residuals.scope, residuals.one_value, residuals.other_value
        ),
    )
    pairs = residuals.group_by(["campaign_id", "one_source", "other_source"]).agg(
        row_keys=residuals.row_key.collect().sort(), comparisons=residuals.comparison.collect().sort()
    )
    pairs = lookup(pairs, campaign_analysis, "campaign_id", "name")
    sources = sentence("{} and {}", pairs.one_source, pairs.other_source)
    name = ibis.coalesce(pairs.name, pairs.campaign_id)
    return recommended(
        pairs,
        "irreconcilable_figures",
        category=MEASUREMENT,
        action=REVIEW,
        campaign_id=pairs.campaign_id,
        target_id=pairs.campaign_id,
        target_name=name,
        description=sentence("Reconcile {} of {}", sources, name),
        rationale=sentence("They differ beyond tolerance: {}.", pairs.comparisons.join("; ")),
        current=sentence("figures that differ: {}", pairs.comparisons.length()),
        proposed="one figure, and a name for the difference",
        steps=[
            "Ask both sources what they count, and until when.",
            "Correct the one that is wrong, or record why both are right.",
        ],
        evidence=keys_in("reconciliation", pairs.row_keys),
        detail=sources,
    )
