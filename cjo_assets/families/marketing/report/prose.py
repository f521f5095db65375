"""Lists, filters and table notes shared by the sections of the marketing report."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.reporting.document import Column, Grid, Prose, Record, grid, rest_of

CAMPAIGN = Column("campaign", "campaign_id", "name", below=(("", "campaign_id", "plain"),))


def listed(entries: Sequence[Prose], between: str = ", ") -> Prose:
    """Return entries joined by a separator."""
    parts: Prose = ()
    for place, entry in enumerate(entries):
        parts = (*parts, *((between,) if place else ()), *entry)
    return parts


def where(records: Sequence[Record], column: str, *contents: object) -> list[Record]:
    """Return the records with one of these values in a column."""
    return [record for record in records if record.row[column] in contents]


def table_of(
    figures: MarketingFigures,
    caption: str,
    columns: Sequence[Column],
    table: str,
    note: str = "",
    *,
    is_folded: bool = False,
) -> Grid:
    """Return a grid of the rows of a table, with a note where it shows the first of more rows.

    Args:
        figures: the day.
        caption: its caption.
        columns: its columns.
        table: name of the table.
        note: a note before that on its length.
        is_folded: whether only the caption is shown at first.
    """
    rows = figures.of(table)
    remaining = rest(figures, len(rows), table)
    said: Prose = (f"{note} " if remaining else note,) if note else ()
    return grid(caption, columns, rows, (*said, *remaining), is_folded=is_folded)


def rest(figures: MarketingFigures, shown: int, table: str) -> Prose:
    """Return the note on a list that shows the first of more rows of a table."""
    limit = figures.policy.show("marketing.reporting.report_rows", "count")
    return rest_of(limit, shown, figures.total(table), "rows", f"marketing.{table}")
