"""Rows of small queries as dictionaries."""

from __future__ import annotations

from typing import Any

import duckdb

Row = dict[str, Any]


def as_dicts(found: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return the rows of the last query, by column."""
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
