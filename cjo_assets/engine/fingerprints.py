"""Hashes over the rows of tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.table import Table
from cjo_assets.engine.sql import quoted_names
from cjo_assets.engine.store import Store


@dataclass(frozen=True)
class Fingerprint:
    """Number of rows, and a hash over them that changes with any value."""

    rows: int
    content: str


def data_version(store: Store, family: str, as_of: date, database: str = "") -> str:
    """Return a hash over the rows of a family's day that later days read, independent of their order.

    Args:
        store: the store.
        family: the family.
        as_of: the day.
        database: name of an attached database and a dot, by default the store's own.
    """
    names = store.read_by_later_days()
    read = [table for table in store.tables_of(family) if table.full_name in names]
    read.sort(key=lambda table: table.full_name)
    return " ".join(lasting_hash(store, table, as_of, f"{database}{table.full_name}") for table in read)


def lasting_hash(store: Store, table: Table, as_of: date, source: str = "") -> str:
    """Return a hash over the columns of a table's day that later days read, independent of engine and order.

    Equal rows count once, because they would cancel each other out; rows that include their key are never equal.
    """
    names = table.look_back_columns or tuple(spec.name for spec in columns_of(table.contract))
    distinct = "" if set(key_of(table.contract)) <= set(names) else "DISTINCT "
    row = store.connection.execute(
        "SELECT bit_xor(md5_number(CAST(rows AS VARCHAR))) "
        f"FROM (SELECT {distinct}{quoted_names(names)} FROM {source or table.full_name} WHERE as_of = ?) AS rows",
        [as_of],
    ).fetchone()
    return str((row or (None,))[0])


def table_hashes(store: Store, family: str, as_of: date) -> dict[str, str]:
    """Return a hash over the rows of each dated table of a family's day."""
    dated = [table for table in store.tables_of(family) if table.is_dated and not table.is_view]
    return {table.full_name: fingerprint(store, table, as_of).content for table in dated}


def fingerprint(store: Store, table: Table, as_of: date | None, source: str = "") -> Fingerprint:
    """Count and hash the rows of a table, or of a day of it, independent of their order.

    The hash of the engine costs a thirtieth of a lasting one, but depends on the version of the engine.

    Args:
        store: the store.
        table: the table.
        as_of: the day of a dated table.
        source: the relation to select from, by default the table itself.
    """
    names = quoted_names(spec.name for spec in columns_of(table.contract))
    where, parameters = ("WHERE as_of = ?", [as_of]) if table.is_dated else ("", [])
    row = store.connection.execute(
        "SELECT count(*), coalesce(bit_xor(hash(rows)), 0), coalesce(sum(hash(rows)), 0) "
        f"FROM (SELECT {names} FROM {source or table.full_name} {where}) AS rows",
        parameters,
    ).fetchone()
    rows, mixed, added = row or (0, 0, 0)
    return Fingerprint(rows, f"{mixed:016x}{int(added) % 2**64:016x}")


def hands_on(store: Store, family: str) -> bool:
    """Return whether a later day of a family reads any table of an earlier one."""
    names = store.read_by_later_days()
    return any(store.family_of[key] == family and table.full_name in names for key, table in store.tables.items())
