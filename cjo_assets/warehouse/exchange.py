"""Exchange files: the newest published day of a table, written to the home for other families.

A family never reads a table of another: a day follows from files, so that it can be archived, replayed and erased.
"""

from __future__ import annotations

import filecmp
import os

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.family import Exchange, Family
from cjo_assets.core.settings import Settings
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.policy import Policy

AS_OF = "as_of"


def write_exchange(settings: Settings, family: Family, policy: Policy) -> int | None:
    """Write the exchange file of a family from the published database, or remove it where the policy disables it.

    The file is replaced atomically, and only if its content changed.

    Returns:
        The number of its rows; None where nothing is written.
    """
    exchange = family.exchange
    if exchange is None:
        return None
    path = settings.exchange / exchange.file
    if not exchange.is_enabled(policy):
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(settings.published)} AS published (READ_ONLY)")
        written = connection.execute(f"COPY ({_newest_rows(family, exchange)}) TO {literal(partial)} (FORMAT json)")
        rows = written.fetchone() or (0,)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    if path.exists() and filecmp.cmp(path, partial, shallow=False):
        partial.unlink()
    else:
        os.replace(partial, path)
    return int(rows[0])


def _newest_rows(family: Family, exchange: Exchange) -> str:
    """Return a query for the rows of the newest published day, in one order."""
    table = next(table for table in family.tables if table.name == exchange.table)
    names = quoted_names(spec.name for spec in columns_of(table.contract) if spec.name != AS_OF)
    newest = f"SELECT max(as_of) FROM published.audit.runs WHERE is_published AND family = {literal(family.name)}"
    return f"SELECT {names} FROM published.{table.full_name} WHERE {AS_OF} = ({newest}) ORDER BY ALL"
