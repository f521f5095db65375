"""The build database: opened for writing by one process at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_message
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.choice import store_of
from cjo_assets.engine.ddl import columns_in_sql
from cjo_assets.engine.raw import raw_columns
from cjo_assets.engine.sql import literal
from cjo_assets.engine.statement_files import StatementFiles
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.ingest.raw_tables import look_again
from cjo_assets.warehouse.lock import warehouse_lock
from cjo_assets.warehouse.recovery import restore_snapshot
from cjo_assets.warehouse.restore import remember_published, what_cannot_be_computed
from cjo_assets.warehouse.run_log import CHECKS, RUNS
from cjo_assets.warehouse.schema_of_build import adapt_build

VERSION_TABLE = "raw.warehouse_version"
WRITER_TABLE = "raw.warehouse_writer"
STATEMENTS_KEPT = 1_000


@contextmanager
def opened(
    settings: Settings,
    families: tuple[Family, ...],
    memory_limit: float | None = None,
    say: Callable[[str], None] | None = None,
    run_id: str | None = None,
) -> Iterator[Store]:
    """Open the build database as its only writer.

    Args:
        settings: the settings.
        families: the families whose tables it contains.
        memory_limit: memory for the engine, beyond which it spills to disk [gigabytes].
        say: receives messages while another run is writing.
        run_id: the run that writes; None for other commands.

    Raises:
        WarehouseError: another program has the file open.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with warehouse_lock(settings.lock, run_id, say) as held:
        connection = _connected(settings.build, {"memory_limit": f"{memory_limit}GB"} if memory_limit else {})
        try:
            # Progress is reported by `say`; the bar of the engine would be printed to stdout.
            connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
            is_new = _brought_to_version(connection, families)
            statements = Statements(STATEMENTS_KEPT, StatementFiles(settings.compiled, families))
            with closing(store_of(settings, connection, families, statements)) as store:
                look_again(connection, store.datasets, settings.inputs)
                if is_new:
                    restore_snapshot(settings.published)
                    remember_published(store, settings.published, what_cannot_be_computed(store))
                    _sign_version(connection, families)
                _forget_unpublished(store, settings.published)
                store.fences = (held.require, _signed(connection, run_id))
                yield store
                # The next writer examines what one leaves that was killed, or whose database takes no more writes.
                with suppress(duckdb.Error):
                    _signed(connection, None)
        finally:
            connection.close()


def _forget_unpublished(store: Store, published: Path) -> None:
    """Delete the records of days that the last writer was about to publish when it was killed.

    A run records its days as published before the published database is replaced, because that contains the records. A
    writer that ends by itself signs off, and has published these days or deleted the records.
    """
    connection = store.connection
    connection.execute(f"CREATE TABLE IF NOT EXISTS {WRITER_TABLE} (run_id VARCHAR)")
    if (AUDIT, "runs") not in store.tables:
        return
    (run_id,) = connection.execute(f"SELECT run_id FROM {WRITER_TABLE}").fetchone() or (None,)
    days = connection.execute(
        f"SELECT family, as_of::VARCHAR FROM {RUNS} WHERE run_id = ? AND is_published ORDER BY ALL", [run_id]
    ).fetchall()
    if not days or _has_published(connection, published, run_id):
        return
    with transaction(connection):
        for table in (RUNS, CHECKS):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
    names = ", ".join(f"{family} {day}" for family, day in days)
    report_message(f"Run {run_id} was killed before it published {names}. Run these days again.")


def _has_published(connection: duckdb.DuckDBPyConnection, published: Path, run_id: str) -> bool:
    """Return whether the published database has the record of a run."""
    if not published.exists():
        return False
    connection.execute(f"ATTACH {literal(published)} AS published (READ_ONLY)")
    try:
        query = f"SELECT 1 FROM published.{RUNS} WHERE run_id = ? AND is_published LIMIT 1"
        return connection.execute(query, [run_id]).fetchone() is not None
    finally:
        connection.execute("DETACH published")


def kept_statements(settings: Settings, families: tuple[Family, ...]) -> Statements:
    """Return the compiled statements of a home, for tables in memory; where there are none, none are stored."""
    files = StatementFiles(settings.compiled, families) if settings.compiled.is_dir() else None
    return Statements(STATEMENTS_KEPT, files)


def _signed(connection: duckdb.DuckDBPyConnection, run_id: str | None) -> Callable[[], None]:
    """Record the writer in the database, and return a check that it is still this one."""
    connection.execute(f"CREATE OR REPLACE TABLE {WRITER_TABLE} AS SELECT ?::VARCHAR AS run_id", [run_id])

    def require_ours() -> None:
        writer = connection.execute(f"SELECT run_id FROM {WRITER_TABLE}").fetchone()
        if writer != (run_id,):
            raise WarehouseError(
                f"Another run writes the warehouse now ({writer}); nothing more of {run_id} is written."
            )

    return require_ours


def _connected(path: Path, config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.IOException as error:
        raise WarehouseError(
            f"The database {path} cannot be opened for writing: {str(error).splitlines()[0]}"
        ) from error


def version_of(families: tuple[Family, ...]) -> str:
    """Return a hash over the columns and types of all tables, raw tables included."""
    shapes = [f"{table.full_name}({columns_in_sql(table)})" for family in families for table in family.tables]
    shapes += [f"{dataset.name}({raw_columns(dataset)})" for family in families for dataset in family.datasets]
    return hashlib.sha256("\n".join(sorted(shapes)).encode()).hexdigest()


def _sign_version(connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...]) -> None:
    """Record the version of the tables; until then the database counts as new."""
    connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES (?)", [version_of(families)])


def _brought_to_version(connection: duckdb.DuckDBPyConnection, families: tuple[Family, ...]) -> bool:
    """Give the tables that another version wrote the columns of this one; return whether the database is new."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version VARCHAR)")
    row = connection.execute(f"SELECT version FROM {VERSION_TABLE}").fetchone()
    if row != (version_of(families),):
        with transaction(connection):
            adapt_build(connection, families)
            if row is not None:
                connection.execute(f"UPDATE {VERSION_TABLE} SET version = ?", [version_of(families)])
    return row is None
