"""Audiences of the marketing report: funnel, segments and attribution."""

from __future__ import annotations

from typing import Any

from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.families.marketing.analysis._funnel_steps import EXCEEDS
from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import CAMPAIGN, listed, table_of, where
from cjo_assets.reporting.document import Block, Cited, Column, Paragraph, Picture, Prose, Record, Section

FUNNEL = (
    CAMPAIGN,
    Column("path", "path", "words"),
    Column("", "step", "count"),
    Column("from", "from_stage", "words", below=(("passing over", "passed_over", "names"),)),
    Column("to", "to_stage", "words"),
    Column("left", "from_count", "count"),
    Column("arrived", "to_count", "count"),
    Column("rate", "rate", "percent", below=(("from", "rate_low", "percent"), ("to", "rate_high", "percent"))),
    Column("lost", "lost", "count"),
    Column("state", "state", "words"),
    Column(
        "leak",
        "is_leak",
        below=(
            ("missing", "missing", "count"),
            ("against", "benchmark_rate", "percent"),
            ("of", "benchmark_source", "words"),
        ),
    ),
)
# Most leaks in a sentence, and most campaigns in a picture.
NAMED, DRAWN = 5, 6
SEGMENTS = (
    CAMPAIGN,
    Column("segment", "segment_id", "name", below=(("", "segment_id", "plain"),)),
    Column("spent", "spend", "money"),
    Column("value", "value", "money"),
    Column("conversions", "conversions", "count"),
    Column("ROI", "roi", "percent", below=(("ROAS", "roas", "number"),)),
    Column(
        "KPI",
        "kpi_value",
        "rate",
        below=(("from", "kpi_value_low", "rate"), ("to", "kpi_value_high", "rate"), ("of", "primary_kpi", "words")),
    ),
    Column("compared with", "reference", "rate", below=(("", "reference_source", "words"),)),
    Column("do", "action", "words", is_status=True, below=(("", "rule", "words"),)),
    Column("source", "source_recommendation", "words", below=(("agrees:", "agrees_with_source", "plain"),)),
)
ATTRIBUTION = (
    CAMPAIGN,
    Column("channel", "channel_id", "name", below=(("", "channel_id", "plain"),)),
    Column("method", "method", "words", below=(("from", "source", "words"),)),
    Column(
        "credit",
        "credited_conversions",
        "number",
        below=(("value", "credited_value", "money"), ("of conversions", "valued_conversions", "number")),
    ),
    Column("share of the method", "share_of_method", "percent"),
    Column("vouched for", "weighted_conversions", "number", below=(("trust", "confidence", "percent"),)),
    Column("measured", "measured_conversions", "count"),
    Column("credit beyond it", "disagreement", "number"),
    Column("state", "state", "words", is_status=True),
)


def funnel(figures: MarketingFigures) -> Section:
    """Return the section on funnel steps and leaks."""
    title = "Funnel"
    rows = figures.of("funnel_analysis")
    if not rows:
        return Section("funnel", title, (Paragraph(("No stage of any path is counted.",)),))
    start = figures.policy.show("marketing.funnel.leaks_from", "words")
    blocks: list[Block] = [Paragraph(_leaks(figures, rows, start))]
    drawn = _drawn(figures, rows)
    if drawn:
        description: Prose = (
            *(
                "How many reached each stage, from the ",
                start,
                " on. A bar is as long as its share of the largest stage ",
            ),
            "of its campaign; that of a stage after a leak is orange. A stage that is not tracked has no bar.",
            *((" Only the first campaigns are drawn, those that miss most.",) if len(drawn) > DRAWN else ()),
        )
        data = {"panels": drawn[:DRAWN]}
        blocks.append(Picture("campaign_funnel", "How many reach each stage of a campaign", description, data))
    note = (
        "A leak is surely below its benchmark; missing are the arrivals that the benchmark's rate would have added. "
        "Not tracked is not zero: the stage has no events at all, while others have."
    )
    blocks.append(table_of(figures, "Steps of each path", FUNNEL, "funnel_analysis", note, is_folded=bool(drawn)))
    return Section("funnel", title, tuple(blocks))


def _leaks(figures: MarketingFigures, rows: list[Record], start: Cited) -> Prose:
    """Return the largest leak of each path, by missing arrivals."""
    if not figures.count("funnel_analysis", "is_biggest_leak", True).row["rows"]:
        return ("No measured step after the ", start, " is surely below its benchmark.")
    # A step that two paths share is named once.
    steps = {_step(row): row for row in where(rows, "is_biggest_leak", True)}
    named = [
        (
            *(row.show("campaign_id", "name", is_strong=True), ", ", row.show("from_stage", "words"), " to "),
            *(row.show("to_stage", "words"), ": ", row.show("compared_to", "count"), " of "),
            *(row.show("compared_from", "count"), " (", row.show("compared_rate", "percent"), ") against "),
            *(row.show("benchmark_rate", "percent"), " of ", row.show("benchmark_source", "words"), ", "),
            *(row.show("missing", "count", is_strong=True), " missing"),
        )
        for row in list(steps.values())[:NAMED]
    ]
    shown = len(where(rows, "is_biggest_leak", True))
    is_all = len(steps) <= NAMED and shown == figures.count("funnel_analysis", "is_biggest_leak", True).row["rows"]
    others = () if is_all else ("; and others",)
    return ("Leaks after the ", start, ", the largest of each path: ", *listed(named, "; "), *others, ".")


def _drawn(figures: MarketingFigures, rows: list[Record]) -> list[dict[str, Any]]:
    """Return the stages to draw for each campaign: of the path with the most counted steps."""
    paths: dict[str, dict[str, list[Record]]] = {}
    for row in rows:
        stages = figures.funnel.paths.get(row.row["path"], ())
        start = figures.funnel.leaks_from
        before = stages[: stages.index(start)] if start in stages else ()
        if row.row["state"] in (MEASURED, EXCEEDS) and row.row["from_stage"] not in before:
            paths.setdefault(row.row["campaign_id"], {}).setdefault(row.row["path"], []).append(row)
    longest = {name: max(found.values(), key=len) for name, found in paths.items()}
    return [
        {"label": steps[0].show("campaign_id", "name").text, "stages": _stages(steps)} for steps in longest.values()
    ]


def _stages(steps: list[Record]) -> list[dict[str, Any]]:
    """Return the stages of steps: how many people reached each, and whether it follows a leak."""
    first = steps[0]
    stages = [
        {
            "label": first.show("from_stage", "words").text,
            "figure": first.show("from_count", "count").text,
            "count": first.row["from_count"],
            "is_leak": False,
        }
    ]
    return stages + [
        {
            "label": step.show("to_stage", "words").text,
            "figure": f"{step.show('to_count', 'count').text} ({step.show('rate', 'percent').text})",
            "count": step.row["to_count"],
            "is_leak": step.row["is_leak"],
        }
        for step in steps
    ]


def _step(row: Record) -> str:
    """Return the name of a step."""
    stages = f"{row.show('from_stage', 'words').text} → {row.show('to_stage', 'words').text}"
    return f"{row.row['campaign_id']} {stages}"


def segments(figures: MarketingFigures) -> Section:
    """Return the section on actions per segment."""
    title = "Segments"
    if not figures.rows["segment_portfolio"]:
        return Section("segments", title, (Paragraph(("No segment was shown anything.",)),))
    note = "The action is computed from our figures; the recommendation of the source is shown beside it."
    return Section(
        "segments", title, (table_of(figures, "Audiences by campaign", SEGMENTS, "segment_portfolio", note),)
    )


def attribution(figures: MarketingFigures) -> Section:
    """Return the section on attribution by method."""
    title = "Attribution"
    if not figures.rows["attribution"]:
        return Section("attribution", title, (Paragraph(("No source credits a channel.",)),))
    note = "Credit of one method is never added to that of another: each distributes the same conversions."
    return Section(
        "attribution", title, (table_of(figures, "Credit by method", ATTRIBUTION, "attribution", note, is_folded=True),)
    )
