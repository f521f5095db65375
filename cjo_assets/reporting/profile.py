"""Part of the page on one subject, which several families may write together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cjo_assets.reporting.document import (
    Block,
    Cited,
    Code,
    Column,
    Paragraph,
    Prose,
    Record,
    Row,
    Section,
    Tile,
    grid,
    records,
)
from cjo_assets.reporting.naming import Naming

# Rows of a table that a page shows; all of them are in the table.
MOST_ROWS = 50


@dataclass(frozen=True)
class Profile:
    """The part of one family.

    Attributes:
        name: name of the subject; None where the family has none.
        tiles: its key figures.
        sections: its sections.
    """

    name: Cited | None
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Rows:
    """The rows of a page by query, each a row of one table.

    Attributes:
        rows: rows by name of the query, which is the name of the table.
        schema: schema of the tables.
        keys: key of each table, without the as-of date.
        naming: names and labels.
    """

    rows: Mapping[str, Sequence[Row]]
    schema: str
    keys: Mapping[str, tuple[str, ...]]
    naming: Naming

    def of(self, name: str) -> list[Record]:
        """Return the rows of a table."""
        return records(f"{self.schema}.{name}", self.keys[name], self.rows[name], self.naming)

    def first(self, name: str) -> Record | None:
        """Return the first row of a table; None without any."""
        return next(iter(self.of(name)), None)

    def grid(
        self, caption: str, columns: Sequence[Column], name: str, nothing: str, *, is_folded: bool = False
    ) -> Block:
        """Return the rows of a table as a grid, or a sentence where there are none."""
        found = self.of(name)
        if not found:
            return Paragraph((nothing,))
        note: Prose = ()
        if len(found) >= MOST_ROWS:
            note = (f"The first {MOST_ROWS}; all of them in ", Code(f"{self.schema}.{name}"), ".")
        return grid(caption, columns, found, note, is_folded=is_folded)
