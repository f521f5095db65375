"""Append-only records of the home: files with one JSON object per line.

Readers and writers lock the file. A record is one write of one line, synced before it is confirmed. A line left by a
crash was never confirmed: before the next access it gets its line feed if it is a complete record, and is removed
otherwise.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cjo_assets.core.errors import WarehouseError

LINE_FEED = b"\n"

Record = dict[str, Any]


@contextmanager
def locked(path: Path, *, for_reading: bool = False) -> Iterator[Path]:
    """Lock a file of records, and repair its last line.

    Args:
        path: the file.
        for_reading: whether the caller only reads, which works without the lock in a home that is not writable.

    Raises:
        WarehouseError: the file cannot be read or written.
    """
    own = path.with_suffix(".lock")
    if for_reading and path.parent.exists() and not os.access(own if own.exists() else own.parent, os.W_OK):
        yield path
        return
    try:
        with own.open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                _mend(path)
            yield path
    except OSError as error:
        raise WarehouseError(f"The records {error.filename or path} cannot be used: {error.strerror}.") from error


def records_in(path: Path) -> list[Record]:
    """Return the records of a file in order, without an unfinished last line.

    Raises:
        WarehouseError: a line is not a record.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        record = _record(line)
        if record is None and line.strip() and line.endswith(LINE_FEED):
            raise WarehouseError(f"Line {number} of {path} is not a JSON object, so another program has written it.")
        found += [record] if record is not None else []
    return found


def append(path: Path, record: Record) -> None:
    """Append a record to a locked file and sync it to disk."""
    line = json.dumps(record, allow_nan=False).encode() + LINE_FEED
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def fingerprint(path: Path) -> str | None:
    """Return the sha256 of a locked file, which is its name in the archive; None without records."""
    content = path.read_bytes() if path.exists() else b""
    return hashlib.sha256(content).hexdigest() if content else None


def _mend(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        _, _, rest = content.rpartition(LINE_FEED)
        if not rest:
            return
        if _record(rest) is None:
            file.truncate(len(content) - len(rest))
        else:
            file.write(LINE_FEED)
        file.flush()
        os.fsync(file.fileno())


def _record(line: bytes) -> Record | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
