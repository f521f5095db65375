"""Recommendations on campaigns and their risks: pause, freeze, settle.

A pause defers money and saves none: neither value nor cost arises while it lasts, for an unknown time. Its money impact
is null.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.sentences import sentence as clause
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, COMPLETED, DRAFT, PAUSED
from cjo_assets.families.marketing.recommendations._recommending import (
    BUDGET,
    CAMPAIGN,
    FREEZE,
    PAUSE,
    REVIEW,
    RISK,
    SETTLE,
    key_in,
    keys_in,
    money,
    recommended,
    sentence,
)


def for_campaigns(
    campaigns: ir.Table, campaign_analysis: ir.Table, risk_register: ir.Table, as_of: ir.DateScalar
) -> list[ir.Table]:
    """Return recommendations on blocked, paused and mislabelled campaigns, and on every open risk."""
    known = campaigns.filter(campaigns.created_at < days_after(as_of, 1))
    unspent = campaign_analysis.select(
        "campaign_id",
        unspent=ibis.greatest(campaign_analysis.budget - campaign_analysis.recorded_spend.fill_null(0.0), 0.0),
        planned_end=ibis.coalesce(campaign_analysis.end_date.cast("string"), "further notice"),
    )
    risks = risk_register.filter(risk_register.is_open)
    blocking = risks.filter(risks.is_blocking)
    blocking = blocking.group_by("campaign_id").agg(risk_ids=blocking.risk_id.collect().sort())
    states = lookup(lookup(known, unspent, "campaign_id"), blocking, "campaign_id")
    states = states.mutate(is_blocked=states.risk_ids.notnull(), named=states.risk_ids.join(", "))
    return [
        _pauses(states.filter(states.is_blocked, states.status == ACTIVE)),
        _freezes(states.filter(states.is_blocked, states.status != COMPLETED)),
        _rests(states.filter(states.status == PAUSED)),
        _contradictions(states, as_of),
        _risks(risks, known),
    ]


def _pauses(campaigns: ir.Table) -> ir.Table:
    return recommended(
        campaigns,
        "critical_risk",
        category=CAMPAIGN,
        action=PAUSE,
        campaign_id=campaigns.campaign_id,
        target_id=campaigns.campaign_id,
        target_name=campaigns.name,
        description=sentence("Pause {} until a person has settled {}", campaigns.name, campaigns.named),
        rationale=sentence(
            "An open critical risk ({}): whatever is spent goes into it. What stays unspent is held "
            "back, not saved, so that no money is claimed for it.",
            campaigns.named,
        ),
        current=sentence("active, {} of the budget unspent", money(campaigns.unspent)),
        proposed="paused",
        steps=[
            "Pause the campaign on all its channels.",
            sentence("Settle {}: mitigate or dismiss each, and record who did.", campaigns.named),
            "Resume, or end the campaign.",
        ],
        evidence=keys_in("risk_register", campaigns.risk_ids),
    )


def _freezes(campaigns: ir.Table) -> ir.Table:
    return recommended(
        campaigns,
        "frozen_budget",
        category=BUDGET,
        action=FREEZE,
        campaign_id=campaigns.campaign_id,
        target_id=campaigns.campaign_id,
        target_name=campaigns.name,
        description=sentence(
            "Move no budget into, within or out of {} until a person lifts the freeze", campaigns.name
        ),
        rationale=sentence("Open critical risk {}; no clock ends the freeze.", campaigns.named),
        current=sentence("budget of {}, {} unspent", money(campaigns.budget), money(campaigns.unspent)),
        proposed="frozen until every one of these risks is mitigated or dismissed by a person",
        steps=[
            "Execute no budget action of the campaign; what is rolled back is rolled back by a person.",
            sentence("Lift the freeze by settling {}.", campaigns.named),
        ],
        evidence=keys_in("risk_register", campaigns.risk_ids),
    )


def _rests(campaigns: ir.Table) -> ir.Table:
    return recommended(
        campaigns,
        "paused_campaign",
        category=CAMPAIGN,
        action=SETTLE,
        campaign_id=campaigns.campaign_id,
        target_id=campaigns.campaign_id,
        target_name=campaigns.name,
        description=sentence("Resume {}, or end it", campaigns.name),
        rationale=sentence(
            "It is paused, and a pause is no decision{}.",
            campaigns.is_blocked.ifelse(sentence("; it cannot resume before {} is settled", campaigns.named), ""),
        ),
        current=sentence(
            "paused, {} of the budget unspent, planned until {}", money(campaigns.unspent), campaigns.planned_end
        ),
        proposed="active or completed",
        steps=[
            campaigns.is_blocked.ifelse(
                sentence("Settle {}.", campaigns.named), "Find out why it was paused, and whether that still holds."
            ),
            "Resume it with a new end, or end it and release what is unspent.",
        ],
        evidence=key_in("campaign_analysis", campaigns.campaign_id),
    )


def _contradictions(campaigns: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Recommend to correct campaigns whose status contradicts their dates."""
    campaigns = campaigns.filter(
        ((campaigns.status == ACTIVE) & (campaigns.end_date < as_of))
        | ((campaigns.status == DRAFT) & (campaigns.start_date <= as_of))
    )
    is_draft = campaigns.status == DRAFT
    return recommended(
        campaigns,
        "status_out_of_date",
        category=CAMPAIGN,
        action=SETTLE,
        campaign_id=campaigns.campaign_id,
        target_id=campaigns.campaign_id,
        target_name=campaigns.name,
        description=is_draft.ifelse(
            sentence("Start {}, or drop it", campaigns.name), sentence("End {}, or extend it", campaigns.name)
        ),
        rationale=is_draft.ifelse(
            sentence("Its first day, {}, has come, and it is a draft.", campaigns.start_date),
            sentence("Its last day, {}, is over, and it is active.", campaigns.end_date),
        ),
        current=sentence("{}, planned from {} to {}", campaigns.status, campaigns.start_date, campaigns.planned_end),
        proposed=is_draft.ifelse("active with new dates, or removed", "completed, or active with a new end"),
        steps=["Ask its owner which of the two is meant.", "Change the status or the dates in the source."],
        evidence=key_in("campaign_analysis", campaigns.campaign_id),
        detail=campaigns.status,
    )


def _risks(risks: ir.Table, campaigns: ir.Table) -> ir.Table:
    """Recommend to settle every open risk, overdue or not."""
    named = campaigns.select("campaign_id", campaign_name="name")
    open_risks = lookup(risks, named, "campaign_id")
    is_overdue = open_risks.is_overdue.fill_null(False)
    return recommended(
        open_risks,
        is_overdue.ifelse("overdue_risk", "open_risk"),
        category=RISK,
        action=REVIEW,
        campaign_id=open_risks.campaign_id,
        target_id=open_risks.risk_id,
        target_name=sentence(
            "{} of {}", open_risks.risk_type, ibis.coalesce(open_risks.campaign_name, open_risks.campaign_id)
        ),
        description=sentence("Settle {}: {}, {}", open_risks.risk_id, open_risks.risk_type, open_risks.severity),
        rationale=sentence(
            "Open for {} days{}{}{}.",
            open_risks.age_days,
            open_risks.due_date.isnull().ifelse(", without a due date", sentence(", due {}", open_risks.due_date)),
            is_overdue.ifelse(": overdue", ""),
            clause("; at stake {}", money(open_risks.exposure)),
        ),
        current=open_risks.status,
        proposed=sentence("mitigated or dismissed; whoever raised it asks for: {}", open_risks.recommended_action),
        steps=[
            "Put a person in charge.",
            sentence("Do, or refuse with a reason: {}.", open_risks.recommended_action),
            "Record the status and the instant of it.",
        ],
        evidence=key_in("risk_register", open_risks.risk_id),
    )
