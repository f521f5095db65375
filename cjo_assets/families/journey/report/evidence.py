"""Evidence of the journey report: revenue at risk, stages and moves between them, segments and playbooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cjo_assets.families.journey.report.actions import rest
from cjo_assets.families.journey.report.figures import NO_TIER, RISK_BAND, TIERS, JourneyFigures
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Record, Row, Section, grid, records
from cjo_assets.reporting.first_screen import FEWEST_POINTS
from cjo_assets.reporting.palette import light

TREND = (
    Column("day", "as_of", "day"),
    Column("revenue at risk", "revenue_at_risk", "money"),
    Column("active customers", "active_customers", "count"),
    Column("at high risk", "customers_high_risk", "count"),
    Column("status", "status", "words", is_status=True),
)
BANDS = (
    Column("tier", "risk_tier", "words", is_status=True),
    Column("risk from", "band_low", "tenth"),
    Column("to below", "band_high", "tenth"),
    Column("customers", "customers", "count"),
)
GROUP = (
    Column("active", "active_customers", "count"),
    Column("at high risk", "customers_high_risk", "count"),
    Column("in friction", "friction_rate", "percent"),
    Column("account value", "account_value", "whole"),
    Column("revenue at risk", "revenue_at_risk", "whole"),
    Column("share", "revenue_at_risk_share", "percent"),
    Column("without an answer", "customers_without_answer", "count"),
    Column("status", "status", "words", is_status=True),
)
FLOWS = (
    Column("from", "from_stage", "words"),
    Column("to", "to_stage", "words"),
    Column("moves", "moves", "count"),
    Column("customers", "customers", "count"),
    Column("median days", "median_days", "tenth"),
    Column("held up", "customers_held_up", "count"),
    Column("against the rules", "invalid_moves", "count"),
)
CONFORMANCE = (
    Column("segment", "segment"),
    Column("cases", "cases", "count"),
    Column("paths", "path_variants", "count"),
    Column("fitness", "fitness", "percent"),
    Column("invalid transitions", "invalid_share", "percent"),
    Column("rework", "rework_share", "percent"),
)
PLAYBOOKS = (
    Column("playbook", "playbook_id", "name", below=(("", "playbook_id", "plain"),)),
    Column("runs", "runs", "count", below=(("measured", "measured_runs", "count"),)),
    Column(
        "success rate",
        "success_rate",
        "percent",
        below=(("from", "success_rate_low", "percent"), ("to", "success_rate_high", "percent")),
    ),
    Column(
        "net value a run",
        "expected_net_value",
        "money",
        below=(("from", "net_value_lower_bound", "money"), ("to", "net_value_upper_bound", "money")),
    ),
    Column("evidence", "evidence", "words"),
    Column("advice", "advice", "words", is_status=True, below=(("", "advice_rule", "words"),)),
)


def evidence_sections(figures: JourneyFigures) -> list[Section]:
    """Return the sections on the portfolio and the playbooks."""
    return [_trend(figures), _risk(figures), _journey(figures), _segments(figures), _playbooks(figures)]


def _trend(figures: JourneyFigures) -> Section:
    rows = records("journey.portfolio_snapshots", ("as_of",), figures.snapshots, figures.naming)
    known = [row for row in rows if row.row["revenue_at_risk"] is not None]
    blocks: list[Block] = []
    is_drawn = len(known) >= FEWEST_POINTS
    if is_drawn:
        lowest = min(known, key=lambda row: row.row["revenue_at_risk"])
        highest = max(known, key=lambda row: row.row["revenue_at_risk"])
        description: Prose = (
            *("From ", known[0].show("as_of"), " to ", known[-1].show("as_of"), ": lowest on "),
            *(lowest.show("as_of"), ", highest on ", highest.show("as_of"), "."),
        )
        days = [
            {
                "day": str(row.row["as_of"]),
                "amount": row.row["revenue_at_risk"],
                "label": row.show("revenue_at_risk", "money").text,
            }
            for row in known
        ]
        blocks.append(Picture("risk_trend", "Revenue at risk, day by day", description, {"days": days}))
    elif not known:
        blocks.append(Paragraph(("No customer has a forecast, so revenue at risk is not known.",)))
    note: Prose = (
        *("Days that were run within ", figures.policy.show("journey.reporting.trend_days", "count"), " days. "),
        "Days that were not run are left out, and the line goes straight over them.",
    )
    newest = list(reversed(rows))[: figures.report_rows]
    blocks.append(grid("Days on record, the newest first", TREND, newest, note, is_folded=is_drawn))
    return Section("trend", "Revenue at risk over time", tuple(blocks))


def _risk(figures: JourneyFigures) -> Section:
    title = "How risk is spread"
    rows = records("count(journey.risk_scores)", ("band_low", "risk_tier"), figures.risk_bands, figures.naming)
    if not rows:
        return Section("risk", title, (Paragraph(("No customer has a risk score.",)),))
    order = list(TIERS)
    bands = sorted(
        (
            {
                "low": row.row["band_low"],
                "high": row.row["band_low"] + RISK_BAND,
                "customers": row.row["customers"],
                "tier": row.row["risk_tier"] or NO_TIER,
                "word": row.show("risk_tier", "words").text if row.has("risk_tier") else NO_TIER,
            }
            for row in rows
        ),
        key=lambda band: (band["low"], order.index(band["tier"])),
    )
    fullest = max(rows, key=lambda row: row.row["customers"])
    description: Prose = (
        *("Most customers of one tier, ", fullest.show("customers", "count"), ", have a risk from "),
        *(fullest.show("band_low", "tenth"), " to below ", fullest.show("band_high", "tenth"), "."),
    )
    note = "The highest band holds its upper end too."
    picture = Picture("risk_distribution", "Active customers by overall risk", description, {"bands": bands})
    pictures = (picture,) if len(bands) >= FEWEST_POINTS else ()
    return Section(
        "risk", title, (*pictures, grid("Customers by risk and tier", BANDS, rows, (note,), is_folded=bool(pictures)))
    )


def _journey(figures: JourneyFigures) -> Section:
    stages = records("journey.portfolio_by_stage", ("journey_stage",), figures.stages, figures.naming)
    flows = records("journey.stage_flows", ("from_stage", "to_stage"), figures.flows, figures.naming)
    blocks: list[Block] = []
    if stages:
        names = [str(stage.row["journey_stage"]) for stage in stages]
        picture = {
            "stages": [_card(stage) for stage in stages],
            "flows": [
                {
                    "from": flow.row["from_stage"],
                    "to": flow.row["to_stage"],
                    "customers": flow.row["customers"],
                    "label": flow.show("customers", "count").text,
                    "is_invalid": flow.row["invalid_moves"] > 0,
                }
                for flow in flows
                if flow.row["from_stage"] in names
                and flow.row["to_stage"] in names
                and flow.row["from_stage"] != flow.row["to_stage"]
            ],
        }
        description = (
            "Cards are stages with the customers in them and the share of these in friction; the foot of a card has "
            "the colour of its status. Bows are moves between stages, the thicker the more customers made them; a red "
            "one holds moves that the policy does not allow. Entries into the journey, into the same stage again, and "
            "moves from or to a stage without customers are in the table only."
        )
        blocks.append(Picture("journey_map", "Stages, and who moved between them", (description,), picture))
        stage = Column("stage", "journey_stage")
        limit = Column("friction limit", "systemic_friction_rate", "percent")
        blocks.append(grid("Stages", (stage, *GROUP[:3], limit, *GROUP[3:]), stages, is_folded=True))
    if flows:
        blocks.append(grid("Moves within the window", FLOWS, flows, is_folded=True))
    if figures.conformance:
        rows = records("journey.conformance", ("segment",), figures.conformance, figures.naming)
        blocks.append(grid("How far journeys keep to the allowed order", CONFORMANCE, rows, is_folded=True))
    if not blocks:
        blocks.append(Paragraph(("No customer has a stage.",)))
    return Section("journey", "Where the journey leaks", tuple(blocks))


def _card(stage: Record) -> Mapping[str, Any]:
    row: Row = stage.row
    friction = "has left" if not row["active_customers"] else f"{stage.show('friction_rate', 'percent').text} friction"
    return {
        "stage": str(row["journey_stage"]),
        "title": stage.show("journey_stage", "words").text,
        "volume": stage.show("customers", "count").text,
        "friction": friction,
        "colour": light(row["status"]),
    }


def _segments(figures: JourneyFigures) -> Section:
    rows = records("journey.portfolio_by_segment", ("segment",), figures.segments, figures.naming)
    if not rows:
        return Section("segments", "Segments", (Paragraph(("There is no customer.",)),))
    return Section(
        "segments", "Segments", (grid("Share and status by segment", (Column("segment", "segment"), *GROUP), rows),)
    )


def _playbooks(figures: JourneyFigures) -> Section:
    title = "Which playbooks are worth their cost"
    rows = records("journey.playbook_performance", ("playbook_id", "segment"), figures.playbooks, figures.naming)
    if not rows:
        return Section("playbooks", title, (Paragraph(("There is no playbook.",)),))
    drawn = [
        {
            "place": place,
            "label": f"{row.show('playbook_id', 'name').text} ({row.show('evidence', 'words').text})",
            "figure": row.show("expected_net_value", "money").text,
            "net": row.row["expected_net_value"],
            "low": row.row["net_value_lower_bound"],
            "high": row.row["net_value_upper_bound"],
        }
        for place, row in enumerate(rows)
    ]
    picture = Picture(
        "playbook_leaderboard",
        "Expected net value of a run, with its interval",
        (
            "The highest expectation first: ",
            rows[0].show("playbook_id", "name", is_strong=True),
            ". Where the evidence is prior a bar is the policy's belief alone, where it is sparse mostly; of the "
            "others, one that crosses zero has not proved itself.",
        ),
        {"playbooks": drawn},
    )
    said = "Rates are shrunk towards the policy's prior until runs are enough; advice is for a person to decide. "
    [count] = records("count(journey.playbook_performance)", ("segment",), figures.playbook_count, figures.naming)
    note = (said, *rest(figures, len(rows), count, "playbooks", "journey.playbook_performance"))
    pictures = (picture,) if len(rows) >= FEWEST_POINTS else ()
    whole = grid("Playbooks, all segments together", PLAYBOOKS, rows, note, is_folded=bool(pictures))
    return Section("playbooks", title, (*pictures, whole))
