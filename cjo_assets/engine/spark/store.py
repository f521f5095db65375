"""Store with tables that Spark computes: a day of a table is a folder of Parquet files.

Spark computes, validates and stores all tables derived from files: quarantine, validated inputs and dated tables.
DuckDB on the driver reads and archives the files, and stores the records that the run itself writes (runs, language
model calls); Spark gets them as Parquet when a table reads them. In DuckDB a table of the lake is a view of its
folders, so that reports, records and publication use the same queries.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from cjo_assets.core.contract import key_of, schema_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.expressions.days import newest_day
from cjo_assets.core.family import Family
from cjo_assets.core.settings import LAKE_CHANGED
from cjo_assets.core.table import AUDIT, Days, Reference, Table
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.compilation import syntax_tree, text_of
from cjo_assets.engine.raw import MANIFEST
from cjo_assets.engine.rows import Row
from cjo_assets.engine.spark.lake import Lake
from cjo_assets.engine.spark.steps import rows_of
from cjo_assets.engine.statements import Statement, Statements
from cjo_assets.engine.store import Store, Stored
from cjo_assets.engine.transaction import transaction
from cjo_assets.policy import Policy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ASKED = "asked_rows"


class SparkStore(Store):
    """Tables computed by Spark in a lake, and all others by DuckDB in the build database."""

    is_in_build = False

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        families: tuple[Family, ...],
        lake: Lake,
        master: str,
        statements: Statements | None = None,
    ) -> None:
        """Create all missing tables; Spark starts when it is first used.

        Args:
            connection: the engine for the records that the run writes.
            families: the families of the tables.
            lake: root of the tables of Spark.
            master: the Spark master.
            statements: compiled DuckDB statements to reuse; lineage is read from them.
        """
        self.lake = lake
        self.master = master
        self._day: date | None = None
        self._convert_changed_tables(connection, families)
        super().__init__(connection, families, statements)

    @functools.cached_property
    def spark(self) -> Any:
        """Return the Spark backend of ibis."""
        from cjo_assets.engine.spark.session import backend_of, session_of

        return backend_of(session_of(self.master))

    def close(self) -> None:
        """Release the master, so that other sessions can use its cores."""
        if "spark" in vars(self):
            self.spark.disconnect()
        super().close()

    def read(self, reference: Reference, as_of: ir.DateScalar | None) -> ir.Table:
        """Return an input of a transform, in the engine that computes it."""
        if self.backend.name != "pyspark":
            return super().read(reference, as_of)
        table = self.tables.get((reference.schema, reference.name))
        if table is None:
            return self._handed_over(reference)
        if table.is_view:
            inputs = {name: replace(found, days=reference.days) for name, found in table.inputs().items()}
            return table.computation(**{name: self.read(found, as_of) for name, found in inputs.items()})
        if not self.is_in_lake(table):
            return self._recorded(table, reference, as_of)
        folders = self.lake.folders(table.full_name)
        if not table.is_dated:
            return self._view(table, folders, "").drop(*table.hidden)
        if reference.days is Days.TODAY:
            day = self._day or self.newest_day(table.schema)
            return self._view(table, {day: folders[day]} if day in folders else {}, f"_on_{day}").drop("as_of")
        decided = self._decided_days(table)
        if reference.days is Days.ALL:
            return self._view(table, {day: folders[day] for day in folders if day in decided}, "_on_all_days")
        before = self._day or date.max
        earlier = {day: folder for day, folder in folders.items() if day in decided and day and day < before}
        rows = self._view(table, earlier, f"_before_{before}")
        return rows.select(table.look_back_columns or rows.columns)

    @collected_afterwards
    def replace(self, table: Table, as_of: date | None, policy: Policy) -> Stored:
        """Compute a table, or a day of it, and replace the old rows if it satisfies its contract.

        Raises:
            ContractBreachError: it does not; the old rows are kept.
        """
        if not self.is_in_lake(table):
            return super().replace(table, as_of, policy)
        lineage = self.statement(table, as_of, policy).lineage
        folder = self.lake.new_folder(table.full_name, as_of)
        try:
            with self._on_spark(as_of), transaction(self.connection):
                sql = self._write(table, as_of, policy, folder)
                self.lake.put(table.full_name, as_of, folder)
                self._make(table)
                stored = self.judge(table, as_of, policy, Statement(sql, lineage))
                self.require_ours()
                return stored
        except BaseException:
            self.lake.remove(folder)
            raise

    def forget_before(self, table: Table, day: date) -> None:
        """Delete the days of a table before a day."""
        if not self.is_in_lake(table):
            super().forget_before(table, day)
            return
        self.lake.forget_before(table.full_name, day)
        self._make(table)

    def remember(self, table: Table, rows: str) -> None:
        """Restore a table from the last published state."""
        if not self.is_in_lake(table):
            super().remember(table, rows)
            return
        self.lake.remember(table.full_name)
        self.lake.convert(table)
        self._make(table)

    def fill(self, table: Table, as_of: date | None, sql: str) -> None:
        """Replace a table, or a day of it, by the rows of a statement of DuckDB, without validating them."""
        if not self.is_in_lake(table):
            super().fill(table, as_of, sql)
            return
        folder = self.lake.new_folder(table.full_name, as_of)
        self.lake.write(folder, sql)
        self.lake.put(table.full_name, as_of, folder)
        self._make(table)

    def _convert_changed_tables(self, connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...]) -> None:
        """Convert the folders of tables whose contracts another version described otherwise."""
        query = f"SELECT 1 FROM duckdb_tables() WHERE schema_name || '.' || table_name = '{LAKE_CHANGED}'"
        if not connection.execute(query).fetchall():
            return
        names = {name for (name,) in connection.execute(f"SELECT table_name FROM {LAKE_CHANGED}").fetchall()}
        with transaction(connection):
            for table in (table for family in families for table in family.tables):
                if table.full_name in names and table.transform is not None and not table.is_view:
                    self.lake.convert(table)
            connection.execute(f"DELETE FROM {LAKE_CHANGED}")

    def require_erasable(self) -> None:
        """Refuse an erasure before it changes anything.

        Raises:
            WarehouseError: always, because the files of the lake are immutable.
        """
        raise WarehouseError(
            f"Nothing was erased: the tables are immutable files in {self.lake.root}. "
            "Remove the person from the source files, delete home and lake, and run the days again "
            "(docs/how-to/run_on_spark.md)."
        )

    def announce(self, days: list[date]) -> None:
        """Publish the state of the lake, and delete folders that no state uses."""
        # Files written only as inputs of Spark are not used by other readers.
        kept = [table.full_name for table in self.tables.values() if table.is_published and self.is_in_lake(table)]
        self.lake.announce(kept, days)

    def is_in_lake(self, table: Table) -> bool:
        """Return whether Spark computes a table; records of runs and some families are computed on the driver."""
        family = self.family_of[table.schema, table.name]
        is_computed = table.transform is not None and not table.is_view
        return is_computed and family is not None and self.families[family].is_on_spark

    def _make(self, table: Table) -> None:
        """Create the DuckDB view of a table in its present state."""
        if self.is_in_lake(table):
            self.connection.execute(f"CREATE OR REPLACE VIEW {table.full_name} AS {self.lake.statement_of(table)}")
        else:
            super()._make(table)

    def _write(self, table: Table, as_of: date | None, policy: Policy, folder: str) -> str:
        """Write the result of a transform to a folder, and return the statement."""
        query = syntax_tree(self.backend, self.expression(table, policy))

        def in_sql(part: Any) -> str:
            return self.on_days(text_of(self.backend, part), as_of)

        computed = _as_promised(rows_of(self.spark.session, query, in_sql), schema_of(table.contract))
        computed.sortWithinPartitions(*key_of(table.contract)).write.parquet(self.lake.url(folder))
        return in_sql(query)

    def stored_rows(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table:
        """Return the rows of a table, or of a day of it, as they are stored."""
        if self.backend.name != "pyspark":
            return super().stored_rows(table, as_of)
        folders = self.lake.folders(table.full_name)
        return self._view(table, {self._day: folders[self._day]}, f"_on_{self._day}" if table.is_dated else "")

    def stored_keys(self, table: Table, as_of: ir.DateScalar | None) -> ir.Table | None:
        """Return the keys in the order of the rows; None in Spark, because the rows of files have no order."""
        return super().stored_keys(table, as_of) if self.backend.name != "pyspark" else None

    def answer(self, sql: str) -> list[Row]:
        """Return the rows of a small result."""
        if self.backend.name != "pyspark":
            return super().answer(sql)
        rows: list[Row] = [row.asDict(recursive=True) for row in self.spark.session.sql(sql).collect()]
        return rows

    @contextmanager
    def kept(self, sql: str) -> Iterator[ir.Table]:
        """Store the rows of a query temporarily, for further queries inside the block."""
        if self.backend.name != "pyspark":
            with super().kept(sql) as asked:
                yield asked
            return
        rows = self.spark.session.sql(sql).cache()
        rows.createOrReplaceTempView(ASKED)
        yield self.spark.table(ASKED)
        rows.unpersist()

    @contextmanager
    def _on_spark(self, as_of: date | None) -> Iterator[None]:
        """Compute a partition with Spark inside the block."""
        driver, statements = self.backend, self._statements
        # Inputs are registered in Spark while a statement is compiled, so compiled statements cannot be reused.
        self.backend, self._statements, self._day = self.spark, Statements(keep=0), as_of
        try:
            yield
        finally:
            self.backend, self._statements, self._day = driver, statements, None

    def _decided_days(self, table: Table) -> set[date]:
        """Return the published days and those of the run, without days left by a failed run."""
        family = self.family_of[table.schema, table.name]
        query = f"SELECT as_of FROM {AUDIT}.runs WHERE is_published AND ($1 IS NULL OR family = $1)"
        return {day for (day,) in self.connection.execute(query, [family]).fetchall()} | set(self.days_of_run)

    def _raw_types(self, references: Iterable[Reference]) -> tuple[ibis.Schema, ...]:
        # These versions are only part of the key of kept statements, of which Spark has none.
        return super()._raw_types(references) if self.backend.name != "pyspark" else ()

    def _handed_over(self, reference: Reference) -> ir.Table:
        """Return a loaded file, or the list of files; the same files are written once."""
        name = f"{reference.schema}.{reference.name}"
        version = None
        if isinstance(self._dataset(reference.name), Dataset):
            query = f"SELECT * FROM {MANIFEST} WHERE dataset = ? ORDER BY ALL"
            version = repr(self.connection.execute(query, [reference.name]).fetchall())
        folder = self.lake.handed_over(name, version)
        schema = ibis.Schema.from_pyarrow(
            self.connection.execute(f"SELECT * FROM {name} LIMIT 0").to_arrow_table().schema
        )
        return self._seen(f"{reference.schema}_{reference.name}", schema, [folder])

    def _recorded(self, table: Table, reference: Reference, as_of: ir.DateScalar | None) -> ir.Table:
        """Return records that the run itself writes, for the days of a reference."""
        folder = self.lake.handed_over(table.full_name, None)
        rows = self._seen(f"{table.schema}_{table.name}", schema_of(table.contract), [folder])
        if not table.is_dated:
            return rows.drop(*table.hidden)
        if reference.days is Days.TODAY:
            return rows.filter(rows.as_of == (newest_day(table.schema) if as_of is None else as_of)).drop("as_of")
        rows = rows.filter(rows.as_of.isin(sorted(self._decided_days(table))))
        if reference.days is Days.ALL:
            return rows
        return rows.filter(rows.as_of < as_of).select(table.look_back_columns or rows.columns)

    def _dataset(self, name: str) -> Dataset | None:
        return next((dataset for dataset in self.datasets if dataset.name == name), None)

    def _view(self, table: Table, folders: Mapping[Any, str], suffix: str) -> ir.Table:
        name = f"{table.schema}_{table.name}{suffix}".replace("-", "_")
        return self._seen(name, schema_of(table.contract), list(folders.values()))

    def _seen(self, name: str, schema: ibis.Schema, folders: list[str]) -> ir.Table:
        """Register folders in Spark under a name, with the schema of the contract."""
        from ibis.backends.pyspark.datatypes import PySparkSchema

        session = self.spark.session
        kinds = PySparkSchema.from_ibis(schema)
        if folders:
            rows = session.read.schema(kinds).parquet(*(self.lake.url(folder) for folder in folders))
        else:
            nulls = [f"CAST(NULL AS {field.dataType.simpleString()}) AS `{field.name}`" for field in kinds]
            rows = session.sql(f"SELECT {', '.join(nulls)} WHERE FALSE")
        rows.createOrReplaceTempView(name)
        return ops.DatabaseTable(name, schema=schema, source=self.spark).to_expr()


def _as_promised(rows: DataFrame, schema: ibis.Schema) -> DataFrame:
    """Return rows with the names and types of the contract; without it Spark adds a time zone to instants."""
    from ibis.backends.pyspark.datatypes import PySparkSchema

    named = rows.toDF(*schema.names)
    return named.select([named[field.name].cast(field.dataType) for field in PySparkSchema.from_ibis(schema)])
