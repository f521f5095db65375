"""Charts of the journey report: functions from the data of a picture to a Vega-Lite chart."""

from __future__ import annotations

from datetime import date, timedelta

import altair as alt

from cjo_assets.families.journey.report import journey_map as map_of_stages
from cjo_assets.families.journey.report.figures import TIERS
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
    themed,
)
from cjo_assets.reporting.charts import roi_waterfall
from cjo_assets.reporting.palette import ACCENT, CARD, INK, MUTED, SOFT

AT_LOW, AT_HIGH = "at its low end", "at its high end"
MOST_TICKS = 5


def risk_trend(data: Data, width: int) -> Specification:
    """Draw revenue at risk by day; a single day is a point."""
    found = data["days"]
    # Ticks on days that were run: Vega would choose hours where there are few days.
    shown = sorted({round(place * (len(found) - 1) / (MOST_TICKS - 1)) for place in range(MOST_TICKS)})
    ticks = [_instant(found[place]["day"]) for place in shown]
    x = alt.X(
        "day:T", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b", grid=False, values=ticks, title="day")
    )
    y = alt.Y(
        "amount:Q",
        scale=alt.Scale(zero=True),
        axis=axis_of("revenue at risk a year"),
    )
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
    # The bars of a band are stacked in the order of the rows.
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
            alt.X(
                "low:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(grid=False, format=".1~f", tickCount=5, title="overall risk"),
            ),
            alt.X2("high:Q"),
            alt.Y("start:Q", axis=alt.Axis(tickCount=4, tickMinStep=1, format=",~d", title="customers")),
            alt.Y2("end:Q"),
            colours_of("word", labelled(TIERS, bars, "tier")),
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
    x, y = alt.X("net:Q", axis=axis_of("net value of a run")), band()
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_rule(color=SOFT.light, strokeWidth=6, strokeCap="round").encode(alt.X("low:Q"), alt.X2("high:Q"), y),
        rows.mark_point(color=ACCENT.light, filled=True, size=110, opacity=1).encode(x, y),
        *labels(rows, y),
    ]
    found = data["playbooks"]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, zero=[{"net": 0}])


def roi_tornado(data: Data, width: int) -> Specification:
    """Draw how far each assumption alone moves the net benefit."""
    found, y = data["assumptions"], band()
    x = alt.X("reached:Q", scale=alt.Scale(zero=False), axis=axis_of("net benefit"))
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


CHARTS = charts_by_name(risk_trend, risk_distribution, journey_map, playbook_leaderboard, roi_waterfall, roi_tornado)


def _instant(day: str) -> int:
    """Return a day as Vega counts it [milliseconds since 1970, UTC]."""
    return (date.fromisoformat(day) - date(1970, 1, 1)) // timedelta(milliseconds=1)
