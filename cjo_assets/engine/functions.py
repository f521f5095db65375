"""Our functions in the engine: what statements may call beside what DuckDB knows.

A database holds them as long as it is open, for all its connections, and never in its file: a reader of stored tables
needs none of them.
"""

from __future__ import annotations

import inspect
from typing import Any

import duckdb
from duckdb.func import PythonUDFType
from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.core.expressions import people, two_sample_tests
from cjo_assets.core.expressions.two_sample_tests import EngineFunction
from cjo_assets.core.quarantine import text_identity

FUNCTIONS = (*two_sample_tests.FUNCTIONS, *people.FUNCTIONS, *text_identity.FUNCTIONS)


def give_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the statements of an open database call our functions; those that it has already stay."""
    for function in FUNCTIONS:
        kind = DuckDBType.to_string(function.result)
        parameters: list[Any] = [DuckDBType.to_string(function.parameter)] * function.parameters
        try:
            # The engine would take each row by itself for a call, and call with nulls; so it is columns without.
            connection.create_function(function.name, _over_arrow(function), parameters, kind, type=PythonUDFType.ARROW)
        except (duckdb.NotImplementedException, duckdb.CatalogException):
            # It has one of this name: ours, for nothing else here creates any.
            continue


def _over_arrow(function: EngineFunction) -> Any:
    """Return the function from Arrow columns to an Arrow column."""

    def over_arrow(*columns: Any) -> Any:
        import pyarrow

        found = function.over_columns(*(column.to_numpy() for column in columns))
        if not function.result.is_struct():
            return pyarrow.array(found, type=function.result.to_pyarrow())
        # The interval itself may not be null where its counts are not; an end of it may.
        parts = [pyarrow.array(part, from_pandas=True) for part in found]
        return pyarrow.StructArray.from_arrays(parts, names=list(function.result.names))

    # The engine counts the parameters that it can see.
    names = [f"column_{number}" for number in range(function.parameters)]
    seen = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    over_arrow.__signature__ = inspect.Signature(seen)  # type: ignore[attr-defined]
    return over_arrow
