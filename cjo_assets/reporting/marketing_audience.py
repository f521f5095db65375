"""Whom marketing reaches: where they are lost, which segments are worth it, and who gets the credit.

Belongs here: the funnel and its picture, segments, attribution. Does not belong here: any rate.
"""

from __future__ import annotations

from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Record, Section
from cjo_assets.reporting.marketing_figures import MarketingFigures
from cjo_assets.reporting.marketing_prose import CAMPAIGN, listed, table_of, where
from cjo_assets.shared.statistics import MEASURED

FUNNEL = (
    CAMPAIGN,
    Column("path", "path", "words"),
    Column("", "step", "count"),
    Column("from", "from_stage", "words", below=(("passing over", "passed_over", "names"),)),
    Column("to", "to_stage", "words"),
    Column("left", "from_count", "count"),
    Column("arrived", "to_count", "count"),
    Column("rate", "rate", "percent", below=(("from", "rate_low", "percent"), ("to", "rate_high", "percent"))),
    Column("state", "state", "words"),
    Column("largest leak", "is_biggest_leak"),
)
SEGMENTS = (
    CAMPAIGN,
    Column("segment", "segment_id"),
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
    Column("held against", "reference", "rate", below=(("", "reference_source", "words"),)),
    Column("do", "action", "words", is_status=True, below=(("", "rule", "words"),)),
    Column("the source says", "source_recommendation", "words", below=(("agrees:", "agrees_with_source", "plain"),)),
)
ATTRIBUTION = (
    CAMPAIGN,
    Column("channel", "channel_id"),
    Column("method", "method", "words", below=(("from", "source", "words"),)),
    Column("credit", "credited_conversions", "number"),
    Column("share of the method", "share_of_method", "percent"),
    Column("vouched for", "weighted_conversions", "number", below=(("trust", "confidence", "percent"),)),
    Column("measured", "measured_conversions", "count"),
    Column("credit beyond it", "disagreement", "number"),
    Column("state", "state", "words", is_status=True),
)


def funnel(figures: MarketingFigures) -> Section:
    """Return where people are lost on the way."""
    title = "Funnel"
    rows = figures.of("funnel_analysis")
    if not rows:
        return Section("funnel", title, (Paragraph(("No stage of any path is counted.",)),))
    blocks: list[Block] = []
    # A step that two paths share is named and drawn once.
    leaks = list({_step(row): row for row in where(rows, "is_biggest_leak", True)}.values())
    if leaks:
        named = [
            (
                *(row.show("campaign_id", is_strong=True), ", ", row.show("from_stage", "words"), " to "),
                *(row.show("to_stage", "words"), " (", row.show("rate", "percent"), ")"),
            )
            for row in leaks
        ]
        said: Prose = (
            "The measured step with the lowest rate, path by path: ",
            *listed(named, "; "),
            ".",
        )
        blocks.append(Paragraph(said))
    drawn = {_step(row): row for row in rows if row.row["state"] == MEASURED}
    if drawn:
        steps = [
            {
                "place": place,
                "label": step,
                "figure": row.show("rate", "percent").text,
                "rate": row.row["rate"],
                "low": row.row["rate_low"],
                "high": row.row["rate_high"],
                "is_leak": step in {_step(leak) for leak in leaks},
            }
            for place, (step, row) in enumerate(drawn.items())
        ]
        description = (
            "Share of those who left a stage that arrived at the next, with its interval; the steps that lose most are "
            "orange. Steps that are not tracked have no bar: nobody knows how many were lost there."
        )
        blocks.append(Picture("campaign_funnel", "How many go on to the next stage", (description,), {"rows": steps}))
    note = "Not tracked is not zero: the stage has no events at all, while others have."
    blocks.append(table_of(figures, "Steps of each path", FUNNEL, "funnel_analysis", note))
    return Section("funnel", title, tuple(blocks))


def _step(row: Record) -> str:
    """Return what a step is called in the picture."""
    stages = f"{row.show('from_stage', 'words').text} → {row.show('to_stage', 'words').text}"
    return f"{row.show('campaign_id').text} {stages}"


def segments(figures: MarketingFigures) -> Section:
    """Return what to do with each segment."""
    title = "Segments"
    if not figures.rows["segment_portfolio"]:
        return Section("segments", title, (Paragraph(("No segment was shown anything.",)),))
    note = "What to do is computed from our figures; what the source would do stands beside it."
    return Section("segments", title, (table_of(figures, "Segments", SEGMENTS, "segment_portfolio", note),))


def attribution(figures: MarketingFigures) -> Section:
    """Return who gets the credit, method by method."""
    title = "Attribution"
    if not figures.rows["attribution"]:
        return Section("attribution", title, (Paragraph(("Nobody says which channel deserves credit.",)),))
    note = "Credit of one method is never added to that of another: each gives out the same conversions anew."
    return Section("attribution", title, (table_of(figures, "Credit by method", ATTRIBUTION, "attribution", note),))
