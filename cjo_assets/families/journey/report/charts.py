"""The charts of a report, each a function from the rows of a picture to a Vega-Lite chart.

Belongs here: geometry and encoding. Does not belong here: figures, which come as they are shown, and how a chart
becomes a file (`drawing.py`). Importing Altair takes a while: only what draws imports this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from cjo_assets.families.journey.report import journey_map as map_of_stages
from cjo_assets.families.journey.report.journey_map import HALO, PHONE_PIXELS
from cjo_assets.reporting.palette import ACCENT, CARD, GRADES, INK, LINE, MUTED, SOFT, TIERS

Data = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
Specification = dict[str, Any]

AT_LOW, AT_HIGH = "at its low end", "at its high end"
# The font that the renderer carries with it, and those of the same widths that a reader's machine has.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
ROW_PIXELS = 44
MOST_TICKS = 5
BAR_PIXELS = 14
LABEL_RISE = -16
LABEL_PIXELS = 225
# Thousands and millions by their letter, and nothing as nothing.
SHORT = "datum.value === 0 ? '0' : format(datum.value, '~s')"


def themed(chart: Drawn, width: int, height: int, **rows: Rows) -> Specification:
    """Return a chart in the report's dress with its rows, which Altair would copy for each layer were it given them."""
    axis = {
        "domainColor": LINE.light,
        "gridColor": LINE.light,
        "gridDash": [2, 3],
        "labelColor": MUTED.light,
        "labelFontSize": 12,
        "ticks": False,
        "labelPadding": 6,
        "title": None,
    }
    legend = {
        "orient": "top",
        "title": None,
        "labelColor": INK.light,
        "labelFontSize": 12,
        "symbolType": "square",
        "offset": 12,
        "columnPadding": 14,
        "columns": 3 if width < PHONE_PIXELS else 0,
    }
    dressed = (
        chart.properties(width=width, height=height, background="transparent", padding=2)
        .properties(autosize=alt.AutoSizeParams(type="fit-x"))
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_legend(**legend)
    )
    specification: Specification = dressed.to_dict(validate=False)
    return specification | {"datasets": {name: [dict(row) for row in found] for name, found in rows.items()}}


def risk_trend(data: Data, width: int) -> Specification:
    """Draw revenue at risk by day; a single day is a point."""
    found = data["days"]
    # Days that were run, and not too many: a scale of its own making would name hours.
    shown = sorted({round(place * (len(found) - 1) / (MOST_TICKS - 1)) for place in range(MOST_TICKS)})
    ticks = [_instant(found[place]["day"]) for place in shown]
    x = alt.X("day:T", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b", grid=False, values=ticks))
    y = alt.Y("amount:Q", scale=alt.Scale(zero=True), axis=alt.Axis(labelExpr=SHORT, tickCount=4))
    base, newest = alt.Chart(alt.NamedData("days")), alt.Chart(alt.NamedData("newest"))
    layers = [
        base.mark_area(color=SOFT.light, opacity=0.35).encode(x, y),
        base.mark_line(color=ACCENT.light, strokeWidth=2.5).encode(x, y),
        base.mark_point(color=ACCENT.light, filled=True, size=16, opacity=1).encode(x, y),
        newest.mark_point(color=ACCENT.light, filled=True, size=80, opacity=1).encode(x, y),
        newest.mark_text(align="right", dy=-16, dx=5, fontSize=13, fontWeight="bold", color=INK.light).encode(
            x, y, alt.Text("label:N")
        ),
    ]
    return themed(alt.layer(*layers), width, 220, days=found, newest=found[-1:])


def risk_distribution(data: Data, width: int) -> Specification:
    """Draw how many customers have which risk, by tier."""
    present = {row["tier"] for row in data["bands"]}
    tiers = {name: colour.light for name, colour in TIERS.items() if name in present}
    # The bars of a band stand on each other, in the order of the rows.
    reached: dict[float, int] = {}
    bars = []
    for row in data["bands"]:
        start = reached.get(row["low"], 0)
        reached[row["low"]] = start + row["customers"]
        bars.append(dict(row) | {"start": start, "end": reached[row["low"]]})
    chart = (
        alt.Chart(alt.NamedData("bars"))
        .mark_rect(stroke=CARD.light, strokeWidth=1)
        .encode(
            alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(grid=False, format=".1~f", tickCount=5)),
            alt.X2("high:Q"),
            alt.Y("start:Q", axis=alt.Axis(tickCount=4, tickMinStep=1, format=",~d")),
            alt.Y2("end:Q"),
            colours_of("tier", tiers),
        )
    )
    return themed(chart, width, 220, bars=bars)


def journey_map(data: Data, width: int) -> Specification:
    """Draw the stages and the moves between them."""
    chart, height, rows = map_of_stages.journey_map(data, width)
    return themed(chart, width, height, **rows)


def playbook_leaderboard(data: Data, width: int) -> Specification:
    """Draw the net value of a run of every playbook with its interval."""
    rows = alt.Chart(alt.NamedData("rows"))
    x, y = alt.X("net:Q", axis=alt.Axis(labelExpr=SHORT, tickCount=5)), band()
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_rule(color=SOFT.light, strokeWidth=6, strokeCap="round").encode(alt.X("low:Q"), alt.X2("high:Q"), y),
        rows.mark_point(color=ACCENT.light, filled=True, size=110, opacity=1).encode(x, y),
        *labels(rows, y),
    ]
    found = data["playbooks"]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, zero=[{"net": 0}])


def roi_waterfall(data: Data, width: int) -> Specification:
    """Draw how value and cost add up to the net benefit, each part in the colour of its evidence."""
    found = data["parts"]
    present = {row["grade"] for row in found}
    colours = {name: colour.light for name, colour in GRADES.items() if name in present}
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("start:Q", axis=alt.Axis(labelExpr=SHORT, tickCount=5))
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_bar(height=BAR_PIXELS).encode(x, alt.X2("end:Q"), y, colours_of("grade", colours)),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, zero=[{"start": 0}])


def roi_tornado(data: Data, width: int) -> Specification:
    """Draw how far each assumption alone moves the net benefit."""
    found, y = data["assumptions"], band()
    x = alt.X("reached:Q", scale=alt.Scale(zero=False), axis=alt.Axis(labelExpr=SHORT, tickCount=5))
    ends = [
        {"place": row["place"], "reached": row[end], "base": data["base"], "end": name}
        for row in found
        for end, name in (("low", AT_LOW), ("high", AT_HIGH))
    ]
    colour = colours_of("end", {AT_LOW: SOFT.light, AT_HIGH: ACCENT.light})
    layers = [
        alt.Chart(alt.NamedData("ends")).mark_bar(height=BAR_PIXELS).encode(x, alt.X2("base:Q"), y, colour),
        alt.Chart(alt.NamedData("base")).mark_rule(color=INK.light, strokeWidth=1.5).encode(x),
        *labels(alt.Chart(alt.NamedData("rows")), y),
    ]
    base = [{"reached": data["base"]}]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, ends=ends, base=base)


CHARTS: dict[str, Callable[[Data, int], Specification]] = {
    chart.__name__: chart
    for chart in (risk_trend, risk_distribution, journey_map, playbook_leaderboard, roi_waterfall, roi_tornado)
}


def _instant(day: str) -> int:
    """Return a day as Vega counts it [milliseconds since 1970, UTC]."""
    return (date.fromisoformat(day) - date(1970, 1, 1)) // timedelta(milliseconds=1)


def colours_of(name: str, colours: Mapping[str, str]) -> alt.Color:
    """Colour what is drawn by one of its words."""
    return alt.Color(f"{name}:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())))


def band() -> alt.Y:
    """Give each row of a chart the place that it says."""
    return alt.Y("place:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))


def labels(rows: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """Return what a row is called and its figure, above its bar: there is room for it on a phone too."""
    layers = []
    for ground in (HALO, {"color": INK.light}):
        style = {"dy": LABEL_RISE, "fontSize": 12} | ground
        name = rows.mark_text(align="left", limit=LABEL_PIXELS, **style)
        figure = rows.mark_text(align="right", fontWeight="bold", **style)
        layers.append(name.encode(alt.X(value=0), y, alt.Text("label:N")))
        layers.append(figure.encode(alt.X(value="width"), y, alt.Text("figure:N")))
    return layers
