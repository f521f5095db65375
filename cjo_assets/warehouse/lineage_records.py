"""Storage of column lineage in the table `audit.column_lineage`."""

from __future__ import annotations

import pyarrow
import sqlglot

from cjo_assets.core.contract import schema_of
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.lineage.query import VALUE, Lineage, lineage_of
from cjo_assets.engine.store import Store
from cjo_assets.families.audit.records.column_lineage import ColumnLineage
from cjo_assets.warehouse.views import has_latest, latest_schema, latest_statement

COLUMN_LINEAGE = f"{AUDIT}.column_lineage"
DIRECT, INDIRECT = "direct", "indirect"


def record_lineage(store: Store) -> int:
    """Store the lineage of all tables computed since the store was opened; return the number of rows."""
    found = dict(store.lineages)
    if found:
        found |= _views_of_newest_day(store)
    rows = [(name, *row) for name, lineage in sorted(found.items()) for row in edges_of(lineage)]
    schema = schema_of(ColumnLineage).to_pyarrow()
    content = pyarrow.Table.from_arrays(
        [pyarrow.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
        if rows
        else [pyarrow.array([], field.type) for field in schema],
        schema=schema,
    )
    connection = store.connection
    connection.register("lineage_found", content)
    try:
        computed = ", ".join(f"'{name}'" for name in found) or "''"
        connection.execute(f"DELETE FROM {COLUMN_LINEAGE} WHERE table_name IN ({computed})")
        connection.execute(f"INSERT INTO {COLUMN_LINEAGE} SELECT * FROM lineage_found")
    finally:
        connection.unregister("lineage_found")
    count = connection.execute(f"SELECT count(*) FROM {COLUMN_LINEAGE}").fetchone()
    return int(count[0]) if count else 0


def edges_of(lineage: Lineage) -> list[tuple[str, str, str, str, list[str]]]:
    """Return the rows of a table's lineage: column, source table, source column, kind, roles."""
    roles: dict[tuple[str, str, str, str], set[str]] = {}
    for column in lineage.columns:
        for edge in lineage.of(column):
            kind = DIRECT if edge.role == VALUE else INDIRECT
            roles.setdefault((column, edge.table, edge.column, kind), set()).add(edge.role)
    return [(*key, sorted(found)) for key, found in sorted(roles.items())]


def _views_of_newest_day(store: Store) -> dict[str, Lineage]:
    return {
        f"{latest_schema(store, table.schema)}.{table.name}": lineage_of(
            sqlglot.parse_one(latest_statement(table), read="duckdb"), store.columns_of
        )
        for table in store.tables.values()
        if has_latest(store, table) and not table.is_view
    }
