"""Charts of the lifecycle report: functions from the data of a picture to a Vega-Lite chart."""

from __future__ import annotations

import altair as alt

from cjo_assets.families.lifecycle.report.money import GAIN, LOSS, MOVEMENTS, NET
from cjo_assets.families.lifecycle.success._health import FULL_POINTS
from cjo_assets.reporting.chart_style import (
    BAR_PIXELS,
    ROW_PIXELS,
    Data,
    Specification,
    axis_of,
    band,
    charts_by_name,
    colours_of,
    labelled,
    labels,
    present,
    themed,
)
from cjo_assets.reporting.palette import ACCENT, BAD, GOOD, INK, MUTED, SOFT, UNKNOWN, VIOLET, WARNING

BRIDGE = {GAIN: GOOD, LOSS: BAD, NET: INK}
MONTHS = {"new": GOOD, "reactivation": VIOLET, "expansion": SOFT, "contraction": WARNING, "churn": BAD}
RETENTION = {"net retention": ACCENT, "gross retention": MUTED}
BANDS = {"red": BAD, "yellow": WARNING, "green": GOOD, "unknown": UNKNOWN}
COMPONENTS = {
    "outcomes": ACCENT,
    "engagement": SOFT,
    "support": GOOD,
    "satisfaction": VIOLET,
    "payment": WARNING,
}
REACHED, WORST = "deals", "fewest go on"
FUNNEL = {REACHED: SOFT, WORST: WARNING}
PERCENT = "format(datum.value, '.0%')"
MONTHS_PIXELS, LINES_PIXELS = 240, 220


def mrr_bridge(data: Data, width: int) -> Specification:
    """Draw how the movements of a month add up to its net change."""
    found = data["rows"]
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("start:Q", axis=axis_of("change of revenue a month"))
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_bar(height=BAR_PIXELS).encode(
            x, alt.X2("end:Q"), y, colours_of("word", present(BRIDGE, found, "word"))
        ),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, zero=[{"start": 0}])


def mrr_months(data: Data, width: int) -> Specification:
    """Draw gains and losses of each month, stacked."""
    order = {name: place for place, name in enumerate(MOVEMENTS)}
    found = [dict(row) | {"order": order[row["movement"]]} for row in data["rows"]]
    x = _months(data)
    y = alt.Y("amount:Q", axis=axis_of("change of revenue a month"))
    layers = [
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(x, y, colours_of("movement", present(MONTHS, found, "movement")), alt.Order("order:Q")),
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(alt.Y("amount:Q")),
    ]
    return themed(alt.layer(*layers), width, MONTHS_PIXELS, rows=found, zero=[{"amount": 0}])


def retention(data: Data, width: int) -> Specification:
    """Draw net and gross retention by month, and the target of net retention."""
    found = data["rows"]
    x = _months(data)
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(zero=False, padding=8),
        axis=axis_of("retention", PERCENT),
    )
    rows, colour = alt.Chart(alt.NamedData("rows")), colours_of("kind", present(RETENTION, found, "kind"))
    layers = [
        alt.Chart(alt.NamedData("target"))
        .mark_rule(color=INK.light, strokeWidth=1, strokeDash=[4, 4])
        .encode(alt.Y("value:Q")),
        rows.mark_line(strokeWidth=2.5).encode(x, y, colour),
        rows.mark_point(filled=True, size=30, opacity=1).encode(x, y, colour),
    ]
    return themed(alt.layer(*layers), width, LINES_PIXELS, rows=found, target=[{"value": data["target"]}])


def pipeline_funnel(data: Data, width: int) -> Specification:
    """Draw how many deals reached each milestone."""
    found = [dict(row) | {"word": WORST if row["is_worst"] else REACHED} for row in data["rows"]]
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("start:Q", axis=None)
    layers = [
        rows.mark_bar(height=BAR_PIXELS).encode(
            x, alt.X2("end:Q"), y, colours_of("word", present(FUNNEL, found, "word"))
        ),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found)


def health_by_band(data: Data, width: int) -> Specification:
    """Draw the recurring revenue of each band of health."""
    found = data["rows"]
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("start:Q", axis=axis_of("revenue a month"))
    colour = colours_of("word", labelled(BANDS, found, "band"))
    layers = [rows.mark_bar(height=BAR_PIXELS).encode(x, alt.X2("end:Q"), y, colour), *labels(rows, y)]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found)


def health_worst(data: Data, width: int) -> Specification:
    """Draw what each component adds to the lowest scores."""
    names, parts, y = data["rows"], data["parts"], band()
    x = alt.X(
        "start:Q", scale=alt.Scale(domain=[0, FULL_POINTS], nice=False), axis=alt.Axis(tickCount=5, title="points")
    )
    colour = colours_of("word", labelled(COMPONENTS, parts, "component"))
    rows = alt.Chart(alt.NamedData("rows"))
    layers = [
        alt.Chart(alt.NamedData("parts")).mark_bar(height=BAR_PIXELS).encode(x, alt.X2("end:Q"), y, colour),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(names), rows=names, parts=parts)


def _months(data: Data) -> alt.X:
    """Return the months as an axis that names every third one, the last included."""
    months = list(data["months"])
    axis = alt.Axis(labelAngle=0, grid=False, values=months[::-3][::-1], labelOverlap=True, title="month")
    return alt.X("month:O", scale=alt.Scale(domain=months), axis=axis)


CHARTS = charts_by_name(mrr_bridge, mrr_months, retention, health_by_band, health_worst, pipeline_funnel)
