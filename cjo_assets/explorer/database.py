"""Connections to the published database, one per request, so that each page shows the last publish.

A connection reads the file that was published when it was opened, also while a run writes and publishes the next one.
It cannot read other files: its SQL is that of families, with values of a request as parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.engine.rows import Row
from cjo_assets.warehouse.published import read_only, rows_of

DAYS = """
    SELECT family, max(as_of) AS day FROM audit.runs
    WHERE is_published AND as_of <= coalesce($day, as_of) GROUP BY family ORDER BY family"""
PUBLISHED_DAYS = "SELECT DISTINCT as_of FROM audit.runs WHERE is_published ORDER BY as_of DESC"
LAST_RUN = "SELECT max(ended_at) AS ended_at FROM audit.runs WHERE is_published"


class Reader:
    """A connection to one published database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep the connection."""
        self.connection = connection

    def rows(self, sql: str, given: dict[str, Any] | None = None) -> list[Row]:
        """Return the rows of a small query, given parameters of which it uses some."""
        return rows_of(self.connection, sql, given or {})

    def days(self, day: date | None = None) -> dict[str, date]:
        """Return the last published day of each family up to a day; a family without one is left out."""
        return {row["family"]: row["day"] for row in self.rows(DAYS, {"day": day})}

    def published_days(self) -> list[date]:
        """Return the published days of all families, the newest first."""
        return [row["as_of"] for row in self.rows(PUBLISHED_DAYS)]

    def last_run(self) -> datetime | None:
        """Return the end of the last published run [UTC]."""
        [row] = self.rows(LAST_RUN)
        ended: datetime | None = row["ended_at"]
        return ended


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Open the published database for one request.

    Raises:
        WarehouseError: it does not exist, or has tables of another version.
    """
    with read_only(path) as connection:
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield Reader(connection)


def identity_of(path: Path) -> tuple[int, int, int]:
    """Return what identifies the content of a file that is replaced as a whole, as by a publish."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
