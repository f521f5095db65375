"""Types of Parquet columns that the engine does not read exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pyarrow.types as kinds
from pyarrow import compute

# DuckDB reads a decimal of more digits as a DOUBLE, and of most widths as another number.
DECIMAL_DIGITS = 38
ADVICE = {
    "decimal": f"decimals of more than {DECIMAL_DIGITS} digits are not read exactly: write at most {DECIMAL_DIGITS}",
    "half": "half floats are not read exactly: write 32 or 64 bits",
    "duration": "durations lose their unit: write a number, with the unit of the dataset",
    "other": "this type is not supported: write text, a number, a boolean, a date or a timestamp",
}


def schema_of_file(archived: Path) -> pyarrow.Schema:
    """Return the Arrow schema of a Parquet file, with duplicate names."""
    return pyarrow.parquet.read_schema(archived)


def inexact_columns(schema: pyarrow.Schema) -> dict[str, tuple[str, str]]:
    """Return the columns whose values the engine does not read exactly: type and advice, by name."""
    found = {}
    for field in schema:
        inexact = _inexact(field.type)
        if inexact is not None:
            found[field.name] = inexact
    return found


def doubled_names(names: Collection[str]) -> list[str]:
    """Return names that occur more than once, ignoring case."""
    counts = Counter(name.casefold() for name in names)
    return [name for name in names if counts[name.casefold()] > 1]


def columns_with_nanoseconds(archived: Path, names: Iterable[str]) -> list[str]:
    """Return the columns of instants with values finer than a microsecond."""
    with pyarrow.parquet.ParquetFile(archived) as file:
        return [name for name in names if any(map(_has_nanoseconds, file.iter_batches(columns=[name])))]


def _has_nanoseconds(batch: pyarrow.RecordBatch) -> bool:
    values = batch.column(0).cast("int64")
    whole = compute.multiply(compute.divide(values, 1000), 1000)
    return bool(compute.any(compute.not_equal(values, whole)).as_py())


def _inexact(kind: pyarrow.DataType) -> tuple[str, str] | None:
    """Return the part of a type that is not read exactly, with advice."""
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _inexact(kind.storage_type)
    if kinds.is_dictionary(kind):
        return _inexact(kind.value_type)
    if kinds.is_nested(kind):
        parts = [kind.field(place).type for place in range(kind.num_fields)]
        return next((found for found in map(_inexact, parts) if found is not None), None)
    if kinds.is_decimal(kind):
        return (
            (f"DECIMAL({kind.precision}, {kind.scale})", ADVICE["decimal"]) if kind.precision > DECIMAL_DIGITS else None
        )
    if kinds.is_float16(kind):
        return "FLOAT16", ADVICE["half"]
    if kinds.is_duration(kind):
        return "DURATION", ADVICE["duration"]
    is_exact = kinds.is_primitive(kind) or kinds.is_null(kind) or _is_bytes(kind)
    return None if is_exact and not kinds.is_interval(kind) else (str(kind).upper(), ADVICE["other"])


def _is_bytes(kind: pyarrow.DataType) -> bool:
    tests = (
        kinds.is_string,
        kinds.is_large_string,
        kinds.is_string_view,
        kinds.is_binary,
        kinds.is_large_binary,
        kinds.is_binary_view,
        kinds.is_fixed_size_binary,
    )
    return any(is_kind(kind) for is_kind in tests)
