"""Dagster's event log in SQLite, with connections that stay open.

A day of the chain stores some six hundred events. Dagster's own storage opens the file anew for each of them and closes
it, and whoever closes a SQLite file last writes its log back and waits for the disk. Here a file stays open: the same
files, the same rows, at a fraction of the time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

# Each run has a file of its own; who shows many of them closes the oldest again.
OPEN_FILES = 8


class SteadyEventLog(SqliteEventLogStorage):
    """The event log of one home."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Have no file open yet."""
        self._open: OrderedDict[str, Engine] = OrderedDict()
        self._watcher: SqlPollingEventWatcher | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> SteadyEventLog:
        """Return the event log that dagster.yaml names."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """Return a connection to the events of a run, in a transaction."""
        return self._connected(str(run_id), super().run_connection(run_id))

    def index_connection(self) -> AbstractContextManager[Connection]:
        """Return a connection to what all runs share, in a transaction."""
        return self._connected(INDEX_SHARD_NAME, super().index_connection())

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Tell of the events of a run: the UI shows them as they come.

        Dagster's own storage waits for a change of the file, which a writer that keeps it open may leave for minutes.
        """
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        """Tell no more."""
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        """Close every file."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        with self._db_lock:
            for shard in list(self._open):
                self._close(shard)
        super().dispose()

    @contextmanager
    def _connected(self, shard: str, opened_anew: AbstractContextManager[Connection]) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:
            # Dagster's own connection makes the file and its tables, also where it was deleted since we opened it.
            self._close(shard)
            with opened_anew:
                pass
        with self._db_lock:
            if shard not in self._open:
                self._open[shard] = self._engine(shard)
            self._open.move_to_end(shard)
            if len(self._open) > OPEN_FILES:
                self._close(next(iter(self._open)))
            with self._open[shard].begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        # What is committed outlives the process at once, and a loss of power as soon as the log is written back.
        event.listen(engine, "connect", lambda found, _: found.execute("PRAGMA synchronous = NORMAL"))
        return engine

    def _close(self, shard: str) -> None:
        engine = self._open.pop(shard, None)
        if engine is not None:
            engine.dispose()
