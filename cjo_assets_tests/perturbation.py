"""Inputs changed, one column at a time: does what changes in a table follow from that column?

Belongs here: changing a column of a computed store, running the statement of a table again, and comparing. Does not
belong here: what lineage predicts. Statements are only run, never written: that is what would cost.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

# A value of another row, so that words stay words and keys find partners.
OTHER = "other"
# A value that no row had.
MOVED = "moved"
# No value in every second row.
MISSING = "missing"
KINDS = (OTHER, MOVED, MISSING)

_MOVED_BY_TYPE = {
    "BIGINT": "{0} * 2 + 1",
    "DOUBLE": "{0} * 0.75 + 0.1",
    "BOOLEAN": "NOT {0}",
    "DATE": "{0} - (CASE WHEN rowid % 2 = 0 THEN 40 ELSE 2 END)::INTEGER",
    "TIMESTAMP": "{0} - (CASE WHEN rowid % 2 = 0 THEN INTERVAL 40 DAY ELSE INTERVAL 2 DAY END)",
    "VARCHAR[]": "list_append({0}[2:], 'moved')",
    "DOUBLE[]": "list_transform({0}, one -> one + 1)",
    "VARCHAR": """CASE
        WHEN lower({0}) IN ('true', 'false') THEN (NOT {0}::BOOLEAN)::VARCHAR
        WHEN try_cast({0} AS DOUBLE) IS NOT NULL THEN (try_cast({0} AS DOUBLE) * 0.75 + 0.1)::VARCHAR
        WHEN try_cast({0} AS DATE) IS NOT NULL THEN (try_cast({0} AS DATE) - 40)::VARCHAR
        ELSE {0} || ' moved' END""",
}


@dataclass(frozen=True)
class Answer:
    """What a statement returned."""

    names: list[str]
    rows: list[tuple[Any, ...]]

    def changed(self, other: "Answer", key: Sequence[str]) -> set[str]:
        """Return the columns in which another answer differs, row by row where both have the same keys."""
        if self.rows == other.rows:
            return set()
        places = [self.names.index(name) for name in key]
        mine, others = (sorted(answer.rows, key=lambda row: repr([row[n] for n in places])) for answer in (self, other))
        if [[row[n] for n in places] for row in mine] != [[row[n] for n in places] for row in others]:
            # Rows that came, went or changed their key have no partner: compare what each column holds.
            return {
                name
                for n, name in enumerate(self.names)
                if sorted(repr(row[n]) for row in mine) != sorted(repr(row[n]) for row in others)
            }
        return {name for n, name in enumerate(self.names) if [row[n] for row in mine] != [row[n] for row in others]}


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run a statement."""
    found = connection.execute(sql)
    return Answer([column[0] for column in found.description or ()], found.fetchall())


def types_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the columns of a table and their types."""
    found = connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
    return {column[0]: str(column[1]) for column in found}


@contextmanager
def undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Take back whatever was done meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def perturb(connection: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> None:
    """Change a column of a table in every row, in one of three ways."""
    quoted = f'"{column}"'
    if kind == OTHER:
        connection.execute(
            f"""UPDATE {table} SET {quoted} = shifted.value FROM (
                SELECT rowid AS place, coalesce(lead({quoted}) OVER by_place, first({quoted}) OVER by_place) AS value
                FROM {table} WINDOW by_place AS (ORDER BY rowid)
            ) AS shifted WHERE {table}.rowid = shifted.place"""
        )
    elif kind == MOVED:
        moved = _MOVED_BY_TYPE[types_of(connection, table)[column]].format(quoted)
        connection.execute(f"UPDATE {table} SET {quoted} = {moved}")
    else:
        connection.execute(f"UPDATE {table} SET {quoted} = NULL WHERE rowid % 2 = 0")
