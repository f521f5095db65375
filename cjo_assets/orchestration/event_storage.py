"""Storages of runs and events that `dagster.yaml` names: Dagster's own for SQLite, with one engine kept per file.

Dagster makes a SQLAlchemy engine for every event, and with it compiles every statement again. An engine that is kept
has compiled them already. It holds no connection: connections are opened and closed as before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

# The events of a run have a file of their own, so a webserver meets new files all the time.
KEPT_ENGINES = 8


class Engines:
    """The engines of the files used last."""

    def __init__(self) -> None:
        """Start without engines."""
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def of(self, url: str, **arguments: Any) -> Engine:
        """Return the engine of a file.

        Args:
            url: the URL of the file.
            arguments: the arguments of connections to it.
        """
        with self._one_at_a_time:
            engine = self._engines.pop(url, None)
            if engine is None:
                engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments)
            self._engines[url] = engine
            if len(self._engines) > KEPT_ENGINES:
                self._engines.popitem(last=False)
            return engine


class EventLogStorage(SqliteEventLogStorage):
    """Dagster's event log, with one engine kept per file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the event log of a folder."""
        self._engines = Engines()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> EventLogStorage:
        """Return the storage that `dagster.yaml` configures."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Connect to the file of a run, as SqliteEventLogStorage does, by an engine that is kept."""
        with self._db_lock:
            engine = self._engines.of(self.conn_string_for_shard(shard), timeout=SQLITE_BUSY_TIMEOUT_SECONDS)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection


class RunStorage(SqliteRunStorage):
    """Dagster's runs, with one engine kept."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the runs of a file."""
        self._engines = Engines()
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> RunStorage:
        """Return the storage that `dagster.yaml` configures."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect to the file, as SqliteRunStorage does, by an engine that is kept."""
        with self._engines.of(self._conn_string).connect() as connection, connection.begin():
            yield connection
