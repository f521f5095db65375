"""Recovery of a missing published database from the latest snapshot and the build database.

The runs in the build database record which days were published and by which run. Days that the latest snapshot has from
the same run are taken from it; other days come from the build database if they are unchanged since their publication.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from cjo_assets.core.errors import WarehouseError
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
        path: the file, private to the caller.
        from_build: the days that come from the build database.
    """

    path: Path
    from_build: tuple[tuple[str, date], ...]

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
    """Return the latest snapshot."""
    return max((published.parent / SNAPSHOTS).glob("*.duckdb"), default=None)


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
    unlike = [key for key in missing if table_hashes(store, *key) != json.loads(wanted[key].table_hashes)]
    if unlike:
        raise WarehouseError(
            f"The published database {published} is missing, and neither a snapshot nor the build database has what "
            f"was published for {_in_words(unlike)}. Restore a copy of the file, or run these days again in one run."
        )
    path = published.with_suffix(f".{FOUND}")
    path.unlink(missing_ok=True)
    if snapshot:
        shutil.copyfile(snapshot, path)
    _fill_in(store, path, missing, is_new=snapshot is None)
    places = [f"the snapshot {snapshot.name}"] if snapshot else []
    places += [f"the build database ({_in_words(missing)})"] if missing else []
    report_message(
        f"The published database {published} is missing: it is recovered from {' and '.join(places)}. "
        "Ledger entries that only it contained are recorded again, and cjo audit verify will report that."
    )
    return Found(path, missing)


def _days_in(snapshot: Path) -> Days:
    with duckdb.connect() as engine:
        engine.execute(f"ATTACH {literal(snapshot)} AS snapshot (READ_ONLY)")
        return days_recorded(engine, "snapshot.")


def _fill_in(store: Store, path: Path, missing: tuple[tuple[str, date], ...], *, is_new: bool) -> None:
    """Copy days from the build database into a file, with the undated tables of their families."""
    connection = store.connection
    families = {family for family, _ in missing}
    connection.execute(f"ATTACH {literal(path)} AS {FOUND}")
    try:
        with transaction(connection):
            for name, table in store.tables.items():
                family = store.family_of[name]
                if not table.is_published or table.is_view or table.is_added_by_publish:
                    continue
                target = f"{FOUND}.{table.full_name}"
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {FOUND}.{table.schema}")
                connection.execute(f"CREATE TABLE IF NOT EXISTS {target} ({columns_in_sql(table)})")
                if table.is_dated:
                    for day in sorted({day for owner, day in missing if family in (owner, None)}):
                        connection.execute(f"DELETE FROM {target} WHERE as_of = ?", [day])
                        connection.execute(f"INSERT INTO {target} FROM {table.full_name} WHERE as_of = ?", [day])
                elif is_new or family in families:
                    connection.execute(f"DELETE FROM {target}")
                    connection.execute(f"INSERT INTO {target} FROM {table.full_name}")
        connection.execute(f"CHECKPOINT {FOUND}")
    finally:
        connection.execute(f"DETACH {FOUND}")


def _in_words(days: Iterable[tuple[str, date]]) -> str:
    return ", ".join(f"{family} {day}" for family, day in days)
