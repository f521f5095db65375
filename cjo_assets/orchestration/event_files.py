"""Connections that keep the SQLite files of Dagster open during a run.

Dagster opens and closes a file for every event. The last connection to close a file makes SQLite flush it to disk, and
so does every commit, thousands of times per run. While another connection is open, closing flushes nothing. Commits are
made without waiting for the disk: after a power failure the last ones may be missing, but the files stay consistent.
Decisions are stored in the warehouse, which does wait for the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

# The UI follows a run by the modification time of its file, which SQLite does not update while connections are open.
SHOWN_EVERY_SECONDS = 1.0


@contextmanager
def held_open(folder: Path) -> Iterator[None]:
    """Keep each SQLite file under a folder open from its first use in this process to the end of the block."""
    held = _Held(f"{folder.resolve()}{os.sep}")
    event.listen(Engine, "do_connect", held.opened)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", held.opened)
        held.close()


class _Held:
    """The open connections by path."""

    def __init__(self, folder: str) -> None:
        """Start without connections."""
        self._folder = folder
        self._files: dict[str, sqlite3.Connection] = {}
        self._shown: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def opened(self, dialect: Dialect, _: object, places: list[Any], options: dict[str, Any]) -> Any:
        """Open a file that Dagster connects to; return None, and leave it to Dagster, for files elsewhere."""
        if dialect.name != "sqlite" or not os.path.abspath(places[0]).startswith(self._folder):
            return None
        asked = sqlite3.connect(*places, **options)
        asked.execute("PRAGMA synchronous = NORMAL")
        with self._one_at_a_time:
            self._hold(places[0], options)
        return asked

    def close(self) -> None:
        """Close all connections, which flushes the files."""
        with self._one_at_a_time:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _hold(self, path: str, options: dict[str, Any]) -> None:
        now = time.monotonic()
        if path not in self._files:
            self._files[path] = sqlite3.connect(path, **options | {"check_same_thread": False})
            self._shown[path] = now
        # A connection only counts as open once it has read the file after the write-ahead log was created.
        self._files[path].execute("PRAGMA schema_version").fetchone()
        if now - self._shown[path] > SHOWN_EVERY_SECONDS:
            self._files[path].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._shown[path] = now
