"""Rows of any published table: its columns and keys, tests of columns, order, pages, and the rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cjo_assets.core.contract import key_of
from cjo_assets.core.table import Table
from cjo_assets.engine.rows import Row
from cjo_assets.engine.sql import quoted, quoted_names
from cjo_assets.explorer.database import Reader, reading
from cjo_assets.explorer.links import ALL_DAYS, AS_OF, EMPTY, FROM, HAS, IS, TO, subject_address, subject_of
from cjo_assets.explorer.paging import Paging, like
from cjo_assets.reporting.text import NOTHING
from cjo_assets.warehouse.export import spreadsheet_cell

WORDS_OF_TESTS = {IS: "is", HAS: "contains", FROM: "from", TO: "to", EMPTY: "is missing"}
ROWS_OF_CHUNK = 2_000
COLUMNS = """
    SELECT column_name AS name, data_type AS type, coalesce(comment, '') AS description FROM duckdb_columns()
    WHERE database_name = 'published' AND schema_name || '.' || table_name = $table ORDER BY column_index"""
TABLES = """
    SELECT schema_name AS schema, table_name AS name, coalesce(comment, '') AS description, 'table' AS kind
    FROM duckdb_tables() WHERE database_name = 'published'
    UNION ALL
    SELECT schema_name, view_name, coalesce(comment, ''), 'view' FROM duckdb_views()
    WHERE database_name = 'published' AND NOT internal
    ORDER BY ALL"""


@dataclass(frozen=True)
class Column:
    """A column of a published table, with its type and description."""

    name: str
    type: str
    description: str

    @property
    def is_number(self) -> bool:
        """Whether its values are aligned by digit."""
        return self.type in ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE") or self.type.startswith("DECIMAL")


@dataclass(frozen=True)
class Test:
    """A test that the rows of the page pass.

    Attributes:
        kind: how the column is tested.
        column: the column.
        value: what it is compared with.
    """

    kind: str
    column: Column
    value: str

    @property
    def parameter(self) -> str:
        """Its name in an address."""
        return f"{self.kind}.{self.column.name}"

    @property
    def wording(self) -> str:
        """The test for readers."""
        words = f"{self.column.name} {WORDS_OF_TESTS[self.kind]}"
        return words if self.kind == EMPTY else f"{words} {self.value}"

    def condition(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return the condition in SQL, and its parameter by name; a value of another type is equal to none."""
        column, kind = quoted(self.column.name), self.column.type
        if self.kind == EMPTY:
            return f"{column} IS NULL", {}
        if self.kind == HAS:
            return f"CAST({column} AS VARCHAR) ILIKE ${name} ESCAPE '\\'", {name: like(self.value)}
        if self.kind == IS and kind.endswith("[]"):
            return f"list_contains({column}, TRY_CAST(${name} AS {kind[:-2]}))", {name: self.value}
        comparison = {IS: "=", FROM: ">=", TO: "<="}[self.kind]
        return f"{column} {comparison} TRY_CAST(${name} AS {kind})", {name: self.value}


@dataclass(frozen=True)
class TableRequest:
    """A request for rows of a table.

    Attributes:
        name: name of the table, with its schema.
        description: its description.
        columns: its columns.
        keys: columns that identify a row.
        tests: what its rows pass.
        order: column by which the rows are sorted, before the key; None for the key alone.
        is_descending: whether from the highest value.
        paging: the page.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    tests: tuple[Test, ...]
    order: str | None
    is_descending: bool
    paging: Paging

    def query(self, columns: str) -> tuple[str, dict[str, Any]]:
        """Return the statement for columns of its rows, unsorted, and the parameters."""
        conditions, given = [], dict[str, Any]()
        for number, test in enumerate(self.tests):
            condition, value = test.condition(f"value_{number}")
            conditions.append(condition)
            given |= value
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        schema, _, table = self.name.partition(".")
        return f"SELECT {columns} FROM {quoted(schema)}.{quoted(table)}{where}", given

    @property
    def sorting(self) -> str:
        """The clause that sorts its rows."""
        direction = " DESC" if self.is_descending else ""
        first = [f"{quoted(self.order)}{direction} NULLS LAST"] if self.order else []
        return f" ORDER BY {', '.join([*first, *map(quoted, self.keys)])}" if first or self.keys else ""


def table_names(reader: Reader) -> list[Row]:
    """Return the published tables and views with their descriptions."""
    return reader.rows(TABLES)


def tables_containing(reader: Reader, text: str) -> list[Row]:
    """Return the published tables and views whose name or description contains a text."""
    wanted = text.casefold()
    return [
        row for row in table_names(reader) if wanted in f"{row['schema']}.{row['name']} {row['description']}".casefold()
    ]


def requested(
    reader: Reader, name: str, known: Table | None, parameters: Iterable[tuple[str, str]]
) -> TableRequest | None:
    """Return the request that an address contains; None if the table is not published.

    A dated table has the rows of its family's newest day unless the address has a day, or all of them.
    """
    found = next((row for row in table_names(reader) if f"{row['schema']}.{row['name']}" == name), None)
    if found is None:
        return None
    columns = tuple(Column(**row) for row in reader.rows(COLUMNS, {"table": name}))
    by_name = {column.name: column for column in columns}
    given = list(parameters)
    tests = [
        Test(kind, by_name[column], value)
        for kind, column, value in ((*parameter.partition(".")[::2], value) for parameter, value in given)
        if kind in WORDS_OF_TESTS and column in by_name
    ]
    keys = tuple(column for column in key_of(known.contract) if column in by_name) if known else ()
    if known is not None and known.is_dated and AS_OF in by_name:
        keys = (AS_OF, *(column for column in keys if column != AS_OF))
        newest = reader.days().get(known.schema)
        is_of_day = any(test.column.name == AS_OF for test in tests)
        if newest is not None and not is_of_day and (AS_OF, ALL_DAYS) not in given:
            tests = [Test(IS, by_name[AS_OF], newest.isoformat()), *tests]
    sort = dict(given).get("sort", "")
    order = sort.removeprefix("-")
    return TableRequest(
        name,
        found["description"],
        columns,
        keys,
        tuple(tests),
        order if order in by_name else None,
        sort.startswith("-"),
        Paging.of(dict(given)),
    )


def rows_of_page(reader: Reader, request: TableRequest) -> tuple[list[Row], TableRequest]:
    """Return the rows of a page, and the request with the number of all rows."""
    count, given = request.query("count(*) AS rows")
    [found] = reader.rows(count, given)
    counted = replace(request, paging=request.paging.of_rows(found["rows"]))
    query, given = counted.query(quoted_names(column.name for column in request.columns))
    page = "LIMIT $page_rows OFFSET $page_start"
    return reader.rows(f"{query}{request.sorting} {page}", given | counted.paging.bounds), counted


def csv_of(path: Path, request: TableRequest) -> Iterator[str]:
    """Yield the rows of all pages as CSV for spreadsheets, in parts."""
    cells = ", ".join(spreadsheet_cell(column.name, column.type) for column in request.columns)
    query, given = request.query("*")
    with reading(path) as reader:
        found = reader.connection.execute(f"SELECT {cells} FROM ({query}{request.sorting})", given)
        yield _lines([[column.name for column in request.columns]])
        while rows := found.fetchmany(ROWS_OF_CHUNK):
            yield _lines(rows)


@dataclass(frozen=True)
class ShownCell:
    """A cell as text, with the page of the subject that it names."""

    text: str
    address: str | None
    is_number: bool


def shown_rows(rows: Iterable[Row], request: TableRequest, subjects: Iterable[str]) -> list[list[ShownCell]]:
    """Return the cells of rows as text, and the addresses of the subjects that they name."""
    named = {column.name: subject_of(column.name, subjects) for column in request.columns}
    return [[_shown(row[column.name], column, named[column.name]) for column in request.columns] for row in rows]


def _shown(value: Any, column: Column, subject: str | None) -> ShownCell:
    address = subject_address(subject, value) if subject and isinstance(value, str) else None
    return ShownCell(_text(value), address, column.is_number)


def _text(value: Any) -> str:
    """Return a value in full."""
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None else str(value)


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
