"""Recovery of a missing published database from the latest snapshot and the build database.

The runs in the build database record which days were published and by which run. Days that the latest snapshot has from
the same run are taken from it; other days come from the build database if they are unchanged since their publication.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.files import replacing
from cjo_assets.core.progress import report_message
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.fingerprints import table_hashes
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.policy.base import WarehousePolicy
from cjo_assets.warehouse.retention import SNAPSHOTS, first_days_kept
from cjo_assets.warehouse.run_log import RUNS
from cjo_assets.warehouse.schema_of_build import adapted_tables
from cjo_assets.warehouse.schema_upgrades import upgrades

FOUND = "found"


@dataclass(frozen=True)
class Day:
    """A published day of a family.

    Attributes:
        run_id: the last run that published the day.
        table_hashes: hashes of the rows of its tables, as JSON.
    """

    run_id: str
    table_hashes: str


Days = dict[tuple[str, date], Day]


@dataclass(frozen=True)
class Found:
    """A recovered state of the published database.

    Attributes:
        path: a copy of the newest snapshot; None where there is none.
        from_build: the days that no snapshot held.
    """

    path: Path | None
    from_build: tuple[tuple[str, date], ...]

    def fill_in(self, store: Store, database: str) -> None:
        """Bring the days that no snapshot held, and the undated tables of their families, into an attached database."""
        families = {family for family, _ in self.from_build}
        with transaction(store.connection):
            for name, table in store.tables.items():
                family = store.family_of[name]
                if not table.is_published or table.is_view or table.is_added_by_publish:
                    continue
                target = f"{database}.{table.full_name}"
                store.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database}.{table.schema}")
                store.connection.execute(f"CREATE TABLE IF NOT EXISTS {target} ({columns_in_sql(table)})")
                if table.is_dated:
                    for day in sorted({day for owner, day in self.from_build if family in (owner, None)}):
                        store.connection.execute(f"DELETE FROM {target} WHERE as_of = ?", [day])
                        store.connection.execute(f"INSERT INTO {target} FROM {table.full_name} WHERE as_of = ?", [day])
                elif self.path is None or family in families:
                    store.connection.execute(f"DELETE FROM {target}")
                    store.connection.execute(f"INSERT INTO {target} FROM {table.full_name}")

    def days_of(self, family: str) -> list[date]:
        """Return the days of a family that come from the build database."""
        return [day for name, day in self.from_build if name == family]


def days_recorded(connection: duckdb.DuckDBPyConnection, database: str = "") -> Days:
    """Return the published days, by run."""
    found = connection.execute(
        f"SELECT family, as_of, arg_max(run_id, ended_at), arg_max(table_hashes, ended_at) "
        f"FROM {database}{RUNS} WHERE is_published GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {(family, day): Day(run_id, hashes) for family, day, run_id, hashes in found}


def newest_snapshot(published: Path) -> Path | None:
    """Return the snapshot with the latest run; its name is the time of a clock, which may have been set back since."""
    return max((published.parent / SNAPSHOTS).glob("*.duckdb"), key=_latest_run, default=None)


def _latest_run(snapshot: Path) -> tuple[datetime, str]:
    """Return when the latest run of a snapshot ended, and the name of the snapshot."""
    with duckdb.connect(str(snapshot), read_only=True) as reader:
        ((ended_at,),) = reader.execute(f"SELECT coalesce(max(ended_at), '1970-01-01') FROM {RUNS}").fetchall()
    return ended_at, snapshot.name


def restore_snapshot(published: Path) -> None:
    """Restore a missing published database from the latest snapshot, where the build database is lost, too.

    Nothing else records then which days were published since the snapshot.
    """
    snapshot = newest_snapshot(published)
    if published.exists() or snapshot is None:
        return
    with replacing(published) as partial:
        shutil.copyfile(snapshot, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
    report_message(
        f"The published database {published} and the build database are missing: the snapshot {snapshot.name} is "
        "restored. Run the days again that were published since."
    )


def found_again(store: Store, published: Path, days: list[date], keep: WarehousePolicy | None) -> Found | None:
    """Recover a missing published database, without the days that are about to be published.

    Args:
        store: the tables.
        published: the database.
        days: the days about to be published of the families that run.
        keep: number of days to retain; None for all.

    Returns:
        None if nothing was published or nothing is missing.

    Raises:
        WarehouseError: a day cannot be recovered.
    """
    if published.exists() or (AUDIT, "runs") not in store.tables:
        return None
    first_days = first_days_kept(store.connection, keep.days_kept) if keep else {}
    wanted = {
        (family, day): recorded
        for (family, day), recorded in days_recorded(store.connection).items()
        if not (family in store.families_of_run and day in days) and day >= first_days.get(family, day)
    }
    if not wanted:
        return None
    snapshot = newest_snapshot(published)
    held = _days_in(snapshot) if snapshot else {}
    missing = tuple(key for key, recorded in wanted.items() if held.get(key) != recorded)
    expected = _Expected(store)
    unlike = [key for key in missing if not expected.is_met(*key, json.loads(wanted[key].table_hashes))]
    if unlike:
        raise WarehouseError(
            f"The published database {published} is missing, and neither a snapshot nor the build database has what "
            f"was published for {_in_words(unlike)}. Restore a copy of the file, or run these days again in one run."
        )
    path = published.with_suffix(f".{FOUND}")
    path.unlink(missing_ok=True)
    if snapshot:
        shutil.copyfile(snapshot, path)
    places = [f"the snapshot {snapshot.name}"] if snapshot else []
    places += [f"the build database ({_in_words(missing)})"] if missing else []
    report_message(
        f"The published database {published} is missing: it is recovered from {' and '.join(places)}. "
        "Ledger entries that only it contained are recorded again, and cjo audit verify will report that."
    )
    return Found(path if snapshot else None, missing)


def _days_in(snapshot: Path) -> Days:
    with duckdb.connect() as engine:
        engine.execute(f"ATTACH {literal(snapshot)} AS snapshot (READ_ONLY)")
        return days_recorded(engine, "snapshot.")


class _Expected:
    """The rows that the build database has of days that were published."""

    def __init__(self, store: Store) -> None:
        self.store, self.adapted = store, adapted_tables(store.connection)
        self.upgrades = upgrades(store.connection, RUNS)
        query = f"SELECT family, as_of, max(ended_at) FROM {RUNS} WHERE is_published GROUP BY ALL"
        self.ended_at = {(family, day): ended for family, day, ended in store.connection.execute(query).fetchall()}

    def is_met(self, family: str, day: date, recorded: dict[str, str]) -> bool:
        """Return whether the rows of a day are those that its run recorded, or that a later upgrade recorded."""
        later = [upgrade for upgrade in self.upgrades if upgrade.ended_at > self.ended_at[family, day]]
        upgraded = {table: found.content for own in later for (table, of), found in own.days.items() if of == day}
        expected = recorded | {table: content for table, content in upgraded.items() if content is not None}
        present = table_hashes(self.store, family, day)
        # Tables whose columns changed since have other hashes; the run that publishes next records them.
        compared = (present.keys() & expected.keys()) - self.adapted
        return all(present[table] == expected[table] for table in compared)


def _in_words(days: Iterable[tuple[str, date]]) -> str:
    return ", ".join(f"{family} {day}" for family, day in days)
