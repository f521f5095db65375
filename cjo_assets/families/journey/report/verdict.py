"""Verdict of the journey report: status against target, its reasons, and the key figures."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.journey.portfolio.portfolio_snapshots import ABOVE_TARGET, ON_TARGET
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.families.journey.report.summary import style_of
from cjo_assets.reporting.document import Cited, Code, Prose, Record, Tile, Verdict, Words, records
from cjo_assets.reporting.summary import passages_of
from cjo_assets.reporting.text import against_zero

MEANINGS = {
    ON_TARGET: ": every share is known and within its target.",
    ABOVE_TARGET: ": more is at stake than the targets allow.",
    NOT_MEASURABLE: ": too little is known for a status.",
}


def verdict(figures: JourneyFigures) -> Verdict:
    """Return the verdict on the day."""
    snapshot = Record("journey.portfolio_snapshots", (), figures.snapshot)
    paragraph = figures.paragraph
    return Verdict(
        status=snapshot.show("verdict", "words"),
        word=str(figures.snapshot["status"]),
        meaning=(snapshot.show("status", "words", is_strong=True), MEANINGS[figures.snapshot["verdict"]]),
        reasons=(*((reason,) for reason in snapshot.each("status_reasons", "words")), *_standing(figures, snapshot)),
        tiles=_tiles(figures, snapshot),
        summary=passages_of(paragraph, style_of),
        provenance="" if paragraph is None else paragraph.provenance,
    )


def _standing(figures: JourneyFigures, snapshot: Record) -> list[Prose]:
    """Return what trend, stages and KPIs add to the verdict."""
    day = figures.snapshot
    said: list[Prose] = [
        (
            "Revenue at risk against a week before: ",
            snapshot.show("trend_7_days", "words", is_strong=True),
            "; against four weeks before: ",
            snapshot.show("trend_28_days", "words", is_strong=True),
            ".",
        )
    ]
    said += [(note,) for note in snapshot.each("trend_notes")]
    if day["systemic_failures"]:
        said.append(("Stages that fail their customers: ", snapshot.show("systemic_failures"), "."))
    if day["top_leaking_stage"] is not None:
        said.append(
            (
                "Most revenue at risk is in ",
                snapshot.show("top_leaking_stage", is_strong=True),
                ": ",
                snapshot.show("top_leaking_revenue_at_risk", "money"),
                ".",
            )
        )
    if not figures.kpi_status:
        return [*said, ("The policy has switched KPI tracking off.",)]
    families: list[str | Cited | Code | Words] = ["KPIs: "]
    for place, row in enumerate(records("journey.kpi_status", ("family",), figures.kpi_status)):
        families += ["" if place == 0 else ", ", row.show("family", "words"), " "]
        families.append(row.show("status", "words", is_strong=True))
    return [*said, (*families, ".")]


def _tiles(figures: JourneyFigures, snapshot: Record) -> tuple[Tile, ...]:
    day = Record("journey.journey_summary", (), figures.summary)
    roi = Record("journey.roi_estimate", (), figures.roi)
    return (
        Tile(
            "Revenue at risk",
            (snapshot.show("revenue_at_risk", "whole"),),
            (snapshot.show("revenue_at_risk_share", "percent"), " of the account value with a forecast"),
        ),
        Tile(
            "Customers at high risk",
            (snapshot.show("customers_high_risk", "count"),),
            (
                "of ",
                snapshot.show("active_customers", "count"),
                " active; ",
                day.show("customers_without_answer", "count"),
                " without an answer",
            ),
        ),
        Tile(
            "Waiting for approval",
            (day.show("interventions_pending", "count"),),
            (day.show("interventions_expired", "count"), " lapsed without an answer"),
        ),
        Tile(
            "Net benefit",
            (roi.show("net_benefit", "whole"),),
            ("weakest evidence: ", roi.show("evidence_grade", "words"), *_compared(figures))
            if figures.roi["value_evidence_grade"] is not None
            else ("costs alone: no value on record",),
        ),
    )


def _compared(figures: JourneyFigures) -> Prose:
    said = against_zero(figures.roi["compared_value_status"])
    return (f"; {said}",) if said else ()
