"""Changed tables of past days in a scratch database, beside the other tables of those days as they were published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb
import ibis.expr.types as ir

from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.errors import ContractBreachError, PastError, TamperedError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import RAW, Table, in_order
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.policy import Policy
from cjo_assets.warehouse.past import Past
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord, RunRecords
from cjo_assets.warehouse.schema_changes import stored_columns


class ChangedDays(Past):
    """Changed tables of a past day beside the tables of that day as they were published."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, settings: Settings, families: tuple[Family, ...], names: list[str]
    ) -> None:
        """Create empty tables for what is recomputed, and views of everything else that was published.

        Args:
            connection: of the scratch database, with the published database attached.
            settings: the places.
            families: the families whose tables there are.
            names: full names of the tables to recompute.
        """
        super().__init__(connection, settings, families, families[0].name)
        self.names = names
        self._read: dict[str, tuple[str, str]] = {}
        read_across_days = {table.full_name for table in self._read_across_days()}
        for table in self.tables.values():
            if table.full_name in names or table.is_view or not (table.is_dated or table.is_record):
                continue
            days = self._all_days(table) if table.full_name in read_across_days else None
            rows = f"FROM {self._published(table)}" if days is None else self.rows_of_days(table, days)
            connection.execute(f"DROP TABLE {table.full_name}")
            connection.execute(f"CREATE VIEW {table.full_name} AS {rows}")

    def of_decided_days(self, table: Table) -> ir.Table:
        """Return the rows of the published days that are known, as published or as recomputed here."""
        rows = self._rows_of(table.schema, table.name)
        return rows.filter(rows.as_of.isin([*self.known_days, *self.days_of_run]))

    def know(self, days: Iterable[date]) -> None:
        """Let published days be read as earlier ones."""
        self.known_days = tuple(sorted(days))

    def begin(self, family: str) -> None:
        """Recompute days of a family from now on."""
        self.family, self.records = family, RunRecords(self.connection, family)

    def is_of(self, table: Table, family: str) -> bool:
        """Return whether a table is one of a family."""
        return self.family_of[table.schema, table.name] == family

    def keep_others(self, recomputed: set[date]) -> None:
        """Let later days read the published rows of the days that are not recomputed."""
        for table in self._read_across_days():
            if table.full_name in self.names and self.is_of(table, self.family):
                for day in self.records.days():
                    if day not in recomputed:
                        self.keep(table, day)

    def missing_inputs(self, record: DayRecord) -> str | None:
        """Bring the raw tables to what a run read, and return why that is impossible."""
        try:
            self.restore_inputs(record)
        except (PastError, TamperedError) as error:
            return str(error)
        return None

    def reads_files(self, table: Table) -> bool:
        """Return whether a table is computed from input files, directly or through undated tables."""
        tables = [table, *self._undated_inputs(table)]
        return (
            not table.is_dated
            or len(tables) > 1
            or any(found.schema == RAW for own in tables for found in own.inputs().values())
        )

    def keep(self, table: Table, day: date | None) -> None:
        """Let later days read the published rows of a day that is not recomputed."""
        where = f"WHERE as_of = DATE '{day.isoformat()}'" if day else ""
        self.connection.execute(f"DELETE FROM {table.full_name} {where}")
        self.connection.execute(f"INSERT INTO {table.full_name} FROM {self.published_rows(table, day)}")

    @collected_afterwards
    def recompute(self, table: Table, record: DayRecord, policy: Policy) -> None:
        """Compute a changed table on the day of a record.

        Raises:
            ContractBreachError: the rows break the contract.
        """
        self.days_of_run = ()
        self.know(self.records.known_before(record))
        for undated in self._undated_inputs(table):
            self._compute_undated(undated, policy)
        day = None
        if table.is_dated:
            day, self.days_of_run = record.as_of, (record.as_of,)
            self.know(self.records.known_by(record))
        self.compute(table, day, policy)
        verdict = self.validated(table, day, policy)
        if not verdict.passed:
            raise ContractBreachError(table.full_name, {CONTRACT_CHECK: verdict})

    def _compute_undated(self, table: Table, policy: Policy) -> None:
        """Compute an undated table, unless the files and the policy that it follows from are the same as before."""
        read = (repr(sorted(self._files.items())), policy.policy_hash)
        if self._read.get(table.full_name) != read or self._reads_days(table):
            self.compute(table, None, policy)
            self._read[table.full_name] = read

    def _reads_days(self, table: Table) -> bool:
        """Return whether an undated table is computed from rows of days, directly or through other undated tables."""
        return any(
            found is not None and found.is_dated
            for own in (table, *self._undated_inputs(table))
            for found in (self.tables.get((reference.schema, reference.name)) for reference in own.inputs().values())
        )

    def kept_days(self, family: str) -> set[date]:
        """Return the days of which the published database has rows of any table of a family."""
        stored = stored_columns(self.connection, PUBLISHED)
        dated = [table for table in self.tables_of(family) if "as_of" in stored.get(table.full_name, ())]
        queries = [
            f"SELECT DISTINCT as_of FROM {PUBLISHED}.{table.full_name}" for table in dated if not table.is_record
        ]
        return {day for (day,) in self.connection.execute(" UNION ".join(queries)).fetchall()} if queries else set()

    def _all_days(self, table: Table) -> list[date]:
        family = self.family_of[table.schema, table.name]
        names = self.datasets_by_family if family is None else (family,)
        return sorted({day for name in names for day in RunRecords(self.connection, name).days()})

    def _undated_inputs(self, table: Table) -> list[Table]:
        """Return the undated tables that a table is computed from, each after what it reads."""
        wanted, chosen = [table], dict[str, Table]()
        while wanted:
            for reference in wanted.pop().inputs().values():
                found = self.tables.get((reference.schema, reference.name))
                if found is None or found.is_dated or found.is_record or found.full_name in chosen:
                    continue
                if found is not table:
                    chosen[found.full_name] = found
                    wanted.append(found)
        return in_order(chosen.values())
