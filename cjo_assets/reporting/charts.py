"""Charts that the reports of several families show."""

from __future__ import annotations

import altair as alt

from cjo_assets.reporting.chart_style import (
    BAR_PIXELS,
    ROW_PIXELS,
    Data,
    Specification,
    axis_of,
    band,
    colours_of,
    labelled,
    labels,
    themed,
)
from cjo_assets.reporting.palette import GRADES, MUTED


def roi_waterfall(data: Data, width: int) -> Specification:
    """Draw how value and cost add up to the net benefit, values in the colour of their evidence, costs red."""
    found = data["parts"]
    colour = colours_of("word", labelled(GRADES, found, "grade"))
    rows, y = alt.Chart(alt.NamedData("rows")), band()
    x = alt.X("start:Q", axis=axis_of("amount"))
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(color=MUTED.light, strokeWidth=1.5).encode(x),
        rows.mark_bar(height=BAR_PIXELS).encode(x, alt.X2("end:Q"), y, colour),
        *labels(rows, y),
    ]
    return themed(alt.layer(*layers), width, ROW_PIXELS * len(found), rows=found, zero=[{"start": 0}])
