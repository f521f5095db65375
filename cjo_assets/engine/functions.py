"""Registration of Python functions in DuckDB, for statements that need more than built-in functions.

A database has them while it is open, for all its connections, and never in its file: readers of stored tables do not
need them.
"""

from __future__ import annotations

import inspect
from typing import Any

import duckdb
from duckdb.func import PythonUDFType
from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.core.expressions import people, posteriors, power, two_sample_tests
from cjo_assets.core.expressions.two_sample_tests import EngineFunction
from cjo_assets.core.quarantine import text_identity

FUNCTIONS = (
    *two_sample_tests.FUNCTIONS,
    *posteriors.FUNCTIONS,
    *power.FUNCTIONS,
    *people.FUNCTIONS,
    *text_identity.FUNCTIONS,
)


def give_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions in an open database, unless they are registered already."""
    for function in FUNCTIONS:
        kind = DuckDBType.to_string(function.result)
        parameters: list[Any] = [DuckDBType.to_string(function.parameter)] * function.parameters
        try:
            # Arrow batches, because DuckDB would call a native function once per row and handle nulls itself.
            connection.create_function(function.name, _over_arrow(function), parameters, kind, type=PythonUDFType.ARROW)
        except (duckdb.NotImplementedException, duckdb.CatalogException):
            # A function with this name is registered already, by an earlier connection.
            continue


def _over_arrow(function: EngineFunction) -> Any:
    """Wrap a function on NumPy columns as one on Arrow columns."""

    def over_arrow(*columns: Any) -> Any:
        import pyarrow

        found = function.over_columns(*(column.to_numpy() for column in columns))
        if not function.result.is_struct():
            return pyarrow.array(found, type=function.result.to_pyarrow())
        # The interval may not be null where its counts are not; its ends may be.
        parts = [pyarrow.array(part, from_pandas=True) for part in found]
        return pyarrow.StructArray.from_arrays(parts, names=list(function.result.names))

    # The engine counts the parameters of the signature.
    names = [f"column_{number}" for number in range(function.parameters)]
    seen = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    over_arrow.__signature__ = inspect.Signature(seen)  # type: ignore[attr-defined]
    return over_arrow
