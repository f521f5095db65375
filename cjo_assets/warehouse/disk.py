"""Free space on the disk of a home, and messages for errors of a full or read-only disk.

Python, SQLite, SQLAlchemy and DuckDB each raise their own error when a write fails. The commands show one message for
all of them.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

import duckdb
from sqlalchemy.exc import OperationalError

from cjo_assets.core.settings import Settings

# A publication writes a complete copy of the published database, and DuckDB may spill as much again.
COPIES_NEEDED = 3
# Space that a first run needs for its databases and the storage of Dagster.
LEAST_ROOM_BYTES = 100_000_000
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_FULL_IN_WORDS = ("disk is full", "No space left", "disk I/O error", "disk quota")
_READ_ONLY_IN_WORDS = ("readonly database", "read-only", "Read-only file system", "Permission denied")


def used_bytes(settings: Settings) -> int:
    """Return the size of the databases of a home."""
    return sum(path.stat().st_size for path in (settings.build, settings.published) if path.exists())


def room_needed_bytes(settings: Settings) -> int:
    """Return the space that a run may need on the disk of the home."""
    return max(COPIES_NEEDED * used_bytes(settings), LEAST_ROOM_BYTES)


def disk_fault(error: BaseException, settings: Settings) -> str | None:
    """Return the message for an error caused by a full or read-only disk; None for any other error.

    Args:
        error: the error that reached the command; its causes are examined too.
        settings: the settings; the disk is that of the home.
    """
    causes = _causes(error)
    if any(_is_full(cause) for cause in causes):
        return no_room(settings)
    read_only = next((cause for cause in causes if _is_read_only(cause)), None)
    if read_only is not None:
        path = getattr(read_only, "filename", None) or settings.home
        return f"{path} cannot be written by this user. Change its permissions, or specify another folder with --home."
    return None


def no_room(settings: Settings) -> str:
    """Return the message for a full disk: free space, required space and what to do."""
    return (
        f"Disk full at {settings.home}: {_megabytes(_free_bytes(settings.home))} free, a run needs up to "
        f"{_megabytes(room_needed_bytes(settings))}. The published tables are unchanged. Free some space "
        "(old snapshots/, history/, inputs/) and run the command again."
    )


def says_full(text: str) -> bool:
    """Return whether an error text is one that an engine raises for a full disk."""
    return any(words in text for words in _FULL_IN_WORDS)


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and its chain of causes."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
    return found


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _is_of_a_database(error) and says_full(str(error))


def _is_read_only(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _READ_ONLY
    return _is_of_a_database(error) and any(words in str(error) for words in _READ_ONLY_IN_WORDS)


def _is_of_a_database(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError | OperationalError | duckdb.Error)


def _free_bytes(path: Path) -> int:
    """Return the free space on the disk of a path that may not exist yet."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    return shutil.disk_usage(there).free


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
