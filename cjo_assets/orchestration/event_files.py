"""Connections that keep the SQLite files of Dagster open during a run.

Dagster opens and closes a file for every event. The last connection to close a file makes SQLite flush it to disk, and
so does every commit, thousands of times per run. Here a closed connection stays open for the next that opens the file.
Commits are made without waiting for the disk: after a power failure the last ones may be missing, but the files stay
consistent. Decisions are stored in the warehouse, which does wait for the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
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


class _Kept(sqlite3.Connection):
    """A connection that is used again instead of closed."""

    release: Callable[[_Kept], None] | None = None
    path = ""
    file_number = 0

    def close(self) -> None:
        """Make the connection available to the next that opens the file, or close it after the block."""
        if self.release is None:
            super().close()
        else:
            self.release(self)


class _Held:
    """The open connections that are not in use, by path."""

    def __init__(self, folder: str) -> None:
        """Start without connections."""
        self._folder = folder
        self._free: dict[str, list[_Kept]] = {}
        self._shown: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()
        self._is_over = False

    def opened(self, dialect: Dialect, _: object, places: list[Any], options: dict[str, Any]) -> Any:
        """Open a file that Dagster connects to; return None, and leave it to Dagster, for files elsewhere."""
        if dialect.name != "sqlite":
            return None
        path = places[0]
        if not os.path.abspath(path).startswith(self._folder):
            return None
        with self._one_at_a_time:
            free = self._free.setdefault(path, [])
            while free:
                kept = free.pop()
                # Another file may have taken the place of the one that was opened.
                if os.path.exists(path) and os.stat(path).st_ino == kept.file_number:
                    self._show(kept)
                    return kept
                self._end(kept)
        return self._new(path, options)

    def close(self) -> None:
        """Close all connections, which flushes the files."""
        with self._one_at_a_time:
            self._is_over = True
            for kept in (kept for free in self._free.values() for kept in free):
                self._end(kept)
            self._free.clear()

    def _new(self, path: str, options: dict[str, Any]) -> _Kept:
        kept: _Kept = sqlite3.connect(path, **options | {"check_same_thread": False, "factory": _Kept})
        kept.execute("PRAGMA synchronous = NORMAL")
        kept.path, kept.file_number, kept.release = path, os.stat(path).st_ino, self._released
        self._shown.setdefault(path, time.monotonic())
        return kept

    def _released(self, kept: _Kept) -> None:
        with self._one_at_a_time:
            if self._is_over:
                self._end(kept)
            else:
                self._free.setdefault(kept.path, []).append(kept)

    def _end(self, kept: _Kept) -> None:
        kept.release = None
        kept.close()

    def _show(self, kept: _Kept) -> None:
        now = time.monotonic()
        if now - self._shown[kept.path] > SHOWN_EVERY_SECONDS:
            kept.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._shown[kept.path] = now
