"""Charts of the marketing report: functions from the data of a picture to a Vega-Lite chart."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from cjo_assets.reporting.chart_style import (
    BAR_PIXELS,
    HALO,
    LABEL_PIXELS,
    PHONE_PIXELS,
    ROW_PIXELS,
    Data,
    Rows,
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
from cjo_assets.reporting.charts import roi_waterfall
from cjo_assets.reporting.palette import ACCENT, BAD, CARD, GOOD, INK, LINE, MUTED, SOFT, UNKNOWN, WARNING

PERCENT = "format(datum.value, '.0%')"
# A lift beyond it is drawn to the edge, so that the others stay distinguishable.
FARTHEST_LIFT, ROOM = 1.0, 1.15
VERDICTS = {
    "scale_variant": GOOD,
    "stop": BAD,
    "continue": ACCENT,
    "inconclusive": UNKNOWN,
    "invalid": WARNING,
}
PACES = {
    "on_pace": SOFT,
    "ahead": WARNING,
    "behind": UNKNOWN,
    "spent": SOFT,
    "under_spent": UNKNOWN,
    "over_budget": BAD,
    "not_measurable": LINE,
}
MOVES = {"moved": SOFT, "against the rules": BAD, "not moved": UNKNOWN}
# The picture of funnels: panels side by side, and in each a line of text and a bar for each stage.
PANEL_COLUMNS, PANEL_GAP, PANEL_HEAD, STAGE_PIXELS, TEXT_PIXELS = 2, 36, 24, 40, 12
TITLE, NAME, FIGURE = "titles", "names", "figures"
STAGE, AFTER_LEAK = "stage", "stage after a leak"
FUNNEL_BARS = {STAGE: SOFT, AFTER_LEAK: WARNING}
# The picture of moves: a place for each move at both ends, a channel's box as broad as its name, and the broadest band.
SLOT, GAP, SMALLEST_BOX, LARGEST_SHARE, LETTER, MARGIN = 30, 14, 64, 0.28, 8.0, 12
BAND_POINTS, THINNEST, BROADEST = 24, 2.0, 16.0


def experiment_forest(data: Data, width: int) -> Specification:
    """Draw the lift of each experiment with its interval for one look, and the one for all days."""
    found = data["rows"]
    low, high = _reach(found)
    x = alt.X(
        "effect:Q",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=axis_of("lift over the control", PERCENT),
    )
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    drawn = [
        dict(row)
        | {name: _held(row[name], low, high, edge) for name, edge in (("low", low), ("always_low", low))}
        | {name: _held(row[name], low, high, edge) for name, edge in (("high", high), ("always_high", high))}
        | {"effect": _held(row["effect"], low, high, high)}
        for row in found
    ]
    colours = labelled(VERDICTS, found, "verdict")
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_rule(color=MUTED.light, strokeWidth=1.5).encode(alt.X("always_low:Q"), alt.X2("always_high:Q"), y),
        rows.mark_rule(color=SOFT.light, strokeWidth=6, strokeCap="round").encode(alt.X("low:Q"), alt.X2("high:Q"), y),
        rows.mark_point(filled=True, size=110, opacity=1).encode(x, y, colours_of("word", colours)),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=drawn, zero=[{"effect": 0}])


def campaign_pacing(data: Data, width: int) -> Specification:
    """Draw the share of each budget that is spent, and the share of the time that has passed."""
    found = data["rows"]
    farthest = max([1.0, *(row["spent"] for row in found)])
    scale = alt.Scale(domain=[0, farthest], nice=False)
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("spent:Q", scale=scale, axis=axis_of("share of the budget spent", PERCENT))
    drawn = [dict(row) | {"zero": 0} for row in found]
    colours = labelled(PACES, found, "status")
    layers = [
        rows.mark_bar(height=BAR_PIXELS).encode(x, alt.X2("zero:Q"), y, colours_of("word", colours)),
        alt.Chart(alt.NamedData("times"))
        .mark_tick(color=INK.light, thickness=3, size=BAR_PIXELS + 8)
        .encode(alt.X("elapsed:Q", scale=scale), y),
        *labels(rows, y),
    ]
    times = [row for row in drawn if row["elapsed"] is not None]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=drawn, times=times)


def campaign_funnel(data: Data, width: int) -> Specification:
    """Draw the stages of each campaign below one another, a panel for each campaign, each on its own scale."""
    panels = data["panels"]
    columns = min(PANEL_COLUMNS, len(panels)) if width >= PHONE_PIXELS else 1
    room = (width - PANEL_GAP * (columns - 1)) / columns
    bars, texts = [], []
    top = 0.0
    for first in range(0, len(panels), columns):
        beside = panels[first : first + columns]
        for column, panel in enumerate(beside):
            left = column * (room + PANEL_GAP)
            texts.append({"x": left, "y": top + TEXT_PIXELS, "label": panel["label"], "kind": TITLE})
            most = max([1, *(stage["count"] for stage in panel["stages"])])
            for place, stage in enumerate(panel["stages"]):
                y = top + PANEL_HEAD + place * STAGE_PIXELS
                texts.append({"x": left, "y": y + TEXT_PIXELS, "label": stage["label"], "kind": NAME})
                texts.append({"x": left + room, "y": y + TEXT_PIXELS, "label": stage["figure"], "kind": FIGURE})
                start = y + TEXT_PIXELS + 9
                bars.append(
                    {"x": left, "x2": left + room * stage["count"] / most, "y": start, "y2": start + BAR_PIXELS}
                    | {"word": AFTER_LEAK if stage["is_leak"] else STAGE}
                )
        top += PANEL_HEAD + STAGE_PIXELS * max(len(panel["stages"]) for panel in beside) + PANEL_GAP
    height = round(top - PANEL_GAP)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y_scale = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    plain: dict[str, Any] = {"fontSize": 12, "color": INK.light, "limit": LABEL_PIXELS, "align": "left"}
    styles = {
        TITLE: plain | {"fontWeight": "bold", "fontSize": 13},
        NAME: plain,
        FIGURE: plain | {"align": "right", "fontWeight": "bold"},
    }
    layers = [
        alt.Chart(alt.NamedData("bars"))
        .mark_rect()
        .encode(x, y_scale, alt.X2("x2:Q"), alt.Y2("y2:Q"), colours_of("word", present(FUNNEL_BARS, bars, "word"))),
        *(
            alt.Chart(alt.NamedData(kind)).mark_text(**style).encode(x, y_scale, alt.Text("label:N"))
            for kind, style in styles.items()
        ),
    ]
    written = {kind: [text for text in texts if text["kind"] == kind] for kind in styles}
    return themed(alt.layer(*layers), width, height, bars=bars, **written)


def budget_flows(data: Data, width: int) -> Specification:
    """Draw each move as a band from the channel that gives to the one that gets."""
    found = data["rows"]
    longest = max(len(row[side]) for row in found for side in ("source", "target"))
    box = min(max(SMALLEST_BOX, LETTER * longest + MARGIN), LARGEST_SHARE * width)
    sources, starts, left_height = _places(found, "source", 0, box)
    targets, ends, right_height = _places(found, "target", width - box, box)
    height = round(max(left_height, right_height))
    most = max(row["amount"] for row in found)
    bands, tips = [], []
    for number, (row, start, end) in enumerate(zip(found, starts, ends, strict=True)):
        thickness = THINNEST + (BROADEST - THINNEST) * math.sqrt(row["amount"] / most)
        first, last = box, width - box
        for point in range(BAND_POINTS + 1):
            along = point / BAND_POINTS
            eased = (1 - math.cos(math.pi * along)) / 2
            spot = {"x": first + (last - first) * along, "y": start + (end - start) * eased}
            bands.append(spot | {"move": number, "point": point, "width": thickness, "kind": row["kind"]})
        tips.append({"x": first + 6, "y": start, "label": row["figure"]})
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    texts = alt.Chart(alt.NamedData("tips"))
    layers = [
        alt.Chart(alt.NamedData("bands"))
        .mark_line(opacity=0.8, strokeCap="butt")
        .encode(
            *(x, y, alt.Detail("move:N"), alt.Order("point:Q"), alt.Size("width:Q", scale=None, legend=None)),
            colours_of("kind", present(MOVES, found, "kind")),
        ),
        *(
            texts.mark_text(align="left", fontSize=12, fontWeight="bold", **ground).encode(x, y, alt.Text("label:N"))
            for ground in (HALO, {"color": INK.light})
        ),
        alt.Chart(alt.NamedData("boxes"))
        .mark_rect(cornerRadius=6, fill=CARD.light, stroke=LINE.light, strokeWidth=1.5, opacity=1)
        .encode(x, y, alt.X2("x2:Q"), alt.Y2("y2:Q")),
        alt.Chart(alt.NamedData("names"))
        .mark_text(fontSize=12, fontWeight="bold", color=INK.light)
        .encode(x, y, alt.Text("label:N")),
    ]
    boxes = [*sources, *targets]
    letters = int((box - MARGIN) / LETTER)
    names = [
        {"x": (b["x"] + b["x2"]) / 2, "y": (b["y"] + b["y2"]) / 2, "label": _ended(b["label"], letters)} for b in boxes
    ]
    return themed(alt.layer(*layers), width, height, bands=bands, tips=tips, boxes=boxes, names=names)


def _places(rows: Rows, side: str, left: float, box: float) -> tuple[list[dict[str, Any]], list[float], float]:
    """Return the boxes of the channels on one side, the position of each move, and the height."""
    boxes: list[dict[str, Any]] = []
    places = [0.0] * len(rows)
    top = 0.0
    for channel in sorted({row[side] for row in rows}):
        meeting = [number for number, row in enumerate(rows) if row[side] == channel]
        bottom = top + SLOT * len(meeting)
        boxes.append({"x": left, "x2": left + box, "y": top, "y2": bottom, "label": channel})
        for place, number in enumerate(meeting):
            places[number] = top + SLOT * (place + 0.5)
        top = bottom + GAP
    return boxes, places, top - GAP


def _ended(name: str, letters: int) -> str:
    """Return a name, or the end of a long one: ids differ at the end."""
    return name if len(name) <= letters else f"…{name[1 - letters :]}"


def _reach(rows: Rows) -> tuple[float, float]:
    """Return the limits of the axis of lifts: those of the intervals, at most the farthest lift."""
    ends = [row[name] for row in rows for name in ("low", "high", "always_low", "always_high", "effect")]
    known = [end for end in ends if end is not None]
    low, high = max(min([0.0, *known]), -FARTHEST_LIFT), min(max([0.0, *known]), FARTHEST_LIFT)
    return low * ROOM - 0.01, high * ROOM + 0.01


def _held(value: float | None, low: float, high: float, edge: float) -> float:
    """Return a value limited to the axis; an open end is at its edge."""
    return edge if value is None else min(max(value, low), high)


CHARTS = charts_by_name(experiment_forest, campaign_pacing, budget_flows, campaign_funnel, roi_waterfall)
