"""Columns of a table of KPIs in a report."""

from cjo_assets.reporting.document import Column

SCORECARD = (
    Column("KPI", "kpi", "words", is_long=True, below=(("", "definition", "prose"),)),
    Column(
        "value",
        "value",
        "number",
        below=(("", "unit", "words"), ("from", "interval_low", "number"), ("to", "interval_high", "number")),
    ),
    Column("target", "target", "number", below=(("", "direction", "words"),)),
    Column("attained", "attainment", "percent"),
    Column("status", "status", "words", is_status=True),
    Column("basis", "basis", "words", below=(("n", "n", "count"),)),
    Column("note", "note", "prose", is_long=True),
)
