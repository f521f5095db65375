"""Rows of a query that is known to have few."""

from __future__ import annotations

from typing import Any

import duckdb

Row = dict[str, Any]


def as_dicts(found: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return the rows of what was executed last, by column."""
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
