"""Views of the latest day and SQL macros in the published database."""

from __future__ import annotations

import re

import duckdb
import ibis

from cjo_assets.core.contract import columns_of, contract_rows, described, schema_of
from cjo_assets.core.family import Macro, deciding_family, registered_families
from cjo_assets.core.table import AUDIT, LATEST, Days, Reference, Table
from cjo_assets.engine.sql import literal, newest_day_of, quoted
from cjo_assets.engine.store import Store


def generic_macros() -> tuple[Macro, ...]:
    """Return the macros over the tables of any family. Table macros are used as FROM days()."""
    family = deciding_family()
    return (
        Macro(
            f"newest_day(of_family := {literal(family.name)})",
            "The latest published day of a family.",
            newest_day_of("of_family"),
        ),
        Macro(
            f"days(of_family := {literal(family.name)})",
            "The published days of a family: the latest run of each, its policy, and whether an earlier day has "
            "changed since.",
            """TABLE SELECT as_of, arg_max(run_id, ended_at) AS run_id, max(ended_at) AS ended_at,
            arg_max(policy_hash, ended_at) AS policy_hash, arg_max(is_stale, ended_at) AS is_stale
        FROM audit.runs WHERE is_published AND family = of_family GROUP BY as_of ORDER BY as_of""",
        ),
        Macro(
            "table_on(table_name, day)",
            "A dated table as of a day: the rows of the last day run by then. "
            f"FROM table_on('{family.name}.{family.example_table}', DATE '2025-01-18').",
            """TABLE SELECT * FROM query_table(table_name)
        WHERE as_of = (
            SELECT max(as_of) FROM audit.runs
            WHERE is_published AND as_of <= day AND family = split_part(table_name, '.', 1)
        )""",
        ),
    )


def add_views(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Create views and macros in a database that contains the tables."""
    for schema in sorted({LATEST, *(latest_schema(store, family) for family in store.datasets_by_family)}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    tables = [table for table in store.tables.values() if table.is_published]
    if (AUDIT, "runs") in store.tables:
        for table in tables:
            if not table.is_view and has_latest(store, table):
                _add_latest(connection, store, table)
        own = [macro for family in store.families.values() for macro in family.macros]
        for macro in (*generic_macros(), *own):
            _add_macro(connection, store, macro)
    for table in tables:
        if table.is_view:
            _add_view(connection, store, table)
    for table in tables:
        if table.is_view and has_latest(store, table):
            _add_latest(connection, store, table)


def has_latest(store: Store, table: Table) -> bool:
    """Return whether a table has a view of its latest day: every dated one, and all of a family with files."""
    return table.is_published and ((table.is_dated and not table.is_view) or table.schema in store.datasets_by_family)


def latest_statement(table: Table) -> str:
    """Return the statement of the view of a table's latest day; all rows of an undated table."""
    if not table.is_dated:
        return f"SELECT * FROM {table.full_name}"
    newest = (
        "(SELECT max(as_of) FROM audit.runs WHERE is_published)"
        if table.schema == AUDIT
        else newest_day_of(literal(table.schema))
    )
    return f"SELECT * FROM {table.full_name} WHERE as_of = {newest}"


def latest_schema(store: Store, schema: str) -> str:
    """Return the schema of the views of the latest day of a family's tables, as names of tables are a family's own."""
    family = store.families.get(schema)
    return f"{LATEST}_{schema}" if family is None else family.schema_of_latest


def _add_latest(connection: duckdb.DuckDBPyConnection, store: Store, table: Table) -> None:
    name = f"{latest_schema(store, table.schema)}.{table.name}"
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {latest_statement(table)}")
    comment(connection, table, name, "VIEW", "On the newest day: " if table.is_dated else "")


def _add_view(connection: duckdb.DuckDBPyConnection, store: Store, table: Table) -> None:
    """Create a view over the published tables; of dated tables it selects the latest day."""
    rows = table.computation(**{name: _input(store, found) for name, found in table.inputs().items()})
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    sql = ibis.to_sql(contract_rows(table.contract, rows), dialect="duckdb")
    connection.execute(f"CREATE OR REPLACE VIEW {table.full_name} AS {sql}")
    comment(connection, table, table.full_name, "VIEW")


def _input(store: Store, reference: Reference) -> ibis.Table:
    table = store.tables[reference.schema, reference.name]
    is_of_newest_day = table.is_dated and reference.days is Days.TODAY
    schema = latest_schema(store, reference.schema) if is_of_newest_day else reference.schema
    rows = ibis.table(schema_of(table.contract), name=reference.name, database=schema)
    return rows.drop("as_of") if is_of_newest_day else rows


def _add_macro(connection: duckdb.DuckDBPyConnection, store: Store, macro: Macro) -> None:
    """Create a macro, unless it reads tables that the database lacks."""
    schemas = "|".join(family.name for family in registered_families())
    if not set(re.findall(rf"\b(?:{schemas})\.\w+", macro.body)) <= {
        table.full_name for table in store.tables.values()
    }:
        return
    connection.execute(f"CREATE OR REPLACE MACRO {macro.signature} AS {macro.body}")
    kind = "MACRO TABLE" if macro.body.startswith("TABLE") else "MACRO"
    connection.execute(f"COMMENT ON {kind} {macro.signature.partition('(')[0]} IS {literal(macro.description)}")


def comment(
    connection: duckdb.DuckDBPyConnection, table: Table, name: str, kind: str = "TABLE", prefix: str = ""
) -> None:
    """Set the comments of a table or view and its columns from its contract."""
    what = prefix + (table.contract.__doc__ or "").strip()
    statements = [f"COMMENT ON {kind} {name} IS {literal(what)}"]
    statements += [
        f"COMMENT ON COLUMN {name}.{quoted(spec.name)} IS {literal(described(spec))}"
        for spec in columns_of(table.contract)
    ]
    connection.execute(";".join(statements))
