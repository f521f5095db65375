"""Publication: the published database is copied, updated with the days of a run, and replaced atomically.

Readers keep the file that they opened; new readers get the new one. A failed or killed run changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.family import Chain, chains_of
from cjo_assets.core.progress import report_message
from cjo_assets.core.table import AUDIT, RAW, Table
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.raw import raw_views
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.policy.base import WarehousePolicy
from cjo_assets.warehouse.evolution.published import Adaptation, adapt_published
from cjo_assets.warehouse.evolution.rebuild import forget_upgrade
from cjo_assets.warehouse.evolution.record import messages_of, record_upgrade
from cjo_assets.warehouse.ledger import Head, Stamp, add_decisions, add_published_days, add_tombstones, head_of
from cjo_assets.warehouse.recovery import Found, found_again
from cjo_assets.warehouse.restore import finish_days
from cjo_assets.warehouse.retention import HISTORY, keep_snapshot, move_old_days
from cjo_assets.warehouse.run_log import RUNS, record_heads
from cjo_assets.warehouse.schema_changes import stored_columns
from cjo_assets.warehouse.views import add_views, comment

TARGET = "target"
CUSTOMER = "customer_id"
# The undated table that has rows of every family.
DATASET_LOADS = f"{AUDIT}.dataset_loads"


def publish(
    store: Store,
    published: Path,
    days: list[date],
    keep: WarehousePolicy | None = None,
    stamp: Stamp | None = None,
) -> dict[str, Head]:
    """Replace the published database by one with the current rows of these days and of the undated tables.

    Tables of families that the run did not compute are unchanged, because the build database may hold unvalidated rows.

    Args:
        store: the tables.
        published: the database.
        days: the days whose partitions are replaced.
        keep: number of snapshots and days to retain; None for no snapshots and all days.
        stamp: run, policy and code to record; None to add nothing to the decision ledgers.

    Returns:
        The heads of the ledgers by family; empty without a stamp.
    """
    partial = published.with_suffix(".partial")
    try:
        heads, lost, messages = _write(store, published, partial, days, keep, stamp)
        store.require_ours()
        if keep is not None:
            keep_snapshot(published, keep.snapshots_kept)
        os.replace(partial, published)
    except BaseException:
        _remove(partial)
        raise
    if lost and lost.path:
        lost.path.unlink()
    _sync_folder(published.parent)
    store.announce(days)
    finish_days(store, days)
    forget_upgrade(store)
    for message in messages:
        report_message(message)
    return heads


def _write(
    store: Store, published: Path, partial: Path, days: list[date], keep: WarehousePolicy | None, stamp: Stamp | None
) -> tuple[dict[str, Head], Found | None, list[str]]:
    """Write the next published database to a temporary file and flush it to disk.

    Returns:
        The heads of the ledgers, the state that a lost database was made again from, and what was upgraded.
    """
    connection = store.connection
    _remove(partial)
    lost = found_again(store, published, days, keep)
    before = lost.path if lost else published if published.exists() else None
    origin = before or (None if lost else _copyable_build(store))
    is_copied = origin not in (None, before)
    if origin is not None:
        _copy(origin, partial)
    connection.execute(f"ATTACH {literal(partial)} AS {TARGET}")
    heads: dict[str, Head] = {}
    try:
        if is_copied:
            _leave_published(store, days)
        unchained = _unchained(store)
        # A copy of the build database has the columns of this version already.
        adapted = adapt_published(store, TARGET, days, published.parent / HISTORY) if before else Adaptation()
        if lost:
            lost.fill_in(store, TARGET)
        with transaction(connection):
            for table in store.tables.values():
                if table.is_added_by_publish:
                    _create_table(connection, table)
        if stamp is not None:
            heads = _chain(store, published.parent, days, lost, stamp, unchained)
            record_heads(store, stamp.run_id, days, heads)
            record_upgrade(store, TARGET, adapted, stamp.run_id, days)
        with transaction(connection):
            _fill(store, days, is_copy_of_build=is_copied)
        connection.execute(f"CHECKPOINT {TARGET}")
    finally:
        connection.execute(f"DETACH {TARGET}")
    # Views name no database, so they are created where the published tables are the only ones.
    with duckdb.connect(str(partial)) as alone:
        with transaction(alone):
            add_views(alone, store)
            if keep is not None and (AUDIT, "runs") in store.tables:
                move_old_days(alone, store, published.parent / HISTORY, keep.days_kept)
        alone.execute("CHECKPOINT")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    return heads, lost, list(messages_of(store, adapted))


def _unchained(store: Store) -> list[Chain]:
    """Return the ledgers that the copy does not have yet, although it has decisions to be chained."""
    stored = stored_columns(store.connection, TARGET)
    return [
        chain
        for chain in chains_of(store.families.values())
        if chain.decisions.full_name in stored and chain.ledger.full_name not in stored
    ]


def _chain(
    store: Store, home: Path, days: list[date], lost: Found | None, stamp: Stamp, unchained: list[Chain]
) -> dict[str, Head]:
    """Append erasures and the decisions of the run to the ledgers of the copy, and return their heads by family."""
    heads = {}
    for chain in chains_of(store.families.values()):
        if chain.ledger.customer is not None and (AUDIT, "erasures") in store.tables:
            add_tombstones(store.connection, TARGET, chain.ledger, stamp)
        of_run = days if chain.family in store.families_of_run else []
        decided = [*(lost.days_of(chain.family) if lost else ()), *of_run]
        if chain in unchained:
            add_published_days(store.connection, TARGET, chain, home, stamp, decided)
        if decided:
            add_decisions(store.connection, TARGET, chain, decided, stamp)
        heads[chain.family] = head_of(store.connection, f"{TARGET}.{chain.ledger.full_name}")
    return heads


def _remove(partial: Path) -> None:
    """Remove the files of an unfinished publication."""
    for path in (partial, Path(f"{partial}.wal")):
        path.unlink(missing_ok=True)


def _fill(store: Store, days: list[date], *, is_copy_of_build: bool) -> None:
    for name, table in store.tables.items():
        if not table.is_published or table.is_view or table.is_added_by_publish:
            continue
        if store.family_of[name] not in (*store.families_of_run, None):
            _create_table(store.connection, table)
        # A copy of the build has these rows already, except the runs, which were recorded since.
        elif is_copy_of_build and table.full_name != RUNS:
            comment(store.connection, table, f"{TARGET}.{table.full_name}")
        else:
            _publish_table(store, table, days)


def _copyable_build(store: Store) -> Path | None:
    """Return the path of the build database if a copy can become the first published one, otherwise None.

    Dropped tables leave their bytes in the file, so the build must never have had raw tables with customer data. Views
    over the archive were never part of it.
    """
    about_customers = [
        dataset
        for dataset in store.datasets
        if dataset.name not in raw_views(store.connection)
        and any(spec.name == CUSTOMER for spec in columns_of(dataset.contract))
    ]
    found = store.connection.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()")
    (path,) = found.fetchone() or (None,)
    if (
        path is None
        or not store.is_in_build
        or any(store.count(f"{RAW}.{dataset.name}") for dataset in about_customers)
    ):
        return None
    store.connection.execute("CHECKPOINT")
    return Path(path)


def _leave_published(store: Store, days: list[date]) -> None:
    """Remove from a copy of the build what is not published.

    These are all other tables, those of families that the run did not compute, and days without a complete run.
    """
    connection = store.connection
    published = {
        table.full_name: table
        for name, table in store.tables.items()
        if table.is_published and not table.is_view and store.family_of[name] in (*store.families_of_run, None)
    }
    tables = (
        "SELECT schema_name || '.' || {kind}_name FROM duckdb_{kind}s() WHERE database_name = ? AND NOT internal "
        "ORDER BY ALL"
    )
    with transaction(connection):
        for (name,) in connection.execute(tables.format(kind="view"), [TARGET]).fetchall():
            connection.execute(f"DROP VIEW {TARGET}.{name}")
        for (name,) in connection.execute(tables.format(kind="table"), [TARGET]).fetchall():
            if name not in published:
                connection.execute(f"DROP TABLE {TARGET}.{name}")
            elif published[name].is_dated:
                connection.execute(f"DELETE FROM {TARGET}.{name} WHERE NOT list_contains(?, as_of)", [days])
            elif name == DATASET_LOADS:
                _leave_loads(store, f"{TARGET}.{name}", is_of_run=True)
        connection.execute(f"DROP SCHEMA {TARGET}.{RAW}")


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
    elif table.full_name == DATASET_LOADS:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns_in_sql(table)})")
        _leave_loads(store, name, is_of_run=False)
        of_run = _datasets_of_run(store)
        connection.execute(f"INSERT INTO {name} FROM {table.full_name} WHERE list_contains(?, dataset)", [of_run])
    else:
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns_in_sql(table)})")
        connection.execute(f"INSERT INTO {name} SELECT * FROM {table.full_name}")
    comment(connection, table, name)


def _datasets_of_run(store: Store) -> list[str]:
    return [dataset.name for family in store.families_of_run for dataset in store.datasets_by_family.get(family, ())]


def _leave_loads(store: Store, name: str, *, is_of_run: bool) -> None:
    """Delete the loads of the families that run, or of the others, which keep the loads of their last publication."""
    store.connection.execute(
        f"DELETE FROM {name} WHERE list_contains(?, dataset) != ?", [_datasets_of_run(store), is_of_run]
    )


def _copy(source: Path, target: Path) -> None:
    """Copy a file, as a reflink where the file system supports it."""
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
