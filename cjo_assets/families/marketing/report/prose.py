"""Sentences and notes that several sections of the marketing report need.

Belongs here: lists within a sentence, and what a cut list says of the rest. Does not belong here: any figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.reporting.document import Column, Grid, Prose, Record, grid, rest_of

CAMPAIGN = Column("campaign", "campaign_id")


def listed(entries: Sequence[Prose], between: str = ", ") -> Prose:
    """Return entries one after the other."""
    parts: Prose = ()
    for place, entry in enumerate(entries):
        parts = (*parts, *((between,) if place else ()), *entry)
    return parts


def where(records: Sequence[Record], column: str, *contents: object) -> list[Record]:
    """Return the records that have one of these in that column."""
    return [record for record in records if record.row[column] in contents]


def table_of(figures: MarketingFigures, caption: str, columns: Sequence[Column], table: str, note: str = "") -> Grid:
    """Return a grid of the rows of a table, which says of how many it shows the first.

    Args:
        figures: the day.
        caption: what the grid is called.
        columns: what it shows.
        table: what it shows it of.
        note: what to know of it, before the note on its length.
    """
    rows = figures.of(table)
    remaining = rest(figures, len(rows), table)
    said: Prose = (f"{note} " if remaining else note,) if note else ()
    return grid(caption, columns, rows, (*said, *remaining))


def rest(figures: MarketingFigures, shown: int, table: str) -> Prose:
    """Say of how many rows of a table a list shows the first."""
    limit = figures.policy.show("marketing.reporting.report_rows", "count")
    return rest_of(limit, shown, figures.total(table), "rows", f"marketing.{table}")
