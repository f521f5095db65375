"""Inputs changed, one column at a time: does what changes in a table follow from that column?"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

# Changed values. Every second text takes the value of another row, so that words stay words and keys
# find other partners; the rest become what no row had.
_CHANGED = {
    "BIGINT": "{0} * 2 + 1",
    "DOUBLE": "{0} * 0.75 + 0.1",
    "BOOLEAN": "NOT {0}",
    "DATE": "{0} - (CASE WHEN numbered.place % 2 = 0 THEN 40 ELSE 2 END)::INTEGER",
    "TIMESTAMP": "{0} - (CASE WHEN numbered.place % 2 = 0 THEN INTERVAL 40 DAY ELSE INTERVAL 2 DAY END)",
    "VARCHAR[]": "list_append({0}[2:], 'changed')",
    "DOUBLE[]": "list_transform({0}, one -> one + 1)",
    "VARCHAR": """CASE
        WHEN lower({0}) IN ('true', 'false') THEN (NOT {0}::BOOLEAN)::VARCHAR
        WHEN try_cast({0} AS DOUBLE) IS NOT NULL THEN (try_cast({0} AS DOUBLE) * 0.75 + 0.1)::VARCHAR
        WHEN try_cast({0} AS DATE) IS NOT NULL THEN (try_cast({0} AS DATE) - 40)::VARCHAR
        WHEN numbered.place % 2 = 0 AND numbered.following <> {0} THEN numbered.following
        ELSE {0} || ' changed' END""",
}


@dataclass(frozen=True)
class Answer:
    """What a statement returned."""

    names: list[str]
    rows: list[tuple[Any, ...]]

    def changed(self, other: "Answer", key: Sequence[str]) -> set[str]:
        """Return the columns in which another answer differs, row by row where both have the same keys.

        Args:
            other: the other answer.
            key: what identifies a row; empty where the key itself may have changed.
        """
        if self.rows == other.rows:
            return set()
        places = [self.names.index(name) for name in key]
        mine, others = (sorted(answer.rows, key=lambda row: repr([row[n] for n in places])) for answer in (self, other))
        if not key or [[row[n] for n in places] for row in mine] != [[row[n] for n in places] for row in others]:
            # Rows that came, went or changed their key have no partner: compare what each column holds.
            return {
                name
                for n, name in enumerate(self.names)
                if sorted(repr(row[n]) for row in mine) != sorted(repr(row[n]) for row in others)
            }
        return {name for n, name in enumerate(self.names) if [row[n] for row in mine] != [row[n] for row in others]}


class Scratch:
    """A copy of a computed store, whose inputs can be changed and restored."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Copy every table into a database of its own."""
        self.connection = connection.cursor()
        self.connection.execute("ATTACH ':memory:' AS scratch; COPY FROM DATABASE memory TO scratch; USE scratch")
        # A plan that is used again must not rest on the statistics of the content it was made for.
        self.connection.execute("SET disabled_optimizers = 'statistics_propagation,join_order'")

    def close(self) -> None:
        """Drop the copy."""
        self.connection.execute("USE memory; DETACH scratch; SET disabled_optimizers = ''")
        self.connection.close()

    def answer(self, statement: str) -> Answer:
        """Run a statement."""
        found = self.connection.execute(statement)
        return Answer([column[0] for column in found.description or ()], found.fetchall())

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table and their types."""
        found = self.connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
        return {column[0]: str(column[1]) for column in found}

    @contextmanager
    def prepared(self, statement: str) -> Iterator[str]:
        """Plan a statement once; what it yields runs it."""
        self.connection.execute(f"PREPARE planned AS {statement}")
        try:
            yield "EXECUTE planned"
        finally:
            self.connection.execute("DEALLOCATE planned")

    @contextmanager
    def changed(self, columns: Iterable[tuple[str, str]]) -> Iterator[None]:
        """Change columns in every row, and restore them."""
        self.connection.execute("BEGIN")
        try:
            for table, column in columns:
                self._store_view(table)
                self._change(table, f'"{column}"', self.columns(table)[column])
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def _store_view(self, name: str) -> None:
        """Replace a view by a table with its rows, so that they can be changed like those of another input."""
        views = "FROM duckdb_views() WHERE database_name = 'scratch' AND schema_name || '.' || view_name = ?"
        if self.connection.execute(views, [name]).fetchall():
            self.connection.execute(f"CREATE TABLE rows_of_view AS FROM {name}; DROP VIEW {name}")
            self.connection.execute(f"CREATE TABLE {name} AS FROM rows_of_view; DROP TABLE rows_of_view")

    def _change(self, table: str, column: str, kind: str) -> None:
        self.connection.execute(
            f"""UPDATE {table} SET {column} = {_CHANGED[kind].format("numbered.value")} FROM (
                SELECT rowid AS place, {column} AS value, lead({column}) OVER (ORDER BY rowid) AS following FROM {table}
            ) AS numbered WHERE {table}.rowid = numbered.place"""
        )
