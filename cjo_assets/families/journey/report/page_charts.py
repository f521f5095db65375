"""Charts of the page on one customer."""

from __future__ import annotations

import altair as alt

from cjo_assets.reporting.chart_style import (
    BAR_PIXELS,
    ROW_PIXELS,
    Data,
    Specification,
    band,
    charts_by_name,
    labels,
    themed,
)
from cjo_assets.reporting.palette import ACCENT, INK, LINE, MUTED, SOFT

SIGNAL_PIXELS = 26
LEAST_PIXELS = 60


def risk_parts(data: Data, width: int) -> Specification:
    """Draw what each factor adds to the overall risk."""
    found, y = data["parts"], band()
    rows = alt.Chart(alt.NamedData("rows"))
    x = alt.X("amount:Q", axis=alt.Axis(tickCount=4))
    layers = [rows.mark_bar(height=BAR_PIXELS, color=SOFT.light).encode(x, y), *labels(rows, y)]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found)


def signal_timeline(data: Data, width: int) -> Specification:
    """Draw signals by day and type, over the days on which stages were entered."""
    signals, stages = data["signals"], data["stages"]
    kinds = list(dict.fromkeys(row["kind"] for row in signals))
    x = alt.X("day:T", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b %y", grid=False, tickCount=4))
    y = alt.Y("kind:N", sort=kinds, axis=alt.Axis(grid=True, labelLimit=140, gridColor=LINE.light))
    size = alt.Size("strength:Q", scale=alt.Scale(domain=[0, 1], range=[20, 220]), legend=None)
    entered = alt.Chart(alt.NamedData("stages"))
    layers = [
        entered.mark_rule(color=MUTED.light, strokeDash=[3, 3]).encode(x),
        entered.mark_text(align="left", dx=4, dy=-6, fontSize=11, color=INK.light).encode(
            x, alt.Text("label:N"), y=alt.value(0)
        ),
        alt.Chart(alt.NamedData("signals")).mark_point(color=ACCENT.light, filled=True, opacity=1).encode(x, y, size),
    ]
    height = LEAST_PIXELS + SIGNAL_PIXELS * len(kinds)
    return themed(alt.layer(*layers), width, height, signals=signals, stages=stages)


CHARTS = charts_by_name(risk_parts, signal_timeline)
