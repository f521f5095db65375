"""Days of changed tables recomputed from the archived inputs, before a run computes its own days.

What is recomputed follows from the published database: the tables whose columns are not those of their contracts, and
the days that it holds. A changed table of a day is computed from the published rows of that day's other tables, and
from the archived files and the policy that the day's run recorded. So decisions stay what was decided, and a changed
table agrees with the tables that did not change.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.errors import ContractBreachError, PastError, TamperedError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table, in_order
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.policy import Policy
from cjo_assets.warehouse.evolution.changed_days import ChangedDays
from cjo_assets.warehouse.recovery import days_recorded, newest_snapshot
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord
from cjo_assets.warehouse.schema_changes import TableChange, changes_of, parquet_source, stored_columns
from cjo_assets.warehouse.schema_of_build import ADAPTED, is_stored

REBUILT = "raw.rebuilt_days"
REBUILT_COLUMNS = "table_name VARCHAR, as_of DATE, run_id VARCHAR, columns VARCHAR, reason VARCHAR"
# Errors of the engine that do not concern the day that is recomputed.
NOT_OF_THE_DAY = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException)

Key = tuple[str, date | None]


@dataclass(frozen=True)
class Recomputed:
    """A day of a changed table, or an undated table, that was to be recomputed.

    Attributes:
        table: the table.
        day: the day; None for an undated table.
        run_id: the run whose inputs and policy were used.
        path: Parquet file of the rows; None where they could not be recomputed.
        reason: why they could not be recomputed; None where they were.
    """

    table: Table
    day: date | None
    run_id: str
    path: Path | None = None
    reason: str | None = None


def rebuild_changed_tables(
    store: Store,
    families: tuple[Family, ...],
    settings: Settings,
    report: Callable[[str], None],
    memory_limit: float | None = None,
) -> None:
    """Recompute the published days of changed tables into the build database, where the next publish finds them.

    Each day of a table is stored in a transaction of its own, and is not recomputed again by a later run if this one
    does not publish it.

    Args:
        store: the tables of the build database.
        families: the families whose tables there are.
        settings: the places.
        report: receives a message for each day.
        memory_limit: what the engine may use [gigabytes].
    """
    store.connection.execute(f"CREATE TABLE IF NOT EXISTS {REBUILT} ({REBUILT_COLUMNS})")
    _discard_notes_of_run(store)
    source = base_of(settings.published)
    if source is None:
        return
    changes = _changes_in(store, source)
    if not changes:
        return
    with _beside(source, memory_limit) as (connection, folder):
        names = [found.table for found in changes if _is_recomputed(connection, store.table_named(found.table), found)]
        if not names:
            return
        scratch = ChangedDays(connection, settings, families, names)
        recorded = days_recorded(connection, f"{PUBLISHED}.")
        done = rebuilt_days(store, {key: found.run_id for key, found in recorded.items()})
        for item in _recomputed(scratch, store, done, folder, report):
            with transaction(store.connection):
                _store(store, item)
                store.require_ours()


def forget_upgrade(store: Store) -> None:
    """Delete the notes about changed tables: what they are about is published."""
    for name in (REBUILT, ADAPTED):
        if is_stored(store.connection, name):
            store.connection.execute(f"DELETE FROM {name}")


def base_of(published: Path) -> Path | None:
    """Return the database that the next publish starts from: the published one, else the newest snapshot."""
    return published if published.exists() else newest_snapshot(published)


def rebuilt_days(store: Store, run_ids: dict[tuple[str | None, date], str]) -> dict[Key, str | None]:
    """Return what earlier calls recomputed from the present published days: the reason where they could not.

    Args:
        store: the tables of the build database.
        run_ids: the newest run of each published day of each family.
    """
    if not is_stored(store.connection, REBUILT):
        return {}
    found: dict[Key, str | None] = {}
    rows = store.connection.execute(f"SELECT table_name, as_of, run_id, columns, reason FROM {REBUILT}").fetchall()
    for name, day, run_id, columns, reason in rows:
        key = tuple(name.split("."))
        if key not in store.tables or columns != columns_in_sql(store.table_named(name)):
            continue
        if day is None or run_ids.get((store.family_of[key], day)) == run_id:
            found[name, day] = reason
    return found


def repeats_keys(connection: duckdb.DuckDBPyConnection, table: Table, source: str) -> bool:
    """Return whether the key of a contract identifies several of the stored rows, since a column of it was removed."""
    names = [*(["as_of"] if table.is_dated else []), *key_of(table.contract)]
    if not key_of(table.contract):
        return False
    query = f"SELECT 1 FROM {source} GROUP BY {quoted_names(names)} HAVING count(*) > 1 LIMIT 1"
    return bool(connection.execute(query).fetchall())


def _changes_in(store: Store, source: Path) -> list[TableChange]:
    store.connection.execute(f"ATTACH {literal(source)} AS {PUBLISHED} (READ_ONLY)")
    try:
        return changes_of(_published_tables(store), stored_columns(store.connection, PUBLISHED))
    finally:
        store.connection.execute(f"DETACH {PUBLISHED}")


def _published_tables(store: Store) -> list[Table]:
    return [table for table in store.tables.values() if table.is_published and not table.is_view]


def _is_recomputed(connection: duckdb.DuckDBPyConnection, table: Table, change: TableChange) -> bool:
    """Return whether a change requires other rows; where columns are only removed, the remaining values are kept."""
    if table.is_record or table.is_decision:
        return False
    if change.stored is None or change.added or change.retyped:
        return True
    return (
        bool(change.removed)
        and _has_key(table, change)
        and repeats_keys(connection, table, f"{PUBLISHED}.{table.full_name}")
    )


def _has_key(table: Table, change: TableChange) -> bool:
    return set(key_of(table.contract)) <= set(change.stored or {})


@contextmanager
def _beside(source: Path, memory_limit: float | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open a scratch database with a published database attached, in a folder that is removed afterwards."""
    config: dict[str, Any] = {"memory_limit": f"{memory_limit}GB"} if memory_limit else {}
    with (
        tempfile.TemporaryDirectory(prefix="cjo-") as folder,
        duckdb.connect(str(Path(folder) / "scratch.duckdb"), config=config) as connection,
    ):
        connection.execute(f"ATTACH {literal(source)} AS {PUBLISHED} (READ_ONLY)")
        yield connection, Path(folder)


def _planned(scratch: ChangedDays, store: Store) -> dict[tuple[str, date], list[Table]]:
    """Return the tables to recompute for each family and day; the days of the run itself are computed by the run."""
    planned = {}
    for family in scratch.datasets_by_family:
        scratch.begin(family)
        tables = in_order(table for table in map(scratch.table_named, scratch.names) if scratch.is_of(table, family))
        days = [day for day in scratch.records.days() if day in scratch.kept_days(family)]
        for day in days:
            is_run = family in store.families_of_run
            dated = [table for table in tables if table.is_dated and not (is_run and day in store.days_of_run)]
            undated = [table for table in tables if not table.is_dated and not is_run and day == days[-1]]
            if dated or undated:
                planned[family, day] = [*undated, *dated]
    return planned


def _recomputed(
    scratch: ChangedDays,
    store: Store,
    done: dict[Key, str | None],
    folder: Path,
    report: Callable[[str], None],
) -> Iterator[Recomputed]:
    """Recompute the tables and days that are not done, the days of a family in their order."""
    planned = _planned(scratch, store)
    open_days = [key for key, tables in planned.items() if any(_key(table, key[1]) not in done for table in tables)]
    if not open_days:
        return
    families: set[str] = set()
    for (family, day), tables in planned.items():
        if family not in families:
            families.add(family)
            scratch.begin(family)
            scratch.keep_others({own for of, own in planned if of == family})
        earlier = {table.full_name: done[_key(table, day)] for table in tables if _key(table, day) in done}
        for name, reason in earlier.items():
            _take_over(scratch, store, Recomputed(scratch.table_named(name), day, "", folder / "done", reason))
        left = [table for table in tables if table.full_name not in earlier]
        if left:
            number = open_days.index((family, day)) + 1
            report(f"Recomputing {_counted(len(left))} of {family} on {day}: day {number} of {len(open_days)}.")
        for item in _of_day(scratch, day, left, {name: why for name, why in earlier.items() if why is not None}):
            if item.reason is None:
                path = folder / f"{item.table.full_name}.parquet"
                scratch.connection.execute(_copy_of(item.table, item.day, path))
                yield replace(item, path=path)
            else:
                scratch.keep(item.table, item.day)
                yield item


def _key(table: Table, day: date) -> Key:
    return table.full_name, day if table.is_dated else None


def _copy_of(table: Table, day: date | None, path: Path) -> str:
    """Return the statement that writes the rows of a table, or of a day of it, to a file."""
    where = f"WHERE as_of = DATE '{day.isoformat()}'" if day and table.is_dated else ""
    return f"COPY (FROM {table.full_name} {where}) TO {literal(path)} (FORMAT parquet)"


def _take_over(scratch: ChangedDays, store: Store, item: Recomputed) -> None:
    """Let later days read what an earlier run recomputed."""
    if item.reason is None and item.path is not None:
        store.connection.execute(_copy_of(item.table, item.day, item.path))
        scratch.connection.execute(f"INSERT INTO {item.table.full_name} FROM {parquet_source(item.path)}")
    else:
        scratch.keep(item.table, item.day if item.table.is_dated else None)


def _of_day(scratch: ChangedDays, day: date, tables: list[Table], not_done: dict[str, str]) -> Iterator[Recomputed]:
    """Recompute tables of a day, each with the reason where that is impossible.

    Args:
        scratch: the scratch database.
        day: the day.
        tables: the tables, each after what it reads.
        not_done: tables of the day that could not be recomputed, with the reason.
    """
    if not tables:
        return
    run_id = scratch.records.run_of(day)
    try:
        record = scratch.records.of(day)
        policy = scratch.records.policy_of(record)
    except (PastError, TamperedError) as error:
        yield from (Recomputed(table, day if table.is_dated else None, run_id, reason=str(error)) for table in tables)
        return
    missing = scratch.missing_inputs(record)
    for table in tables:
        reason = missing if scratch.reads_files(table) else None
        upstream = [found.name for found in table.inputs().values() if f"{found.schema}.{found.name}" in not_done]
        if reason is None and upstream:
            reason = f"{upstream[0]} of the day could not be recomputed"
        if reason is None:
            reason = _fault_of(scratch, table, record, policy)
        if reason is not None:
            not_done[table.full_name] = reason
        yield Recomputed(table, day if table.is_dated else None, run_id, reason=reason)


def _fault_of(scratch: ChangedDays, table: Table, record: DayRecord, policy: Policy) -> str | None:
    """Recompute a table, and return why it is impossible."""
    try:
        scratch.recompute(table, record, policy)
    except NOT_OF_THE_DAY:
        raise
    except (ContractBreachError, duckdb.Error) as error:
        return str(error).splitlines()[0]
    return None


def _store(store: Store, item: Recomputed) -> None:
    """Put recomputed rows into the build database, with a note by which the next publish finds them."""
    name = item.table.full_name
    if item.path is not None:
        names = quoted_names(spec.name for spec in columns_of(item.table.contract))
        store.fill(item.table, item.day, f"SELECT {names} FROM {parquet_source(item.path)}")
    store.connection.execute(
        f"DELETE FROM {REBUILT} WHERE table_name = ? AND as_of IS NOT DISTINCT FROM ?", [name, item.day]
    )
    note = [name, item.day, item.run_id, columns_in_sql(item.table), item.reason]
    store.connection.execute(f"INSERT INTO {REBUILT} VALUES (?, ?, ?, ?, ?)", note)


def _discard_notes_of_run(store: Store) -> None:
    """Discard the notes about the days of the run, whose tables the run replaces."""
    for family in store.families_of_run:
        names = [table.full_name for table in store.tables_of(family)]
        store.connection.execute(
            f"DELETE FROM {REBUILT} WHERE list_contains(?, table_name) AND (as_of IS NULL OR list_contains(?, as_of))",
            [names, list(store.days_of_run)],
        )


def _counted(tables: int) -> str:
    return "1 changed table" if tables == 1 else f"{tables} changed tables"
