"""Retention: snapshots of earlier published databases, and days that have left the published database."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from cjo_assets.core.files import replacing
from cjo_assets.core.table import Days, Table
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store

SNAPSHOTS, HISTORY, POLICY_DIFFS = "snapshots", "history", "policy_diffs"


def keep_snapshot(published: Path, number: int) -> None:
    """Keep the published database as a snapshot named after its time, and delete snapshots beyond a number.

    A published database is never modified in place, so a snapshot is a hard link and uses no space.
    """
    folder = published.parent / SNAPSHOTS
    if published.exists() and number:
        folder.mkdir(exist_ok=True)
        written = datetime.fromtimestamp(published.stat().st_mtime_ns / 1e9, UTC)
        target = folder / f"{written:%Y-%m-%dT%H%M%S.%fZ}.duckdb"
        if not target.exists():
            try:
                os.link(published, target)
            except OSError:
                with replacing(target) as partial:
                    shutil.copy2(published, partial)
    kept = sorted(folder.glob("*.duckdb"), reverse=True)
    for path in kept[number:]:
        path.unlink()


def first_days_kept(connection: duckdb.DuckDBPyConnection, days_kept: int) -> dict[str | None, date]:
    """Return the first retained day of each family.

    The key None has the earliest day of all, for tables without a family; a family without published days is left out.
    """
    found = connection.execute("SELECT family, max(as_of) FROM audit.runs WHERE is_published GROUP BY family")
    firsts: dict[str | None, date] = {
        family: newest - timedelta(days=days_kept - 1) for family, newest in found.fetchall()
    }
    return firsts | {None: min(firsts.values())} if firsts else {}


def move_old_days(connection: duckdb.DuckDBPyConnection, store: Store, folder: Path, days_kept: int) -> list[date]:
    """Export the days beyond the retention of the policy to Parquet, delete them, and return them."""
    first_days = first_days_kept(connection, days_kept)
    moved: set[date] = set()
    for name, table in store.tables.items():
        first_kept = first_days.get(store.family_of[name])
        if first_kept is None or not table.is_published or not table.is_dated or table.is_view:
            continue
        query = f"SELECT DISTINCT as_of FROM {table.full_name} WHERE as_of < ? ORDER BY as_of"
        for (day,) in connection.execute(query, [first_kept]).fetchall():
            _write_day(connection, table, day, folder / table.full_name)
            moved.add(day)
        connection.execute(f"DELETE FROM {table.full_name} WHERE as_of < ?", [first_kept])
    return sorted(moved)


def forget_old_days(store: Store, days_kept: int) -> None:
    """Delete the days beyond the retention from the build database, except those that later days read."""
    first_days = first_days_kept(store.connection, days_kept)
    needed = {
        (reference.schema, reference.name)
        for table in store.tables.values()
        for reference in (*table.inputs().values(), *table.check_inputs().values())
        if reference.days is not Days.TODAY
    }
    for key, table in store.tables.items():
        first_kept = first_days.get(store.family_of[key])
        if first_kept is not None and table.is_dated and not table.is_view and key not in needed:
            store.forget_before(table, first_kept)


def _write_day(connection: duckdb.DuckDBPyConnection, table: Table, day: date, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{day.isoformat()}.parquet"
    with replacing(target) as partial:
        connection.execute(
            f"COPY (SELECT * FROM {table.full_name} WHERE as_of = DATE '{day.isoformat()}' ORDER BY ALL) "
            f"TO {literal(partial)} (FORMAT parquet)"
        )
