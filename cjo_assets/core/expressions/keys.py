"""Keys of several columns, compared as tuples: a joined text would make one key of ("a b", "c") and ("a", "b c")."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir


def is_key_in(key: Sequence[ir.Value], table: ir.Table, columns: Sequence[str]) -> ir.BooleanValue:
    """Return whether a table has a row with this key; null where a part of the key is null.

    Args:
        key: the values of the key, in the order of the columns.
        table: the rows that are searched.
        columns: their key columns; a row with a null in one is found by no key.
    """
    known = table.filter(*(table[name].notnull() for name in columns))
    known = known.select(key=_tuple([known[name] for name in columns])).distinct()
    is_whole = functools.reduce(operator.and_, (part.notnull() for part in key))
    return is_whole.ifelse(_tuple(key).isin(known.key), ibis.null("boolean"))


def _tuple(parts: Sequence[ir.Value]) -> ir.StructValue:
    return ibis.struct({f"part_{place}": part for place, part in enumerate(parts)})
