"""Pages of the explorer: campaigns, experiments and recommendations, and the page on one campaign or experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from cjo_assets.core.pages import Listing, Pages, SubjectPart
from cjo_assets.families.marketing.report.experiment_columns import (
    ARMS,
    CONSISTENCY,
    PERSON_METRICS,
    PLANS,
    SOUNDNESS,
    WEEKS,
)
from cjo_assets.families.marketing.report.experiments import LIFTS, METRIC
from cjo_assets.reporting.document import Block, Column, Grid, Prose, Row, Section, Tile, grid
from cjo_assets.reporting.naming import NameSource, page_naming
from cjo_assets.reporting.profile import MOST_ROWS, Profile, Rows

SCHEMA = "marketing"
ON_DAY = "WHERE as_of = $day"
OF_CAMPAIGN = f"{ON_DAY} AND campaign_id = $subject"
OF_EXPERIMENT = f"{ON_DAY} AND experiment_id = $subject"
CAMPAIGNS = f"SELECT * FROM {SCHEMA}.campaign_analysis {ON_DAY}"
EXPERIMENTS = f"""
    SELECT evaluations.*, campaigns.name AS campaign_name
    FROM (SELECT * FROM {SCHEMA}.experiment_evaluations {ON_DAY}) AS evaluations
    LEFT JOIN (SELECT campaign_id, name FROM {SCHEMA}.campaigns) AS campaigns USING (campaign_id)"""
RECOMMENDATIONS = f"SELECT * FROM {SCHEMA}.recommendations {ON_DAY}"
CAMPAIGN = {
    "campaigns": f"SELECT * FROM {SCHEMA}.campaigns WHERE campaign_id = $subject",
    "campaign_analysis": f"SELECT * FROM {SCHEMA}.campaign_analysis {OF_CAMPAIGN}",
    "recommendations": f"{RECOMMENDATIONS} AND $subject IN (campaign_id, from_campaign_id, to_campaign_id) "
    f"ORDER BY rank LIMIT {MOST_ROWS}",
    "approval_queue": f"SELECT * FROM {SCHEMA}.approval_queue {OF_CAMPAIGN} "
    f"ORDER BY status = 'pending' DESC, due_at, request_id LIMIT {MOST_ROWS}",
    "experiment_evaluations": f"SELECT * FROM {SCHEMA}.experiment_evaluations {OF_CAMPAIGN} "
    f"ORDER BY phase, experiment_id LIMIT {MOST_ROWS}",
    "funnel_analysis": f"SELECT * FROM {SCHEMA}.funnel_analysis {OF_CAMPAIGN} ORDER BY path, step",
    "risk_register": f'SELECT * FROM {SCHEMA}.risk_register {OF_CAMPAIGN} ORDER BY "rank" LIMIT {MOST_ROWS}',
    "budget_governance": f"SELECT * FROM {SCHEMA}.budget_governance {OF_CAMPAIGN} "
    f"ORDER BY proposed_at DESC, budget_action_id LIMIT {MOST_ROWS}",
    "budget_proposals": f"SELECT * FROM {SCHEMA}.budget_proposals {ON_DAY} "
    f"AND $subject IN (from_campaign_id, to_campaign_id) ORDER BY amount DESC, from_campaign_id, to_campaign_id "
    f"LIMIT {MOST_ROWS}",
    "decision_insights": f"SELECT * FROM {SCHEMA}.decision_insights {OF_CAMPAIGN}",
}
EXPERIMENT = {
    "experiment_evaluations": f"SELECT * FROM {SCHEMA}.experiment_evaluations {OF_EXPERIMENT}",
    "experiments": f"SELECT * FROM {SCHEMA}.experiments WHERE experiment_id = $subject",
    "experiment_arms": f"SELECT * FROM {SCHEMA}.experiment_arms {OF_EXPERIMENT} ORDER BY arm",
    "experiment_consistency": f"SELECT * FROM {SCHEMA}.experiment_consistency {OF_EXPERIMENT}",
    "experiment_weeks": f"SELECT * FROM {SCHEMA}.experiment_weeks {OF_EXPERIMENT} ORDER BY week LIMIT {MOST_ROWS}",
    "experiment_metric_effects": f"SELECT * FROM {SCHEMA}.experiment_metric_effects {OF_EXPERIMENT} "
    f"ORDER BY metric, asset_id LIMIT {MOST_ROWS}",
    "experiment_plans": f"SELECT * FROM {SCHEMA}.experiment_plans {OF_EXPERIMENT} ORDER BY lift",
    "recommendations": f"{RECOMMENDATIONS} AND target_id = $subject ORDER BY rank LIMIT {MOST_ROWS}",
    "risk_register": f'SELECT * FROM {SCHEMA}.risk_register {OF_EXPERIMENT} ORDER BY "rank" LIMIT {MOST_ROWS}',
}
KEYS: dict[str, tuple[str, ...]] = {
    "campaigns": ("campaign_id",),
    "campaign_analysis": ("campaign_id",),
    "recommendations": ("recommendation_id",),
    "approval_queue": ("request_id",),
    "experiment_evaluations": ("experiment_id",),
    "experiments": ("experiment_id",),
    "experiment_arms": ("experiment_id", "arm"),
    "experiment_consistency": ("experiment_id",),
    "experiment_weeks": ("experiment_id", "week"),
    "experiment_plans": ("experiment_id", "lift"),
    "experiment_metric_effects": ("experiment_id", "metric", "asset_id"),
    "funnel_analysis": ("campaign_id", "path", "step"),
    "risk_register": ("risk_id",),
    "budget_governance": ("budget_action_id",),
    "budget_proposals": ("from_campaign_id", "to_campaign_id"),
    "decision_insights": ("campaign_id",),
}
CAMPAIGN_NAME = NameSource(f"{SCHEMA}.campaigns", "campaign_id")
LISTED = (
    Column("campaign", "name", below=(("", "campaign_id", "plain"),)),
    Column("status", "status", "words"),
    Column("performance", "overall_performance", "words", is_status=True),
    Column("pacing", "pacing_status", "words", is_status=True, below=(("spent", "spent_share", "percent"),)),
    Column("budget", "budget", "whole"),
    Column("spend", "recorded_spend", "whole", below=(("by", "spend_basis", "words"),)),
    Column("value", "recorded_value", "whole"),
    Column("left of it", "net_value", "whole"),
    Column("value per spend", "roas", "number"),
)
ARMS_LISTED = (
    Column("experiment", "experiment_id", below=(("", "campaign_id", "name"),)),
    METRIC,
    Column("control", "control_rate", "rate", below=(("of", "control_exposures", "count"),)),
    Column("variant", "variant_rate", "rate", below=(("of", "variant_exposures", "count"),)),
    *LIFTS,
    Column("chance to beat control", "chance_to_beat_control", "likelihood"),
    Column("verdict", "verdict", "words", is_status=True, below=(("", "rule", "words"), ("", "phase", "words"))),
)
PROPOSED = (
    Column("recommendation", "description", is_long=True, below=(("", "recommendation_id", "plain"),)),
    Column("priority", "priority", "words", is_status=True),
    Column("campaign", "campaign_id"),
    Column("about", "target_name"),
    Column(
        "net impact",
        "net_impact",
        "whole",
        below=(("from", "net_impact_low", "whole"), ("to", "net_impact_high", "whole")),
    ),
    Column("confidence", "confidence", "words"),
    Column("needs approval", "requires_human_approval"),
)
REQUESTS = (
    Column("request", "what", is_long=True, below=(("", "request_id", "plain"),)),
    Column("amount", "amount", "money"),
    Column("status", "status", "words", is_status=True, below=(("by", "decided_by", "plain"),)),
    Column("approver", "waits_with", "words", below=(("due", "due_at", "instant"),)),
)
STEPS = (
    Column("path", "path", "words"),
    Column("from", "from_stage", "words", below=(("", "from_count", "count"),)),
    Column("to", "to_stage", "words", below=(("", "to_count", "count"),)),
    Column("rate", "rate", "rate", below=(("from", "rate_low", "rate"), ("to", "rate_high", "rate"))),
    Column("lost", "lost", "count"),
    Column("state", "state", "words", is_status=True),
    Column("leak", "is_leak"),
)
RISKS = (
    Column("risk", "risk_type", "words", below=(("", "risk_id", "plain"),)),
    Column("severity", "severity", "words", is_status=True),
    Column("status", "status", "words"),
    Column("at stake", "exposure", "whole"),
    Column("due", "due_date", "day", below=(("", "due_status", "words"),)),
    Column("action", "recommended_action", "words"),
)
MOVES = (
    Column("action", "budget_action_id", below=(("", "reason_code", "words"),)),
    Column("amount", "amount", "money", below=(("", "currency", "plain"),)),
    Column("from channel", "from_channel_id", below=(("to", "to_channel_id", "plain"),)),
    Column("status", "status", "words"),
    Column("approval", "approval_state", "words", is_status=True, below=(("by", "approver_id", "plain"),)),
    Column("refused because", "refusal_reasons", "names"),
    Column("against the rules", "violations", "names"),
)
PROPOSALS = (
    Column("from", "from_campaign_id", below=(("to", "to_campaign_id", "plain"),)),
    Column("kind", "kind", "words"),
    Column("amount", "amount", "money"),
    Column(
        "change of value",
        "revenue_impact",
        "whole",
        below=(("from", "revenue_low", "whole"), ("to", "revenue_high", "whole")),
    ),
)
INSIGHTS = (
    Column("decisions", "total_decisions", "count", below=(("automated:", "automated_decisions", "count"),)),
    Column("overridden", "human_overrides", "count", below=(("", "override_rate", "percent"),)),
    Column("confidence", "average_confidence", "percent"),
    Column("led to by", "common_triggers", "names"),
)


def campaigns(rows: list[Row]) -> Grid:
    """Return campaigns as a grid."""
    return grid("Campaigns", LISTED, _rows(campaign_analysis=rows).of("campaign_analysis"))


def experiments(rows: list[Row]) -> Grid:
    """Return experiments as a grid."""
    names = {row["campaign_id"]: row["campaign_name"] for row in rows if row["campaign_name"] is not None}
    naming = replace(page_naming(), sources={"campaign_id": CAMPAIGN_NAME}, names={"campaign_id": names})
    found = Rows({"experiment_evaluations": rows}, SCHEMA, KEYS, naming).of("experiment_evaluations")
    return grid("Experiments of campaigns", ARMS_LISTED, found)


def recommendations(rows: list[Row]) -> Grid:
    """Return recommendations as a grid."""
    return grid("Recommendations", PROPOSED, _rows(recommendations=rows).of("recommendations"))


def campaign_profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the part of marketing of the page on a campaign."""
    del day
    found = _rows(**rows)
    campaign = found.of("campaigns")[0]
    sections = (
        _section(
            found,
            "recommendations",
            "What to do",
            ("Recommendations", PROPOSED, "recommendations", "None."),
            ("Approvals", REQUESTS, "approval_queue", "None."),
        ),
        _section(
            found,
            "experiments",
            "Experiments",
            ("Experiments", ARMS_LISTED, "experiment_evaluations", "No experiment."),
        ),
        _section(found, "funnel", "Funnel", ("Steps", STEPS, "funnel_analysis", "No step is counted.")),
        _section(
            found,
            "money",
            "Budget",
            ("Moves between channels", MOVES, "budget_governance", "No move."),
            ("Moves that the rules propose", PROPOSALS, "budget_proposals", "No proposal."),
        ),
        _section(found, "risks", "Risks", ("Risks", RISKS, "risk_register", "No risk.")),
        _section(found, "decisions", "Decisions so far", ("Decisions", INSIGHTS, "decision_insights", "No decision.")),
    )
    return Profile(campaign.show("name"), _campaign_tiles(found), sections)


def experiment_profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the part of marketing of the page on an experiment."""
    del day
    found = _rows(**rows)
    evaluation = found.of("experiment_evaluations")[0]
    lift: Prose = (
        *("from ", evaluation.show("relative_effect_low", "percent")),
        *(" to ", evaluation.show("relative_effect_high", "percent"), ", for one reading"),
    )
    rule: Prose = (evaluation.show("rule", "words"),)
    tiles = (
        Tile("Verdict", (evaluation.show("verdict", "words"),), rule),
        Tile("Lift over the control", (evaluation.show("relative_effect", "percent"),), lift),
        Tile(
            "Chance to beat the control",
            (evaluation.show("chance_to_beat_control", "likelihood"),),
            ("for information; the interval decides",),
        ),
        Tile("Metric", (evaluation.show("metric", "words"),), ("per ", evaluation.show("unit", "words"))),
        Tile("Campaign", (evaluation.show("campaign_id"),), (evaluation.show("phase", "words"),)),
    )
    metrics = _section(
        found, "metrics", "Metrics per person", ("Metrics", PERSON_METRICS, "experiment_metric_effects", "No metric.")
    )
    sections = (
        _section(
            found,
            "arms",
            "Arms and effect",
            ("Effect", ARMS_LISTED, "experiment_evaluations", "No effect."),
            ("Arms", ARMS, "experiment_arms", "No arm."),
            ("Soundness", SOUNDNESS, "experiment_evaluations", "Nothing is tested."),
            ("Run time and weeks", CONSISTENCY, "experiment_consistency", "Nothing is counted."),
            ("Effect by week", WEEKS, "experiment_weeks", "Nothing is counted."),
            ("What a lift takes", PLANS, "experiment_plans", "No plan: the control has no rate."),
        ),
        *((metrics,) if found.of("experiment_metric_effects") else ()),
        _section(found, "what-to-do", "What to do", ("Recommendations", PROPOSED, "recommendations", "None.")),
        _section(found, "risks", "Risks", ("Risks", RISKS, "risk_register", "No risk.")),
    )
    return Profile(None, tiles, sections)


def _campaign_tiles(found: Rows) -> tuple[Tile, ...]:
    analysis = found.first("campaign_analysis")
    if analysis is None:
        return ()
    end: Prose = (" to ", analysis.show("end_date", "day")) if analysis.has("end_date") else (", no end",)
    return (
        Tile(
            "Performance",
            (analysis.show("overall_performance", "words"),),
            (analysis.show("rule", "words"),),
        ),
        Tile(
            "Spend",
            (analysis.show("recorded_spend", "whole"),),
            ("of ", analysis.show("budget", "whole"), ", ", analysis.show("pacing_status", "words")),
        ),
        Tile(
            "Value less all cost",
            (analysis.show("net_value", "whole"),),
            ("value ", analysis.show("recorded_value", "whole")),
        ),
        Tile("Status", (analysis.show("status", "words"),), (analysis.show("start_date", "day"), *end)),
    )


def _rows(**rows: list[Row]) -> Rows:
    return Rows(rows, SCHEMA, KEYS, page_naming())


def _section(found: Rows, anchor: str, title: str, *grids: tuple[str, tuple[Column, ...], str, str]) -> Section:
    blocks: list[Block] = [found.grid(caption, columns, name, nothing) for caption, columns, name, nothing in grids]
    return Section(anchor, title, tuple(blocks))


PAGES = Pages(
    listings=(
        Listing(
            name="campaigns",
            title="Campaigns",
            subject="campaign",
            query=CAMPAIGNS,
            filters={"status": "Status", "overall_performance": "Performance", "pacing_status": "Pacing"},
            searched=("campaign_id", "name"),
            orders={
                "highest spend": "recorded_spend DESC NULLS LAST, campaign_id",
                "most left of the value": "net_value DESC NULLS LAST, campaign_id",
                "least left of the value": "net_value NULLS LAST, campaign_id",
                "campaign": "name, campaign_id",
            },
            grid=campaigns,
        ),
        Listing(
            name="experiments",
            title="Experiments",
            subject="experiment",
            query=EXPERIMENTS,
            filters={"verdict": "Verdict", "phase": "Phase", "metric": "Metric", "campaign_name": "Campaign"},
            searched=("experiment_id", "campaign_id", "campaign_name"),
            orders={
                "highest lift": "relative_effect DESC NULLS LAST, experiment_id",
                "lowest lift": "relative_effect NULLS LAST, experiment_id",
                "experiment": "experiment_id",
            },
            grid=experiments,
        ),
        Listing(
            name="recommendations",
            title="Recommendations",
            subject="campaign",
            query=RECOMMENDATIONS,
            filters={"priority": "Priority", "category": "Category", "action": "Action", "confidence": "Confidence"},
            searched=("description", "target_name", "recommendation_id"),
            orders={
                "in order": '"rank"',
                "highest net impact": "net_impact DESC NULLS LAST, recommendation_id",
            },
            grid=recommendations,
        ),
    ),
    parts=(
        SubjectPart("campaign", CAMPAIGN, campaign_profile),
        SubjectPart("experiment", EXPERIMENT, experiment_profile),
    ),
)
