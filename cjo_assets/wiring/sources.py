"""Files to raw tables: found by name, archived by content, read as text.

Belongs here: the four formats (JSON array, NDJSON, CSV, Parquet) and what makes a file incomprehensible. Does not
belong here: whether a row is any good; that is the judgement of its dataset.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from cjo_assets.shared.contract import Column, columns_of
from cjo_assets.shared.dataset import Dataset
from cjo_assets.shared.quarantine import RAW_COLUMNS
from cjo_assets.wiring.errors import InputError
from cjo_assets.wiring.tables import MANIFEST as MANIFEST_TABLE
from cjo_assets.wiring.tables import RAW
from cjo_assets.wiring.transaction import transaction

FORMATS = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
MANIFEST = f"{RAW}.{MANIFEST_TABLE}"
MANIFEST_COLUMNS = "dataset VARCHAR, source_file VARCHAR, file_sha256 VARCHAR, rows_read BIGINT, note VARCHAR"
BYTE_ORDER_MARK = codecs.BOM_UTF8
CHUNK_BYTES = 1 << 20
RECORD_BYTES = 1 << 24
BATCH_ROWS = 1 << 11
CSV_ROWS = "csv_rows"
NAMES_SHOWN, CHARACTERS_SHOWN = 20, 200
LINE_FEED = "\n"
HALF_A_PAIR = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
PARQUET_TEXTS = re.compile(r"VARCHAR|UUID|ENUM\(.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|\"NULL\"")


@dataclass(frozen=True)
class Loaded:
    """One dataset as it stands in the raw schema.

    Attributes:
        dataset: its name.
        source_file: name of the file; None where there is none.
        rows: rows read.
        note: what a person should know; None where all is as expected.
        is_unchanged: the same file stood there already and was not read again.
    """

    dataset: str
    source_file: str | None
    file_sha256: str | None
    rows: int
    note: str | None
    is_unchanged: bool


def raw_schema(dataset: Dataset) -> dict[str, str]:
    """Return the columns of a raw table: the contract's as text, and where each row came from."""
    return {spec.name: "VARCHAR" for spec in columns_of(dataset.contract)} | {
        "source_file": "VARCHAR",
        "source_row": "BIGINT",
        "file_sha256": "VARCHAR",
        "irregularities": "VARCHAR[]",
        "record": "VARCHAR",
    }


def find_file(data: Path, family: str, dataset: str) -> Path | None:
    """Return the file of a dataset, in the folder of its family or in the data folder itself.

    Raises:
        InputError: the folder does not exist, or the dataset has two files or one that is none.
    """
    found = [path for path in _namesakes(data, family, dataset) if _is_named(path, dataset)]
    if len(found) > 1:
        names = " and ".join(str(path.relative_to(data)) for path in found)
        raise InputError(f"The dataset {dataset} has more than one file: {names}. Keep one of them.")
    if found and not found[0].is_file():
        raise InputError(f"{found[0]} is a folder or leads nowhere, where a file was expected.")
    return found[0] if found else None


def load_dataset(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, data: Path, family: str, archive: Path
) -> Loaded:
    """Bring a dataset's file into the raw schema, unless the very same file is there already.

    Raises:
        InputError: the file is missing or empty and must not be, or it cannot be understood.
    """
    path = find_file(data, family, dataset.name)
    if path is None:
        endings = ", ".join(sorted(FORMATS))
        others = [other.name for other in _namesakes(data, family, dataset.name)]
        unread = f" ({_listed(others)}: the ending is none of {endings})" if others else ""
        if not dataset.may_be_empty:
            raise InputError(
                f"The dataset {dataset.name} is required: {data} holds no {dataset.name} file ({endings}){unread}."
            )
        return _store(connection, dataset, None, None, _Reading(note=f"no file: nothing is known of it{unread}"))
    sha256, archived = _archived(path, archive)
    known = connection.execute(
        f"SELECT rows_read, note FROM {MANIFEST} WHERE dataset = ? AND source_file = ? AND file_sha256 = ?",
        [dataset.name, path.name, sha256],
    ).fetchone()
    if known is not None:
        return Loaded(dataset.name, path.name, sha256, known[0], known[1], is_unchanged=True)
    try:
        return _store(connection, dataset, path.name, sha256, _reading(connection, path, archived, dataset))
    except (duckdb.Error, csv.Error, pyarrow.ArrowInvalid) as error:
        reason = _fault(path, archived) or _reason(error).replace(str(archived), path.name)
        raise InputError(f"The file {path.name} cannot be read as {_format(path)}: {reason}.") from error
    finally:
        connection.unregister(CSV_ROWS)


def latest_date(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> str | None:
    """Return the latest date in any date column of the raw tables that is not in the future (YYYY-MM-DD)."""
    columns = [(dataset, spec) for dataset in datasets for spec in columns_of(dataset.contract)]
    queries = [
        f"SELECT max(day) AS day FROM (SELECT {_day(spec)} AS day FROM {RAW}.{dataset.name} "
        f"WHERE regexp_matches({_quoted(spec.name)}, '^\\d{{4}}-\\d{{2}}-\\d{{2}}([T ]|$)')) "
        "WHERE day BETWEEN DATE '0001-01-01' AND current_date"
        for dataset, spec in columns
        if spec.type.is_temporal()
    ]
    row = connection.execute(f"SELECT max(day)::VARCHAR FROM ({' UNION ALL '.join(queries)})").fetchone()
    return row[0] if row else None


@dataclass(frozen=True)
class _Reading:
    """How the rows of a file are read.

    Attributes:
        query: the rows as text; None where there are none.
        note: what a person should know about its columns.
        names: a query for the names its records use, where no header tells.
    """

    query: str | None = None
    note: str | None = None
    names: str | None = None


def _namesakes(data: Path, family: str, dataset: str) -> list[Path]:
    """Return everything in the folders that bears the name of a dataset, whatever its ending."""
    try:
        if not data.is_dir():
            raise InputError(f"The data folder {data} does not exist or is no folder.")
        folders = [folder for folder in (data, data / family) if folder.is_dir()]
        paths = [path for folder in folders for path in sorted(folder.iterdir())]
    except OSError as error:
        raise InputError(f"The data folder {error.filename} cannot be read: {error.strerror}.") from error
    return [path for path in paths if path.name.lower().startswith(f"{dataset}.")]


def _is_named(path: Path, dataset: str) -> bool:
    return path.stem.lower() == dataset and path.suffix.lower() in FORMATS


def _day(spec: Column) -> str:
    if spec.type.is_timestamp():
        return f"TRY_CAST({_quoted(spec.name)} AS TIMESTAMPTZ)::TIMESTAMP::DATE"
    return f"TRY_CAST(substr({_quoted(spec.name)}, 1, 10) AS DATE)"


def _archived(path: Path, archive: Path) -> tuple[str, Path]:
    """Copy a file into the archive under the hash of its bytes, so that what is read is what was hashed."""
    is_text = FORMATS[path.suffix.lower()] != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest, size = hashlib.sha256(), 0
    partial = archive / f".{path.name}.{os.getpid()}"
    try:
        archive.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, partial.open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
                if is_text:
                    decoder.decode(chunk)
                size += len(chunk)
            if is_text:
                decoder.decode(b"", final=True)
        archived = archive / digest.hexdigest()
        if not archived.exists():
            shutil.move(partial, archived)
        return digest.hexdigest(), archived
    except UnicodeDecodeError as error:
        raise InputError(
            f"The file {path.name} is not UTF-8: {error.reason} near byte {size + error.start}."
        ) from error
    except OSError as error:
        raise InputError(
            f"The file {path} cannot be copied into {archive}: {error.strerror} ({error.filename})."
        ) from error
    finally:
        if archive.is_dir():
            partial.unlink(missing_ok=True)


def _reading(connection: duckdb.DuckDBPyConnection, path: Path, archived: Path, dataset: Dataset) -> _Reading:
    specs = columns_of(dataset.contract)
    file_format = _format(path)
    if file_format == "parquet":
        return _parquet_reading(connection, path, archived, specs)
    with archived.open("rb") as source:
        start = source.read(CHUNK_BYTES)
        source.seek(-min(CHUNK_BYTES, archived.stat().st_size), os.SEEK_END)
        end = source.read()
    if not start.removeprefix(BYTE_ORDER_MARK).strip():
        return _Reading()
    if file_format == "csv":
        return _csv_reading(connection, path, archived, specs)
    if not _is_array(start):
        # In this layout alone DuckDB refuses a byte order mark and takes a file of one byte for empty.
        is_plain = len(start) > 1 and not start.startswith(BYTE_ORDER_MARK)
        layout = "newline_delimited" if is_plain else "unstructured"
        return _json_reading(archived, specs, layout)
    if not end.rstrip().endswith(b"]"):
        place = _fault(path, archived) or "it may be cut short"
        raise InputError(f"The file {path.name} begins a JSON array and does not end with ]: {place}.")
    return _json_reading(archived, specs, "array")


def _json_reading(archived: Path, specs: tuple[Column, ...], layout: str) -> _Reading:
    paths = ", ".join(_literal(f'$."{spec.name}"') for spec in specs)
    names = ", ".join(_literal(spec.name) for spec in specs)
    source = f"read_json_objects({_literal(_without_wildcards(archived))}, format = '{layout}')"
    faults = {
        "json_type(json) <> 'OBJECT'": "record: not an object",
        "len(keys) <> len(list_distinct(keys))": "record: a key stands twice",
    }
    for place, spec in enumerate(specs, start=1):
        if not spec.type.is_array():
            fault = f"{spec.name}: an object or a list where a value belongs"
            faults[f"coalesce(kinds[{place}] IN ('OBJECT', 'ARRAY'), FALSE)"] = fault
        if spec.type.is_string():
            fault = f"{spec.name}: a number or a truth value where a text belongs"
            faults[f"coalesce(kinds[{place}] IN ('DOUBLE', 'BOOLEAN'), FALSE)"] = fault
    columns = ", ".join(f'texts[{place}] AS "{spec.name}"' for place, spec in enumerate(specs, start=1))
    query = f"""
        WITH records AS (
            SELECT json, json_keys(json) AS keys, json_extract_string(json, [{paths}]) AS texts,
                json_type(json, [{paths}]) AS kinds
            FROM {source}
        ), judged AS (
            SELECT *, {_irregularities(faults)} AS irregularities
            FROM records
        )
        SELECT {columns}, irregularities,
            CASE WHEN irregularities IS NOT NULL OR NOT list_has_all([{names}], keys) THEN json::VARCHAR END AS record
        FROM judged
    """
    return _Reading(query, names=f"SELECT DISTINCT unnest(json_keys(json)) AS name FROM {source} ORDER BY name")


def _csv_reading(
    connection: duckdb.DuckDBPyConnection, path: Path, archived: Path, specs: tuple[Column, ...]
) -> _Reading:
    with archived.open(encoding="utf-8-sig", newline="") as source:
        csv.field_size_limit(RECORD_BYTES)
        rows = csv.reader(source, strict=True)
        header = next(rows)
        has_rows = any(rows)
    if not header:
        raise InputError(f"The file {path.name} begins with an empty line, where the names of its columns belong.")
    names = [name if name.strip() else f"unnamed {place}" for place, name in enumerate(header, start=1)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"The file {path.name} has a column twice in its header: {_listed(repeated)}.")
    _require_columns(path.name, names, specs)
    if not has_rows:
        return _Reading()
    cells = [f"c{place}" for place in range(len(names))]
    connection.register(CSV_ROWS, _csv_rows(archived, cells))
    return _flat_reading(CSV_ROWS, dict(zip(names, cells, strict=True)), {}, specs)


def _csv_rows(archived: Path, cells: list[str]) -> pyarrow.RecordBatchReader:
    """Open the rows of a CSV, in their order.

    No fast reader is to be trusted with quotes. DuckDB's drops, in a single thread, all that follows a quote nobody
    closes, and in several a last row that is cut short at the edge of a buffer; Arrow's takes an open quote for closed,
    and a line break inside a cell loses half of itself at the edge of a block.
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


def _parquet_reading(
    connection: duckdb.DuckDBPyConnection, path: Path, archived: Path, specs: tuple[Column, ...]
) -> _Reading:
    source = f"read_parquet({_literal(_without_wildcards(archived))}, hive_partitioning = false)"
    types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    _require_columns(path.name, types, specs)
    wanted = {spec.name: spec for spec in specs}
    texts, faults = {}, {}
    for name, kind in types.items():
        is_list, is_nested = kind.endswith("]"), kind.startswith(("STRUCT", "MAP"))
        if name in wanted and (is_nested or is_list != wanted[name].type.is_array()) and not kind == "VARCHAR":
            raise InputError(
                f"The file {path.name} has {kind} in column {name}, where {wanted[name].type} was expected."
            )
        nested = is_list or is_nested
        texts[name] = f"to_json({_quoted(name)})::VARCHAR" if nested else f"{_quoted(name)}::VARCHAR"
        if nested:
            texts[name] = f"CASE WHEN {_quoted(name)} IS NOT NULL THEN {texts[name]} END"
        if name in wanted and wanted[name].type.is_string() and not PARQUET_TEXTS.fullmatch(kind):
            faults[f"{_quoted(name)} IS NOT NULL"] = f"{name}: {kind} where a text belongs"
    return _flat_reading(source, texts, faults, specs)


def _flat_reading(source: str, texts: dict[str, str], faults: dict[str, str], specs: tuple[Column, ...]) -> _Reading:
    columns = ", ".join(f"{texts.get(spec.name, 'NULL::VARCHAR')} AS {_quoted(spec.name)}" for spec in specs)
    unknown = sorted(texts.keys() - {spec.name for spec in specs})
    everything = ", ".join(f"{_literal(name)}, {text}" for name, text in texts.items())
    record = f"json_object({everything})::VARCHAR" if unknown else "NULL::VARCHAR"
    query = f"SELECT {columns}, {_irregularities(faults)} AS irregularities, {record} AS record FROM {source}"
    return _Reading(query, f"columns nobody reads: {_listed(unknown)}" if unknown else None)


def _irregularities(faults: dict[str, str]) -> str:
    """Return an expression for the faults of a row, given when each holds; null where none does."""
    if not faults:
        return "NULL::VARCHAR[]"
    listed = ", ".join(f"CASE WHEN {condition} THEN {_literal(fault)} END" for condition, fault in faults.items())
    return f"CASE WHEN {' OR '.join(faults)} THEN list_filter([{listed}], lambda fault: fault IS NOT NULL) END"


def _require_columns(source_file: str, names: Collection[str], specs: Iterable[Column]) -> None:
    if any("\0" in name for name in names):
        raise InputError(f"The file {source_file} has a NUL character in the name of a column.")
    absent = [spec.name for spec in specs if not spec.nullable and spec.name not in names]
    if absent:
        present = f"its columns are {_listed(names)}" if names else "none of its records is an object"
        is_one_cell = len(names) == 1 and any(mark in name for name in names for mark in ";\t|")
        separator = "; cells are separated by commas" if is_one_cell else ""
        raise InputError(f"The file {source_file} lacks the required {', '.join(absent)}: {present}{separator}.")


def _store(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    source_file: str | None,
    sha256: str | None,
    reading: _Reading,
) -> Loaded:
    specs = columns_of(dataset.contract)
    names = ", ".join(_quoted(spec.name) for spec in specs)
    with transaction(connection):
        connection.execute(f"DELETE FROM {MANIFEST} WHERE dataset = ?", [dataset.name])
        connection.execute(f"TRUNCATE {RAW}.{dataset.name}")
        if reading.query is not None:
            connection.execute(
                f"INSERT INTO {RAW}.{dataset.name} ({names}, {', '.join(RAW_COLUMNS)}) "
                f"SELECT {names}, ?, row_number() OVER (), ?, irregularities, record FROM ({reading.query})",
                [source_file, sha256],
            )
        filled = connection.execute(
            f"SELECT count(*), {', '.join(f'count({_quoted(spec.name)})' for spec in specs)} FROM {RAW}.{dataset.name}"
        ).fetchone()
        rows, *counts = filled or (0,)
        if rows == 0 and not dataset.may_be_empty:
            raise InputError(f"The file {source_file} holds no row; at least one of {dataset.name} is required.")
        unfilled = [spec for spec, count in zip(specs, counts, strict=True) if rows and not count]
        if reading.names and any(not spec.nullable for spec in unfilled):
            used = [name for (name,) in connection.execute(reading.names).fetchall()]
            _require_columns(source_file or "", used, unfilled)
        note = _note(connection, dataset, rows, [spec.name for spec in unfilled if spec.nullable], reading.note)
        connection.execute(
            f"INSERT INTO {MANIFEST} VALUES (?, ?, ?, ?, ?)", [dataset.name, source_file, sha256, rows, note]
        )
    return Loaded(dataset.name, source_file, sha256, rows, note, is_unchanged=False)


def _note(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: int, empty: list[str], note: str | None
) -> str | None:
    if rows == 0:
        return note or "the file holds no row"
    notes = [note] if note else []
    if not note:
        unknown = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(record)) AS name FROM {RAW}.{dataset.name} "
            "WHERE record IS NOT NULL AND json_type(record) = 'OBJECT' ORDER BY name"
        ).fetchall()
        wanted = {spec.name for spec in columns_of(dataset.contract)}
        names = [name for (name,) in unknown if name not in wanted]
        notes += [f"columns nobody reads: {_listed(names)}"] if names else []
    notes += [f"no value in any row for {', '.join(empty)}"] if empty else []
    return "; ".join(notes) or None


def _fault(path: Path, archived: Path) -> str | None:
    """Return what is wrong with a file that was refused, and on which line; None where Python finds nothing."""
    find = {"json": _json_fault, "ndjson": _json_fault, "csv": _csv_fault}.get(_format(path))
    try:
        return find(archived) if find else None
    except RecursionError:
        return None


def _json_fault(archived: Path) -> str | None:
    text = archived.read_text(encoding="utf-8-sig")
    parse = json.JSONDecoder(object_pairs_hook=len, parse_int=str, parse_float=str).decode
    is_whole = _is_array(text.encode())
    for number, piece in enumerate([text] if is_whole else text.split(LINE_FEED), start=1):
        try:
            parse(piece if piece.strip() else "{}")
        except json.JSONDecodeError as error:
            read_as = "" if is_whole else "it is no JSON array, and read as one record a line it fails in "
            line = error.lineno if is_whole else number
            return f"{read_as}line {line}, column {error.colno}: {error.msg}"
    half = HALF_A_PAIR.search(text)
    return f"line {text.count(LINE_FEED, 0, half.start()) + 1}: half a surrogate pair" if half else None


def _csv_fault(archived: Path) -> str | None:
    with archived.open(encoding="utf-8-sig", newline="") as source:
        rows = csv.reader(source, strict=True)
        first_line = 1
        try:
            header = next(rows)
            first_line = rows.line_num + 1
            for row in rows:
                if row and len(row) != len(header):
                    return f"line {first_line}: {len(row)} cell(s), where the header has {len(header)}"
                first_line = rows.line_num + 1
        except csv.Error as error:
            return f"line {first_line}: {error}"
    return None


def _reason(error: Exception) -> str:
    """Return the first line of what the engine says, without its advice on options nobody can set."""
    first_line = (str(error) or repr(error)).splitlines()[0]
    reason = first_line.partition("Error: ")[2] or first_line
    return reason[:CHARACTERS_SHOWN].rstrip(". ")


def _listed(names: Collection[str]) -> str:
    """List names that a stranger chose: as many as a person reads, and nothing a terminal would obey."""
    shown = [name if name.isprintable() else repr(name) for name in names][:NAMES_SHOWN]
    rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(name[:CHARACTERS_SHOWN] for name in shown) + rest


def _format(path: Path) -> str:
    return FORMATS[path.suffix.lower()]


def _is_array(start: bytes) -> bool:
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")


def _without_wildcards(path: Path) -> str:
    """Return a path that DuckDB takes for one file, whatever characters its folders bear."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
