"""A report before it is Markdown or HTML: sections of prose, tables and pictures, in which every figure has a source.

Belongs here: what a report is made of. Does not belong here: which figures it shows, or how a format writes them.

There is one way for a figure into a report: `Record.show`, which notes the cell it was read from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cjo_assets.reporting.text import STYLES

Row = dict[str, Any]
# From the data of a picture and the width of the page [pixels] to a Vega-Lite specification.
Chart = Callable[[Mapping[str, Any], int], dict[str, Any]]


@dataclass(frozen=True)
class Cited:
    """A cell of a table as a person reads it.

    Attributes:
        text: plain; whoever writes it escapes it.
        source: `schema.table/column` of a table with one row a day, `schema.table/key=value&.../column` otherwise. The
            day is the report's unless the key names another.
        style: how the cell was written, a name of `text.STYLES`.
        value: the cell itself.
        is_strong: worth the reader's first look.
    """

    text: str
    source: str
    style: str = "plain"
    value: Any = None
    is_strong: bool = False


@dataclass(frozen=True)
class Code:
    """A name of ours: a table, a file, a command."""

    text: str


@dataclass(frozen=True)
class Words:
    """Prose of somebody else, shown as plain text."""

    text: str


# What prose is made of; a plain string is our own words, free of markup and of figures.
Part = str | Cited | Code | Words
Prose = tuple[Part, ...]


@dataclass(frozen=True)
class Record:
    """A row and the table it is a row of."""

    table: str
    key: tuple[str, ...]
    row: Row

    def show(self, column: str, style: str = "plain", is_strong: bool = False) -> Cited:
        """Return a cell as it is read."""
        names = "&".join(f"{name}={_key(self.row[name])}" for name in self.key)
        place = f"{self.table}/{names}" if names else self.table
        value = self.row[column]
        return Cited(STYLES[style](value), f"{place}/{column}", style, value, is_strong)

    def each(self, column: str, style: str = "plain") -> list[Cited]:
        """Return the entries of a list as they are read."""
        entries: list[Any] = self.row[column] or []
        whole = self.show(column)
        return [
            Cited(STYLES[style](entry), f"{whole.source}[{place}]", style, entry) for place, entry in enumerate(entries)
        ]


def records(table: str, key: Sequence[str], rows: Sequence[Row]) -> list[Record]:
    """Return rows with the name of their table."""
    return [Record(table, tuple(key), row) for row in rows]


def _key(value: Any) -> str:
    """Return a value of a key so that nothing in it can be taken for a part of the source."""
    return "null" if value is None else quote(str(value), safe="")


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    Attributes:
        title: its header.
        name: column of the table it shows.
        style: how its cells are written.
        is_status: its words say how good something is.
        is_long: it holds sentences, and gets what room there is.
        below: what stands small below it, as label, column and style; left out where it is null or empty.
    """

    title: str
    name: str
    style: str = "plain"
    is_status: bool = False
    is_long: bool = False
    below: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its cells are to be compared digit by digit."""
        return self.style not in ("plain", "words", "names", "sentences", "day")


@dataclass(frozen=True)
class Cell:
    """A cell of a grid: what it shows, and what stands small below."""

    main: Cited
    below: Prose = ()


@dataclass(frozen=True)
class Grid:
    """A table of the report."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Prose = ()


@dataclass(frozen=True)
class Picture:
    """A chart: what it is called, what it says, and the rows it is drawn from.

    Attributes:
        name: of its files, and of the chart that draws it.
        title: what it shows.
        description: what a reader who cannot see it should know.
        data: what is drawn; the grid beside the picture holds the same figures.
    """

    name: str
    title: str
    description: Prose
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    parts: Prose


@dataclass(frozen=True)
class Tile:
    """One figure that matters, large."""

    label: str
    figure: Prose
    remark: Prose


Block = Grid | Picture | Paragraph


@dataclass(frozen=True)
class Section:
    """A section with its heading."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Verdict:
    """What the report comes to.

    Attributes:
        status: the words for it.
        word: the table's word, which decides on the colour.
        meaning: what that word means.
        reasons: why.
        tiles: the figures that matter.
        summary: the day in a paragraph; empty where there is none.
        provenance: who wrote the paragraph.
    """

    status: Cited
    word: str
    meaning: Prose
    reasons: tuple[Prose, ...]
    tiles: tuple[Tile, ...]
    summary: Prose = ()
    provenance: str = ""


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    day: Cited
    verdict: Verdict
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> list[Picture]:
        """Its pictures, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]


def grid(caption: str, columns: Sequence[Column], rows: Sequence[Record], note: Prose = ()) -> Grid:
    """Return a grid of records."""
    cells = tuple(tuple(_cell(record, column) for column in columns) for record in rows)
    return Grid(caption, tuple(columns), cells, note)


def rest_of(limit: Cited, shown: int, count: Record, column: str, table: str) -> Prose:
    """Say of how many rows a list shows the first; nothing where it shows all.

    Args:
        limit: the policy's length of a list.
        shown: rows that the list has.
        count: the record that counts all.
        column: its column that does.
        table: where all of them are.
    """
    total = count.row[column]
    if total is None or total <= shown:
        return ()
    return (limit, " of ", count.show(column, "count"), "; all of them in ", Code(table), ".")


def _cell(record: Record, column: Column) -> Cell:
    below: list[Part] = []
    for label, name, style in column.below:
        if record.row[name] not in (None, []):
            between = ", " if below else ""
            below += [f"{between}{label} " if label else between, record.show(name, style)]
    return Cell(record.show(column.name, column.style), tuple(part for part in below if part != ""))
