"""A scratch database with the inputs of a past run: its record, files, policy and earlier days.

The home is not modified or locked: the published database is attached read-only, and if a run replaces it meanwhile,
the attached file remains. Days before the replayed one are read from it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.catalog import data_families, families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import PastError
from cjo_assets.core.family import deciding_family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import RAW, Days, Table
from cjo_assets.engine.raw import MANIFEST, day_of
from cjo_assets.engine.sql import literal
from cjo_assets.engine.statements import Statements
from cjo_assets.warehouse.past import Past
from cjo_assets.warehouse.published import of_another_version
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord

Rows = list[dict[str, Any]]


class Scratch(Past):
    """Days of a family that are recomputed to be compared with what was published."""

    def withhold_after(self, day: date) -> None:
        """Delete raw rows dated after a day; the next restored run loads their files again."""
        for dataset in self.datasets:
            spec = next((spec for spec in columns_of(dataset.contract) if spec.name == dataset.record_date), None)
            if spec is not None:
                self.connection.execute(f"DELETE FROM {RAW}.{dataset.name} WHERE {day_of(spec)} > ?", [day])
                self.connection.execute(f"UPDATE {MANIFEST} SET file_sha256 = NULL WHERE dataset = ?", [dataset.name])
                self._files[dataset.name] += f" until {day}"

    def steps(
        self, record: DayRecord, tables: Iterable[Table], chain: tuple[date, ...] = ()
    ) -> Iterator[tuple[Table, date | None]]:
        """Restore the inputs of a run, and yield the tables of its day in order, to be computed one by one.

        Args:
            record: the run.
            tables: the tables.
            chain: earlier days that were computed here and are read instead of the published ones.
        """
        self.restore_inputs(record)
        # Until its first dated table the run read the day as an earlier run had published it.
        before = self.records.known_before(record)
        self.days_of_run = tuple(day for day in chain if day in before)
        self.know(day for day in before if day not in chain)
        is_begun = False
        for table in self._without_views_for_readers(tables):
            if table.is_dated and not is_begun:
                self.days_of_run = (*chain, record.as_of)
                self.know(day for day in self.records.known_by(record) if day not in chain)
                is_begun = True
            yield table, record.as_of if table.is_dated else None

    def steps_as_if(self, record: DayRecord, tables: Iterable[Table], day: date) -> Iterator[tuple[Table, date | None]]:
        """Yield the tables of a later day with the inputs of a run, so that only the date differs."""
        self.restore_inputs(record)
        self.withhold_after(record.as_of)
        self.days_of_run = ()
        self.know(self.records.known_before(record))
        is_begun = False
        for table in self._without_views_for_readers(tables):
            if table.is_dated and not is_begun:
                self.days_of_run = (day,)
                self.know(known for known in self.records.known_by(record) if known < record.as_of)
                is_begun = True
            yield table, day if table.is_dated else None

    def _without_views_for_readers(self, tables: Iterable[Table]) -> list[Table]:
        """Return the tables without the views that no table is computed from."""
        references = [found for table in self.tables.values() if not table.is_view for found in table.inputs().values()]
        read = {(found.schema, found.name) for found in references}
        return [table for table in tables if not table.is_view or (table.schema, table.name) in read]

    def upstream_of(self, names: Iterable[str]) -> list[Table]:
        """Return some tables and all their upstream tables in dependency order."""
        wanted = {(table.schema, table.name) for table in map(self.table_named, names)}
        chosen: set[tuple[str, str]] = set()
        while wanted - chosen:
            chosen |= wanted
            references = [
                reference for key in chosen if key in self.tables for reference in self.tables[key].inputs().values()
            ]
            wanted = {(found.schema, found.name) for found in references if found.days is Days.TODAY}
        return [table for table in self.computed_tables() if (table.schema, table.name) in chosen]


@contextmanager
def scratch(
    settings: Settings,
    memory_limit: float | None = None,
    statements: Statements | None = None,
    family: str | None = None,
) -> Iterator[Scratch]:
    """Open a temporary database with the published one attached.

    Args:
        settings: the settings.
        memory_limit: memory for the engine [gigabytes].
        statements: compiled statements of other scratch databases to reuse.
        family: the family whose days are replayed; by default the first with a decision ledger.

    Raises:
        PastError: the family is unknown, or there is no published database of this version.
    """
    names = [found.name for found in data_families()]
    family = deciding_family().name if family is None else family
    if family not in names:
        raise PastError(f"Unknown family {family}. Choose one of: {', '.join(names)}.")
    if not settings.published.exists():
        raise PastError(f"No published database at {settings.published}.")
    config: dict[str, Any] = {"memory_limit": f"{memory_limit}GB"} if memory_limit else {}
    with (
        tempfile.TemporaryDirectory(prefix="cjo-") as folder,
        duckdb.connect(str(Path(folder) / "scratch.duckdb"), config=config) as connection,
    ):
        try:
            connection.execute(f"ATTACH {literal(settings.published)} AS {PUBLISHED} (READ_ONLY)")
            made = Scratch(connection, settings, families_about(family), family, statements)
            _require_same_tables(made)
        except duckdb.IOException as error:
            reason = str(error).splitlines()[0]
            raise PastError(f"The database {settings.published} cannot be opened: {reason}") from error
        except duckdb.CatalogException as error:
            raise PastError(_other_version(settings)) from error
        yield made


def _require_same_tables(made: Scratch) -> None:
    columns = (
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = '{}' AND NOT internal AND schema_name || '.' || table_name IN (SELECT unnest($names))"
    )
    names = [table.full_name for table in made.tables.values() if table.is_published and not table.is_view]
    query = f"({columns.format('scratch')}) EXCEPT ({columns.format(PUBLISHED)})"
    if made.connection.execute(query, {"names": names}).fetchall():
        raise PastError(_other_version(made.settings))


def _other_version(settings: Settings) -> str:
    return of_another_version(settings.published)
