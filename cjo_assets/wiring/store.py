"""The engine: tables in, tables out, a partition in one transaction.

Belongs here: everything said to DuckDB about tables. Does not belong here: who may write when (`warehouse.py`) and what
analysts see (`publish.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
from sqlglot import ErrorLevel

from cjo_assets.policy import Policy
from cjo_assets.shared.contract import columns_of, key_of, schema_of
from cjo_assets.shared.dataset import Dataset
from cjo_assets.wiring.collection import collected_afterwards
from cjo_assets.wiring.errors import ContractBreachError
from cjo_assets.wiring.lineage import Lineage, lineage_of
from cjo_assets.wiring.sources import MANIFEST, MANIFEST_COLUMNS, raw_schema
from cjo_assets.wiring.statements import Statement, Statements
from cjo_assets.wiring.tables import AUDIT, RAW, Audit, Days, Family, Reference, Table, inputs_of, parameters_of
from cjo_assets.wiring.transaction import transaction
from cjo_assets.wiring.validation import Verdict, judged

CONTRACT_CHECK = "contract"
EXAMPLES = 20
NO_LINEAGE = Lineage({})
# Fused selects write out again what they share: twice the statement, and twice the time to write it.
ibis.options.sql.fuse_selects = False


@dataclass(frozen=True)
class Stored:
    """A table or partition that was computed and judged.

    Attributes:
        rows: rows stored.
        sql: the statement that computed them.
        verdicts: what each check found, by name, the contract first.
        lineage: the columns that each of their columns follows from; empty where the run itself made them.
    """

    rows: int
    sql: str
    verdicts: dict[str, Verdict]
    lineage: Lineage = NO_LINEAGE


class Store:
    """The tables of a set of families in one DuckDB connection."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        families: tuple[Family, ...],
        statements: Statements | None = None,
    ) -> None:
        """Make sure that every table exists, so that the first day reads empty ones.

        Args:
            connection: the engine.
            families: what tables there are.
            statements: those already written, by other stores of these families; unless given, each is written anew.
        """
        self.connection = connection
        self._statements = Statements(keep=0) if statements is None else statements
        self._known: dict[tuple[str, str], ir.Table] = {}
        self.days_of_run: tuple[date, ...] = ()
        self.fences: tuple[Callable[[], None], ...] = ()
        self.lineages: dict[str, Lineage] = {}
        connection.execute("SET TimeZone = 'UTC'")
        self.backend = ibis.duckdb.from_connection(connection)
        self.tables = {(table.schema, table.name): table for family in families for table in family.tables}
        self.datasets = [dataset for family in families for dataset in family.datasets]
        for schema in sorted({RAW, *(table.schema for table in self.tables.values())}):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {MANIFEST} ({MANIFEST_COLUMNS})")
        for dataset in self.datasets:
            self._create(f"{RAW}.{dataset.name}", _raw_columns(dataset))
        for table in self.tables.values():
            if not table.is_view:
                self._create(table.full_name, columns_in_sql(table))

    def read(self, reference: Reference, as_of: date | None) -> ir.Table:
        """Return an input as a transform sees it."""
        rows = self._rows_of(reference.schema, reference.name)
        table = self.tables.get((reference.schema, reference.name))
        if table is None or not table.is_dated:
            return rows
        if reference.days is Days.TODAY:
            return rows.filter(rows.as_of == (as_of or self.newest_day())).drop("as_of")
        # Days that a failed run left behind were never decided on.
        runs = self._rows_of(AUDIT, "runs")
        decided = rows.as_of.isin(runs.filter(runs.is_published).as_of) | rows.as_of.isin(list(self.days_of_run))
        rows = rows.filter(decided)
        return rows.filter(rows.as_of < as_of) if reference.days is Days.EARLIER else rows

    def read_by_later_days(self) -> list[str]:
        """Return the tables of which a later day reads earlier ones."""
        references = [reference for table in self.tables.values() for reference in table.inputs().values()]
        return sorted({f"{found.schema}.{found.name}" for found in references if found.days is Days.EARLIER})

    def newest_day(self) -> date | None:
        """Return the newest day that was published or that this run computes."""
        found = self.connection.execute(f"SELECT max(as_of) FROM {AUDIT}.runs WHERE is_published").fetchone()
        return max([*self.days_of_run, *(day for day in found or () if day)], default=None)

    def require_ours(self) -> None:
        """Refuse to commit or publish where the run is no longer the one that may.

        Raises:
            WarehouseError: it has ended, or the warehouse is another's.
        """
        for fence in self.fences:
            fence()

    def handed_on(self, as_of: date) -> str:
        """Return a hash over the rows of a day that later days read, whatever their order."""
        hashes = []
        for name in self.read_by_later_days():
            query = f"SELECT bit_xor(md5_number(CAST(rows AS VARCHAR))) FROM {name} AS rows WHERE as_of = ?"
            hashes.append(str((self.connection.execute(query, [as_of]).fetchone() or (None,))[0]))
        return " ".join(hashes)

    def rows_by_group(self, as_of: date) -> dict[str, dict[str, int]]:
        """Count the rows of every table on a day, undated tables whole, by group."""
        groups: dict[str, dict[str, int]] = {RAW: {}}
        for dataset in self.datasets:
            groups[RAW][f"{RAW}.{dataset.name}"] = self._count(f"{RAW}.{dataset.name}", None)
        for table in self.tables.values():
            day = as_of if table.is_dated else None
            groups.setdefault(table.group, {})[table.full_name] = self._count(table.full_name, day)
        return groups

    def expression(self, table: Table, as_of: date | None, policy: Policy) -> ir.Table:
        """Return the table as an expression of its inputs, in the contract's columns and types."""
        rows = self._call(table.computation, table.schema, as_of, policy)
        if table.is_dated:
            rows = rows.mutate(as_of=ibis.literal(as_of, "date"))
        return rows.select([rows[spec.name].cast(spec.type) for spec in columns_of(table.contract)])

    @collected_afterwards
    def replace(self, table: Table, as_of: date | None, policy: Policy) -> Stored:
        """Compute a table, or a day of it, and put it in the place of the old one if it keeps its contract.

        Raises:
            ContractBreachError: it does not; what was there before is there still.
        """
        statement = self._statements.written(
            ("table", table, *self._situation(as_of, policy)), lambda: self._statement(table, as_of, policy)
        )
        sql, self.lineages[table.full_name] = statement.sql, statement.lineage
        if table.is_view:
            self.connection.execute(f"CREATE OR REPLACE VIEW {table.full_name} AS {sql}")
            self._known.pop((table.schema, table.name), None)
            return self._judged(
                table, self.read(Reference(table.schema, table.name, Days.ALL), as_of), sql, as_of, policy
            )
        names = ", ".join(f'"{spec.name}"' for spec in columns_of(table.contract))
        with transaction(self.connection):
            if table.is_dated:
                self.connection.execute(f"DELETE FROM {table.full_name} WHERE as_of = ?", [as_of])
            elif not table.is_appended:
                self.connection.execute(f"TRUNCATE {table.full_name}")
            self.connection.execute(f"INSERT INTO {table.full_name} ({names}) {sql}")
            stored = self._judged(table, self._written(table, as_of), sql, as_of, policy)
            self.require_ours()
            return stored

    def columns_of(self, name: str) -> Sequence[str]:
        """Return the columns of a table, by its name with its schema."""
        schema, _, table = name.partition(".")
        return tuple(self._rows_of(schema, table).columns)

    def _statement(self, table: Table, as_of: date | None, policy: Policy) -> Statement:
        """Write the statement of a table, and read its lineage off the syntax tree while there is one."""
        rows = self.expression(table, as_of, policy)
        in_order = rows if table.is_view else rows.order_by(list(key_of(table.contract)))
        query = self.backend.compiler.to_sqlglot(in_order)
        lineage = lineage_of(query, self.columns_of)
        sql = query.sql(dialect=self.backend.dialect, pretty=True, copy=False, unsupported_level=ErrorLevel.RAISE)
        return Statement(sql, lineage)

    def _situation(self, as_of: date | None, policy: Policy) -> tuple[Hashable, ...]:
        """Return what a statement depends on, beside the table that it is about."""
        day = as_of or (self.newest_day() if (AUDIT, "runs") in self.tables else None)
        return as_of, day, self.days_of_run, policy.policy_hash, policy.content

    def _rows_of(self, schema: str, name: str) -> ir.Table:
        """Return a table; its columns are looked up once."""
        if (schema, name) not in self._known:
            self._known[schema, name] = self.backend.table(name, database=schema)
        return self._known[schema, name]

    def _written(self, table: Table, as_of: date | None) -> ir.Table:
        rows = self._rows_of(table.schema, table.name)
        return rows.filter(rows.as_of == as_of) if table.is_dated else rows

    def _judged(self, table: Table, rows: ir.Table, sql: str, as_of: date | None, policy: Policy) -> Stored:
        verdicts = {CONTRACT_CHECK: judged(rows, table.contract, policy.vocabulary)}
        for audit in table.audits:
            verdicts[audit.name] = self._audited(audit, table, as_of, policy)
        blocking = {CONTRACT_CHECK} | {audit.name for audit in table.audits if audit.is_blocking}
        failed = {name: verdict for name, verdict in verdicts.items() if name in blocking and not verdict.passed}
        if failed:
            raise ContractBreachError(table.full_name, failed)
        return Stored(verdicts[CONTRACT_CHECK].rows, sql, verdicts, self.lineages.get(table.full_name, NO_LINEAGE))

    def _audited(self, audit: Audit, table: Table, as_of: date | None, policy: Policy) -> Verdict:
        if audit.contract is not None:
            rows = self._call(audit.offenders, table.schema, as_of, policy)
            return judged(rows, audit.contract, policy.vocabulary)

        def question() -> str:
            rows = self._call(audit.offenders, table.schema, as_of, policy)
            counted = rows.mutate(offenders=ibis._.count().over(ibis.window()))
            sql: str = self.backend.compile(counted.order_by(rows.columns).limit(EXAMPLES))
            return sql

        sql = self._statements.written((audit, table, *self._situation(as_of, policy)), question)
        found = self.connection.execute(sql).to_arrow_table().to_pylist()
        count = found[0]["offenders"] if found else 0
        examples = [{name: str(value) for name, value in row.items() if name != "offenders"} for row in found]
        return Verdict(count, {audit.name: count} if count else {}, examples)

    def _call(self, function: Callable[..., ir.Table], schema: str, as_of: date | None, policy: Policy) -> ir.Table:
        given: dict[str, Any] = {"as_of": as_of, "policy": policy}
        tables = {name: self.read(reference, as_of) for name, reference in inputs_of(function, schema).items()}
        return function(**{name: given[name] for name in parameters_of(function)}, **tables)

    def _count(self, name: str, day: date | None) -> int:
        where, parameters = ("", []) if day is None else (" WHERE as_of = ?", [day])
        row = self.connection.execute(f"SELECT count(*) FROM {name}{where}", parameters).fetchone()
        return int(row[0]) if row else 0

    def _create(self, name: str, columns: str) -> None:
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")


def columns_in_sql(table: Table) -> str:
    """Return the columns of a table as CREATE TABLE writes them."""
    from ibis.backends.sql.datatypes import DuckDBType

    return ", ".join(f'"{name}" {DuckDBType.to_string(kind)}' for name, kind in schema_of(table.contract).items())


def _raw_columns(dataset: Dataset) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in raw_schema(dataset).items())
