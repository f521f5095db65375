"""Actions of the marketing report: risks, decisions, and the complete list of next steps."""

from __future__ import annotations

from cjo_assets.core.approval_status import PENDING
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import CAMPAIGN, table_of
from cjo_assets.families.marketing.report.summary import style_of
from cjo_assets.reporting.document import Column, Paragraph, Prose, Section, Words, grid
from cjo_assets.reporting.summary import passages_of

RISKS = (
    Column("", "rank", "count"),
    Column("risk", "risk_type", "words", below=(("", "risk_id", "plain"),)),
    Column(
        "campaign", "campaign_id", "name", below=(("", "campaign_id", "plain"), ("channels", "channel_ids", "name"))
    ),
    Column("severity", "severity", "words", is_status=True),
    Column("status", "status", "words"),
    Column("freezes the budget", "is_blocking"),
    Column("at stake", "exposure", "money", below=(("", "exposure_basis", "words"),)),
    Column("score", "risk_score", "money"),
    Column("days since", "age_days", "count"),
    Column("due", "due_date", "day", below=(("", "due_status", "words"),)),
    Column("recommended action", "recommended_action", "words"),
)
DECISIONS = (
    CAMPAIGN,
    Column("decisions", "total_decisions", "count"),
    Column("overridden", "human_overrides", "count", below=(("", "override_rate", "percent"),)),
    Column("confidence", "average_confidence", "percent"),
    Column("what led to them", "common_triggers", "names", is_long=True),
    Column("kinds", "decision_patterns", "names", is_long=True),
    Column(
        "hours from insight",
        "insight_to_action_hours",
        "tenth",
        below=(("", "insight_to_action_status", "words"), ("n", "measured_decisions", "count")),
    ),
)
STEPS = (
    Column("", "rank", "count"),
    Column("priority", "priority", "words", is_status=True),
    Column("do", "action", "words", below=(("", "category", "words"),)),
    Column("about", "target_name", below=(("", "target_id", "plain"),)),
    Column("what and why", "description", "prose", is_long=True, below=(("", "rationale", "prose"),)),
    Column("from", "current_value", "prose", below=(("to", "recommended_value", "prose"),)),
    Column(
        "net impact",
        "net_impact",
        "money",
        below=(
            *(("from", "net_impact_low", "money"), ("to", "net_impact_high", "money")),
            *(("cost", "cost", "money"), ("confidence", "confidence", "words")),
        ),
    ),
    Column("steps", "steps", "sentences", is_long=True),
    Column("needs approval", "requires_human_approval"),
)
REQUESTS = (
    Column("request", "what", "prose", is_long=True, below=(("", "request_id", "plain"),)),
    Column("campaign", "campaign_id", "name", below=(("", "campaign_id", "plain"),)),
    Column("amount", "amount", "money", below=(("net impact", "net_impact", "money"),)),
    Column("why a person", "approval_reasons", "names"),
    Column("status", "status", "words", is_status=True, below=(("by", "decided_by", "plain"),)),
    Column("approver", "waits_with", "words", below=(("due", "due_at", "instant"),)),
)


def risks(figures: MarketingFigures) -> Section:
    """Return the section on risks, the worst open one first."""
    if not figures.rows["risk_register"]:
        return Section("risks", "Risks", (Paragraph(("No risk of a campaign is recorded.",)),))
    note = "What is at stake may be the same money in two risks of a campaign: it is compared, and not added up."
    return Section(
        "risks", "Risks", (table_of(figures, "Risks, the worst open one first", RISKS, "risk_register", note),)
    )


def decisions(figures: MarketingFigures) -> Section:
    """Return the section on decisions and overrides."""
    if not figures.rows["decision_insights"]:
        return Section("decisions", "Decisions", (Paragraph(("There is no campaign.",)),))
    return Section("decisions", "Decisions", (table_of(figures, "Decisions so far", DECISIONS, "decision_insights"),))


def next_steps(figures: MarketingFigures) -> Section:
    """Return the section with all next steps."""
    title = "What to do"
    rows = figures.of("recommendations")
    if not rows:
        return Section("what-to-do", title, (Paragraph(("Nothing is left to be done.",)),))
    said: Prose = (
        *(figures.total("recommendations").show("rows", "count"), " next steps, of which "),
        figures.count("recommendations", "requires_human_approval", True).show("rows", "count"),
        " need an approval. Approvals pending, those of budget moves included: ",
        figures.count("approval_queue", "status", PENDING).show("rows", "count"),
        ".",
    )
    note = "Impact is net of its own cost; money that is spent already is no saving."
    whole = grid("All next steps, in order", STEPS, rows, (note,), is_folded=True)
    requests = grid("Approvals, the pending ones first", REQUESTS, figures.of("approval_queue"), is_folded=True)
    return Section("what-to-do", title, (Paragraph(said), whole, requests))


def campaign_by_campaign(figures: MarketingFigures) -> Section:
    """Return a few sentences on each of the campaigns with the most spend."""
    blocks: list[Paragraph] = []
    for text in figures.insights:
        blocks.append(Paragraph((*passages_of(text, style_of), " Written: ", Words(text.provenance), ".")))
    if not blocks:
        blocks = [Paragraph(("There is no campaign to describe.",))]
    return Section("campaigns", "Campaign by campaign", tuple(blocks))
