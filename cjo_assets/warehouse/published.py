"""Read-only access to the published database, also while runs write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.engine.rows import Row, as_dicts
from cjo_assets.engine.sql import literal


def of_another_version(path: Path) -> str:
    """Return the message for a database whose tables have other columns than the contracts."""
    return (
        f"The database {path} was written by another version of cjo_assets. "
        "The next cjo run upgrades it (docs/how-to/upgrade.md); cjo doctor lists the tables."
    )


@contextmanager
def read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published database for reading.

    Raises:
        WarehouseError: it does not exist, has tables of another version, or contains values that no run writes.
    """
    if not path.exists():
        raise WarehouseError(f"No published database at {path}. Create it with `cjo run`.")
    try:
        # Attach to an in-memory database: all connections of a process to one file must have the same settings, and a
        # process that has an old file open would get that one.
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH {literal(path)} AS published (READ_ONLY)")
            connection.execute("USE published")
            yield connection
    except duckdb.IOException as error:
        raise WarehouseError(f"The database {path} cannot be opened: {str(error).splitlines()[0]}") from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(f"{of_another_version(path)} ({str(error).splitlines()[0]})") from error
    except duckdb.ConversionException as error:
        raise WarehouseError(
            f"The database {path} contains unexpected values; run `cjo audit verify`: {str(error).splitlines()[0]}"
        ) from error


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, given: dict[str, Any]) -> list[Row]:
    """Return the rows of a query, given parameters of which it uses some."""
    return as_dicts(connection.execute(sql, {name: value for name, value in given.items() if f"${name}" in sql}))
