"""Health of clients in the lifecycle report: distribution, the lowest scores with their parts, and the backtest."""

from __future__ import annotations

from typing import Any

from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Section
from cjo_assets.reporting.first_screen import FEWEST_POINTS

BANDS = (
    Column("band", "band", "words", is_status=True),
    Column("clients", "clients", "count"),
    Column("revenue a month", "mrr", "money"),
    Column("share", "mrr_share", "percent"),
)
LOWEST = (
    CUSTOMER,
    Column("score", "score", "tenth", below=(("coverage", "coverage", "percent"),)),
    Column("band", "band", "words", is_status=True),
    Column("change", "change", "tenth"),
    Column("revenue a month", "mrr", "money"),
    Column("loses most by", "weakest_measure", "words"),
    Column("not measurable", "not_measurable", "names", is_long=True),
)
PARTS = (
    CUSTOMER,
    Column("measure", "measure", "words", below=(("", "component", "words"),)),
    Column("value", "value", "number"),
    Column("points", "points", "tenth"),
    Column("weight", "weight", "percent"),
    Column("adds", "contribution", "tenth"),
)
BACKTEST = (
    Column("days before", "horizon_days", "count"),
    Column("band then", "band", "words", is_status=True),
    Column("customers", "customers", "count"),
    Column("left since", "churned", "count"),
    Column("rate", "churn_rate", "percent", below=(("from", "rate_low", "percent"), ("to", "rate_high", "percent"))),
    Column("revenue lost", "mrr_lost", "money"),
    Column("of all who left", "recall", "percent"),
    Column("times green", "lift", "number"),
)


def health(figures: LifecycleFigures) -> Section:
    """Return the section on the health of clients."""
    title = "Health of clients"
    if not figures.rows["health_scores"]:
        return Section("health", title, (Paragraph(("No client has a health score.",)),))
    blocks: list[Block] = [_bands(figures)]
    blocks.append(table_of(figures, "Clients by band", BANDS, "health_by_band", is_folded=True))
    if len(figures.rows["health_scores"]) >= FEWEST_POINTS:
        blocks.append(_lowest(figures))
    note = "A score is withheld where too little of it is measurable."
    blocks.append(table_of(figures, "The lowest scores", LOWEST, "health_scores", note))
    blocks.append(table_of(figures, "What these scores consist of", PARTS, "health_contributions", is_folded=True))
    blocks += _backtest(figures)
    return Section("health", title, tuple(blocks))


def _bands(figures: LifecycleFigures) -> Picture:
    rows = [
        {
            "place": row.row["place"],
            "label": row.show("band", "words").text,
            "figure": row.show("mrr", "money").text,
            "start": 0.0,
            "end": row.row["mrr"],
            "band": row.row["band"],
            "word": row.show("band", "words").text,
        }
        for row in figures.of("health_by_band")
    ]
    red, green = (
        figures.policy.show(f"lifecycle.health.bands.{name}", "whole") for name in ("red_below", "green_above")
    )
    description: Prose = (
        *("Recurring revenue a month of the clients in each band. Red is below ", red, " points, green above "),
        *(green, "; unknown has no score."),
    )
    return Picture("health_by_band", "Revenue by health", description, {"rows": rows})


def _lowest(figures: LifecycleFigures) -> Picture:
    """Return the picture of the lowest scores, each as the sum of its contributions."""
    parts: list[dict[str, Any]] = []
    names = []
    found = figures.of("health_contributions")
    for place, score in enumerate(figures.of("health_scores")):
        reached = 0.0
        for row in found:
            if row.row["customer_id"] == score.row["customer_id"] and row.row["contribution"]:
                end = reached + row.row["contribution"]
                part = {"component": row.row["component"], "word": row.show("component", "words").text}
                parts.append(part | {"place": place, "start": reached, "end": end})
                reached = end
        label, figure = score.show("customer_id", "name").text, score.show("score", "tenth").text
        names.append({"place": place, "label": label, "figure": figure, "start": 0.0})
    description: Prose = (
        "What each component adds to the score; the axis ends at a full score. Components without data give their "
        "weight to the others.",
    )
    return Picture("health_worst", "The clients with the lowest health", description, {"parts": parts, "rows": names})


def _backtest(figures: LifecycleFigures) -> list[Block]:
    """Return whether the score foretold the departures."""
    rows = figures.of("health_backtest")
    if any(row.row["state"] == MEASURED for row in rows):
        return [table_of(figures, "Departures by the health of an earlier day", BACKTEST, "health_backtest")]
    least = figures.policy.show("lifecycle.health.backtest.minimum_churned", "count")
    said = ("Whether the score foretells departures is not measurable yet: fewer than ", least, " customers have left.")
    return [
        Paragraph(said),
        table_of(figures, "Departures by the health of an earlier day", BACKTEST, "health_backtest", is_folded=True),
    ]
