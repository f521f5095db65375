"""A scratch database with the inputs of a past run: its record, files, policy and earlier days.

The home is not modified or locked: the published database is attached read-only, and if a run replaces it meanwhile,
the attached file remains. Days before the replayed one are read from it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir

from cjo_assets.catalog import data_families, families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import InputError, PastError, TamperedError
from cjo_assets.core.family import deciding_family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import AUDIT, RAW, Days, Reference, Table, in_order
from cjo_assets.core.table import MANIFEST as MANIFEST_TABLE
from cjo_assets.engine.raw import MANIFEST, day_of
from cjo_assets.engine.sql import literal
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store
from cjo_assets.ingest.formats import CHUNK_BYTES
from cjo_assets.ingest.loading import ManifestRow, restore_dataset
from cjo_assets.ingest.tombstones import emptied_hash
from cjo_assets.policy import Policy
from cjo_assets.warehouse.retention import HISTORY
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord, RunRecords

KNOWN = "known"
# The undated table that has rows of every family.
DATASET_LOADS = (AUDIT, "dataset_loads")
# Enough statements that a second policy, or a second state of a day, can reuse those of the first.
STATEMENTS_KEPT = 200

Rows = list[dict[str, Any]]


class Scratch(Store):
    """Computed tables next to the attached published ones."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        family: str,
        statements: Statements | None = None,
    ) -> None:
        """Create empty tables, without known days."""
        super().__init__(connection, families_about(family), statements or Statements(STATEMENTS_KEPT))
        self.settings = settings
        self.family = family
        self.records = RunRecords(connection, family)
        self.known_days: tuple[date, ...] = ()
        self._trusted: set[str] = set()
        self._files: dict[str, str] = {}
        self._versions: dict[tuple[str, date | None], str] = {}
        connection.execute(f"CREATE SCHEMA {KNOWN}")
        self.know(())

    def of_decided_days(self, table: Table) -> ir.Table:
        """Return the rows of the known published days and of those computed here."""
        known, own = self._rows_of(KNOWN, _view_of(table)), self._rows_of(table.schema, table.name)
        return ibis.union(known, own.filter(own.as_of.isin(list(self.days_of_run))))

    def newest_day(self, family: str) -> date | None:  # noqa: ARG002 a past is of one family
        """Return the latest day that is known or computed here."""
        return max([*self.known_days, *self.days_of_run], default=None)

    def know(self, days: Iterable[date]) -> None:
        """Make published days readable as earlier days: from the database, or from the files of old days."""
        self.known_days = tuple(sorted(days))
        for table in self._read_across_days():
            there, left = self._places(table, self.known_days)
            dates = ", ".join(f"DATE '{day.isoformat()}'" for day in there)
            sql = f"SELECT * FROM {PUBLISHED}.{table.full_name} WHERE {f'as_of IN ({dates})' if there else 'FALSE'}"
            for path in left:
                sql += f" UNION ALL BY NAME SELECT * FROM read_parquet({literal(path)})"
            self.connection.execute(f"CREATE OR REPLACE VIEW {KNOWN}.{_view_of(table)} AS {sql}")

    def published_rows(self, table: Table, day: date | None) -> str:
        """Return the relation for a published table, or a day of it, wherever it is stored."""
        if day is None and (table.schema, table.name) == DATASET_LOADS:
            names = ", ".join(literal(dataset.name) for dataset in self.datasets)
            return f"(FROM {PUBLISHED}.{table.full_name} WHERE dataset IN ({names}))"
        if day is None:
            return f"{PUBLISHED}.{table.full_name}"
        _, left = self._places(table, (day,))
        if left:
            return f"read_parquet({literal(left[0])})"
        return f"(FROM {PUBLISHED}.{table.full_name} WHERE as_of = DATE '{day.isoformat()}')"

    def restore_inputs(self, record: DayRecord) -> None:
        """Load the files that a run read into the raw tables.

        Raises:
            PastError: a file is missing from the archive.
            TamperedError: a file differs from the one that the run read.
        """
        for file in record.inputs:
            self._require_archived(file)
        for dataset in self.datasets:
            files = [file for file in record.inputs if file.dataset == dataset.name]
            try:
                restore_dataset(self.connection, dataset, files, self.settings.inputs)
            except InputError as error:
                raise PastError(
                    f"An archived file of {dataset.name} cannot be read by this version: {error}"
                ) from error
            self._files[dataset.name] = repr(files)
        self.look_up_versions()

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
        for table in tables:
            if table.is_view:
                continue
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
        for table in tables:
            if table.is_view:
                continue
            if table.is_dated and not is_begun:
                self.days_of_run = (day,)
                self.know(known for known in self.records.known_by(record) if known < record.as_of)
                is_begun = True
            yield table, day if table.is_dated else None

    def compute(self, table: Table, day: date | None, policy: Policy) -> bool:
        """Compute a table, or a day of it, unless it exists already; return whether it was computed.

        It exists if the same statement was run on the same rows: a table is identified by a hash over its statement and
        the hashes of its inputs.
        """
        sql = self.statement(table, day, policy).sql
        # The function of a table may have a parameter that its statement does not read.
        inputs = {name: found for name, found in table.inputs().items() if f'"{found.schema}"."{found.name}"' in sql}
        read = [f"{name} {self._version(reference, day)}" for name, reference in sorted(inputs.items())]
        version = hashlib.sha256("\n".join([sql, *read]).encode()).hexdigest()
        if self._versions.get((table.full_name, day)) == version:
            return False
        self.fill(table, day, sql)
        self._versions[table.full_name, day] = version
        return True

    def _version(self, reference: Reference, day: date | None) -> str:
        if reference.schema == RAW:
            return (
                repr(sorted(self._files.items())) if reference.name == MANIFEST_TABLE else self._files[reference.name]
            )
        table = self.tables[reference.schema, reference.name]
        if table.is_dated and reference.days is not Days.TODAY:
            before = date.max if day is None or reference.days is Days.ALL else day
            read = [own for own in self.days_of_run if own < before]
            return f"{self.known_days} {[(own, self._versions.get((table.full_name, own))) for own in read]}"
        return self._versions.get(
            (table.full_name, (day or self.newest_day(self.family)) if table.is_dated else None), ""
        )

    def computed_tables(self) -> list[Table]:
        """Return all computed tables in dependency order."""
        return in_order(table for table in self.tables.values() if table.transform is not None)

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

    def _require_archived(self, file: ManifestRow) -> None:
        if file.file_sha256 is None or file.file_sha256 in self._trusted:
            return
        path = self.settings.inputs / file.file_sha256
        if not path.is_file():
            raise PastError(f"The file {file.source_file} of {file.dataset} is missing from the archive: {path}.")
        digest = hashlib.sha256()
        with path.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                digest.update(chunk)
        # The companion file of an erasure counts only together with a tombstone in the database or the ledger.
        is_emptied = digest.hexdigest() == emptied_hash(path) and bool(self.records.erasures())
        if digest.hexdigest() != file.file_sha256 and not is_emptied:
            raise TamperedError(
                f"The archived file {path} ({file.source_file} of {file.dataset}) differs from the file that was read: "
                f"its bytes hash to {digest.hexdigest()[:12]}."
            )
        self._trusted.add(file.file_sha256)

    def _read_across_days(self) -> list[Table]:
        references = [
            reference
            for table in self.tables.values()
            for reference in (*table.inputs().values(), *table.check_inputs().values())
            if reference.days is not Days.TODAY
        ]
        found = {self.tables[reference.schema, reference.name].full_name: reference for reference in references}
        tables = [self.tables[reference.schema, reference.name] for _, reference in sorted(found.items())]
        return [table for table in tables if table.is_dated]

    def _places(self, table: Table, days: Iterable[date]) -> tuple[list[date], list[Path]]:
        """Return the days that the published database has, and the files of old days."""
        folder = self.settings.home / HISTORY / table.full_name
        files = {day: folder / f"{day.isoformat()}.parquet" for day in days}
        gone = {day for day, path in files.items() if path.exists()}
        if gone:
            found = self.connection.execute(f"SELECT DISTINCT as_of FROM {PUBLISHED}.{table.full_name}").fetchall()
            gone -= {day for (day,) in found}
        return [day for day in files if day not in gone], [files[day] for day in sorted(gone)]


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
        family: the family whose days are replayed; by default the one whose decisions the ledger chains.

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
            made = Scratch(connection, settings, family, statements)
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
    return f"The database {settings.published} was written by another version of cjo_assets. Use that version."


def _view_of(table: Table) -> str:
    return f"{table.schema}_{table.name}"
