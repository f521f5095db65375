"""The build database brought to the columns of contracts that changed, before a run reads or writes it."""

from __future__ import annotations

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import LAKE_CHANGED, LAKE_PARTS
from cjo_assets.core.table import RAW, Table
from cjo_assets.engine.raw import MANIFEST
from cjo_assets.engine.sql import literal
from cjo_assets.warehouse.schema_changes import (
    Columns,
    TableChange,
    changes_of,
    has_required_additions,
    raw_table_columns,
    read_as,
    stored_columns,
)

BEFORE = "__before"
ADAPTED = "raw.adapted_tables"


def adapt_build(connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...]) -> None:
    """Give every stored table the columns of its contract; rows keep the values of the columns that remain.

    It does not recompute anything: added columns are null until a run computes the table. The caller opens the
    transaction. Raw tables whose dataset changed are emptied, so that the next load reads their files again. The names
    of changed tables are noted until the next publish.

    Raises:
        WarehouseError: a table that only grows has a new column that may not be null.
    """
    connection.execute(f"CREATE TABLE IF NOT EXISTS {ADAPTED} (table_name VARCHAR)")
    tables = [table for family in families for table in family.tables]
    stored = stored_columns(connection)
    named = {table.full_name: table for table in tables}
    for change in changes_of(tables, stored):
        if change.stored is not None:
            _require_nullable(named[change.table], change)
            move_aside(connection, change.table)
            create(connection, change.table, change.columns)
            if "as_of" not in change.added:
                connection.execute(f"INSERT INTO {change.table} FROM {read_as_changed(change)}")
            connection.execute(f"DROP TABLE {change.table}{BEFORE}")
            connection.execute(f"INSERT INTO {ADAPTED} VALUES (?)", [change.table])
    if LAKE_PARTS in stored:
        _note_changed_lake_tables(connection, tables)
    _replace_other_kinds(connection, tables, stored)
    _empty_changed_raw_tables(connection, families, stored)


def _require_nullable(table: Table, change: TableChange) -> None:
    """Refuse a contract that no earlier row can satisfy, where all rows are validated again."""
    if table.is_appended and table.transform is not None and has_required_additions(table, change):
        raise WarehouseError(
            f"The contract of {table.full_name} has new columns that may not be null ({', '.join(change.added)}). "
            "The table only grows, and its earlier rows have no value: declare the columns with nullable=True."
        )


def adapted_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables of the build database that were changed and not published since."""
    if not is_stored(connection, ADAPTED):
        return set()
    return {name for (name,) in connection.execute(f"SELECT table_name FROM {ADAPTED}").fetchall()}


def is_stored(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether the build database has a table."""
    query = (
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name || '.' || table_name = ?"
    )
    return bool(connection.execute(query, [table]).fetchall())


def read_as_changed(change: TableChange, database: str = "") -> str:
    """Return the subquery that reads a table that was moved aside with the columns of its contract."""
    return read_as(change.columns, f"{database}{change.table}{BEFORE}", change.stored)


def move_aside(connection: duckdb.DuckDBPyConnection, table: str, database: str = "") -> None:
    """Rename a table, so that another can be created under its name and filled from it."""
    connection.execute(f"ALTER TABLE {database}{table} RENAME TO {table.partition('.')[2]}{BEFORE}")


def create(connection: duckdb.DuckDBPyConnection, table: str, columns: Columns, database: str = "") -> None:
    """Create an empty table."""
    described = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database}{table.partition('.')[0]}")
    connection.execute(f"CREATE TABLE {database}{table} ({described})")


def _note_changed_lake_tables(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Note the tables of the lake, which are views here, whose columns are not those of their contracts."""
    stored = stored_columns(connection, views=True)
    in_lake = {name for (name,) in connection.execute(f"SELECT DISTINCT table_name FROM {LAKE_PARTS}").fetchall()}
    changed = [change.table for change in changes_of(tables, stored) if change.table in in_lake]
    connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE_CHANGED} (table_name VARCHAR)")
    for table in changed:
        connection.execute(f"INSERT INTO {LAKE_CHANGED} VALUES (?)", [table])
        connection.execute(f"INSERT INTO {ADAPTED} VALUES (?)", [table])


def _replace_other_kinds(
    connection: duckdb.DuckDBPyConnection, tables: list[Table], stored: dict[str, Columns]
) -> None:
    """Drop stored tables that are views now, and views that are tables now."""
    for table in tables:
        if table.is_view and table.full_name in stored:
            connection.execute(f"DROP TABLE {table.full_name}")
    # In a home that Spark computes, tables are views of the lake's folders.
    if LAKE_PARTS in stored:
        return
    names = ", ".join(literal(table.full_name) for table in tables if not table.is_view)
    views = connection.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() "
        f"WHERE database_name = current_database() AND schema_name || '.' || view_name IN ({names})"
    ).fetchall()
    for (name,) in views:
        connection.execute(f"DROP VIEW {name}")


def _empty_changed_raw_tables(
    connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...], stored: dict[str, Columns]
) -> None:
    datasets = [dataset for family in families for dataset in family.datasets]
    for name, columns in raw_table_columns(datasets).items():
        if name in stored and dict(stored[name]) != dict(columns):
            connection.execute(f"DROP TABLE {name}")
            if MANIFEST in stored:
                dataset = name.removeprefix(f"{RAW}.")
                connection.execute(f"DELETE FROM {MANIFEST} WHERE dataset = ?", [dataset])
            if LAKE_PARTS in stored:
                connection.execute(f"DELETE FROM {LAKE_PARTS} WHERE table_name = ?", [name])
