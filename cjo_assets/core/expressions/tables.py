"""Expressions over whole tables: lookup of columns, best row per key, wide to long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

Key = str | tuple[str, str]
PLACE, PART = "place_in_group", "part_of_row"


def lookup(rows: ir.Table, other: ir.Table, keys: Key | Sequence[Key], *columns: str, **renamed: str) -> ir.Table:
    """Add columns of another table to rows, by equal keys; all rows stay.

    A row without a match, and a row with a null in a key, has null in the added columns. The other table should have at
    most one row per key: a row is repeated for each match.

    Args:
        rows: the rows to add columns to.
        other: the table that has the columns.
        keys: names of the key columns; as a pair (of the rows, of the other table) where the names differ.
        columns: columns to add; all but the keys where neither these nor `renamed` are given.
        renamed: columns to add under another name: new name and name in the other table.

    Raises:
        ValueError: the rows have a column of that name already.
    """
    pairs = [(name, name) if isinstance(name, str) else name for name in _listed(keys)]
    theirs = [name for _, name in pairs]
    wanted = {name: name for name in columns} | renamed
    added = wanted or [name for name in other.columns if name not in theirs]
    repeated = sorted(set(added) & set(rows.columns))
    if repeated:
        raise ValueError(f"Columns {', '.join(repeated)} exist already; name them otherwise or drop them first.")
    joined = rows.left_join(other.select(*theirs, **wanted) if wanted else other, pairs)
    # ibis keeps the keys of the other table, renamed where the rows have a column of that name.
    return joined.drop(*(f"{name}_right" if name in rows.columns else name for name in theirs))


def merged(tables: Sequence[ir.Table], keys: str | Sequence[str]) -> ir.Table:
    """Return one row per key that any of the tables has, with the columns of all; null where a table lacks the key.

    Args:
        tables: tables with at most one row per key, and no common column but the keys.
        keys: names of the key columns, without nulls.
    """
    names: list[Any] = _listed(keys)
    rows = ibis.union(*(table.select(*names) for table in tables), distinct=True)
    for table in tables:
        rows = lookup(rows, table, names)
    return rows


def first_per(rows: ir.Table, keys: str | Sequence[str], order: Any) -> ir.Table:
    """Return the first row per key in an order; nulls of a key are one key.

    Args:
        rows: the rows to choose from.
        keys: names of the key columns; none for the first of all rows.
        order: a name, a value of the rows, or a list of these; `ibis.desc` where the largest comes first.
            It must order the rows of a key; which of equal ones comes first is undefined.
    """
    window = ibis.window(group_by=[rows[name] for name in _listed(keys)] or None, order_by=order)
    placed = rows.mutate(ibis.row_number().over(window).name(PLACE))
    return placed.filter(placed[PLACE] == 0).drop(PLACE)


def long_rows(rows: ir.Table, keys: str | Sequence[str], parts: Sequence[Mapping[str, Any]]) -> ir.Table:
    """Return a row per row and part: the keys, and the values of the part.

    Args:
        rows: the rows, of which the values of the parts are expressions.
        keys: columns that every part of a row has.
        parts: values by column; the same columns in the same order and of the same types in every part.

    Raises:
        ValueError: two parts have other columns.
    """
    names = [list(part) for part in parts]
    if any(other != names[0] for other in names):
        raise ValueError(f"Every part must have the columns {names[0]}; these have not: {names}.")
    array = ibis.array([ibis.struct(dict(part)) for part in parts])
    return rows.select(*_listed(keys), array.unnest().name(PART)).unpack(PART)


def _listed(keys: Key | Sequence[Any]) -> list[Any]:
    """Return the keys as a list; a text is one key."""
    return [keys] if isinstance(keys, str) else list(keys)
