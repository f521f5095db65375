"""What the next run will upgrade in a home that another version wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.engine.sql import literal
from cjo_assets.warehouse.schema_changes import TableChange, changes_of, stored_columns


def pending_changes(settings: Settings, families: tuple[Family, ...]) -> list[TableChange]:
    """Return the stored tables whose columns are not those of their contracts; nothing is written.

    Tables that the home does not have yet are left out: a run creates them.
    """
    tables = [table for family in families for table in family.tables]
    published = [table for table in tables if table.is_published]
    found = {change.table: change for change in _changes_in(settings.build, tables)}
    found |= {change.table: change for change in _changes_in(settings.published, published)}
    return [found[name] for name in sorted(found)]


def in_words(table: Table, change: TableChange) -> str:
    """Return what the next run does about a change."""
    if table.is_record:
        action = "earlier rows are kept"
    elif table.is_decision:
        action = "earlier decisions are kept as published"
    elif change.added or change.retyped:
        what = "earlier days are" if table.is_dated else "it is"
        action = f"{what} recomputed from the archived inputs"
    else:
        action = "the other columns are kept"
    return f"{change.table}: {change.in_words()}; {action}"


def _changes_in(path: Path, tables: list[Table]) -> Iterator[TableChange]:
    if not path.exists():
        return
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(path)} AS stored (READ_ONLY)")
        stored = stored_columns(connection, "stored")
        for change in changes_of(tables, stored):
            if change.stored is not None:
                yield change
