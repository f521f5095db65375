"""Readers of the four file formats, which return rows as text."""

from __future__ import annotations

import codecs
import csv
import itertools
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.csv

from cjo_assets.core.contract import Column, columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.ingest.faults import fault_in
from cjo_assets.ingest.headers import listed, renamed, require_columns, require_single
from cjo_assets.ingest.input_settings import TableSettings
from cjo_assets.ingest.parquet_types import columns_with_nanoseconds, inexact_columns, schema_of_file
from cjo_assets.ingest.value_settings import settled

FORMATS = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
# Exceptions of the readers for files that do not have the format of their extension.
UNREADABLE = (duckdb.Error, csv.Error, pyarrow.ArrowException)
BYTE_ORDER_MARK = codecs.BOM_UTF8
CHUNK_BYTES = 1 << 20
RECORD_BYTES = 1 << 24
BATCH_ROWS = 1 << 11
CSV_ROWS = "csv_rows"
PLACE_IN_PARQUET = "file_row_number"
HAS_DOUBLED_KEY = "len(keys) <> len(list_distinct(list_transform(keys, lambda key: lower(key))))"
PARQUET_MARK = b"PAR1"
# Columns of converted files in addition to those of the contract; input files do not have such names.
KEPT_OF_ROWS = {"irregularities": "cjo:irregularities", "record": "cjo:record", "version": "cjo:version"}
PLAIN = TableSettings()
PARQUET_TEXTS = re.compile(r"VARCHAR|UUID|ENUM\(.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|\"NULL\"")


@dataclass(frozen=True)
class Reading:
    """A query for the rows of a file.

    Attributes:
        query: the rows as text; None if there are none.
        note: information about its columns.
        names: a query for the keys of its records, if the file has no header.
        row_number: the position of a row in the file, from 1; counting rows as they are read needs a single thread.
    """

    query: str | None = None
    note: str | None = None
    names: str | None = None
    row_number: str = "row_number() OVER ()"


def reading_of(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    archived: Path,
    dataset: Dataset,
    typed: Collection[str] = (),
    settings: TableSettings = PLAIN,
) -> Reading:
    """Return the query for the rows of an archived file as text; the columns `typed` keep their types.

    Settings apply to a file that is about to be converted; every file in the archive is plain or converted.

    Raises:
        InputError: the file cannot be read.
    """
    file_format = format_of(path)
    if file_format == "parquet" or is_parquet(archived):
        if is_converted(archived):
            return _converted_reading(connection, archived, columns_of(dataset.contract))
        return _parquet_reading(connection, path, archived, dataset, typed, settings)
    with archived.open("rb") as source:
        start = source.read(CHUNK_BYTES)
        source.seek(-min(CHUNK_BYTES, archived.stat().st_size), os.SEEK_END)
        end = source.read()
    if not start.removeprefix(BYTE_ORDER_MARK).strip():
        return Reading()
    if file_format == "csv":
        return _csv_reading(connection, path, archived, dataset, settings)
    if not _is_array(start):
        # Only in this layout DuckDB refuses a byte order mark and treats a file of one byte as empty.
        is_plain = len(start) > 1 and not start.startswith(BYTE_ORDER_MARK)
        layout = "newline_delimited" if is_plain else "unstructured"
        return _json_reading(connection, path, archived, dataset, layout, settings)
    if not end.rstrip().endswith(b"]"):
        place = fault_of(path, archived) or "it may be truncated"
        raise InputError(f"The file {path.name} begins with [ and does not end with ]: {place}.")
    return _json_reading(connection, path, archived, dataset, "array", settings)


def _json_reading(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    archived: Path,
    dataset: Dataset,
    layout: str,
    settings: TableSettings,
) -> Reading:
    specs = columns_of(dataset.contract)
    source = f"read_json_objects({literal(without_wildcards(archived))}, format = '{layout}')"
    all_names = f"SELECT DISTINCT unnest(json_keys(json)) AS name FROM {source} ORDER BY name"
    places = {spec.name: place for place, spec in enumerate(specs, start=1)}
    keys = {spec.name: settings.columns.get(spec.name, spec.name) for spec in specs}
    if settings.given():
        found = [name for (name,) in connection.execute(all_names).fetchall()]
        require_columns(path.name, renamed(path.name, found, settings), specs, dataset.name)
        if settings.newest_by and settings.newest_by not in places:
            keys[settings.newest_by] = settings.newest_by
            places[settings.newest_by] = len(places) + 1
    paths = ", ".join(literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys.values())
    names = ", ".join(map(literal, keys.values()))
    faults, details = _json_faults(specs, keys)
    texts = {name: f"texts[{place}]" for name, place in places.items()}
    are_texts = {name: f"kinds[{place}] = 'VARCHAR'" for name, place in places.items()}
    values, version, more = settled(texts, specs, settings, are_texts)
    faults |= more
    columns = ", ".join(f"{values[spec.name]} AS {quoted(spec.name)}" for spec in specs)
    is_kept = f"irregularities IS NOT NULL OR NOT list_has_all([{names}], keys)"
    record = "json::VARCHAR" if settings.given() else f"CASE WHEN {is_kept} THEN json::VARCHAR END"
    query = f"""
        WITH records AS (
            SELECT json, json_keys(json) AS keys, json_extract_string(json, [{paths}]) AS texts,
                json_type(json, [{paths}]) AS kinds
            FROM {source}
        ), judged AS (
            SELECT *, {_irregularities(faults, details)} AS irregularities
            FROM records
        )
        SELECT {columns}, irregularities, {record} AS record, {version} AS version
        FROM judged
    """
    return Reading(query, names=all_names)


def _json_faults(specs: tuple[Column, ...], keys: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the conditions of irregular JSON records, and those of each duplicate key."""
    faults = {
        "json_type(json) <> 'OBJECT'": "record: not an object",
        HAS_DOUBLED_KEY: "record: a key stands twice",
    }
    # The duplicate key is determined for such records only.
    details = {
        f"len(list_filter(keys, lambda key: lower(key) = {literal(keys[spec.name].lower())})) > 1": (
            f"{spec.name}: stands twice"
        )
        for spec in specs
    }
    for place, spec in enumerate(specs, start=1):
        if spec.free_object:
            continue
        if not spec.type.is_array():
            fault = f"{spec.name}: an object or a list where a value belongs"
            faults[f"coalesce(kinds[{place}] IN ('OBJECT', 'ARRAY'), FALSE)"] = fault
        if spec.type.is_string():
            fault = f"{spec.name}: a number or a truth value where a text belongs"
            # The engine reads a whole number beyond 64 bits as a DOUBLE; its text has all digits.
            is_no_text = f"kinds[{place}] IN ('DOUBLE', 'BOOLEAN') AND NOT regexp_full_match(texts[{place}], '-?\\d+')"
            faults[f"coalesce({is_no_text}, FALSE)"] = fault
    return faults, details


def _csv_reading(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    archived: Path,
    dataset: Dataset,
    settings: TableSettings,
) -> Reading:
    specs = columns_of(dataset.contract)
    with archived.open(encoding="utf-8-sig", newline="") as source:
        csv.field_size_limit(RECORD_BYTES)
        rows = csv.reader(source, strict=True)
        header = next(rows)
        has_rows = any(rows)
    if not header:
        raise InputError(f"The file {path.name} begins with an empty line instead of the names of its columns.")
    names = [name if name.strip() else f"unnamed {place}" for place, name in enumerate(header, start=1)]
    names = renamed(path.name, names, settings)
    require_single(path.name, names)
    require_columns(path.name, names, specs, dataset.name, None if settings.given() else archived)
    if not has_rows:
        return Reading()
    cells = [f"c{place}" for place in range(len(names))]
    connection.register(CSV_ROWS, _csv_rows(archived, cells))
    return _flat_reading(CSV_ROWS, dict(zip(names, cells, strict=True)), {}, specs, settings=settings)


def _csv_rows(archived: Path, cells: list[str]) -> pyarrow.RecordBatchReader:
    """Open the rows of a CSV in order.

    The fast readers mishandle quotes. DuckDB's reader with a single thread drops all rows after an unclosed quote, and
    with several threads a truncated last row at the edge of a buffer; Arrow's reader closes an open quote, and splits a
    line break in a cell at the edge of a block.
    """
    schema = pyarrow.schema([(cell, pyarrow.string()) for cell in cells])
    if _has_quotes(archived):
        return pyarrow.RecordBatchReader.from_batches(schema, _strict_batches(archived, schema))
    return pyarrow.csv.open_csv(
        archived,
        pyarrow.csv.ReadOptions(block_size=RECORD_BYTES, column_names=cells, skip_rows_after_names=1),
        pyarrow.csv.ParseOptions(quote_char=False),
        pyarrow.csv.ConvertOptions(column_types=schema, strings_can_be_null=True, null_values=[""]),
    )


def _strict_batches(archived: Path, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    with archived.open(encoding="utf-8-sig", newline="") as source:
        rows = filter(None, csv.reader(source, strict=True))
        next(rows)
        while batch := list(itertools.islice(rows, BATCH_ROWS)):
            if {len(row) for row in batch} != {len(schema)}:
                raise csv.Error("rows of different lengths")
            columns = ([cell or None for cell in column] for column in zip(*batch, strict=True))
            yield pyarrow.record_batch([pyarrow.array(column, pyarrow.string()) for column in columns], schema)


def _has_quotes(archived: Path) -> bool:
    with archived.open("rb") as source:
        return any(b'"' in chunk for chunk in iter(lambda: source.read(CHUNK_BYTES), b""))


def parquet_types(connection: duckdb.DuckDBPyConnection, archived: Path) -> dict[str, str]:
    """Return the columns of a Parquet file with their types."""
    query = f"DESCRIBE SELECT * FROM {_parquet(archived)}"
    return {name: kind for name, kind, *_ in connection.execute(query).fetchall()}


def parquet_counts(connection: duckdb.DuckDBPyConnection, archived: Path) -> dict[str, int]:
    """Return the number of non-null values of each flat column, as recorded in the file."""
    query = (
        "SELECT path_in_schema, sum(num_values - stats_null_count) FROM parquet_metadata(?) GROUP BY path_in_schema "
        "HAVING count(*) = count(stats_null_count)"
    )
    return {name: int(count) for name, count in connection.execute(query, [without_wildcards(archived)]).fetchall()}


def _parquet(archived: Path) -> str:
    return f"read_parquet({literal(without_wildcards(archived))}, hive_partitioning = false)"


def _parquet_reading(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    archived: Path,
    dataset: Dataset,
    typed: Collection[str],
    settings: TableSettings,
) -> Reading:
    specs = columns_of(dataset.contract)
    source = _parquet(archived)
    types = parquet_types(connection, archived)
    schema = schema_of_file(archived)
    names = renamed(path.name, schema.names, settings)
    require_single(path.name, names)
    own_names = dict(zip(names, schema.names, strict=True))
    places = [] if PLACE_IN_PARQUET in map(str.lower, names) else [PLACE_IN_PARQUET]
    if places:
        source = source.removesuffix(")") + f", {PLACE_IN_PARQUET} = true)"
    if names != schema.names:
        given = [f"{quoted(own)} AS {quoted(name)}" for name, own in own_names.items()]
        source = f"(SELECT {', '.join([*given, *places])} FROM {source})"
        types = dict(zip(names, types.values(), strict=True))
        schema = pyarrow.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    require_columns(path.name, types, specs, dataset.name)
    wanted = {spec.name: spec for spec in specs}
    inexact = inexact_columns(schema)
    for name in inexact.keys() & wanted.keys():
        kind, advice = inexact[name]
        raise InputError(f"The file {path.name} has {kind} in column {name}: {advice}.")
    texts, faults = {}, {}
    for name, kind in types.items():
        is_list, is_nested = kind.endswith("]"), kind.startswith(("STRUCT", "MAP"))
        is_judged = name in wanted and not wanted[name].free_object
        if is_judged and (is_nested or is_list != wanted[name].type.is_array()) and not kind == "VARCHAR":
            raise InputError(
                f"The file {path.name} has {kind} in column {name}, where {wanted[name].type} was expected."
            )
        nested = is_list or is_nested
        texts[name] = f"to_json({quoted(name)})::VARCHAR" if nested else f"{quoted(name)}::VARCHAR"
        if nested:
            texts[name] = f"CASE WHEN {quoted(name)} IS NOT NULL THEN {texts[name]} END"
        if name in inexact:
            texts[name] = literal(f"{inexact[name][0]}, which is not read")
        if is_judged and wanted[name].type.is_string() and not PARQUET_TEXTS.fullmatch(kind):
            faults[f"{quoted(name)} IS NOT NULL"] = f"{name}: {kind} where a text belongs"
    values = {name: quoted(name) for name in typed if name in types}
    cut = [field.name for field in schema if field.name in wanted and _is_cut(field.type, types[field.name])]
    finer = columns_with_nanoseconds(archived, [own_names[name] for name in cut])
    are_texts = {name: "TRUE" if kind == "VARCHAR" else "FALSE" for name, kind in types.items()}
    reading = _flat_reading(
        source, texts, faults, specs, *places, values=values, settings=settings, are_texts=are_texts
    )
    if places:
        reading = replace(reading, row_number=f"{PLACE_IN_PARQUET} + 1")
    notes = [reading.note, f"nanoseconds cut to microseconds in {listed(finer)}" if finer else None]
    return replace(reading, note="; ".join(filter(None, notes)) or None)


def _is_cut(kind: pyarrow.DataType, read_as: str) -> bool:
    """Return whether the engine truncates a column of nanoseconds to microseconds."""
    return pyarrow.types.is_timestamp(kind) and kind.unit == "ns" and read_as != "TIMESTAMP_NS"


def _flat_reading(
    source: str,
    texts: dict[str, str],
    faults: dict[str, str],
    specs: tuple[Column, ...],
    *places: str,
    values: dict[str, str] | None = None,
    settings: TableSettings = PLAIN,
    are_texts: dict[str, str] | None = None,
) -> Reading:
    as_settled, version, more = settled(texts, specs, settings, are_texts or {})
    faults |= more
    shown = as_settled | (values or {})
    columns = ", ".join(f"{shown.get(spec.name, 'NULL::VARCHAR')} AS {quoted(spec.name)}" for spec in specs)
    unknown = sorted(texts.keys() - {spec.name for spec in specs})
    everything = ", ".join(f"{literal(name)}, {text}" for name, text in texts.items())
    record = f"json_object({everything})::VARCHAR" if unknown or settings.given() else "NULL::VARCHAR"
    known = [f"{_irregularities(faults)} AS irregularities", f"{record} AS record", f"{version} AS version"]
    selected = ", ".join([columns, *known, *places])
    query = f"SELECT {selected} FROM {source}"
    return Reading(query, f"columns nobody reads: {listed(unknown)}" if unknown else None)


def _converted_reading(connection: duckdb.DuckDBPyConnection, archived: Path, specs: tuple[Column, ...]) -> Reading:
    """Return the query for the rows of a converted file: texts, and the faults found at conversion."""
    types = parquet_types(connection, archived)
    columns = [quoted(spec.name) if spec.name in types else f"NULL::VARCHAR AS {quoted(spec.name)}" for spec in specs]
    columns += [f"{quoted(kept)} AS {name}" for name, kept in KEPT_OF_ROWS.items()]
    source = _parquet(archived).removesuffix(")") + f", {PLACE_IN_PARQUET} = true)"
    query = f"SELECT {', '.join([*columns, PLACE_IN_PARQUET])} FROM {source}"
    return Reading(query, row_number=f"{PLACE_IN_PARQUET} + 1")


def is_parquet(archived: Path) -> bool:
    """Return whether a file is Parquet, independent of its name."""
    with archived.open("rb") as source:
        start = source.read(len(PARQUET_MARK))
        source.seek(-min(len(PARQUET_MARK), archived.stat().st_size), os.SEEK_END)
        return start == PARQUET_MARK == source.read()


def is_converted(archived: Path) -> bool:
    """Return whether a file of the archive was converted by settings."""
    return is_parquet(archived) and set(KEPT_OF_ROWS.values()) <= set(schema_of_file(archived).names)


def _irregularities(faults: dict[str, str], details: dict[str, str] | None = None) -> str:
    """Return an expression for the faults of a row by their conditions; null if there are none.

    Args:
        faults: the faults by their conditions.
        details: further faults, possible only in a row that has one of `faults`.
    """
    if not faults:
        return "NULL::VARCHAR[]"
    possible = faults | (details or {})
    listed = ", ".join(f"CASE WHEN {condition} THEN {literal(fault)} END" for condition, fault in possible.items())
    return f"CASE WHEN {' OR '.join(faults)} THEN list_filter([{listed}], lambda fault: fault IS NOT NULL) END"


def fault_of(path: Path, archived: Path) -> str | None:
    """Return the fault of a file that was refused, and its line; None if Python finds none."""
    return fault_in(format_of(path), archived)


def format_of(path: Path) -> str:
    """Return the format of the extension of a file."""
    return FORMATS[path.suffix.lower()]


def _is_array(start: bytes) -> bool:
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")


def without_wildcards(path: Path) -> str:
    """Return a path that DuckDB reads as one file, with wildcards in it escaped."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))
