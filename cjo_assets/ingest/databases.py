"""Extraction of database tables into Parquet files of texts, ordered by key.

The extract is archived by content like every input file, so that past days can be replayed from a database too. The
database itself formats the values as text; no type is inferred. PostgreSQL is read with ADBC, the Arrow driver, which
streams, so that a table need not fit into memory.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError, UnreachableError
from cjo_assets.core.files import replacing
from cjo_assets.engine.sql import literal, quoted, quoted_names
from cjo_assets.ingest.sources_yaml import DuckDBSource, SqlSource, TableSource

POSTGRES = ("postgresql://", "postgres://")
_HOST = r"(?:\[[^\s\]@/]*\]|[^\s@/?:,\[\]]*)(?::\d*)?"
CONNECTION = re.compile(rf"postgres(?:ql)?://(?:[^\s@/:]*(?::[^\s@/]*)?@)?{_HOST}(?:,{_HOST})*(?:[/?]\S*)?")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
ROWS = "fetched_rows"


class Database(Protocol):
    """A database that tables are read from, as of one instant."""

    def types(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types."""

    def as_text(self, column: str, kind: str) -> str:
        """Return the expression that formats a column as text."""

    def one(self, query: str) -> str | None:
        """Return a single value."""

    def rows(self, query: str, engine: duckdb.DuckDBPyConnection) -> str:
        """Return the relation for the engine with the rows of a query."""


@dataclass(frozen=True)
class Remembered:
    """State of a source after its last extraction.

    Attributes:
        types: the extracted columns with their types in the database.
        asked: the column names of contract and database, and the cursor column.
        cursor: the highest value of the cursor column, as text.
    """

    types: dict[str, str]
    asked: dict[str, str]
    cursor: str | None


def extracted(source: DuckDBSource | SqlSource, dataset: Dataset, data: Path, folder: Path) -> Path:
    """Extract a table into a Parquet file and return its path.

    Args:
        source: the table and its database.
        dataset: the dataset of the table.
        data: the data folder, for the DuckDB file.
        folder: the folder of extracts and their states.

    Raises:
        InputError: the table does not exist, or its columns have changed.
        UnreachableError: the database does not respond; a retry may succeed.
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
        with replacing(memory) as partial:
            partial.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    return target


def require_readable(source: DuckDBSource | SqlSource, dataset: Dataset, data: Path, folder: Path) -> None:
    """Check that a table can be read now.

    Raises:
        InputError: it cannot.
    """
    memory = _memory(_extract(source, dataset, folder))
    with _database(source, data) as database:
        _types_read(database, source, dataset, _remembered(memory), memory)


def _extract(source: DuckDBSource | SqlSource, dataset: Dataset, folder: Path) -> Path:
    """Return the path of the extract: one per dataset, since two datasets may come from one table."""
    name = f"{_origin(source)}.{source.table}.parquet".replace("/", "_").replace('"', "")
    return folder / dataset.name / name


def _memory(extract: Path) -> Path:
    """Return the path of the state of an extract."""
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
    """Return the types of the extracted columns by their contract names, if they are unchanged."""
    origin = _origin(source)
    present = database.types(source.table)
    if not present:
        raise InputError(f"{origin} has no table {source.table}, or no permission to read it.")
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
    """Refuse a table whose columns have changed, and list the differences."""
    changes = [f"{name}: {known[name]} is missing" for name in known if name not in present]
    changes += [f"{name}: {kind} is new" for name, kind in present.items() if name not in known]
    changes += [
        f"{name}: was {known[name]}, is {kind}"
        for name, kind in present.items()
        if name in known and known[name] != kind
    ]
    if changes:
        raise InputError(
            f"The columns of {what} have changed: {'; '.join(sorted(changes))}. To accept the change, remove "
            f"{memory}; the table is then extracted in full."
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
    """Write the extract, in full or with the changes since a cursor value, and return the new cursor value."""
    names = {ours: source.columns.get(ours, ours) for ours in types}
    texts = ", ".join(f"{database.as_text(name, types[ours])} AS {quoted(ours)}" for ours, name in names.items())
    query = f"SELECT {texts} FROM {source.table}"
    cursor = source.cursor if isinstance(source, SqlSource) else None
    reached = None
    if cursor is not None:
        kind = database.types(source.table).get(cursor)
        if kind is None:
            raise InputError(f"The table {source.table} has no cursor column {cursor}.")
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
    with replacing(target) as partial:
        engine.execute(f"COPY (SELECT * FROM ({everything}) ORDER BY {order}) TO {literal(partial)} (FORMAT parquet)")
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
            # Read instants as the same text on every machine.
            connection.execute("SET TimeZone = 'UTC'")
            yield _DuckDB(connection, path)
        return
    uri = os.environ.get(source.sql)
    if not uri:
        raise InputError(f"The environment variable {source.sql} is not set. Set it to the connection string.")
    if not uri.startswith(POSTGRES):
        raise InputError(f"The connection string in {source.sql} must begin with one of: {', '.join(POSTGRES)}.")
    if not CONNECTION.fullmatch(uri) or BAD_ESCAPE.search(uri):
        # The driver would quote the part that it takes for a port or host, which may be one of the password.
        raise InputError(
            f"The connection string in {source.sql} is not of the form postgresql://user:password@host:port/database. "
            "Write special characters of user and password as percent codes, for example @ as %40 and / as %2F."
        )
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
    """Open a read-only transaction in a PostgreSQL database with one snapshot."""
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi

    try:
        connection = adbc_driver_postgresql.dbapi.connect(uri)
    except adbc_driver_manager.Error as error:
        raise UnreachableError(f"The database of {source.sql} does not respond: {_first_line(error, uri)}") from error
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
    """Return the first line of a driver error without the connection string, which may have a password."""
    return str(error).replace(uri, "the connection string").strip().splitlines()[0]
