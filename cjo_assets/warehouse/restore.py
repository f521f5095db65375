"""Restoration of tables from the published database: all of a new build database, or days of an unfinished run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from cjo_assets.core.progress import report_message
from cjo_assets.core.table import RAW, Days
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.warehouse.schema_changes import contract_columns, read_as, stored_columns
from cjo_assets.warehouse.schema_of_build import is_stored

# Days whose rows a run has begun to replace and not yet published.
UNFINISHED = f"{RAW}.warehouse_unfinished_days"


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


def begin_days(store: Store, days: Iterable[date]) -> None:
    """Record days of the run, whose rows are not those that are published until the run has published them."""
    if store.is_in_build:
        store.connection.execute(f"CREATE TABLE IF NOT EXISTS {UNFINISHED} (family VARCHAR, as_of DATE)")
        rows = [(family, day) for family in store.families_of_run for day in days]
        if rows:
            store.connection.executemany(f"INSERT INTO {UNFINISHED} VALUES (?, ?)", rows)


def finish_days(store: Store, days: Iterable[date]) -> None:
    """Delete the records of days of the run that are published."""
    if _unfinished(store):
        store.connection.execute(
            f"DELETE FROM {UNFINISHED} WHERE list_contains(?, family) AND list_contains(?::DATE[], as_of)",
            [list(store.families_of_run), list(days)],
        )


def restore_unfinished_days(store: Store, published: Path) -> None:
    """Bring the published rows back of days that a failed run has replaced, since later days read them.

    The days of the present run stay as they are: it may continue a failed run. So do days that were never published,
    which nothing reads, and days that retention moved to files.
    """
    own = set(store.days_of_run)
    left = {
        family: rest
        for family, days in _unfinished(store).items()
        if (rest := [day for day in days if family not in store.families_of_run or day not in own])
    }
    if not left or not published.exists():
        return
    store.connection.execute(f"ATTACH {literal(published)} AS published (READ_ONLY)")
    try:
        with transaction(store.connection):
            for family, days in left.items():
                restored = _restore_days(store, family, days)
                if restored:
                    names = ", ".join(str(day) for day in restored)
                    report_message(
                        f"An unfinished run had replaced rows of {family} {names}: the published rows are restored. "
                        "Run these days again."
                    )
                store.connection.execute(
                    f"DELETE FROM {UNFINISHED} WHERE family = ? AND list_contains(?::DATE[], as_of)", [family, days]
                )
    finally:
        store.connection.execute("DETACH published")


def _restore_days(store: Store, family: str, days: list[date]) -> list[date]:
    """Restore those days of a family that the attached published database has, and return them."""
    stored = stored_columns(store.connection, "published")
    tables = [
        table
        for name, table in store.tables.items()
        if store.family_of[name] == family and table.is_dated and not table.is_view and table.full_name in stored
    ]
    found: set[date] = set()
    for table in tables:
        query = f"SELECT DISTINCT as_of FROM published.{table.full_name} WHERE list_contains(?::DATE[], as_of)"
        found.update(day for (day,) in store.connection.execute(query, [days]).fetchall())
    columns = contract_columns(tables)
    for name in columns if found else ():
        rows = read_as(columns[name], f"published.{name}", stored.get(name))
        chosen = "WHERE list_contains(?::DATE[], as_of)"
        store.connection.execute(f"DELETE FROM {name} {chosen}", [sorted(found)])
        store.connection.execute(f"INSERT INTO {name} BY NAME FROM {rows} {chosen}", [sorted(found)])
    return sorted(found)


def _unfinished(store: Store) -> dict[str, list[date]]:
    """Return the recorded days by family, of the families of a store in the build database."""
    if not store.is_in_build or not is_stored(store.connection, UNFINISHED):
        return {}
    rows = store.connection.execute(f"SELECT DISTINCT family, as_of FROM {UNFINISHED} ORDER BY ALL").fetchall()
    days: dict[str, list[date]] = {}
    for family, day in rows:
        if family in store.families:
            days.setdefault(family, []).append(day)
    return days
