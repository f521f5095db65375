"""Restoration of tables from the published database into a new build database or an in-memory store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cjo_assets.core.table import Days
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.warehouse.schema_changes import contract_columns, read_as, stored_columns


def remember_published(store: Store, published: Path, names: Iterable[str]) -> None:
    """Bring the published rows of some tables, with the columns of their contracts, into a store that has none."""
    if not published.exists():
        return
    store.connection.execute(f"ATTACH {literal(published)} AS published (READ_ONLY)")
    try:
        stored = stored_columns(store.connection, "published")
        columns = contract_columns(map(store.table_named, names))
        with transaction(store.connection):
            for name in columns:
                rows = read_as(columns[name], f"published.{name}", stored.get(name))
                store.remember(store.table_named(name), rows)
    finally:
        store.connection.execute("DETACH published")


def what_cannot_be_computed(store: Store) -> list[str]:
    """Return the tables that cannot be recomputed from files: append-only records, and tables that later days read."""
    grown = [table for table in store.tables.values() if table.is_appended and not table.is_added_by_publish]
    references = [reference for table in store.tables.values() for reference in table.inputs().values()]
    read = {(found.schema, found.name) for found in references if found.days is not Days.TODAY}
    dated = [table for key, table in store.tables.items() if key in read and table.is_dated and not table.is_view]
    return sorted({table.full_name for table in [*grown, *dated]})
