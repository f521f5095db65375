"""Who writes, and who is still alive: file locks, which the kernel lets go when their process dies.

Dagster cannot tell a run whose process was killed from one that is busy; a lock can. A run holds its own lock from its
start to its end, also while it waits for the warehouse, so that waiting is not taken for dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings

POLL_SECONDS = 0.5
REPORT_SECONDS = 10.0
_lives: list[IO[str]] = []


@dataclass(frozen=True)
class Held:
    """The lock of the warehouse in our hands."""

    path: Path
    file: IO[str]

    def require(self) -> None:
        """Refuse to go on where the lock's file is not the one we locked: another program may hold the new one.

        Raises:
            WarehouseError: somebody took the file away or put another in its place.
        """
        ours = os.fstat(self.file.fileno())
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            raise WarehouseError(f"Somebody took the lock {self.path} away during the run; nothing more is stored.")


@contextmanager
def warehouse_lock(path: Path, run_id: str | None, say: Callable[[str], None] | None) -> Iterator[Held]:
    """Hold the lock of the warehouse; whoever comes second waits and says so."""
    with path.open("a+", encoding="utf-8") as file:
        started = said = time.monotonic()
        while not _taken(file):
            now = time.monotonic()
            if say is not None and (said == started or now - said > REPORT_SECONDS):
                say(f"Another run is writing ({holder_in_words(path)}); waiting for it since {now - started:.0f} s.")
                said = now
            time.sleep(POLL_SECONDS)
        held = {"pid": os.getpid(), "run_id": run_id, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        file.truncate(0)
        file.write(json.dumps(held))
        file.flush()
        yield Held(path, file)
        file.truncate(0)


def hold_life(settings: Settings, run_id: str) -> None:
    """Hold the lock of a run until this process ends: there is no moment at which a living run is without it."""
    path = settings.lives / f"{run_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    unborn = path.with_suffix(f".{os.getpid()}")
    file = unborn.open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    os.replace(unborn, path)
    _lives.append(file)


def is_alive(settings: Settings, run_id: str) -> bool | None:
    """Return whether the process of a run lives; None where it never held its lock here."""
    path = settings.lives / f"{run_id}.lock"
    return is_locked(path) if path.exists() else None


def dead_lives(settings: Settings) -> list[Path]:
    """Return the locks that dead processes left behind."""
    return [path for path in sorted(settings.lives.glob("*.lock")) if not is_locked(path)]


def is_locked(path: Path) -> bool:
    """Return whether some process holds a lock."""
    try:
        with path.open("r", encoding="utf-8") as file:
            return not _taken(file)
    except FileNotFoundError:
        return False


def holder_in_words(path: Path) -> str:
    """Return who holds the lock of the warehouse."""
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "it has not said who it is"
    what = f"run {held['run_id']}" if held.get("run_id") else "no run"
    return f"{what}, process {held.get('pid')}, since {held.get('since')}"


def _taken(file: IO[str]) -> bool:
    """Try to take a lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
