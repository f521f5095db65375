"""What to do with campaigns and their risks: pause, freeze, settle.

Not a table but rules of `recommendations`. A pause holds money back and saves none: what a campaign would have brought
is not spent, nor is what it would have cost, and nobody can say for how long. Its money impact is therefore null.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

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
    campaigns: ir.Table, campaign_analysis: ir.Table, risk_register: ir.Table, as_of: date
) -> list[ir.Table]:
    """Return what to do about blocked, paused and mislabelled campaigns, and about every open risk."""
    known = campaigns.filter(campaigns.created_at < as_of + timedelta(days=1))
    unspent = campaign_analysis.select(
        "campaign_id",
        unspent=ibis.greatest(campaign_analysis.budget - campaign_analysis.recorded_spend.fill_null(0.0), 0.0),
        planned_end=ibis.coalesce(campaign_analysis.end_date.cast("string"), "further notice"),
    )
    risks = risk_register.filter(risk_register.is_open)
    blocking = risks.filter(risks.is_blocking)
    blocking = blocking.group_by("campaign_id").agg(risk_ids=blocking.risk_id.collect().sort())
    rows = known.left_join(unspent, "campaign_id").drop("campaign_id_right")
    rows = rows.left_join(blocking, "campaign_id").drop("campaign_id_right")
    rows = rows.mutate(is_blocked=rows.risk_ids.notnull(), named=rows.risk_ids.join(", "))
    return [
        _pauses(rows.filter(rows.is_blocked, rows.status == ACTIVE)),
        _freezes(rows.filter(rows.is_blocked, rows.status != COMPLETED)),
        _rests(rows.filter(rows.status == PAUSED)),
        _contradictions(rows, as_of),
        _risks(risks, known),
    ]


def _pauses(rows: ir.Table) -> ir.Table:
    return recommended(
        rows,
        "critical_risk",
        category=CAMPAIGN,
        action=PAUSE,
        campaign_id=rows.campaign_id,
        target_id=rows.campaign_id,
        target_name=rows.name,
        description=sentence("Pause ", rows.name, " until a person has settled ", rows.named),
        rationale=sentence(
            "An open critical risk (",
            rows.named,
            "): whatever is spent goes into it. What stays unspent is held back, "
            "not saved, so that no money is claimed for it.",
        ),
        current=sentence("active, ", money(rows.unspent), " of the budget unspent"),
        proposed="paused",
        steps=[
            "Pause the campaign on all its channels.",
            sentence("Settle ", rows.named, ": mitigate or dismiss each, and record who did."),
            "Resume, or end the campaign.",
        ],
        evidence=keys_in("risk_register", rows.risk_ids),
    )


def _freezes(rows: ir.Table) -> ir.Table:
    return recommended(
        rows,
        "frozen_budget",
        category=BUDGET,
        action=FREEZE,
        campaign_id=rows.campaign_id,
        target_id=rows.campaign_id,
        target_name=rows.name,
        description=sentence("Move no budget into, within or out of ", rows.name, " until a person lifts the freeze"),
        rationale=sentence("Open critical risk ", rows.named, "; no clock ends the freeze."),
        current=sentence("budget of ", money(rows.budget), ", ", money(rows.unspent), " unspent"),
        proposed="frozen until every one of these risks is mitigated or dismissed by a person",
        steps=[
            "Execute no budget action of the campaign; what is rolled back is rolled back by a person.",
            sentence("Lift the freeze by settling ", rows.named, "."),
        ],
        evidence=keys_in("risk_register", rows.risk_ids),
    )


def _rests(rows: ir.Table) -> ir.Table:
    return recommended(
        rows,
        "paused_campaign",
        category=CAMPAIGN,
        action=SETTLE,
        campaign_id=rows.campaign_id,
        target_id=rows.campaign_id,
        target_name=rows.name,
        description=sentence("Resume ", rows.name, ", or end it"),
        rationale=sentence(
            "It is paused, and a pause is no decision",
            rows.is_blocked.ifelse(sentence("; it cannot resume before ", rows.named, " is settled"), ""),
            ".",
        ),
        current=sentence("paused, ", money(rows.unspent), " of the budget unspent, planned until ", rows.planned_end),
        proposed="active or completed",
        steps=[
            rows.is_blocked.ifelse(
                sentence("Settle ", rows.named, "."), "Find out why it was paused, and whether that still holds."
            ),
            "Resume it with a new end, or end it and release what is unspent.",
        ],
        evidence=key_in("campaign_analysis", rows.campaign_id),
    )


def _contradictions(rows: ir.Table, as_of: date) -> ir.Table:
    """Campaigns whose status and whose dates say different things."""
    rows = rows.filter(
        ((rows.status == ACTIVE) & (rows.end_date < as_of)) | ((rows.status == DRAFT) & (rows.start_date <= as_of))
    )
    is_draft = rows.status == DRAFT
    return recommended(
        rows,
        "status_out_of_date",
        category=CAMPAIGN,
        action=SETTLE,
        campaign_id=rows.campaign_id,
        target_id=rows.campaign_id,
        target_name=rows.name,
        description=is_draft.ifelse(
            sentence("Start ", rows.name, ", or drop it"), sentence("End ", rows.name, ", or extend it")
        ),
        rationale=is_draft.ifelse(
            sentence("Its first day, ", rows.start_date, ", has come, and it is a draft."),
            sentence("Its last day, ", rows.end_date, ", is over, and it is active."),
        ),
        current=sentence(rows.status, ", planned from ", rows.start_date, " to ", rows.planned_end),
        proposed=is_draft.ifelse("active with new dates, or removed", "completed, or active with a new end"),
        steps=["Ask its owner which of the two is meant.", "Change the status or the dates in the source."],
        evidence=key_in("campaign_analysis", rows.campaign_id),
        detail=rows.status,
    )


def _risks(risks: ir.Table, campaigns: ir.Table) -> ir.Table:
    """Every open risk, overdue or not."""
    named = campaigns.select("campaign_id", campaign_name="name")
    rows = risks.left_join(named, "campaign_id").drop("campaign_id_right")
    is_overdue = rows.is_overdue.fill_null(False)
    return recommended(
        rows,
        is_overdue.ifelse("overdue_risk", "open_risk"),
        category=RISK,
        action=REVIEW,
        campaign_id=rows.campaign_id,
        target_id=rows.risk_id,
        target_name=sentence(rows.risk_type, " of ", ibis.coalesce(rows.campaign_name, rows.campaign_id)),
        description=sentence("Settle ", rows.risk_id, ": ", rows.risk_type, ", ", rows.severity),
        rationale=sentence(
            "Open for ",
            rows.age_days,
            " days",
            rows.due_date.isnull().ifelse(", without a due date", sentence(", due ", rows.due_date)),
            is_overdue.ifelse(": overdue", ""),
            rows.exposure.isnull().ifelse("", sentence("; at stake ", money(rows.exposure))),
            ".",
        ),
        current=rows.status,
        proposed=sentence("mitigated or dismissed; whoever raised it asks for: ", rows.recommended_action),
        steps=[
            "Put a person in charge.",
            sentence("Do, or refuse with a reason: ", rows.recommended_action, "."),
            "Record the status and the instant of it.",
        ],
        evidence=key_in("risk_register", rows.risk_id),
    )
