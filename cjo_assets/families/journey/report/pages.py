"""Pages of the explorer: the customers of the journey, and its part of the page on one customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cjo_assets.core.pages import Listing, Pages, SubjectPart
from cjo_assets.reporting.document import (
    Block,
    Chart,
    Column,
    Grid,
    Paragraph,
    Picture,
    Prose,
    Row,
    Section,
    Tile,
    grid,
    records,
)
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.profile import MOST_ROWS, Profile, Rows

SCHEMA = "journey"
CUSTOMERS = "latest.customer_360"
OF_DAY = "WHERE as_of = $day AND customer_id = $subject"
QUERIES = {
    "customers": "SELECT * FROM journey.customers WHERE customer_id = $subject",
    "journey_states": f"SELECT * FROM journey.journey_states {OF_DAY}",
    "journey_evaluations": f"SELECT * FROM journey.journey_evaluations {OF_DAY}",
    "risk_scores": f"SELECT * FROM journey.risk_scores {OF_DAY}",
    "risk_contributions": f"SELECT * FROM journey.risk_contributions {OF_DAY} "
    "ORDER BY score = 'overall_risk_score' DESC, score, contribution DESC, factor",
    "journey_forecasts": f"SELECT * FROM journey.journey_forecasts {OF_DAY}",
    "known_signals": "SELECT * FROM journey.known_signals WHERE customer_id = $subject AND detected_at <= $day "
    f"ORDER BY detected_at DESC, signal_id LIMIT {MOST_ROWS}",
    "state_entries": "SELECT * FROM journey.state_entries WHERE customer_id = $subject AND state_entered_at <= $day "
    f"ORDER BY state_entered_at DESC, journey_stage LIMIT {MOST_ROWS}",
    "recommended_interventions": f"SELECT * FROM journey.recommended_interventions {OF_DAY}",
    "coverage_gaps": f"SELECT * FROM journey.coverage_gaps {OF_DAY}",
    "approval_requests": "SELECT * FROM journey.approval_requests WHERE customer_id = $subject "
    f"AND requested_at <= CAST($day AS DATE) + 1 ORDER BY requested_at DESC, intervention_id LIMIT {MOST_ROWS}",
    "outcome_analyses": f"SELECT * FROM journey.outcome_analyses {OF_DAY} "
    f"ORDER BY generated_at DESC, intervention_id LIMIT {MOST_ROWS}",
}
KEYS: dict[str, tuple[str, ...]] = {
    "customers": ("customer_id",),
    "journey_states": ("customer_id",),
    "journey_evaluations": ("customer_id",),
    "risk_scores": ("customer_id",),
    "risk_contributions": ("customer_id", "score", "factor"),
    "journey_forecasts": ("customer_id",),
    "known_signals": ("signal_id",),
    "state_entries": ("customer_id", "state_entered_at", "journey_stage"),
    "recommended_interventions": ("customer_id",),
    "coverage_gaps": ("customer_id",),
    "approval_requests": ("intervention_id",),
    "outcome_analyses": ("intervention_id",),
}
LISTED = (
    Column("customer", "customer_id", below=(("", "segment", "plain"),)),
    Column("stage", "journey_stage", "words", below=(("days:", "days_in_state", "count"),)),
    Column("health", "stage_health", "words", is_status=True),
    Column("tier", "risk_tier", "words", is_status=True, below=(("risk", "overall_risk_score", "number"),)),
    Column("account value", "account_value", "whole"),
    Column("revenue at risk", "revenue_at_risk", "whole"),
    Column("decision", "recommended_action", "words", below=(("approval", "approval_status", "words"),)),
    Column("last outcome", "last_outcome", "words", below=(("", "last_outcome_at", "day"),)),
    Column("next step by", "owner", "words"),
)
STAGES = (
    Column("entered", "state_entered_at", "day"),
    Column("stage", "journey_stage", "words"),
    Column("before", "previous_stage", "words"),
)
SIGNALS = (
    Column("detected", "detected_at", "day"),
    Column("signal", "signal_type", "words", below=(("", "signal_id", "plain"),)),
    Column("strength", "signal_strength", "number"),
    Column("source", "source", "words"),
    Column("evidence", "evidence", "names"),
)
PARTS_OF_RISK = (
    Column("score", "score", "words"),
    Column("factor", "factor", "words"),
    Column("measured", "raw_value", "number"),
    Column("0 to 1", "normalised_value", "number"),
    Column("weight", "weight", "percent"),
    Column("adds", "contribution", "number"),
)
DECISION = (
    Column("action", "recommended_action", "words", below=(("", "intervention_id", "plain"),)),
    Column("playbook", "playbook_name", "plain", below=(("", "playbook_id", "plain"),)),
    Column("priority", "priority_score", "whole"),
    Column("confidence", "confidence", "percent"),
    Column("cost", "expected_cost", "money"),
    Column("value", "expected_value", "money"),
    Column("approval because", "approval_reasons", "names"),
)
GAP = (
    Column("no decision, because", "reason", "words"),
    Column("closest playbook", "nearest_playbook_id"),
    Column("risk", "overall_risk_score", "number"),
)
REQUESTS = (
    Column("requested", "requested_at", "instant"),
    Column("action", "recommended_action", "words", below=(("", "intervention_id", "plain"),)),
    Column("status", "status", "words", is_status=True),
    Column("approver", "approval_role", "words"),
    Column("expires", "expires_at", "instant"),
    Column("answered", "decided_at", "instant", below=(("by", "decided_by", "plain"),)),
    Column("reason", "reason", "plain", below=(("", "category", "words"),)),
)
OUTCOMES = (
    Column("decided", "generated_at", "day"),
    Column("action", "recommended_action", "words", below=(("", "intervention_id", "plain"),)),
    Column("approval", "approval_status", "words", is_status=True),
    Column("executed", "executed_at", "instant"),
    Column("outcome", "outcome", "words", below=(("", "measured_at", "day"),)),
    Column("revenue saved", "estimated_revenue_saved", "whole"),
    Column("satisfaction", "csat_delta", "number"),
)
SCORE = "overall_risk_score"


def customers(rows: list[Row]) -> Grid:
    """Return customers as a grid."""
    return grid("Customers of the journey", LISTED, records(CUSTOMERS, ("customer_id",), rows))


def profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the part of the journey of the page on a customer."""
    del day
    found = Rows(rows, SCHEMA, KEYS, page_naming())
    sections = (
        Section("decision", "Decision", (_decision(found),)),
        Section("risk", "What the risk consists of", _risk(found)),
        Section("signals", "Signals and stages", _signals(found)),
        Section("approvals", "Approvals", (found.grid("Requests", REQUESTS, "approval_requests", "No request."),)),
        Section(
            "outcomes",
            "Interventions and outcomes",
            (found.grid("Interventions", OUTCOMES, "outcome_analyses", "No intervention."),),
        ),
    )
    return Profile(None, _tiles(found), sections)


def _tiles(found: Rows) -> tuple[Tile, ...]:
    tiles = []
    state, customer = found.first("journey_states"), found.first("customers")
    health, risk = found.first("journey_evaluations"), found.first("risk_scores")
    forecast = found.first("journey_forecasts")
    if state is not None:
        since: Prose = (state.show("days_in_state", "count"), " days") if state.has("days_in_state") else ()
        condition: Prose = (", ", health.show("stage_health", "words")) if health and health.has("stage_health") else ()
        tiles.append(Tile("Stage of the journey", (state.show("journey_stage", "words"),), (*since, *condition)))
    if risk is not None:
        tier: Prose = (
            ("tier ", risk.show("risk_tier", "words")) if risk.has("risk_tier") else ("below the lowest tier",)
        )
        tiles.append(Tile("Risk, 0 to 1", (risk.show(SCORE, "number"),), tier))
    if forecast is not None and customer is not None:
        remark: Prose = ("of ", customer.show("account_value", "whole"), " a year")
        tiles.append(Tile("Revenue at risk", (forecast.show("revenue_at_risk", "whole"),), remark))
    if customer is not None:
        months: Prose = (customer.show("tenure_months", "count"), " months a customer")
        tiles.append(Tile("Segment", (customer.show("segment"),), months))
    return tuple(tiles)


def _decision(found: Rows) -> Block:
    if found.rows["recommended_interventions"]:
        return found.grid("Decision of the day", DECISION, "recommended_interventions", "")
    return found.grid("No decision", GAP, "coverage_gaps", "No decision on this day.")


def _risk(found: Rows) -> tuple[Block, ...]:
    rows = found.of("risk_contributions")
    if not rows:
        return (Paragraph(("No score: the customer has left.",)),)
    parts = [row for row in rows if row.row["score"] == SCORE and row.row["contribution"]]
    table = grid("Factors of each score", PARTS_OF_RISK, rows, is_folded=bool(parts))
    if not parts:
        return (table,)
    data = {
        "parts": [
            {
                "place": place,
                "label": row.show("factor", "words").text,
                "figure": row.show("contribution", "number").text,
                "amount": row.row["contribution"],
            }
            for place, row in enumerate(parts)
        ]
    }
    description: Prose = ("Each factor times its weight; the bars add up to the risk.",)
    return (Picture("risk_parts", "Parts of the overall risk", description, data), table)


def _signals(found: Rows) -> tuple[Block, ...]:
    signals, stages = found.of("known_signals"), found.of("state_entries")
    tables = (
        found.grid("Signals, the newest first", SIGNALS, "known_signals", "No signal."),
        found.grid("Stages, the newest first", STAGES, "state_entries", "No stage."),
    )
    if not signals:
        return tables
    data = {
        "signals": [
            {
                "day": str(row.row["detected_at"]),
                "kind": row.show("signal_type", "words").text,
                "strength": row.row["signal_strength"],
            }
            for row in signals
        ],
        "stages": [
            {"day": str(row.row["state_entered_at"]), "label": row.show("journey_stage", "words").text}
            for row in stages
        ],
    }
    description: Prose = ("A point is a signal, the larger the stronger; a vertical line is the entry into a stage.",)
    return Picture("signal_timeline", "Signals over time", description, data), *tables


def load_charts() -> Mapping[str, Chart]:
    """Import the charts of the pages."""
    from cjo_assets.families.journey.report.page_charts import CHARTS

    return CHARTS


PAGES = Pages(
    listings=(
        Listing(
            name="customers",
            title="Customers",
            subject="customer",
            query=f"SELECT * FROM {CUSTOMERS}",
            filters={
                "segment": "Segment",
                "journey_stage": "Stage",
                "risk_tier": "Risk tier",
                "stage_health": "Stage health",
                "approval_status": "Approval",
                "owner": "Owner",
            },
            searched=("customer_id",),
            orders={
                "highest risk": "overall_risk_score DESC NULLS LAST, customer_id",
                "most revenue at risk": "revenue_at_risk DESC NULLS LAST, customer_id",
                "highest account value": "account_value DESC, customer_id",
                "highest priority": "priority_score DESC NULLS LAST, customer_id",
                "customer": "customer_id",
            },
            grid=customers,
        ),
    ),
    parts=(SubjectPart("customer", QUERIES, profile, load_charts),),
)
