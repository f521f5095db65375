"""Column definitions of tables for CREATE TABLE."""

from __future__ import annotations

import functools

from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.core.contract import schema_of
from cjo_assets.core.table import Table


@functools.cache
def columns_in_sql(table: Table) -> str:
    """Return the column definitions of a table for CREATE TABLE."""
    return ", ".join(f'"{name}" {DuckDBType.to_string(kind)}' for name, kind in schema_of(table.contract).items())
