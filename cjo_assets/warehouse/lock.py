"""File locks of the warehouse and of runs, which the kernel releases when their process ends.

Dagster cannot distinguish a killed run from a busy one; a lock can. A run has its own lock from start to end, also
while it waits for the warehouse, so that a waiting run does not appear dead.
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
    """The lock of the warehouse, acquired by this process."""

    path: Path
    file: IO[str]

    def require(self) -> None:
        """Check that the lock file is still the one we locked; another program may have locked a new file.

        Raises:
            WarehouseError: the file was removed or replaced.
        """
        ours = os.fstat(self.file.fileno())
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            raise WarehouseError(f"Lock file {self.path} was removed during the run. Nothing more is written.")


@contextmanager
def warehouse_lock(path: Path, run_id: str | None, say: Callable[[str], None] | None) -> Iterator[Held]:
    """Acquire the lock of the warehouse; wait for another run and report that."""
    with path.open("a+", encoding="utf-8") as file:
        started = said = time.monotonic()
        while not _taken(file):
            now = time.monotonic()
            if say is not None and (said == started or now - said > REPORT_SECONDS):
                say(f"Another run is writing ({holder_in_words(path)}); waiting for {now - started:.0f} s.")
                said = now
            time.sleep(POLL_SECONDS)
        held = {"pid": os.getpid(), "run_id": run_id, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        file.truncate(0)
        file.write(json.dumps(held))
        file.flush()
        yield Held(path, file)
        file.truncate(0)


def hold_life(settings: Settings, run_id: str) -> None:
    """Acquire the lock of a run until this process ends; the file appears under its name only when locked."""
    path = settings.lives / f"{run_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    unborn = path.with_suffix(f".{os.getpid()}")
    file = unborn.open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    os.replace(unborn, path)
    _lives.append(file)


def is_alive(settings: Settings, run_id: str) -> bool | None:
    """Return whether the process of a run is alive; None if its lock was never on this machine."""
    path = settings.lives / f"{run_id}.lock"
    return is_locked(path) if path.exists() else None


def dead_lives(settings: Settings) -> list[Path]:
    """Return the lock files of processes that have ended."""
    return [path for path in sorted(settings.lives.glob("*.lock")) if not is_locked(path)]


def is_locked(path: Path) -> bool:
    """Return whether a process has locked a file."""
    try:
        with path.open("r", encoding="utf-8") as file:
            return not _taken(file)
    except FileNotFoundError:
        return False


def holder_in_words(path: Path) -> str:
    """Describe the process that has the lock of the warehouse."""
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "unknown process"
    what = f"run {held['run_id']}" if held.get("run_id") else "no run"
    return f"{what}, process {held.get('pid')}, since {held.get('since')}"


def _taken(file: IO[str]) -> bool:
    """Try to acquire a lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
