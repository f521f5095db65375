"""The next published database brought to the columns of contracts that changed, before it is filled and put in place.

    records, decisions     rows are kept; an added column is null, a removed column is dropped
    derived tables         days that were recomputed are taken from the build database; other days are kept where the
                           contract allows null in every added column, and moved to a file of `history/` otherwise
    tables without a contract any more   are kept as they are

Nothing is written to the database that analysts read: this is a copy, and it takes that name when it is complete.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from cjo_assets.core.contract import key_of
from cjo_assets.core.table import Table
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.warehouse.evolution.rebuild import rebuilt_days, repeats_keys
from cjo_assets.warehouse.recovery import days_recorded
from cjo_assets.warehouse.schema_changes import (
    TableChange,
    changes_of,
    has_required_additions,
    lost_values,
    removed_tables,
    stored_columns,
)
from cjo_assets.warehouse.schema_of_build import BEFORE, create, move_aside, read_as_changed
from cjo_assets.warehouse.schema_upgrades import COMPUTED, KEPT, MOVED, REBUILT


@dataclass(frozen=True)
class Adapted:
    """A changed table of the published database.

    Attributes:
        change: how its columns changed.
        days: how the rows of each day were treated; under None of an undated table.
        reasons: why days were not recomputed.
        files: files with rows that the present columns cannot hold.
    """

    change: TableChange
    days: dict[date | None, str] = field(default_factory=dict)
    reasons: dict[date | None, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Adaptation:
    """What a publish changed in tables that an earlier version had published.

    Attributes:
        tables: the changed tables.
        removed: tables that no contract describes any more.
    """

    tables: tuple[Adapted, ...] = ()
    removed: tuple[str, ...] = ()


def adapt_published(store: Store, database: str, days: list[date], history: Path) -> Adaptation:
    """Give every table of a copy of the published database the columns of its contract.

    Args:
        store: the tables of the build database, to which the copy is attached.
        database: name of the attached copy.
        days: days that are about to be published, whose rows come from the run.
        history: folder of days that have left the published database.

    Returns:
        What changed; empty where the copy has the columns of all contracts already.
    """
    connection = store.connection
    stored = stored_columns(connection, database)
    tables = [table for table in store.tables.values() if table.is_published and not table.is_view]
    changes = changes_of(tables, stored)
    if not changes:
        return Adaptation()
    recorded = days_recorded(connection, f"{database}.") if "audit.runs" in stored else {}
    notes = rebuilt_days(store, {key: found.run_id for key, found in recorded.items()})
    adapted = []
    with transaction(connection):
        _drop_views(connection, database)
        for change in changes:
            table = store.table_named(change.table)
            is_run = store.family_of[table.schema, table.name] in store.families_of_run
            found = Adapted(change)
            adapted.append(found)
            adapter = _Adapter(store, f"{database}.", table, found, history, is_run=is_run)
            adapter.adapt(
                days if is_run else [], {day: why for (name, day), why in notes.items() if name == change.table}
            )
    return Adaptation(tuple(adapted), tuple(removed_tables(store.tables.values(), stored)))


class _Adapter:
    """One changed table of an attached database."""

    def __init__(
        self, store: Store, prefix: str, table: Table, adapted: Adapted, history: Path, *, is_run: bool
    ) -> None:
        self.connection, self.table, self.prefix, self.is_run = store.connection, table, prefix, is_run
        self.change, self.adapted, self.history = adapted.change, adapted, history
        self.rows = read_as_changed(self.change, prefix) if self.change.stored is not None else None
        self.before = f"{prefix}{table.full_name}{BEFORE}"

    def adapt(self, days_of_run: list[date], notes: dict[date | None, str | None]) -> None:
        """Move the stored table aside, create the new one and fill it."""
        if self.change.stored is not None:
            move_aside(self.connection, self.table.full_name, self.prefix)
        create(self.connection, self.table.full_name, self.change.columns, self.prefix)
        is_kept = self.table.is_record or self.table.is_decision
        if self.is_run and not is_kept and not self.table.is_dated:
            self.adapted.days[None] = COMPUTED
        elif is_kept or not self.table.is_dated:
            self._keep_all(notes)
        else:
            for day in self._days(notes):
                if day not in days_of_run:
                    self._fill_day(day, notes)
            if self.change.stored is not None and "as_of" in self.change.added:
                self._write_lost_rows(self._name_of_state(), "TRUE")
        if self.change.stored is not None:
            self.connection.execute(f"DROP TABLE {self.before}")

    def _keep_all(self, notes: dict[date | None, str | None]) -> None:
        is_rebuilt = notes.get(None, "no inputs are recorded") is None
        if is_rebuilt:
            self._insert(self.table.full_name)
            self.adapted.days[None] = REBUILT
        elif self.rows is not None:
            self._insert(self.rows)
            self.adapted.days.update(dict.fromkeys(self._days({}) if self.table.is_dated else [None], KEPT))
            if self.table.is_record or self.table.is_decision:
                self._write_lost_rows(self._name_of_state(), lost_values(self.change))

    def _fill_day(self, day: date, notes: dict[date | None, str | None]) -> None:
        where = f"WHERE as_of = DATE '{day.isoformat()}'"
        reason = notes.get(day, "its columns were only removed" if self._is_only_reduced else "no inputs are recorded")
        if reason is None:
            self._insert(f"(FROM {self.table.full_name} {where})")
            self.adapted.days[day] = REBUILT
            return
        if self.rows is None or "as_of" in self.change.added:
            return
        if self._can_be_kept(where):
            self._insert(f"(FROM {self.rows} {where})")
            self.adapted.days[day] = KEPT
        else:
            self._write_lost_rows(day.isoformat(), f"as_of = DATE '{day.isoformat()}'")
            self.adapted.days[day] = MOVED
        if not self._is_only_reduced:
            self.adapted.reasons[day] = reason

    @property
    def _is_only_reduced(self) -> bool:
        return self.change.stored is not None and not self.change.added and not self.change.retyped

    def _can_be_kept(self, where: str) -> bool:
        """Return whether the stored rows of a day satisfy the columns and the key of the contract."""
        if has_required_additions(self.table, self.change):
            return False
        lost = self.connection.execute(f"SELECT 1 FROM {self.before} {where} AND ({lost_values(self.change)}) LIMIT 1")
        if lost.fetchall():
            return False
        has_key = set(key_of(self.table.contract)) <= set(self.change.stored or {})
        return not (has_key and repeats_keys(self.connection, self.table, f"(FROM {self.before} {where})"))

    def _days(self, notes: dict[date | None, str | None]) -> list[date]:
        """Return the days that have stored rows or were recomputed."""
        found = {day for day in notes if day is not None}
        if self.change.stored is not None and "as_of" in self.change.stored:
            rows = self.connection.execute(f"SELECT DISTINCT as_of FROM {self.before}").fetchall()
            found |= {day for (day,) in rows}
        return sorted(found)

    @staticmethod
    def _name_of_state() -> str:
        return f"before {datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"

    def _insert(self, source: str) -> None:
        names = quoted_names(self.change.columns)
        self.connection.execute(
            f"INSERT INTO {self.prefix}{self.table.full_name} ({names}) SELECT {names} FROM {source}"
        )

    def _write_lost_rows(self, name: str, condition: str) -> None:
        """Write stored rows as they are to a file of the history, where a condition holds for any."""
        query = f"FROM {self.before} WHERE {condition}"
        if not self.connection.execute(f"SELECT 1 {query} LIMIT 1").fetchall():
            return
        folder = self.history / self.table.full_name
        folder.mkdir(parents=True, exist_ok=True)
        path, partial = folder / f"{name}.parquet", folder / f"{name}.partial"
        self.connection.execute(f"COPY (SELECT * {query}) TO {literal(partial)} (FORMAT parquet)")
        os.replace(partial, path)
        self.adapted.files.append(path)


def _drop_views(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Drop all views, which name columns; publishing adds those that contracts describe."""
    found = connection.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = ? AND NOT internal",
        [database],
    ).fetchall()
    for (name,) in found:
        connection.execute(f"DROP VIEW {database}.{name}")
