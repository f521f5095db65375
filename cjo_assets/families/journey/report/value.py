"""KPIs and ROI of the journey report: scorecard, waterfall and sensitivity to assumptions."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.reporting.document import (
    Block,
    Column,
    Paragraph,
    Picture,
    Prose,
    Record,
    Section,
    grid,
    records,
)
from cjo_assets.reporting.first_screen import FEWEST_POINTS
from cjo_assets.reporting.text import against_zero, words
from cjo_assets.reporting.waterfall import waterfall

SCORECARD = (
    Column("KPI", "kpi", "words", is_long=True, below=(("", "note", "prose"),)),
    Column(
        "value",
        "value",
        "number",
        below=(("", "unit", "words"), ("from", "interval_low", "number"), ("to", "interval_high", "number")),
    ),
    Column("target", "target", "number"),
    Column("attained", "attainment", "percent"),
    Column("status", "status", "words", is_status=True),
    Column("basis", "basis", "words", below=(("against", "baseline", "words"), ("n", "n", "count"))),
    Column("before", "previous_value", "number", below=(("on", "previous_as_of", "day"),)),
)
FAMILIES = (
    Column("family", "family", "words"),
    Column("status", "status", "words", is_status=True),
    Column("KPIs", "kpis", "count"),
    Column("measured", "measured", "count"),
    Column("at risk", "at_risk", "count"),
    Column("exceeded", "exceeded", "count"),
    Column("not distinguishable", "not_distinguishable", "count"),
)
PARTS = (
    Column("component", "component", "words", is_long=True, below=(("", "formula", "prose"),)),
    Column("kind", "kind", "words"),
    Column("amount", "amount", "money", below=(("from", "amount_low", "money"), ("to", "amount_high", "money"))),
    Column("evidence", "evidence_grade", "words"),
    Column("assumption", "assumption", "prose", is_long=True),
)
GRADES = (
    Column("evidence", "evidence_grade", "words"),
    Column("value", "value", "money", below=(("from", "value_low", "money"), ("to", "value_high", "money"))),
    Column("against zero", "value_status", "words"),
    Column("cost", "cost", "money"),
    Column("value so far", "value_so_far", "money"),
    Column(
        "net benefit so far",
        "net_benefit_so_far",
        "money",
        below=(("from", "net_benefit_so_far_low", "money"), ("to", "net_benefit_so_far_high", "money")),
    ),
)
ASSUMPTIONS = (
    Column("", "rank", "count"),
    Column("assumption", "assumption", "words"),
    Column("low", "value_low", "number"),
    Column("in force", "value_base", "number"),
    Column("high", "value_high", "number"),
    Column("net benefit at low", "net_benefit_low", "money"),
    Column("net benefit at high", "net_benefit_high", "money"),
    Column("swing", "swing", "money"),
)


def value_sections(figures: JourneyFigures) -> list[Section]:
    """Return the sections on KPIs and ROI."""
    return [_kpis(figures), _roi(figures)]


def _kpis(figures: JourneyFigures) -> Section:
    if not figures.kpis:
        return Section("kpis", "KPIs", (Paragraph(("The policy has switched KPI tracking off.",)),))
    statuses = records("journey.kpi_status", ("family",), figures.kpi_status, figures.naming)
    kpis = records("journey.kpis", ("kpi",), figures.kpis, figures.naming)
    blocks: list[Block] = [grid("Groups of KPIs", FAMILIES, statuses)]
    note = (
        "The status of a family follows from measured KPIs; neither a proxy nor an assumption improves it. "
        "n/a is unknown, not zero."
    )
    known = [row for row in kpis if row.row["status"] != NOT_MEASURABLE]
    blocks += [grid("Measured KPIs", SCORECARD, known, (note,))] if known else []
    unknown = [row for row in kpis if row.row["status"] == NOT_MEASURABLE]
    blocks += [grid("KPIs without data, and what they need", SCORECARD, unknown, is_folded=True)] if unknown else []
    return Section("kpis", "KPIs", tuple(blocks))


def _roi(figures: JourneyFigures) -> Section:
    roi = Record("journey.roi_estimate", (), figures.roi, figures.naming)
    total: Prose = (
        *("From ", roi.show("window_start"), " to ", roi.show("window_end"), ", "),
        *(roi.show("interventions_executed", "count"), " interventions were executed: value "),
        *(roi.show("total_value", "money"), ", cost ", roi.show("total_cost", "money"), ", net benefit "),
        *(
            roi.show("net_benefit", "money", is_strong=True),
            " (",
            roi.show("roi_percent", "tenth"),
            " % of the cost). ",
        ),
        *(
            "The weakest evidence in it is ",
            roi.show("evidence_grade", "words", is_strong=True),
            ". Without the value ",
        ),
        *("that nothing was compared for, ", roi.show("net_benefit_compared", "money"), " remains"),
        *_doubt(figures, roi),
        ".",
    )
    parts = records("journey.roi_breakdown", ("component", "evidence_grade"), figures.roi_parts, figures.naming)
    drawn: Sequence[Picture] = waterfall(roi.show("net_benefit", "money"), parts)
    blocks: list[Block] = [Paragraph(total), *drawn]
    blocks.append(grid("Cost and value, part by part", PARTS, parts, is_folded=bool(drawn)))
    grades = records("journey.roi_by_grade", ("evidence_grade",), figures.roi_grades, figures.naming)
    note = "Each row has the net benefit with this evidence and all that is stronger, after all costs."
    blocks.append(grid("What rests on which evidence", GRADES, grades, (note,)))
    assumptions = records("journey.roi_sensitivity", ("assumption",), figures.sensitivity, figures.naming)
    if assumptions:
        drawn = _tornado(assumptions)
        blocks += drawn
        title = "How each assumption alone changes the net benefit"
        blocks.append(grid(title, ASSUMPTIONS, assumptions, is_folded=bool(drawn)))
    return Section("roi", "Cost and value", tuple(blocks))


def _doubt(figures: JourneyFigures, roi: Record) -> Prose:
    """Return interval and sign of the net benefit; empty without a comparison."""
    said = against_zero(figures.roi["compared_value_status"])
    if not said:
        return ()
    low, high = (roi.show(f"net_benefit_compared_{end}", "money") for end in ("low", "high"))
    net = words(figures.roi["compared_net_status"])
    return (", between ", low, " and ", high, f": {said}, and what remains after all costs is {net}")


def _tornado(assumptions: list[Record]) -> list[Picture]:
    """Return the picture of the assumptions, the largest swing first; none where few have any."""
    rows = [
        {
            "place": place,
            "label": row.show("assumption", "words").text,
            "figure": row.show("swing", "money").text,
            "low": row.row["net_benefit_low"],
            "high": row.row["net_benefit_high"],
        }
        for place, row in enumerate(assumptions)
        if row.row["swing"] >= HALF_A_CENT
    ]
    if len(rows) < FEWEST_POINTS:
        return []
    named: list[Prose] = [(row.show("assumption", "words", is_strong=True),) for row in assumptions[:3]]
    description: Prose = ("These move the result most: ", *named[0])
    for more in named[1:]:
        description = (*description, ", ", *more)
    data = {"base": assumptions[0].row["net_benefit_base"], "assumptions": rows}
    return [Picture("roi_tornado", "Net benefit as one assumption moves within its range", (*description, "."), data)]
