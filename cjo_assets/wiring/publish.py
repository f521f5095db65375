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

import ibis

from cjo_assets.shared.contract import columns_of
from cjo_assets.wiring.store import Store, columns_in_sql
from cjo_assets.wiring.tables import Days, Reference, Table
from cjo_assets.wiring.transaction import transaction

TARGET = "target"


def publish(store: Store, published: Path, days: list[date]) -> None:
    """Replace the published database by one that holds these days, and the undated tables, as they are now."""
    connection = store.connection
    partial = published.with_suffix(".partial")
    Path(f"{partial}.wal").unlink(missing_ok=True)
    partial.unlink(missing_ok=True)
    if published.exists():
        _copy(published, partial)
    connection.execute(f"ATTACH '{_escaped(str(partial))}' AS {TARGET}")
    try:
        with transaction(connection):
            for table in store.tables.values():
                if table.is_published:
                    _publish_table(store, table, days)
        connection.execute(f"CHECKPOINT {TARGET}")
    finally:
        connection.execute(f"DETACH {TARGET}")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    store.require_ours()
    os.replace(partial, published)
    _sync_folder(published.parent)


def _publish_table(store: Store, table: Table, days: list[date]) -> None:
    connection = store.connection
    name = f"{TARGET}.{table.full_name}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {TARGET}.{table.schema}")
    if table.is_view:
        # The view reads the published tables, so its statement names no database.
        rows = table.computation(
            **{
                parameter: store.read(Reference(reference.schema, reference.name, Days.ALL), None)
                for parameter, reference in table.inputs().items()
            }
        )
        selected = rows.select([spec.name for spec in columns_of(table.contract)])
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {ibis.to_sql(selected, dialect='duckdb')}")
    elif table.is_dated:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns_in_sql(table)})")
        for day in days:
            connection.execute(f"DELETE FROM {name} WHERE as_of = ?", [day])
            connection.execute(f"INSERT INTO {name} SELECT * FROM {table.full_name} WHERE as_of = ?", [day])
    else:
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns_in_sql(table)})")
        connection.execute(f"INSERT INTO {name} SELECT * FROM {table.full_name}")
    _comment(store, table, name)


def _comment(store: Store, table: Table, name: str) -> None:
    kind = "VIEW" if table.is_view else "TABLE"
    what = (table.contract.__doc__ or "").strip()
    store.connection.execute(f"COMMENT ON {kind} {name} IS '{_escaped(what)}'")
    for spec in columns_of(table.contract):
        store.connection.execute(f"COMMENT ON COLUMN {name}.\"{spec.name}\" IS '{_escaped(spec.description)}'")


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


def _escaped(text: str) -> str:
    return text.replace("'", "''")
