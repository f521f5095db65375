"""What to do with audiences, creatives and what is measured of them.

Not a table but rules of `recommendations`. To stop an audience saves the spend to come, at the pace of the last days of
experiments that still run, and loses the value to come; what was spent is gone either way. Its money is claimed only
where the campaign's budget is not moved as well. More for an audience comes out of the same budget: it claims no money
of its own.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import highest_of_none, two_sided_quantile
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.families.marketing.analysis.funnel_analysis import EXCEEDS, NOT_TRACKED
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Return what to do with each audience of a campaign that is not over, other than to hold it.

    Args:
        segment_portfolio: audiences with what to do.
        audience_segments: their names.
        spend_of_late: what each still costs, as `recent_spend` returns it.
        campaign_analysis: their campaigns.
        risk_register: open risks, which keep money from being claimed.
        budget_proposals: moves of budget, which claim the same money.
        as_of: the day.
        policy: days ahead, level and the price of an answer.
    """
    campaigns = campaign_analysis.select(
        "campaign_id",
        "start_date",
        "end_date",
        campaign_name="name",
        campaign_status="status",
        campaign_worth=campaign_analysis["value"] / nonzero(campaign_analysis.conversions),
    )
    rows = segment_portfolio.join(campaigns, "campaign_id")
    rows = rows.filter(rows.action.notnull(), rows.action != HOLD, rows.campaign_status != COMPLETED)
    people = audience_segments.select("segment_id", segment_name="name")
    rows = rows.left_join(people, "segment_id").drop("segment_id_right")
    rows = rows.left_join(spend_of_late, ["campaign_id", "segment_id"]).drop("campaign_id_right", "segment_id_right")
    rows = rows.cross_join(worth_of_a_conversion(campaign_analysis))
    is_stop, named = (
        rows.action == STOP,
        sentence(ibis.coalesce(rows.segment_name, rows.segment_id), " in ", rows.campaign_name),
    )
    moved = ibis.union(
        budget_proposals.select(campaign_id="from_campaign_id"), budget_proposals.select(campaign_id="to_campaign_id")
    )
    blocked = blocked_campaigns(risk_register)
    may_claim = is_stop & (rows.campaign_status == ACTIVE) & rows.campaign_id.notin(moved.campaign_id)
    may_claim &= rows.campaign_id.notin(blocked.campaign_id)
    return recommended(
        rows,
        rows.action.cases((SCALE, "segment_scale"), (REVISE, "segment_revise"), else_="segment_stop"),
        category=AUDIENCE,
        action=(rows.action == REVISE).ifelse(OPTIMIZE, rows.action),
        campaign_id=rows.campaign_id,
        target_id=rows.segment_id,
        target_name=named,
        description=rows.action.cases(
            (SCALE, sentence("Give ", named, " more of the campaign's budget")),
            (REVISE, sentence("Try another message for ", named)),
            else_=sentence("Stop spending on ", named),
        ),
        rationale=sentence(
            rows.rule,
            rows.kpi_value.isnull().ifelse("", sentence(": ", rows.primary_kpi, " ", rows.kpi_value)),
            rows.reference.isnull().ifelse("", sentence(" against ", rows.reference)),
            rows.roi.isnull().ifelse("", sentence(", return on investment ", rows.roi)),
            (rows.action == SCALE).ifelse(". The money comes from the campaign's other audiences", ""),
            rows.source_recommendation.isnull().ifelse("", sentence(". The source says ", rows.source_recommendation)),
            ".",
        ),
        current=sentence("spend so far ", money(rows.spend)),
        proposed=rows.action.cases(
            (SCALE, "a larger share of the same budget"), (REVISE, "the same share, another message"), else_="no spend"
        ),
        steps=[
            rows.action.cases(
                (SCALE, "Choose which audience of the campaign gives."),
                (REVISE, "Make a variant for this audience, and test it against the present one."),
                else_="Take the audience out of the campaign's targeting.",
            ),
            "Look at its figures again when it has the exposures to be judged.",
        ],
        evidence=key_in("segment_portfolio", rows.campaign_id, rows.segment_id),
        detail=rows.campaign_id,
        impact=_stopping(rows, may_claim, as_of, policy),
    )


def _stopping(rows: ir.Table, may_claim: ir.BooleanValue, as_of: date, policy: Policy) -> Impact:
    """Return what it brings to stop an audience for the days to come, at the pace of the last days.

    What its money brought so far is lost with it. An audience without a single conversion may still have brought some:
    the upper bound of a count of 0 (three, at a level of 0.90) times the worth of a conversion elsewhere.
    """
    rules = policy.marketing.recommendations
    gone = ibis.literal(as_of, "date").delta(rows.start_date, unit="day") + 1
    per_day = rows.recent_spend / ibis.least(gone, rules.pace_days).cast("float64")
    to_come = per_day * days_to_come(rows.end_date, as_of, policy)
    to_come = (may_claim & (gone > 0) & (to_come > 0)).ifelse(to_come, ibis.null("float64"))
    effect = rows.design_effect.fill_null(1.0)
    reach = (two_sided_quantile(rules.interval_level) * (effect / rows.conversions.nullif(0)).sqrt()).exp()
    lost = to_come * rows.roas
    most = highest_of_none(rules.interval_level) * effect
    worth = ibis.coalesce(rows.campaign_worth, rows.any_worth)
    lost_at_most = ibis.coalesce(lost * reach, to_come / nonzero(rows.spend) * most * worth)
    # Without any conversion anywhere nobody can say what may be lost, and nothing is claimed.
    is_known = lost_at_most.notnull()
    return Impact(
        revenue=rounded(is_known.ifelse(-lost, ibis.null("float64")), MONEY_DECIMALS),
        revenue_low=rounded(-lost_at_most, MONEY_DECIMALS),
        revenue_high=rounded(is_known.ifelse(-ibis.coalesce(lost / reach, lost), ibis.null("float64")), MONEY_DECIMALS),
        savings=rounded(is_known.ifelse(to_come, ibis.null("float64")), MONEY_DECIMALS),
        cost=ibis.literal(price_of_an_answer(policy)),
    )


def for_creatives(
    creative_assets: ir.Table, campaign_analysis: ir.Table, asset_performance: ir.Table, as_of: date
) -> ir.Table:
    """Return what to do with creatives that nobody approved, or somebody flagged, of campaigns that are not over."""
    campaigns = campaign_analysis.select("campaign_id", campaign_name="name", campaign_status="status")
    rows = creative_assets.filter(creative_assets.created_at < as_of + timedelta(days=1))
    rows = rows.filter(~rows.approved_by_human | (rows.risk_flags.length() > 0))
    rows = rows.join(campaigns, "campaign_id")
    rows = rows.filter(rows.campaign_status != COMPLETED)
    seen = asset_performance.filter(asset_performance.impressions > 0)
    rows = rows.mutate(is_shown=rows.asset_id.isin(seen.asset_id), flags=rows.risk_flags.join(", "))
    must_stop = rows.is_shown & ~rows.approved_by_human & (rows.campaign_status == ACTIVE)
    return recommended(
        rows,
        "unapproved_creative",
        category=CREATIVE,
        action=must_stop.ifelse(PAUSE, REVIEW),
        campaign_id=rows.campaign_id,
        target_id=rows.asset_id,
        target_name=sentence(rows.message_theme, " (", rows.variant, ") of ", rows.campaign_name),
        description=must_stop.ifelse(
            sentence("Stop showing ", rows.asset_id, " until a person has approved it"),
            sentence("Have a person look at ", rows.asset_id),
        ),
        rationale=sentence(
            rows.approved_by_human.ifelse("Approved", "Nobody has approved it"),
            rows.is_shown.ifelse(", and it was shown", ""),
            (rows.flags == "").ifelse("", sentence("; flagged: ", rows.flags)),
            ".",
        ),
        current=rows.approved_by_human.ifelse(
            "approved, flagged", rows.is_shown.ifelse("not approved, shown", "not approved")
        ),
        proposed=rows.approved_by_human.ifelse("flags settled, or withdrawn", "approved, or withdrawn"),
        steps=[
            must_stop.ifelse("Stop showing it.", "Keep it from being shown anew."),
            "Have a person approve it, change it, or withdraw it.",
        ],
        evidence=key_in("creative_assets", rows.asset_id),
    )


def for_measurement(funnel_analysis: ir.Table, reconciliation: ir.Table, campaign_analysis: ir.Table) -> list[ir.Table]:
    """Return what keeps campaigns from being measured: stages without counts, figures that contradict each other."""
    campaigns = campaign_analysis.filter(campaign_analysis.status != COMPLETED).select("campaign_id", "name")
    steps = funnel_analysis.filter(funnel_analysis.state.isin([NOT_TRACKED, EXCEEDS]))
    is_source = (steps.state == NOT_TRACKED) & steps.from_count.isnull() & steps.to_count.notnull()
    steps = steps.mutate(
        stage=is_source.ifelse(steps.from_stage, steps.to_stage),
        row=sentence(steps.campaign_id, " | ", steps.path, " | ", steps.step),
    )
    stages = steps.group_by(["campaign_id", "stage", "state"]).agg(found=steps.row.collect(distinct=True).sort())
    stages = stages.join(campaigns, "campaign_id")
    is_dark = stages.state == NOT_TRACKED
    residuals = reconciliation.filter(reconciliation.state == BEYOND)
    residuals = residuals.mutate(
        row=sentence(
            residuals.campaign_id,
            " | ",
            residuals.scope,
            " | ",
            residuals.figure,
            " | ",
            residuals.one_source,
            " | ",
            residuals.other_source,
        ),
        said=sentence(
            residuals.figure, " (", residuals.scope, ") ", residuals.one_value, " against ", residuals.other_value
        ),
    )
    pairs = residuals.group_by(["campaign_id", "one_source", "other_source"]).agg(
        found=residuals.row.collect().sort(), said=residuals.said.collect().sort()
    )
    pairs = pairs.left_join(campaign_analysis.select("campaign_id", "name"), "campaign_id").drop("campaign_id_right")
    books = sentence(pairs.one_source, " and ", pairs.other_source)
    return [
        recommended(
            stages,
            "untracked_funnel",
            category=MEASUREMENT,
            action=MEND,
            campaign_id=stages.campaign_id,
            target_id=stages.campaign_id,
            target_name=stages.name,
            description=sentence(
                is_dark.ifelse("Count the stage ", "Mend the counts of the stage "), stages.stage, " of ", stages.name
            ),
            rationale=is_dark.ifelse(
                "Nobody counts it: whether people are lost there cannot be said.",
                "More arrive than left the stage before: two systems count differently, or people come from elsewhere.",
            ),
            current=stages.state,
            proposed="counted, on the same people as the stage before",
            steps=["Find the system that sees the stage.", "Have it report a count for each day, zero included."],
            evidence=keys_in("funnel_analysis", stages.found),
            detail=sentence(stages.stage, " ", stages.state),
        ),
        recommended(
            pairs,
            "irreconcilable_figures",
            category=MEASUREMENT,
            action=REVIEW,
            campaign_id=pairs.campaign_id,
            target_id=pairs.campaign_id,
            target_name=ibis.coalesce(pairs.name, pairs.campaign_id),
            description=sentence("Reconcile ", books, " of ", ibis.coalesce(pairs.name, pairs.campaign_id)),
            rationale=sentence("They differ beyond tolerance: ", pairs.said.join("; "), "."),
            current=sentence("figures that differ: ", pairs.said.length()),
            proposed="one figure, and a name for the difference",
            steps=[
                "Ask both sources what they count, and until when.",
                "Correct the one that is wrong, or record why both are right.",
            ],
            evidence=keys_in("reconciliation", pairs.found),
            detail=books,
        ),
    ]
