"""The published database: a copy, changed where a day changed, put in place at once.

Belongs here: what analysts can open and how it gets there. Readers keep the file they opened; new readers get the new
one; a run that fails or is killed leaves both as they were.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb

from cjo_assets.policy_sections import WarehousePolicy
from cjo_assets.wiring.analysts import add_views, comment
from cjo_assets.wiring.keep import HISTORY, keep_snapshot, move_old_days
from cjo_assets.wiring.ledger import Head, Stamp, add_decisions, add_tombstones
from cjo_assets.wiring.quoting import literal
from cjo_assets.wiring.runs import record_head
from cjo_assets.wiring.store import Store, columns_in_sql
from cjo_assets.wiring.tables import AUDIT, Table
from cjo_assets.wiring.transaction import transaction

TARGET = "target"


def publish(
    store: Store,
    published: Path,
    days: list[date],
    keep: WarehousePolicy | None = None,
    stamp: Stamp | None = None,
) -> Head | None:
    """Replace the published database by one that holds these days, and the undated tables, as they are now.

    Args:
        store: the tables.
        published: the database.
        days: what is replaced of dated tables.
        keep: how many earlier states and days are kept; without it no state and every day.
        stamp: who publishes; without it nothing is added to the ledger of decisions.

    Returns:
        The head of the ledger; None where nothing was added to it.
    """
    connection = store.connection
    partial = published.with_suffix(".partial")
    Path(f"{partial}.wal").unlink(missing_ok=True)
    partial.unlink(missing_ok=True)
    if published.exists():
        _copy(published, partial)
    connection.execute(f"ATTACH {literal(partial)} AS {TARGET}")
    head = None
    try:
        with transaction(connection):
            for table in store.tables.values():
                if table.is_added_by_publish:
                    _create_table(connection, table)
        if stamp is not None:
            if (AUDIT, "erasures") in store.tables:
                add_tombstones(connection, TARGET, stamp)
            head = add_decisions(connection, TARGET, days, stamp)
            record_head(store, stamp.run_id, days, head)
        with transaction(connection):
            for table in store.tables.values():
                if table.is_published and not table.is_view and not table.is_added_by_publish:
                    _publish_table(store, table, days)
        connection.execute(f"CHECKPOINT {TARGET}")
    finally:
        connection.execute(f"DETACH {TARGET}")
    # Views name no database, so they are made where the tables they name are the only ones.
    with duckdb.connect(str(partial)) as alone:
        with transaction(alone):
            add_views(alone, store)
            if keep is not None and (AUDIT, "runs") in store.tables:
                move_old_days(alone, store, published.parent / HISTORY, keep.days_kept)
        alone.execute("CHECKPOINT")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    store.require_ours()
    if keep is not None:
        keep_snapshot(published, keep.snapshots_kept)
    os.replace(partial, published)
    _sync_folder(published.parent)
    store.announce(days)
    return head


def _create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    name = f"{TARGET}.{table.full_name}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {TARGET}.{table.schema}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns_in_sql(table)})")
    comment(connection, table, name)


def _publish_table(store: Store, table: Table, days: list[date]) -> None:
    connection = store.connection
    name = f"{TARGET}.{table.full_name}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {TARGET}.{table.schema}")
    if table.is_dated:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns_in_sql(table)})")
        for day in days:
            connection.execute(f"DELETE FROM {name} WHERE as_of = ?", [day])
            connection.execute(f"INSERT INTO {name} SELECT * FROM {table.full_name} WHERE as_of = ?", [day])
    else:
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns_in_sql(table)})")
        connection.execute(f"INSERT INTO {name} SELECT * FROM {table.full_name}")
    comment(connection, table, name)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can."""
    if sys.platform == "linux":
        done = subprocess.run(["cp", "--reflink=auto", "--", str(source), str(target)], check=False)
        if done.returncode == 0:
            return
    shutil.copyfile(source, target)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
