"""Parts of the first screen of a report: tiles with the course of their figure, and the number of first actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from cjo_assets.core.expressions.evidence_grades import RANDOMISED
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.reader import Reader, Row
from cjo_assets.reporting.document import Prose, Record, Tile

# As many as a reader can keep in mind, and as fit on the first screen.
MOST_ACTIONS = 5
# How strong the evidence for a figure is.
PROVEN, ASSUMED, UNKNOWN = "proven", "assumed", "not measurable"
# Grades that prove a figure.
PROVING = (RANDOMISED, MEASURED)
# A longer course could not be distinguished in a tile.
COURSE_DAYS = 90
WEEK = timedelta(days=7)
# Two points are no course.
FEWEST_POINTS = 3
WIDTH, HEIGHT, EDGE = 100, 24, 2


def history_of(store: Reader, table: str, as_of: date) -> list[Row]:
    """Return the rows of a table with one row a day, of the day and of earlier days on record, the oldest first."""
    sql = f"SELECT * FROM {table} WHERE as_of <= $1 AND as_of > $1 - $2::INTEGER ORDER BY as_of"
    return store.rows(sql, as_of, COURSE_DAYS)


def tile(
    label: str,
    days: Sequence[Record],
    column: str,
    style: str,
    remark: Prose = (),
    *,
    unit: str = "",
    currency: Prose = (),
    target: Prose = (),
    evidence: str = PROVEN,
) -> Tile:
    """Return the tile of a figure that a table has for each day.

    Args:
        label: what it measures.
        days: records of the days, the oldest first and that of the report last.
        column: the column with the figure.
        style: its style.
        remark: what it is a part of.
        unit: its unit, unless it is an amount.
        currency: currency before an amount.
        target: its limit.
        evidence: how strong the evidence for it is; a figure that is null is not measurable.
    """
    last, earlier = days[-1], [day for day in days[:-1] if day.has(column)]
    before: Prose = ()
    if earlier:
        before = (earlier[-1].show(column, style), " on ", earlier[-1].show("as_of"))
    week_before = None
    if (earlier_day := _week_before(last, earlier)) is not None and last.has(column):
        week_before = (earlier_day.show(column, style), earlier_day.show("as_of"))
    return Tile(
        label=label,
        figure=(*(currency if last.has(column) else ()), last.show(column, style, is_strong=True)),
        remark=remark,
        unit=unit,
        target=target,
        before=before,
        week_before=week_before,
        course=tuple(float(day.row[column]) for day in days if day.has(column)),
        evidence=evidence if last.has(column) else UNKNOWN,
    )


def _week_before(last: Record, earlier: Sequence[Record]) -> Record | None:
    """Return the last of the earlier days that is at least a week before a day."""
    return next((day for day in reversed(earlier) if last.row["as_of"] - day.row["as_of"] >= WEEK), None)


def units(count: int, one: str) -> str:
    """Return the unit of a count: a noun, with an s unless there is one."""
    return one if count == 1 else f"{one}s"


def evidence_of(grade: str | None) -> str:
    """Return how strong an evidence grade is; nothing on record is not measurable."""
    if grade is None:
        return UNKNOWN
    return PROVEN if grade in PROVING else ASSUMED


def course_path(values: Sequence[float]) -> str:
    """Return the path of a line through values, the first at the left; empty below three values."""
    if len(values) < FEWEST_POINTS:
        return ""
    low, high = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)
    height = HEIGHT - 2 * EDGE
    points = [
        f"{EDGE + step * place:.1f} {EDGE + height * (1 - (value - low) / (high - low) if high > low else 0.5):.1f}"
        for place, value in enumerate(values)
    ]
    return "M" + " L".join(points)


def measured_kpis(groups: Sequence[Record]) -> list[Prose]:
    """Return how many KPIs of each group are measured, of the groups in which some are not."""
    return [
        (
            *(group.show("family", "words"), " KPIs measured: ", group.show("measured", "count")),
            *(" of ", group.show("kpis", "count")),
        )
        for group in groups
        if group.row["measured"] < group.row["kpis"]
    ]


def one_line(parts: Sequence[Prose]) -> Prose:
    """Return parts as one sentence; empty without any."""
    said: Prose = ()
    for place, part in enumerate(parts):
        said = (*said, *(("; ",) if place else ()), *part)
    return (*said, ".") if said else ()
