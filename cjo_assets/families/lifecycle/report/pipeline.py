"""Deals of the lifecycle report: the funnel, and where each open deal waits."""

from __future__ import annotations

from typing import Any

from cjo_assets.families.lifecycle.pipeline._milestones import NEW
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import CUSTOMER, table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Record, Section

FUNNEL = (
    Column("deals", "kind", "words"),
    Column("milestone", "step", "words"),
    Column("reached", "reached", "count"),
    Column("continued", "went_on", "count"),
    Column("rate", "rate", "percent", below=(("from", "rate_low", "percent"), ("to", "rate_high", "percent"))),
    Column("median time to the next", "median_hours", "duration"),
    Column("lowest rate", "is_worst"),
)
DEALS = (
    CUSTOMER,
    Column("deal", "deal_id", below=(("", "kind", "words"),)),
    Column("waits for", "step", "words", below=(("out of order:", "out_of_order", "names"),)),
    Column("since", "hours_in_step", "duration"),
    Column("overdue", "is_overdue"),
    Column("margin", "margin", "percent", below=(("price", "price", "money"),)),
    Column("volume against prediction", "volume_discrepancy", "percent"),
    Column("open dependencies", "open_dependencies", "count", below=(("days overdue", "days_overdue", "count"),)),
)


def pipeline(figures: LifecycleFigures) -> Section:
    """Return the section on deals between first contact and handover."""
    funnel = figures.of("pipeline_funnel")
    blocks: list[Block] = [Paragraph(_worst(figures, funnel))]
    drawn = _drawn([row for row in funnel if row.row["kind"] == NEW])
    if drawn:
        description: Prose = (
            *(
                "New clients whose deal began in the last ",
                figures.policy.show("lifecycle.pipeline.window_days", "count"),
            ),
            *(" days. A deal that reached a later milestone counts for the earlier ones. Fewest go on from the "),
            "orange bar.",
        )
        blocks.append(Picture("pipeline_funnel", "How far new clients get", description, {"rows": drawn}))
    blocks.append(table_of(figures, "Funnel of deals", FUNNEL, "pipeline_funnel", is_folded=bool(drawn)))
    if figures.rows["client_pipeline"]:
        blocks.append(table_of(figures, "Open deals, the overdue first", DEALS, "client_pipeline"))
    return Section("pipeline", "Pipeline", tuple(blocks))


def _worst(figures: LifecycleFigures, funnel: list[Record]) -> Prose:
    """Return the milestone with the lowest rate of each kind of deal."""
    worst = [row for row in funnel if row.row["is_worst"]]
    if not worst:
        days = figures.policy.show("lifecycle.pipeline.window_days", "count")
        return ("No deal began in the last ", days, " days.")
    parts: Prose = ("Fewest go on: ",)
    for place, row in enumerate(worst):
        parts = (
            *(*parts, "; " if place else "", row.show("kind", "words"), ", after "),
            *(row.show("step", "words", is_strong=True), ", ", row.show("went_on", "count"), " of "),
            row.show("reached", "count"),
        )
    return (*parts, ".")


def _drawn(steps: list[Record]) -> list[dict[str, Any]]:
    """Return the bars of a funnel; none where no deal is in it."""
    most = max((row.row["reached"] for row in steps), default=0)
    if not most:
        return []
    return [
        {
            "place": place,
            "label": row.show("step", "words").text,
            "figure": row.show("reached", "count").text,
            "start": 0,
            "end": row.row["reached"],
            "is_worst": row.row["is_worst"],
        }
        for place, row in enumerate(steps)
    ]
