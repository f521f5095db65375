"""A past day in a scratch database: the files that its run read, its policy, and the published days before it.

Nothing is written to the home and no lock is taken. The published database is attached read-only, and its days are read
where they are stored: in the database, or in the Parquet files of days that retention moved out of it. A published
table is read with the columns of its contract, whatever version wrote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir

from cjo_assets.core.errors import InputError, PastError, TamperedError
from cjo_assets.core.expressions.days import days_of_run
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import AUDIT, RAW, Days, Reference, Table, in_order
from cjo_assets.core.table import MANIFEST as MANIFEST_TABLE
from cjo_assets.engine.sql import literal
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store
from cjo_assets.ingest.formats import CHUNK_BYTES
from cjo_assets.ingest.loading import ManifestRow, restore_dataset
from cjo_assets.ingest.tombstones import emptied_hash
from cjo_assets.policy import Policy
from cjo_assets.warehouse.retention import HISTORY
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord, RunRecords
from cjo_assets.warehouse.schema_changes import (
    contract_columns,
    parquet_columns,
    parquet_source,
    read_as,
    stored_columns,
)

KNOWN = "known"
# The undated table that has rows of every family.
DATASET_LOADS = (AUDIT, "dataset_loads")
# Enough statements that a second policy, or a second state of a day, can reuse those of the first.
STATEMENTS_KEPT = 1_000


class Past(Store):
    """The tables of a family in a scratch database beside a published database."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        families: tuple[Family, ...],
        family: str,
        statements: Statements | None = None,
    ) -> None:
        """Create empty tables; no published day is known.

        Args:
            connection: of the scratch database, with the published database attached.
            settings: the places.
            families: the families whose tables there are.
            family: the one whose days are recomputed.
            statements: statements that other scratch databases compiled.
        """
        super().__init__(connection, families, statements or Statements(STATEMENTS_KEPT))
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
        return ibis.union(known, own.filter(days_of_run().contains(own.as_of)))

    def newest_day(self, family: str) -> date | None:  # noqa: ARG002 a past is of one family
        """Return the latest day that is known or computed here."""
        return max([*self.known_days, *self.days_of_run], default=None)

    def know(self, days: Iterable[date]) -> None:
        """Make published days readable as earlier days: from the database, or from the files of old days."""
        self.known_days = tuple(sorted(days))
        for table in self._read_across_days():
            view = f"{KNOWN}.{_view_of(table)}"
            self.connection.execute(f"CREATE OR REPLACE VIEW {view} AS {self.rows_of_days(table, self.known_days)}")

    def rows_of_days(self, table: Table, days: Iterable[date]) -> str:
        """Return the query for the published rows of some days of a table, wherever they are stored."""
        there, left = self._places(table, days)
        dates = ", ".join(f"DATE '{day.isoformat()}'" for day in there)
        queries = [f"FROM {self._published(table)} WHERE {f'as_of IN ({dates})' if there else 'FALSE'}"]
        return " UNION ALL ".join([*queries, *(f"FROM {self._left(table, path)}" for path in left)])

    def published_rows(self, table: Table, day: date | None) -> str:
        """Return the relation for a published table, or a day of it, wherever it is stored."""
        published = self._published(table)
        if day is None and (table.schema, table.name) == DATASET_LOADS:
            names = ", ".join(literal(dataset.name) for dataset in self.datasets)
            return f"(FROM {published} WHERE dataset IN ({names}))"
        if day is None:
            return published
        _, left = self._places(table, (day,))
        if left:
            return self._left(table, left[0])
        return f"(FROM {published} WHERE as_of = DATE '{day.isoformat()}')"

    def restore_inputs(self, record: DayRecord) -> None:
        """Load the files that a run read into the raw tables.

        Raises:
            PastError: a file is missing from the archive.
            TamperedError: a file differs from the one that the run read.
        """
        for file in record.inputs:
            self._require_archived(file)
        for dataset in self.datasets_by_family[self.family]:
            files = [file for file in record.inputs if file.dataset == dataset.name]
            try:
                restore_dataset(self.connection, dataset, files, self.settings.inputs)
            except InputError as error:
                raise PastError(
                    f"An archived file of {dataset.name} cannot be read by this version: {error}"
                ) from error
            self._files[dataset.name] = repr(files)
        self.look_up_versions()

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

    def has_columns_of_contract(self, table: Table, day: date | None) -> bool:
        """Return whether the published rows of a table are stored with the columns of its contract."""
        columns = contract_columns((table,))[table.full_name]
        _, left = self._places(table, [] if day is None else [day])
        if left:
            return parquet_columns(self.connection, left[0]) == columns
        return stored_columns(self.connection, PUBLISHED).get(table.full_name) == columns

    def _published(self, table: Table) -> str:
        """Return what SQL selects from to read a published table with the columns of its contract."""
        columns = contract_columns((table,))[table.full_name]
        stored = stored_columns(self.connection, PUBLISHED).get(table.full_name)
        return read_as(columns, f"{PUBLISHED}.{table.full_name}", stored)

    def _left(self, table: Table, path: Path) -> str:
        """Return what SQL selects from to read the file of a day that has left the published database."""
        columns = contract_columns((table,))[table.full_name]
        return read_as(columns, parquet_source(path), parquet_columns(self.connection, path))


def _view_of(table: Table) -> str:
    return f"{table.schema}_{table.name}"
