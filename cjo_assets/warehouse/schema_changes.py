"""Differences between the columns of stored tables and the columns of their contracts."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis.expr.datatypes as dt
from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.core.contract import columns_of, schema_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.table import RAW, Table
from cjo_assets.engine.raw import raw_schema
from cjo_assets.engine.sql import literal, quoted

Columns = Mapping[str, str]
NAMES_SHOWN = 8


@dataclass(frozen=True)
class TableChange:
    """How the columns of a contract differ from those of the stored table.

    Attributes:
        table: full name of the table.
        columns: names and types of the contract.
        stored: names and types of the stored table; None where there is no such table.
    """

    table: str
    columns: Columns
    stored: Columns | None

    @property
    def added(self) -> tuple[str, ...]:
        """Return the columns that the stored table does not have."""
        return tuple(name for name in self.columns if name not in (self.stored or {}))

    @property
    def removed(self) -> tuple[str, ...]:
        """Return the columns that the contract does not have."""
        return tuple(name for name in self.stored or {} if name not in self.columns)

    @property
    def retyped(self) -> tuple[str, ...]:
        """Return the columns that have another type in the contract."""
        return tuple(name for name, kind in self.columns.items() if (self.stored or {}).get(name, kind) != kind)

    def in_words(self) -> str:
        """Return the change as part of a sentence."""
        if self.stored is None:
            return "new table"
        retyped = [f"{name} ({self.stored[name]} to {self.columns[name]})" for name in self.retyped]
        parts = {"added": self.added, "removed": self.removed, "type changed of": retyped}
        return "; ".join(f"{verb} {_listed(names)}" for verb, names in parts.items() if names) or "columns reordered"


def stored_columns(
    connection: duckdb.DuckDBPyConnection, database: str | None = None, *, views: bool = False
) -> dict[str, Columns]:
    """Return names and types of the columns of every table of a database, or of every view.

    The tables are in alphabetical order, their columns in stored order.

    Args:
        connection: the engine.
        database: name of an attached database; the current one unless given.
        views: whether to return views instead of tables.
    """
    kind = "view" if views else "table"
    found = connection.execute(
        f"""
        SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index),
            list(data_type ORDER BY column_index)
        FROM duckdb_columns() SEMI JOIN (
            SELECT database_name, schema_name, {kind}_name AS table_name
            FROM duckdb_{kind}s() WHERE NOT temporary AND NOT internal
        ) USING (database_name, schema_name, table_name)
        WHERE database_name = coalesce($database, current_database()) GROUP BY ALL ORDER BY ALL
        """,
        {"database": database},
    ).fetchall()
    return {table: dict(zip(names, kinds, strict=True)) for table, names, kinds in found}


def contract_columns(tables: Iterable[Table]) -> dict[str, Columns]:
    """Return names and types of the columns that contracts describe, as the engine names types."""
    return {
        table.full_name: {name: _name_of(kind) for name, kind in schema_of(table.contract).items()}
        for table in tables
        if not table.is_view
    }


def raw_table_columns(datasets: Iterable[Dataset]) -> dict[str, Columns]:
    """Return names and types of the columns of raw tables."""
    return {
        f"{RAW}.{dataset.name}": {name: _engine_type(kind) for name, kind in raw_schema(dataset).items()}
        for dataset in datasets
    }


def changes_of(tables: Iterable[Table], stored: Mapping[str, Columns]) -> list[TableChange]:
    """Return every table whose columns are not those of its contract, or that is not stored.

    Args:
        tables: the tables; views are left out.
        stored: the columns of what is stored, by full name.
    """
    return [
        TableChange(name, columns, stored.get(name))
        for name, columns in contract_columns(tables).items()
        if list(stored.get(name, {}).items()) != list(columns.items())
    ]


def removed_tables(tables: Iterable[Table], stored: Mapping[str, Columns], kept: Iterable[str] = ()) -> list[str]:
    """Return the stored tables that no contract describes.

    Args:
        tables: the tables.
        stored: the columns of what is stored, by full name.
        kept: full names of further tables.
    """
    known = {table.full_name for table in tables} | set(kept)
    return [name for name in stored if name not in known]


def selection(columns: Columns, stored: Columns) -> str:
    """Return what to select from stored rows to read them with other columns, in their order.

    A column that is not stored is null, and so is a value that has no equivalent of the other type.
    """
    parts = []
    for name, kind in columns.items():
        if name not in stored:
            parts.append(f"NULL::{kind} AS {quoted(name)}")
        elif stored[name] != kind:
            parts.append(f"TRY_CAST({quoted(name)} AS {kind}) AS {quoted(name)}")
        else:
            parts.append(quoted(name))
    return ", ".join(parts)


def read_as(columns: Columns, source: str, stored: Columns | None) -> str:
    """Return the subquery that reads stored rows with other columns; it has no row where nothing is stored."""
    if stored is None:
        return f"(SELECT {selection(columns, {})} WHERE FALSE)"
    return f"(SELECT {selection(columns, stored)} FROM {source})"


def parquet_source(path: Path) -> str:
    """Return what SQL selects from to read a Parquet file."""
    return f"read_parquet({literal(path)}, hive_partitioning = FALSE)"


def parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Return names and types of the columns of a Parquet file."""
    found = connection.execute(f"DESCRIBE SELECT * FROM {parquet_source(path)}").fetchall()
    return {name: kind for name, kind, *_ in found}


def lost_values(change: TableChange) -> str:
    """Return the condition under which a stored row has a value that its column's new type cannot represent."""
    conditions = [
        f"{quoted(name)} IS DISTINCT FROM TRY_CAST(TRY_CAST({quoted(name)} AS {change.columns[name]}) "
        f"AS {(change.stored or {})[name]})"
        for name in change.retyped
    ]
    return " OR ".join(conditions) or "FALSE"


def has_required_additions(table: Table, change: TableChange) -> bool:
    """Return whether a column was added that its contract does not allow to be null."""
    return any(spec.name in change.added and not spec.nullable for spec in columns_of(table.contract))


@functools.cache
def _name_of(kind: dt.DataType) -> str:
    return _engine_type(DuckDBType.to_string(kind))


@functools.cache
def _engine_type(name: str) -> str:
    """Return the name by which the engine lists a type."""
    with duckdb.connect() as connection:
        return str(connection.execute(f"SELECT typeof(NULL::{name})").fetchall()[0][0])


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
    return ", ".join(found[:NAMES_SHOWN]) + more
