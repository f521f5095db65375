"""The warehouse of a run: one writer, one connection, held for as long as the run lasts."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import logged, report_message
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.engine.choice import store_of
from cjo_assets.engine.statement_files import StatementFiles
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store, Stored, columns_in_sql
from cjo_assets.ingest.raw_tables import look_again
from cjo_assets.language.memory import phrase_day
from cjo_assets.orchestration.event_files import held_open
from cjo_assets.orchestration.orphans import close_orphans
from cjo_assets.orchestration.partitions import days_of_run
from cjo_assets.orchestration.range_of_days import RangeOfDays, computed_in_order
from cjo_assets.policy import Policy
from cjo_assets.warehouse.governance import policy_that_decides
from cjo_assets.warehouse.lock import hold_life, warehouse_lock
from cjo_assets.warehouse.restore import remember_published, what_cannot_be_computed
from cjo_assets.warehouse.run_log import failure_text, record_failure

VERSION_TABLE = "raw.warehouse_version"
WRITER_TABLE = "raw.warehouse_writer"
STATEMENTS_KEPT = 200


class Warehouse(DuckDBResource):
    """The build database, opened once for all steps of a run and closed whatever happens."""

    _store: Store = PrivateAttr()
    _settings: Settings = PrivateAttr()
    _policy: Policy = PrivateAttr()
    _families: tuple[Family, ...] = PrivateAttr()
    _range: RangeOfDays | None = PrivateAttr(default=None)
    _results: dict[tuple[date | None, str], Stored] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Wait for the lock, open the store, and let both go at the end of the run."""
        from cjo_assets.catalog import all_families
        from cjo_assets.orchestration.jobs import families_of_run

        self._settings = Settings.from_environment()
        self._policy = policy_that_decides(self._settings)
        self._families, self._range, self._results = all_families(), None, {}
        run, instance = context.run, context.instance
        memory = self._policy.warehouse.memory_limit
        if run is None or instance is None:
            with opened(self._settings, self._families, memory) as store:
                self._store = store
                yield self
            return

        hold_life(self._settings, run.run_id)
        with (
            held_open(self._settings.home),
            logged(context.log.info if context.log is not None else print),
            opened(self._settings, self._families, memory, report_message, run.run_id) as store,
        ):
            for orphan in close_orphans(instance, self._settings):
                report_message(f"Closed the run {orphan}, whose process is gone.")
            self._store = store
            store.days_of_run = tuple(days_of_run(run))
            store.families_of_run = families_of_run(run)
            store.fences = (*store.fences, lambda: _require_unfinished(instance, run.run_id))
            yield self
            self._record_failure(context)

    def _record_failure(self, context: dg.InitResourceContext) -> None:
        """Leave a record of a run in which a step failed; the published database stays as it was."""
        if context.run is None or context.instance is None:
            return
        failures = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        errors = [failure_text(entry) for entry in failures]
        for family, day in itertools.product(self._store.families_of_run, self._store.days_of_run if errors else ()):
            record_failure(self._store, context.run, context.instance, family, day, self._policy, errors)

    def stored(self, table: Table, day: date | None) -> Stored:
        """Compute a table, or the day of it; in a run of several days return what was computed in their order.

        Raises:
            ContractBreachError: the table breaks its contract.
        """
        stored = self._results[day, table.full_name] = self._stored(table, day)
        return stored

    def _stored(self, table: Table, day: date | None) -> Stored:
        days = list(self._store.days_of_run)
        if day is None or len(days) < 2:
            return self._store.replace(table, day, self._policy)
        if self._range is None:
            self._range = computed_in_order(self._store, self._families, self._settings, days, self._policy)
        return self._range.of(table.full_name, day)

    def phrased(self, day: date) -> list[dict[str, Any]]:
        """Put a day into words, or return the words it was put into where a run of several days has done so."""
        if self._range is not None and day in self._range.texts:
            return self._range.texts[day]
        return phrase_day(self._store, day, self._policy)

    @property
    def store(self) -> Store:
        """The tables."""
        return self._store

    @property
    def results(self) -> dict[tuple[date | None, str], Stored]:
        """What this run has stored so far, by day and table; the day of an undated table is None."""
        return self._results

    @property
    def settings(self) -> Settings:
        """The places of the run."""
        return self._settings

    @property
    def policy(self) -> Policy:
        """The policy of the run: the same for all its steps."""
        return self._policy


@contextmanager
def opened(
    settings: Settings,
    families: tuple[Family, ...],
    memory_limit: float | None = None,
    say: Callable[[str], None] | None = None,
    run_id: str | None = None,
) -> Iterator[Store]:
    """Open the build database for writing, alone.

    Args:
        settings: the places.
        families: what tables there are.
        memory_limit: what the engine may use [gigabytes]; beyond it it goes through the disk.
        say: told every now and then that another run is still writing.
        run_id: the run that writes; None for what is no run.

    Raises:
        WarehouseError: another program holds the file, or another version of this one wrote it.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with warehouse_lock(settings.lock, run_id, say) as held:
        connection = _connected(settings.build, {"memory_limit": f"{memory_limit}GB"} if memory_limit else {})
        try:
            # Progress is asked for and told in our words; the engine would print a bar into whatever stdout is.
            connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
            is_new = _require_version(connection, families, settings.build)
            files = StatementFiles.from_environment(families, "runs")
            statements = Statements(STATEMENTS_KEPT, files) if files else None
            with closing(store_of(settings, connection, families, statements)) as store:
                look_again(connection, store.datasets, settings.inputs)
                if is_new:
                    remember_published(store, settings.published, what_cannot_be_computed(store))
                    _sign_version(connection, families)
                store.fences = (held.require, _signed(connection, run_id))
                yield store
        finally:
            connection.close()


def _signed(connection: duckdb.DuckDBPyConnection, run_id: str | None) -> Callable[[], None]:
    """Write down who writes, and return the question whether it is still us."""
    connection.execute(f"CREATE OR REPLACE TABLE {WRITER_TABLE} AS SELECT ?::VARCHAR AS run_id", [run_id])

    def require_ours() -> None:
        writer = connection.execute(f"SELECT run_id FROM {WRITER_TABLE}").fetchone()
        if writer != (run_id,):
            raise WarehouseError(
                f"Another run writes the warehouse now ({writer}); nothing more of {run_id} is stored."
            )

    return require_ours


def _require_unfinished(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        ended = run.status.value if run else "deleted"
        raise WarehouseError(f"The run {run_id} has ended already ({ended}); nothing more of it is stored.")


def _connected(path: Path, config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.IOException as error:
        raise WarehouseError(
            f"The database {path} cannot be opened for writing: {str(error).splitlines()[0]}"
        ) from error


def version_of(families: tuple[Family, ...]) -> str:
    """Return a hash over the columns and types of all tables."""
    shapes = [f"{table.full_name}({columns_in_sql(table)})" for family in families for table in family.tables]
    return hashlib.sha256("\n".join(sorted(shapes)).encode()).hexdigest()


def _sign_version(connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...]) -> None:
    """Write down whose tables these are; before that the database counts as new."""
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (?)", [version_of(families)])


def _require_version(connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...], path: Path) -> bool:
    """Return whether the database is new; refuse that of another version."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version VARCHAR)")
    row = connection.execute(f"SELECT version FROM {VERSION_TABLE}").fetchone()
    if row is not None and row[0] != version_of(families):
        raise WarehouseError(
            f"The warehouse {path} was written by another version of cjo_assets, whose tables had other columns. "
            "Nothing was changed. Use that version, or start a new one with --home (the archived inputs are under "
            f"{path.parent / 'inputs'})."
        )
    return row is None
