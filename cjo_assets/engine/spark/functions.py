"""Registration of Python functions in Spark, for statements that need more than built-in functions.

Workers run them in Python with numpy, scipy, pandas and pyarrow; this package is not required there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cjo_assets.core.expressions import people, posteriors, power, two_sample_tests
from cjo_assets.core.expressions.two_sample_tests import EngineFunction
from cjo_assets.core.quarantine import text_identity
from cjo_assets.engine.functions import FUNCTIONS
from cjo_assets.policy import identity

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INTERVAL = "struct<low: double, high: double>"


def register_functions(session: SparkSession) -> None:
    """Register the functions in a session."""
    from pyspark import cloudpickle
    from pyspark.sql.functions import pandas_udf

    # Pickles the functions themselves, not a reference to a module that workers may lack.
    for module in (identity, two_sample_tests, posteriors, power, people, text_identity):
        cloudpickle.register_pickle_by_value(module)
    for function in FUNCTIONS:
        kind = INTERVAL if function.result.is_struct() else "string" if function.result.is_string() else "double"
        session.udf.register(function.name, pandas_udf(_over_series(function), kind))


def _over_series(function: EngineFunction) -> Callable[..., Any]:
    """Wrap a function on NumPy columns as one on pandas series, which returns a series or a frame of interval ends.

    Null arrives as NaN, and NaN is returned as null.
    """
    import pandas  # type: ignore[import-untyped]

    over_columns, is_interval = function.over_columns, function.result.is_struct()
    kind = object if function.parameter.is_string() else float

    def over_series(*columns: Any) -> Any:
        found = over_columns(*(column.to_numpy(dtype=kind) for column in columns))
        return pandas.DataFrame(dict(zip(("low", "high"), found, strict=True))) if is_interval else pandas.Series(found)

    # Spark derives the kind of the function from its annotations.
    over_series.__annotations__ = {
        "columns": pandas.Series,
        "return": pandas.DataFrame if is_interval else pandas.Series,
    }
    return over_series
