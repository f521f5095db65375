"""The files in which Dagster keeps its runs and events, held open while a run writes them.

Dagster opens and closes a file for every event. Whoever closes a file last has SQLite write all of it through to the
disk, and so does every commit: some thousands of times a run, which then waits for the disk half of its time. While
somebody else holds the file open nothing is written through at its closing; and a commit that does not wait
can be lost with the power, but not torn, so the files stay whole. What was decided is not in them: the warehouse waits
for the disk.
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

# The UI shows a run that goes on when its file changes, and a file that is held open changes when we say so.
SHOWN_EVERY_SECONDS = 1.0


@contextmanager
def held_open(folder: Path) -> Iterator[None]:
    """Hold every SQLite file under a folder open from its first use in this process to the end of the block."""
    held = _Held(f"{folder.resolve()}{os.sep}")
    event.listen(Engine, "do_connect", held.opened)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", held.opened)
        held.close()


class _Held:
    """The files held open, by their paths."""

    def __init__(self, folder: str) -> None:
        """Hold none yet."""
        self._folder = folder
        self._files: dict[str, sqlite3.Connection] = {}
        self._shown: dict[str, float] = {}
        self._one_at_a_time = threading.Lock()

    def opened(self, dialect: Dialect, _: object, places: list[Any], options: dict[str, Any]) -> Any:
        """Open a file that Dagster asks for; None for what is not ours, which then opens as ever."""
        if dialect.name != "sqlite" or not os.path.abspath(places[0]).startswith(self._folder):
            return None
        asked = sqlite3.connect(*places, **options)
        asked.execute("PRAGMA synchronous = NORMAL")
        with self._one_at_a_time:
            self._hold(places[0], options)
        return asked

    def close(self) -> None:
        """Let go of all files, which writes them through."""
        with self._one_at_a_time:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _hold(self, path: str, options: dict[str, Any]) -> None:
        now = time.monotonic()
        if path not in self._files:
            self._files[path] = sqlite3.connect(path, **options | {"check_same_thread": False})
            self._shown[path] = now
        # Only who has read a file since it got its log of writes counts as one that holds it open.
        self._files[path].execute("PRAGMA schema_version").fetchone()
        if now - self._shown[path] > SHOWN_EVERY_SECONDS:
            self._files[path].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._shown[path] = now
