"""Tables in DuckDB: reading inputs, computing, validating and replacing partitions in transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir

from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.contract import columns_of, contract_rows, key_of
from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.expressions.days import as_of_date, days_of_run, newest_day
from cjo_assets.core.family import Family, family_writing
from cjo_assets.core.quarantine.dataset_tables import discarded_name
from cjo_assets.core.quarantine.rules import rows_known_on
from cjo_assets.core.table import AUDIT, QUARANTINE, RAW, Days, Reference, Table, arguments_of, inputs_of
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.compilation import syntax_tree, text_of
from cjo_assets.engine.day_values import DayValues
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.functions import give_functions
from cjo_assets.engine.lineage.query import Lineage, lineage_of
from cjo_assets.engine.raw import MANIFEST, MANIFEST_COLUMNS, raw_columns, raw_views
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.engine.sql import quoted_names
from cjo_assets.engine.statements import STATEMENT, Origin, Statement, Statements
from cjo_assets.engine.table_checks import TableChecks
from cjo_assets.engine.threads import Threads
from cjo_assets.engine.transaction import transaction
from cjo_assets.policy import Policy

ASKED = "asked_rows"
NO_LINEAGE = Lineage({})


@dataclass(frozen=True)
class Stored:
    """The result of computing and validating a table or partition.

    Attributes:
        rows: number of rows.
        sql: the statement that computed them.
        verdicts: the result of each check by name, the contract first.
        lineage: the lineage of the columns; empty for records that the run writes.
    """

    rows: int
    sql: str
    verdicts: dict[str, CheckResult]
    lineage: Lineage = NO_LINEAGE


class Store:
    """The tables of a set of families in one DuckDB connection.

    Attributes:
        is_in_build: whether the build database has all published tables.
    """

    is_in_build = True

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        families: tuple[Family, ...],
        statements: Statements | None = None,
    ) -> None:
        """Create all missing tables, so that the first day reads empty ones.

        Args:
            connection: the connection to the database.
            families: the families of the tables.
            statements: compiled statements of other stores of these families to reuse; by default none.
        """
        self.connection = connection
        self._statements = Statements(keep=0) if statements is None else statements
        self._known: dict[tuple[str, str], ir.Table] = {}
        self.families_of_run = tuple(family.name for family in families if family.datasets)
        self.family_of = {
            (table.schema, table.name): family_writing(table, family, set(self.families_of_run))
            for family in families
            for table in family.tables
        }
        self.days_of_run: tuple[date, ...] = ()
        self.fences: tuple[Callable[[], None], ...] = ()
        self.lineages: dict[str, Lineage] = {}
        self._threads = Threads(connection)
        connection.execute("SET TimeZone = 'UTC'")
        give_functions(connection)
        self.backend = ibis.duckdb.from_connection(connection)
        self.tables = {(table.schema, table.name): table for family in families for table in family.tables}
        self.families = {family.name: family for family in families}
        self.datasets_by_family = {family.name: family.datasets for family in families if family.datasets}
        self.dataset_of = {
            (family, dataset.lookup): dataset
            for family, datasets in self.datasets_by_family.items()
            for dataset in datasets
        }
        self.datasets = [dataset for datasets in self.datasets_by_family.values() for dataset in datasets]
        for schema in sorted({RAW, *(table.schema for table in self.tables.values())}):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {MANIFEST} ({MANIFEST_COLUMNS})")
        connection.execute(f"ALTER TABLE {MANIFEST} ADD COLUMN IF NOT EXISTS settings VARCHAR")
        self.look_up_versions()
        seen = raw_views(connection)
        for dataset in self.datasets:
            if dataset.name not in seen:
                connection.execute(f"CREATE TABLE IF NOT EXISTS {RAW}.{dataset.name} ({raw_columns(dataset)})")
                connection.execute(f"ALTER TABLE {RAW}.{dataset.name} ADD COLUMN IF NOT EXISTS version VARCHAR")
        for table in self.tables.values():
            if not table.is_view:
                self._make(table)

    def read(self, reference: Reference, as_of: ir.DateScalar | None) -> ir.Table:
        """Return an input of a transform.

        Args:
            reference: the input.
            as_of: the as-of date; None for a table without a date, which reads the newest day of a dated table.
        """
        rows = self._rows_of(reference.schema, reference.name)
        table = self.tables.get((reference.schema, reference.name))
        if table is None or not table.is_dated:
            return rows.drop(*table.hidden) if table is not None and table.hidden else rows
        if reference.days is Days.TODAY:
            return rows.filter(rows.as_of == (newest_day(table.schema) if as_of is None else as_of)).drop("as_of")
        rows = self.of_decided_days(table)
        if reference.days is Days.ALL:
            return rows
        return rows.filter(rows.as_of < as_of).select(table.look_back_columns or rows.columns)

    def of_decided_days(self, table: Table) -> ir.Table:
        """Return the rows of a dated table without days left by a failed run."""
        rows = self._rows_of(table.schema, table.name)
        runs = self._rows_of(AUDIT, "runs")
        published = runs.filter(runs.is_published)
        family = self.family_of[table.schema, table.name]
        if family is not None:
            published = published.filter(published.family == family)
        return rows.filter(rows.as_of.isin(published.as_of) | days_of_run().contains(rows.as_of))

    def tables_of(self, family: str) -> list[Table]:
        """Return the tables of a family, and those that all families share."""
        return [table for name, table in self.tables.items() if self.family_of[name] in (family, None)]

    def read_by_later_days(self) -> list[str]:
        """Return the tables whose earlier days are read by later ones."""
        references = [reference for table in self.tables.values() for reference in table.inputs().values()]
        return sorted({f"{found.schema}.{found.name}" for found in references if found.days is Days.EARLIER})

    def newest_day(self, family: str) -> date | None:
        """Return the latest day of a family that was published or is computed by this run."""
        found = self.connection.execute(
            f"SELECT max(as_of) FROM {AUDIT}.runs WHERE is_published AND family = ?", [family]
        ).fetchone()
        own = self.days_of_run if family in self.families_of_run else ()
        return max([*own, *(day for day in found or () if day)], default=None)

    def require_ours(self) -> None:
        """Refuse to commit or publish if the run may no longer write.

        Raises:
            WarehouseError: the run has ended, or another run writes the warehouse.
        """
        for fence in self.fences:
            fence()

    def table_named(self, full_name: str) -> Table:
        """Return a table by its full name."""
        schema, _, name = full_name.partition(".")
        return self.tables[schema, name]

    def expression(self, table: Table, policy: Policy) -> ir.Table:
        """Return the expression of a table with the columns and types of its contract."""
        as_of = _day_of(table)
        rows = self.called(table.computation, table.schema, as_of, policy)
        return contract_rows(table.contract, rows, **({} if as_of is None else {"as_of": as_of}))

    @collected_afterwards
    def replace(self, table: Table, as_of: date | None, policy: Policy) -> Stored:
        """Compute a table, or a day of it, and replace the old rows if it satisfies its contract.

        Raises:
            ContractBreachError: it does not; the old rows are kept.
        """
        self._threads.choose()
        statement = self.statement(table, as_of, policy)
        with transaction(self.connection):
            self.fill(table, as_of, statement.sql)
            stored = self.judge(table, as_of, policy, statement)
            self.require_ours()
        self._threads.fit(stored.rows)
        return stored

    def judge(self, table: Table, as_of: date | None, policy: Policy, statement: Statement) -> Stored:
        """Validate the rows of a table against its contract, and run its checks.

        Raises:
            ContractBreachError: it breaks the contract, or a blocking check has failing rows.
        """
        self.lineages[table.full_name] = statement.lineage
        verdicts = TableChecks(self, table, as_of, policy).results()
        failed = {name: verdict for name, verdict in verdicts.items() if not verdict.passed and table.is_blocking(name)}
        if failed:
            raise ContractBreachError(table.full_name, failed)
        return Stored(verdicts[CONTRACT_CHECK].rows, statement.sql, verdicts, statement.lineage)

    def record(self, table: Table, as_of: date, rows: list[dict[str, Any]], policy: Policy) -> Stored:
        """Insert rows that the run itself writes; they replace those of the day unless the table is append-only.

        Raises:
            ContractBreachError: they break the contract; the old rows are kept.
        """
        columns = [spec.name for spec in columns_of(table.contract)]
        names, places = quoted_names(columns), ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.full_name} ({names}) VALUES ({places})"
        with transaction(self.connection):
            if not table.is_appended:
                self.connection.execute(f"DELETE FROM {table.full_name} WHERE as_of = ?", [as_of])
            for row in rows:
                self.connection.execute(sql, [{"as_of": as_of, **row}[name] for name in columns])
            stored = self.judge(table, as_of, policy, Statement(sql, NO_LINEAGE))
            self.require_ours()
            return stored

    def statement(self, table: Table, as_of: date | None, policy: Policy) -> Statement:
        """Return the statement of a table, or of a day of it, ordered by key."""
        compiled = self.compiled(table, policy)
        return Statement(self.on_days(compiled.sql, as_of), compiled.lineage)

    def compiled(self, table: Table, policy: Policy) -> Statement:
        """Return the statement of a table for any day, with markers for the days."""
        # A file loaded since the last statement may have columns of other types.
        self._known = {key: known for key, known in self._known.items() if key[0] != RAW}
        origin = self.origin(table, STATEMENT, table.inputs().values())
        return self._statements.written(origin, policy, lambda asked: self._statement(table, asked))

    def written(self, origin: Origin, policy: Policy, write: Callable[[Policy], ir.Table]) -> str:
        """Return the statement of an expression for any day, compiled at most once."""

        def compiled(asked: Policy) -> Statement:
            return Statement(text_of(self.backend, syntax_tree(self.backend, write(asked))), NO_LINEAGE)

        return self._statements.written(origin, policy, compiled).sql

    def sql(self, rows: ir.Table, as_of: date | None) -> str:
        """Return the statement of an expression on the days of this run."""
        return self.on_days(text_of(self.backend, syntax_tree(self.backend, rows)), as_of)

    def on_days(self, sql: str, as_of: date | None) -> str:
        """Return a compiled statement with the as-of date and the days of the run in place of its markers."""
        return DayValues(as_of, self.days_of_run, self.newest_day).in_place_of_markers(sql)

    def fill(self, table: Table, as_of: date | None, sql: str) -> None:
        """Replace a table, or a day of it, by the result of a statement, without validation."""
        if table.is_view:
            self.connection.execute(f"CREATE OR REPLACE VIEW {table.full_name} AS {sql}")
            self._known.pop((table.schema, table.name), None)
            return
        names = quoted_names(spec.name for spec in columns_of(table.contract))
        if table.is_dated:
            self.connection.execute(f"DELETE FROM {table.full_name} WHERE as_of = ?", [as_of])
        elif not table.is_appended:
            self.connection.execute(f"TRUNCATE {table.full_name}")
        self.connection.execute(f"INSERT INTO {table.full_name} ({names}) {sql}")

    def columns_of(self, name: str) -> Sequence[str]:
        """Return the columns of a table, by its full name."""
        schema, _, table = name.partition(".")
        return tuple(self._rows_of(schema, table).columns)

    def _statement(self, table: Table, policy: Policy) -> Statement:
        """Compile the statement of a table, and derive its lineage from the syntax tree."""
        rows = self.expression(table, policy)
        ordered = rows if table.is_view else rows.order_by(list(key_of(table.contract)))
        query = syntax_tree(self.backend, ordered)
        return Statement(text_of(self.backend, query), lineage_of(query, self.columns_of))

    def origin(self, table: Table, part: str, references: Iterable[Reference]) -> Origin:
        """Return what a statement of a table follows from."""
        return Origin(table, part, self._raw_types(references), tuple(sorted(self._versioned)))

    def _raw_types(self, references: Iterable[Reference]) -> tuple[ibis.Schema, ...]:
        """Return the column types of the raw tables that are views."""
        read = sorted({found.name for found in references if found.schema == RAW})
        return tuple(self._rows_of(RAW, name).schema() for name in read)

    def _rows_of(self, schema: str, name: str) -> ir.Table:
        """Return a table; its columns are looked up once."""
        if (schema, name) not in self._known:
            self._known[schema, name] = self.backend.table(name, database=schema)
        return self._known[schema, name]

    def stored_rows(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table:
        """Return the rows of a table, or of a day of it, as they are stored."""
        if table.is_view:
            return self.read(Reference(table.schema, table.name, Days.ALL), as_of)
        rows = self._rows_of(table.schema, table.name)
        return rows if as_of is None else rows.filter(rows.as_of == as_of)

    def stored_keys(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table | None:
        """Return the keys of a table in the order of its rows; None if the rows are not stored in the order of keys."""
        key = key_of(table.contract)
        if not key or table.transform is None or table.is_view or table.is_appended:
            return None
        rows = self._rows_of(table.schema, table.name)
        # A selection before the filter, or the scan of the whole rows would be stored to be read twice.
        keys = rows.select(*key, *(() if as_of is None or "as_of" in key else ("as_of",)))
        return keys if as_of is None else keys.filter(keys.as_of == as_of)

    def validated(self, table: Table, as_of: date | None, policy: Policy) -> CheckResult:
        """Validate the stored rows against the contract."""
        return TableChecks(self, table, as_of, policy).of_contract()

    def called(
        self, function: Callable[..., ir.Table], schema: str, as_of: ir.DateScalar | None, policy: Policy
    ) -> ir.Table:
        """Return the result of a function for the tables that its parameters name."""
        inputs = inputs_of(function, schema).items()
        tables = {name: self._known_on(reference, as_of, policy) for name, reference in inputs}
        return function(**arguments_of(function, as_of, policy), **tables)

    def _known_on(self, reference: Reference, as_of: ir.DateScalar | None, policy: Policy) -> ir.Table:
        """Return an input; of a dataset with row versions, those known on the day."""
        dataset = self.dataset_of.get((reference.schema, reference.name))
        if as_of is None or dataset is None or dataset.name not in self._versioned:
            return self.read(reference, as_of)
        raw, quarantined = (self.read(Reference(schema, dataset.name), as_of) for schema in (RAW, QUARANTINE))
        name = discarded_name(dataset)
        is_there = (QUARANTINE, name) in self.tables
        discarded = self.read(Reference(QUARANTINE, name), as_of) if is_there else None
        return rows_known_on(dataset, raw, quarantined, discarded, as_of, policy)

    def look_up_versions(self) -> None:
        """Look up which datasets have row versions, at the start of a store and after each load."""
        found = self.connection.execute(
            f"SELECT DISTINCT dataset FROM {MANIFEST} WHERE json_extract_string(settings, '$.newest_by') IS NOT NULL"
        )
        self._versioned = frozenset(name for (name,) in found.fetchall())
        self._threads.choose_again()

    def count(self, name: str, day: date | None = None) -> int:
        """Count the rows of a table, or of a day of it."""
        where, parameters = ("", []) if day is None else (" WHERE as_of = ?", [day])
        row = self.connection.execute(f"SELECT count(*) FROM {name}{where}", parameters).fetchone()
        return int(row[0]) if row else 0

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """Return the rows of a small query."""
        return as_dicts(self.connection.execute(sql, list(parameters)))

    def forget_before(self, table: Table, day: date) -> None:
        """Delete the days of a table before a day."""
        self.connection.execute(f"DELETE FROM {table.full_name} WHERE as_of < ?", [day])

    def remember(self, table: Table, rows: str) -> None:
        """Restore a table from its published rows.

        Args:
            table: the table.
            rows: what SQL selects from to read the rows, with the columns of the contract in their order.
        """
        self.connection.execute(f"INSERT INTO {table.full_name} FROM {rows}")

    def require_erasable(self) -> None:
        """Refuse an erasure if it could not reach all rows; DuckDB tables are always erasable."""

    def announce(self, days: list[date]) -> None:
        """Notify other readers of a publication; not needed for a single file."""

    def close(self) -> None:
        """Release the engine."""
        self.connection.close()

    @contextmanager
    def kept(self, sql: str) -> Iterator[ir.Table]:
        """Store the rows of a query temporarily, for further queries inside the block."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {ASKED} AS {sql}")
        yield self.backend.table(ASKED, database=("temp", "main"))
        self.connection.execute(f"DROP TABLE temp.{ASKED}")

    def answer(self, sql: str) -> list[Row]:
        """Return the rows of a small result."""
        rows: list[Row] = self.connection.execute(sql).to_arrow_table().to_pylist()
        return rows

    def _make(self, table: Table) -> None:
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {table.full_name} ({columns_in_sql(table)})")


def _day_of(table: Table) -> ir.DateScalar | None:
    """Return the as-of date of a dated table."""
    return as_of_date() if table.is_dated else None
