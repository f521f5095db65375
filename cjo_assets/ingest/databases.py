"""Tables of databases to a file: what a source holds, as text, in the order of its key.

A database is read into a Parquet file of texts, which is then archived by content like every input, so that a past day
can be rebuilt from a database too. The database itself writes the values as text and nothing is inferred on the way.
PostgreSQL is read by ADBC, Arrow's own driver: it streams, so a table need not fit into memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError, UnreachableError
from cjo_assets.engine.sql import literal, quoted, quoted_names
from cjo_assets.ingest.sources_yaml import DuckDBSource, SqlSource, TableSource

POSTGRES = ("postgresql://", "postgres://")
ROWS = "fetched_rows"


class Database(Protocol):
    """A database that tables are read from, seen at one instant."""

    def types(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types."""

    def as_text(self, column: str, kind: str) -> str:
        """Return the expression that writes a column as text."""

    def one(self, query: str) -> str | None:
        """Return a single value."""

    def rows(self, query: str, engine: duckdb.DuckDBPyConnection) -> str:
        """Return what the engine selects from to read the rows of a query."""


@dataclass(frozen=True)
class Remembered:
    """What is known of a source from last time.

    Attributes:
        types: the columns that were read, with their types in the database.
        asked: what was asked for: our names and theirs, and the cursor.
        cursor: the highest value of the cursor column, as text.
    """

    types: dict[str, str]
    asked: dict[str, str]
    cursor: str | None


def extracted(source: DuckDBSource | SqlSource, dataset: Dataset, data: Path, folder: Path) -> Path:
    """Read a table into a Parquet file and return it.

    Args:
        source: where it is.
        dataset: what it holds.
        data: the data folder, for the DuckDB file.
        folder: where extracts and what is remembered of them are kept.

    Raises:
        InputError: the table is not there, or its columns are not what they were.
        UnreachableError: the database does not answer; it may later.
    """
    target = _extract(source, dataset, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    memory = _memory(target)
    with _database(source, data) as database, duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        known = _remembered(memory)
        types = _types_read(database, source, dataset, known, memory)
        cursor = source.cursor if isinstance(source, SqlSource) else None
        asked = source.columns | ({"": cursor} if cursor else {})
        since = known.cursor if known and known.asked == asked and target.exists() else None
        reached = _write(engine, database, source, dataset, types, since, target)
        content = {"types": types, "asked": asked, "cursor": reached}
        partial = memory.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(partial, memory)
    return target


def require_readable(source: DuckDBSource | SqlSource, dataset: Dataset, data: Path, folder: Path) -> None:
    """Ask whether a table could be read now.

    Raises:
        InputError: it could not.
    """
    memory = _memory(_extract(source, dataset, folder))
    with _database(source, data) as database:
        _types_read(database, source, dataset, _remembered(memory), memory)


def _extract(source: DuckDBSource | SqlSource, dataset: Dataset, folder: Path) -> Path:
    """Return the file that a table is read into: one for each dataset, since two may come from one table."""
    name = f"{_origin(source)}.{source.table}.parquet".replace("/", "_").replace('"', "")
    return folder / dataset.name / name


def _memory(extract: Path) -> Path:
    """Return the file that remembers the columns of an extract and how far its cursor has come."""
    return extract.with_suffix(".json")


def _origin(source: DuckDBSource | SqlSource) -> str:
    return source.duckdb if isinstance(source, DuckDBSource) else source.sql


def _types_read(
    database: Database,
    source: DuckDBSource | SqlSource,
    dataset: Dataset,
    known: Remembered | None,
    memory: Path,
) -> dict[str, str]:
    """Return, by our names, the types of the columns that are read, if they are what they were."""
    origin = _origin(source)
    present = database.types(source.table)
    if not present:
        raise InputError(f"{origin} has no table {source.table}, or it may not be read.")
    specs = columns_of(dataset.contract)
    strangers = sorted(source.columns.keys() - {spec.name for spec in specs})
    if strangers:
        raise InputError(f"The dataset {dataset.name} has no column {', '.join(strangers)}.")
    theirs = {spec.name: source.columns.get(spec.name, spec.name) for spec in specs}
    absent = [theirs[spec.name] for spec in specs if spec.is_required and theirs[spec.name] not in present]
    absent += [name for name in source.columns.values() if name not in present and name not in absent]
    if absent:
        raise InputError(
            f"The table {source.table} of {origin} lacks the required {', '.join(absent)}: "
            f"its columns are {', '.join(present)}."
        )
    types = {ours: present[name] for ours, name in theirs.items() if name in present}
    if known is not None:
        _require_same(known.types, types, f"{source.table} of {origin}", memory)
    return types


def _require_same(known: dict[str, str], present: dict[str, str], what: str, memory: Path) -> None:
    """Refuse a table whose columns are not what they were, with the difference."""
    changes = [f"{name}: {known[name]} is gone" for name in known if name not in present]
    changes += [f"{name}: {kind} is new" for name, kind in present.items() if name not in known]
    changes += [
        f"{name}: was {known[name]}, is {kind}"
        for name, kind in present.items()
        if name in known and known[name] != kind
    ]
    if changes:
        raise InputError(
            f"The columns of {what} are not what they were: {'; '.join(sorted(changes))}. If that is meant, say so by "
            f"removing {memory}; the table is then read anew."
        )


def _write(
    engine: duckdb.DuckDBPyConnection,
    database: Database,
    source: TableSource,
    dataset: Dataset,
    types: dict[str, str],
    since: str | None,
    target: Path,
) -> str | None:
    """Write the extract, anew or what changed since a value of the cursor, and return how far the cursor has come."""
    names = {ours: source.columns.get(ours, ours) for ours in types}
    texts = ", ".join(f"{database.as_text(name, types[ours])} AS {quoted(ours)}" for ours, name in names.items())
    query = f"SELECT {texts} FROM {source.table}"
    cursor = source.cursor if isinstance(source, SqlSource) else None
    reached = None
    if cursor is not None:
        kind = database.types(source.table).get(cursor)
        if kind is None:
            raise InputError(f"The table {source.table} has no column {cursor} to be its cursor.")
        column = quoted(cursor)
        reached = database.one(f"SELECT max({column})::text FROM {source.table}")
        if since is not None:
            query += f" WHERE {column} >= {literal(since)}::{kind} OR {column} IS NULL"
    in_order = sorted(types, key=lambda name: name not in key_of(dataset.contract))
    order = quoted_names(in_order)
    everything = f"SELECT * FROM {database.rows(query, engine)}"
    if since is not None:
        engine.execute(f"CREATE TEMP TABLE changed AS {everything}")
        keyed = " AND ".join(f"old.{quoted(name)} = changed.{quoted(name)}" for name in key_of(dataset.contract))
        everything = (
            f"SELECT * FROM read_parquet({literal(target)}) AS old ANTI JOIN changed ON {keyed} "
            "UNION ALL BY NAME SELECT * FROM changed"
        )
    partial = target.with_suffix(f".{os.getpid()}")
    engine.execute(f"COPY (SELECT * FROM ({everything}) ORDER BY {order}) TO {literal(partial)} (FORMAT parquet)")
    os.replace(partial, target)
    return reached


def _remembered(memory: Path) -> Remembered | None:
    if not memory.exists():
        return None
    content: dict[str, Any] = json.loads(memory.read_text(encoding="utf-8"))
    return Remembered(content["types"], content["asked"], content["cursor"])


@contextmanager
def _database(source: DuckDBSource | SqlSource, data: Path) -> Iterator[Database]:
    if isinstance(source, DuckDBSource):
        path = data / source.duckdb
        if not path.is_file():
            raise InputError(f"The database {path} does not exist.")
        try:
            connection = duckdb.connect(str(path), read_only=True)
        except duckdb.IOException as error:
            reason = str(error).splitlines()[0]
            raise UnreachableError(f"The database {path} cannot be opened now: {reason}") from error
        with connection:
            # Instants are read as the same text on every machine.
            connection.execute("SET TimeZone = 'UTC'")
            yield _DuckDB(connection, path)
        return
    uri = os.environ.get(source.sql)
    if not uri:
        raise InputError(f"The environment variable {source.sql} is not set: it must hold the connection string.")
    if not uri.startswith(POSTGRES):
        raise InputError(f"The connection string in {source.sql} begins with none of {', '.join(POSTGRES)}.")
    with _postgres(uri, source) as database:
        yield database


@dataclass(frozen=True)
class _DuckDB:
    connection: duckdb.DuckDBPyConnection
    path: Path

    def types(self, table: str) -> dict[str, str]:
        try:
            found = self.connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        except (duckdb.CatalogException, duckdb.ParserException):
            return {}
        return {name: kind for name, kind, *_ in found}

    def as_text(self, column: str, kind: str) -> str:
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
            return f"CASE WHEN {quoted(column)} IS NOT NULL THEN to_json({quoted(column)})::VARCHAR END"
        return f"{quoted(column)}::VARCHAR"

    def one(self, query: str) -> str | None:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def rows(self, query: str, engine: duckdb.DuckDBPyConnection) -> str:
        engine.register(ROWS, self.connection.execute(query).to_arrow_reader())
        return ROWS


@contextmanager
def _postgres(uri: str, source: SqlSource) -> Iterator[Database]:
    """Open a PostgreSQL database as it stands at one instant, read only."""
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi

    try:
        connection = adbc_driver_postgresql.dbapi.connect(uri)
    except adbc_driver_manager.Error as error:
        raise UnreachableError(f"The database of {source.sql} does not answer: {_first_line(error, uri)}") from error
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for setting, value in (("timezone", "UTC"), ("datestyle", "ISO"), ("extra_float_digits", "1")):
                cursor.execute(f"SET LOCAL {setting} = '{value}'")
            yield _Postgres(cursor)
    except adbc_driver_manager.Error as error:
        raise InputError(
            f"The table {source.table} of {source.sql} cannot be read: {_first_line(error, uri)}"
        ) from error


@dataclass(frozen=True)
class _Postgres:
    cursor: Any

    def types(self, table: str) -> dict[str, str]:
        self.cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = to_regclass({literal(table)}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        return dict(self.cursor.fetchall())

    def as_text(self, column: str, kind: str) -> str:
        return f"to_json({quoted(column)})::text" if kind.endswith("[]") else f"{quoted(column)}::text"

    def one(self, query: str) -> str | None:
        self.cursor.execute(query)
        row = self.cursor.fetchone()
        return row[0] if row else None

    def rows(self, query: str, engine: duckdb.DuckDBPyConnection) -> str:
        self.cursor.execute(query)
        engine.register(ROWS, self.cursor.fetch_record_batch())
        return ROWS


def _first_line(error: Exception, uri: str) -> str:
    """Return what a driver says, without the connection string, which may hold a password."""
    return str(error).replace(uri, "the connection string").strip().splitlines()[0]
