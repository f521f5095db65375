"""Engine of the unit tests: temporary tables from rows and from expressions, with compiled statements cached.

Compilation is most of the cost of a unit test. Two calls of a transform build the same expression if their tables have
the same names, so a name is used again once no expression refers to its table. The SQL is cached by the hash of the
expression.
"""

import heapq
import weakref
from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow
from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.engine.functions import give_functions
from cjo_assets.engine.sql import quoted

# As in the warehouse.
ibis.options.sql.fuse_selects = False
BACKEND = ibis.duckdb.connect()
# A store of few rows uses one thread too.
BACKEND.raw_sql("SET TimeZone = 'UTC'; SET threads = 1")
give_functions(BACKEND.con)

TEMPORARY = ops.Namespace(catalog="temp", database="main")
ARRIVING = "arriving_rows"


class _Names:
    """Names of temporary tables."""

    def __init__(self) -> None:
        """Start with all names free."""
        self._free: dict[str, list[int]] = {}
        self._used: dict[str, int] = {}

    def take(self, prefix: str) -> tuple[str, int]:
        """Return the free name with the lowest number, and its number."""
        free = self._free.setdefault(prefix, [])
        number = heapq.heappop(free) if free else self._used.setdefault(prefix, 0)
        if number == self._used[prefix]:
            self._used[prefix] += 1
        return f"{prefix}_{number}", number

    def give_back(self, prefix: str, number: int) -> None:
        """Free a name."""
        heapq.heappush(self._free[prefix], number)


_NAMES = _Names()
_COMPILED: dict[int, str] = {}


def made_of(rows: Sequence[dict[str, Any]], schema: ibis.Schema) -> ir.Table:
    """Return rows as a table of the test engine, without validation."""
    content = pyarrow.Table.from_pylist(list(rows), schema=schema.to_pyarrow())
    columns = ", ".join(f"{quoted(name)} {DuckDBType.to_string(kind)}" for name, kind in schema.items())
    BACKEND.con.register(ARRIVING, content)
    table = _table(schema, f"({columns})")
    BACKEND.con.execute(f"INSERT INTO {table.op().name} FROM {ARRIVING}")
    BACKEND.con.unregister(ARRIVING)
    return table


def stored(rows: ir.Table) -> ir.Table:
    """Return the rows of an expression as a table."""
    key = hash(rows.op())
    if key not in _COMPILED:
        _COMPILED[key] = BACKEND.compile(rows)
    return _table(rows.schema(), f"AS {_COMPILED[key]}")


def _table(schema: ibis.Schema, definition: str) -> ir.Table:
    """Create a table whose name is free again once nothing refers to it."""
    prefix = f"rows_{hash(schema) & 0xFFFFFFFF:08x}"
    name, number = _NAMES.take(prefix)
    BACKEND.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} {definition}")
    table = ops.DatabaseTable(name, schema=schema, source=BACKEND, namespace=TEMPORARY)
    weakref.finalize(table, _NAMES.give_back, prefix, number)
    return table.to_expr()
