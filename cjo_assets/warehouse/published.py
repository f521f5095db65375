"""The published database as those see it who ask it something: read-only, and while runs go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.engine.sql import literal


@contextmanager
def read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a published database for reading.

    Raises:
        WarehouseError: there is none, its tables are those of another version, or a cell is not what any run writes.
    """
    if not path.exists():
        raise WarehouseError(f"Nothing is published at {path}: `cjo run` does that.")
    try:
        # A database of our own, to which the published one is attached: two connections to one file must agree in
        # their settings, and a process that holds an old state would be given it again.
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH {literal(path)} AS published (READ_ONLY)")
            connection.execute("USE published")
            yield connection
    except duckdb.IOException as error:
        raise WarehouseError(f"The database {path} cannot be opened: {str(error).splitlines()[0]}") from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(
            f"The database {path} was written by another version of cjo_assets: {str(error).splitlines()[0]}"
        ) from error
    except duckdb.ConversionException as error:
        raise WarehouseError(
            f"The database {path} holds what no run wrote; `cjo audit verify` says more: {str(error).splitlines()[0]}"
        ) from error


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, given: dict[str, Any]) -> list[Row]:
    """Return the rows of a query, given the parameters of which it names some."""
    return as_dicts(connection.execute(sql, {name: value for name, value in given.items() if f"${name}" in sql}))
