"""Elements of a report, independent of its format: sections of prose, tables and pictures, each figure with its source.

`Record.show` is the only way to put a figure into a report: it records the cell that the figure comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cjo_assets.reporting.naming import NAME, PLAIN, Naming

Row = dict[str, Any]
# Styles of cells that are no numbers.
TEXT_STYLES = ("plain", "name", "prose", "words", "names", "sentences", "day", "instant", "month")
# From the data of a picture and the width of the page [pixels] to a Vega-Lite specification.
Chart = Callable[[Mapping[str, Any], int], dict[str, Any]]


@dataclass(frozen=True)
class Cited:
    """A cell of a table as text for readers.

    Attributes:
        text: plain text, to be escaped by the output format.
        source: `schema.table/column` of a table with one row a day, `schema.table/key=value&.../column` otherwise. The
            day is the report's unless the key names another.
        style: how the cell was written, a name of `text.STYLES`.
        value: the cell itself.
        is_strong: emphasized.
    """

    text: str
    source: str
    style: str = "plain"
    value: Any = None
    is_strong: bool = False


@dataclass(frozen=True)
class Code:
    """A name of this project: a table, a file, a command."""

    text: str


@dataclass(frozen=True)
class Words:
    """Text from outside, shown as plain text."""

    text: str


# Parts of prose; a plain string is text of this project without markup and figures.
Part = str | Cited | Code | Words
Prose = tuple[Part, ...]


@dataclass(frozen=True)
class Record:
    """A row, the table it is a row of, and how people read its cells."""

    table: str
    key: tuple[str, ...]
    row: Row
    naming: Naming = PLAIN

    def show(self, column: str, style: str = "plain", is_strong: bool = False) -> Cited:
        """Return a cell with its source; in the style `name` the name of its id, if it has one."""
        value = self.row[column]
        name = self.naming.name_of(column, value) if style == NAME else None
        if name is not None:
            source = self.naming.sources[column]
            return Cited(name, f"{source.table}/{source.key}={_key(value)}/{source.name}", style, name, is_strong)
        names = "&".join(f"{name}={_key(self.row[name])}" for name in self.key)
        place = f"{self.table}/{names}" if names else self.table
        return Cited(self.naming.text(column, value, style), f"{place}/{column}", style, value, is_strong)

    def has(self, column: str) -> bool:
        """Return whether a cell holds something."""
        return self.row[column] not in (None, [])

    def each(self, column: str, style: str = "plain") -> list[Cited]:
        """Return the entries of a list with their sources."""
        entries: list[Any] = self.row[column] or []
        whole = self.show(column)
        return [
            Cited(self.naming.text(column, entry, style), f"{whole.source}[{place}]", style, entry)
            for place, entry in enumerate(entries)
        ]


@dataclass(frozen=True)
class JoinedRecord(Record):
    """A row with cells of other tables beside its own.

    Attributes:
        joined: row and column of each further cell, by the name it has here.
    """

    joined: Mapping[str, tuple[Record, str]] = field(default_factory=dict)

    def show(self, column: str, style: str = "plain", is_strong: bool = False) -> Cited:
        """Return a cell with its source, which may be another table."""
        if column in self.joined:
            other, name = self.joined[column]
            return other.show(name, style, is_strong)
        return super().show(column, style, is_strong)

    def has(self, column: str) -> bool:
        """Return whether a cell holds something."""
        if column not in self.joined:
            return super().has(column)
        other, name = self.joined[column]
        return other.has(name)


def records(table: str, key: Sequence[str], rows: Sequence[Row], naming: Naming = PLAIN) -> list[Record]:
    """Return rows with the name of their table."""
    return [Record(table, tuple(key), row, naming) for row in rows]


def _key(value: Any) -> str:
    """Return a value of a key, quoted so that it cannot be confused with other parts of the source."""
    return "null" if value is None else quote(str(value), safe="")


@dataclass(frozen=True)
class Column:
    """A column of a grid.

    Attributes:
        title: its header.
        name: column of the table it shows.
        style: style of its cells.
        is_status: its words are a status with a colour.
        is_long: it holds sentences and takes the remaining width.
        below: small print below it, as label, column and style; omitted where null or empty.
    """

    title: str
    name: str
    style: str = "plain"
    is_status: bool = False
    is_long: bool = False
    below: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers, which are aligned by digit."""
        return self.style not in TEXT_STYLES


@dataclass(frozen=True)
class Cell:
    """A cell of a grid with its small print."""

    main: Cited
    below: Prose = ()


@dataclass(frozen=True)
class Grid:
    """A table of the report.

    Attributes:
        caption: its caption.
        columns: its columns.
        rows: its cells, row by row.
        note: a remark below it.
        is_folded: shown by its caption until a reader opens it, as is useful below a picture of the same figures.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Prose = ()
    is_folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A chart: title, description and data.

    Attributes:
        name: of its files, and of the chart that draws it.
        title: its subject.
        description: text for readers who cannot see it.
        data: its data; the grid beside the picture has the same figures.
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
    """One key figure.

    Attributes:
        label: what it measures.
        figure: its value.
        remark: what it is a part of, or what moves it.
        unit: unit of the value; a currency is part of the value.
        target: its limit; empty where the policy has none.
        before: the value of the published day before, and that day; empty where there is none.
        week_before: the value of the last published day that is at least a week earlier, and that day; None where there
            is none.
        course: its values on published days, the oldest first; drawn from three on.
        evidence: how strong the evidence for it is, a word of `palette.EVIDENCE`.
    """

    label: str
    figure: Prose
    remark: Prose
    unit: str = ""
    target: Prose = ()
    before: Prose = ()
    week_before: tuple[Cited, Cited] | None = None
    course: tuple[float, ...] = ()
    evidence: str = ""


@dataclass(frozen=True)
class Action:
    """One of the first things to do.

    Attributes:
        sentence: what to do, and for whom.
        owner: the role or person that acts.
        due: when it is due; empty where there is no date.
        money: the money at stake; empty where it is not known.
        command: the command that does or shows it; empty where there is none.
    """

    sentence: Prose
    owner: Prose
    due: Prose = ()
    money: Prose = ()
    command: Prose = ()


Block = Grid | Picture | Paragraph


@dataclass(frozen=True)
class Section:
    """A section with its heading."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Verdict:
    """Conclusion of a report.

    Attributes:
        status: the status in words.
        word: the word of the table, which determines the colour.
        meaning: one sentence: what is wrong, how many of how many, against which limit.
        reasons: the reasons.
        tiles: key figures.
        actions: what to do first.
        missing: what lacks data, in one line; empty where nothing does.
        summary: the day in a paragraph; empty without one.
        provenance: author of the paragraph.
    """

    status: Cited
    word: str
    meaning: Prose
    reasons: tuple[Prose, ...]
    tiles: tuple[Tile, ...]
    actions: tuple[Action, ...] = ()
    missing: Prose = ()
    summary: Prose = ()
    provenance: str = ""

    @property
    def changes(self) -> Prose:
        """The key figures against those of a week before; empty where no such day is published."""
        said: Prose = ()
        for tile in self.tiles:
            if tile.week_before is not None:
                earlier, day = tile.week_before
                said = (*said, *(("; ",) if said else ("Since ", day, ": ")), tile.label, " ", *_change(tile, earlier))
        return (*said, ".") if said else ()


def _change(tile: Tile, earlier: Cited) -> Prose:
    """Return how the value of a tile differs from an earlier one."""
    now = tile.figure[-1]
    if not isinstance(now, Cited) or now.text == earlier.text:
        return ("unchanged at ", *tile.figure)
    direction = "up" if now.value > earlier.value else "down"
    return (f"{direction} from ", *tile.figure[:-1], earlier, " to ", *tile.figure)


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: its kind.
        day: its heading: the day, or the name of the subject.
        verdict: its conclusion.
        sections: its sections.
        preposition: the word between title and heading.
        is_compact: whether it is printed on one page of paper.
    """

    title: str
    day: Cited
    verdict: Verdict
    sections: tuple[Section, ...]
    preposition: str = "on"
    is_compact: bool = False

    @property
    def pictures(self) -> list[Picture]:
        """Its pictures, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]


def grid(
    caption: str, columns: Sequence[Column], rows: Sequence[Record], note: Prose = (), *, is_folded: bool = False
) -> Grid:
    """Return a grid of records."""
    cells = tuple(tuple(_cell(record, column) for column in columns) for record in rows)
    return Grid(caption, tuple(columns), cells, note, is_folded)


def rest_of(limit: Cited, shown: int, count: Record, column: str, table: str) -> Prose:
    """Return the note on a list that shows the first of more rows; empty where it shows all.

    Args:
        limit: the policy's length of a list.
        shown: number of rows in the list.
        count: record with the number of all rows.
        column: its column with that number.
        table: the table with all rows.
    """
    total = count.row[column]
    if total is None or total <= shown:
        return ()
    return (limit, " of ", count.show(column, "count"), "; all of them in ", Code(table), ".")


def _cell(record: Record, column: Column) -> Cell:
    main, below = record.show(column.name, column.style), list[Part]()
    for label, name, style in column.below:
        # An id without a name is its own name.
        if record.has(name) and record.show(name, style).text != main.text:
            between = ", " if below else ""
            below += [f"{between}{label} " if label else between, record.show(name, style)]
    return Cell(main, tuple(part for part in below if part != ""))
