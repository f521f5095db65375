"""Style of every chart, and the parts that charts share: labelled rows, bands and colours by word.

Importing Altair takes a while: only modules that draw import this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from cjo_assets.reporting.document import Chart
from cjo_assets.reporting.palette import CARD, INK, LINE, MUTED, Colour

Data = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
Specification = dict[str, Any]

# The font of the renderer, and fonts of the same widths on a reader's machine.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
PHONE_PIXELS = 500
ROW_PIXELS = 44
BAR_PIXELS = 14
LABEL_RISE = -16
LABEL_PIXELS = 225
# Thousands and millions by their letter, and zero without one.
SHORT = "datum.value === 0 ? '0' : format(datum.value, '~s')"
# An outline in the colour of the ground keeps text apart from lines below it. Its corners are round: pointed ones would
# reach into the bars.
HALO = {"stroke": CARD.light, "strokeWidth": 4, "strokeJoin": "round", "color": CARD.light}


def charts_by_name(*charts: Chart) -> dict[str, Chart]:
    """Return charts by the names of their functions."""
    return {chart.__name__: chart for chart in charts}


def themed(chart: Drawn, width: int, height: int, **rows: Rows) -> Specification:
    """Return a chart in the style of reports, with its rows stored once: Altair would copy them for each layer."""
    axis = {
        "domainColor": LINE.light,
        "gridColor": LINE.light,
        "gridDash": [2, 3],
        "labelColor": MUTED.light,
        "labelFontSize": 12,
        "ticks": False,
        "labelPadding": 6,
        "title": None,
        "titleColor": MUTED.light,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    }
    legend = {
        "orient": "top",
        "title": None,
        "labelColor": INK.light,
        "labelFontSize": 12,
        "symbolType": "square",
        "offset": 12,
        "columnPadding": 14,
        "columns": 2 if width < PHONE_PIXELS else 0,
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


def colours_of(name: str, colours: Mapping[str, str]) -> alt.Color:
    """Return the colour of marks by a column of words."""
    return alt.Color(f"{name}:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())))


def band() -> alt.Y:
    """Return the vertical position of the rows of a chart, from their column `place`."""
    return alt.Y("place:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))


def labels(rows: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """Return the label and the figure of each row, above its bar so that they fit on a phone."""
    layers = []
    for ground in (HALO, {"color": INK.light}):
        style = {"dy": LABEL_RISE, "fontSize": 12} | ground
        name = rows.mark_text(align="left", limit=LABEL_PIXELS, **style)
        figure = rows.mark_text(align="right", fontWeight="bold", **style)
        layers.append(name.encode(alt.X(value=0), y, alt.Text("label:N")))
        layers.append(figure.encode(alt.X(value="width"), y, alt.Text("figure:N")))
    return layers


def present(colours: Mapping[str, Colour], rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, str]:
    """Return the colours of the words that occur in a column, in the order of the colours."""
    found = {row[name] for row in rows}
    return {word: colour.light for word, colour in colours.items() if word in found}


def labelled(colours: Mapping[str, Colour], rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, str]:
    """Return the colours of a column by the labels of its words, which the rows have as `word`."""
    labels_of = {row[name]: row["word"] for row in rows}
    return {labels_of[word]: colour.light for word, colour in colours.items() if word in labels_of}


def axis_of(title: str, label: str = SHORT) -> alt.Axis:
    """Return the axis of a measure, named by its title."""
    return alt.Axis(labelExpr=label, tickCount=5, title=title)
