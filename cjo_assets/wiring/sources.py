"""Files to raw tables: found by name, archived by content, read as text.

Belongs here: the four formats (JSON array, NDJSON, CSV, Parquet) and what makes a file incomprehensible. Does not belong
here: whether a row is any good; that is the judgement of its dataset.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cjo_assets.shared.contract import Column, columns_of
from cjo_assets.shared.dataset import Dataset
from cjo_assets.shared.quarantine import RAW_COLUMNS
from cjo_assets.wiring.errors import InputError
from cjo_assets.wiring.tables import MANIFEST as MANIFEST_TABLE
from cjo_assets.wiring.tables import RAW

FORMATS = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
MANIFEST = f"{RAW}.{MANIFEST_TABLE}"
MANIFEST_COLUMNS = "dataset VARCHAR, source_file VARCHAR, file_sha256 VARCHAR, rows_read BIGINT, note VARCHAR"
BYTE_ORDER_MARK = codecs.BOM_UTF8
CHUNK_BYTES = 1 << 20


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
        InputError: the folder does not exist, or the dataset has two files.
    """
    if not data.is_dir():
        raise InputError(f"The data folder {data} does not exist or is no folder.")
    found = [
        path
        for folder in (data, data / family)
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.stem == dataset and path.suffix.lower() in FORMATS and path.is_file()
    ]
    if len(found) > 1:
        names = " and ".join(str(path.relative_to(data)) for path in found)
        raise InputError(f"The dataset {dataset} has more than one file: {names}. Keep one of them.")
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
        if not dataset.may_be_empty:
            endings = ", ".join(sorted(FORMATS))
            raise InputError(
                f"The dataset {dataset.name} is required: {data} holds no {dataset.name} file ({endings})."
            )
        return _store(connection, dataset, None, None, "SELECT NULL WHERE FALSE", "no file: nothing is known of it")
    sha256, archived = _archived(path, archive)
    known = connection.execute(
        f"SELECT rows_read, note FROM {MANIFEST} WHERE dataset = ? AND source_file = ? AND file_sha256 = ?",
        [dataset.name, path.name, sha256],
    ).fetchone()
    if known is not None:
        return Loaded(dataset.name, path.name, sha256, known[0], known[1], is_unchanged=True)
    try:
        query, note = _reader(connection, path, archived, dataset)
        return _store(connection, dataset, path.name, sha256, query, note)
    except (duckdb.Error, UnicodeDecodeError, csv.Error) as error:
        reason = str(error).replace(str(archived), path.name).split("\n\n")[0].strip()
        raise InputError(f"The file {path.name} cannot be read as {_format(path)}: {reason}") from error


def latest_date(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> str | None:
    """Return the latest date in any date column of the raw tables that is not in the future (YYYY-MM-DD)."""
    queries = [
        f'SELECT max(TRY_CAST(substr("{spec.name}", 1, 10) AS DATE)) '
        f'FILTER (TRY_CAST(substr("{spec.name}", 1, 10) AS DATE) <= current_date) AS day FROM raw.{dataset.name}'
        for dataset in datasets
        for spec in columns_of(dataset.contract)
        if spec.type.is_temporal()
    ]
    row = connection.execute(f"SELECT max(day)::VARCHAR FROM ({' UNION ALL '.join(queries)})").fetchone()
    return row[0] if row else None


def _archived(path: Path, archive: Path) -> tuple[str, Path]:
    """Copy a file into the archive under the hash of its bytes, so that what is read is what was hashed."""
    archive.mkdir(parents=True, exist_ok=True)
    is_text = FORMATS[path.suffix.lower()] != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest, size = hashlib.sha256(), 0
    partial = archive / f".{path.name}.{os.getpid()}"
    try:
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
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _reader(
    connection: duckdb.DuckDBPyConnection, path: Path, archived: Path, dataset: Dataset
) -> tuple[str, str | None]:
    """Return a query for the rows of a file as text, and a note about its columns."""
    specs = columns_of(dataset.contract)
    file_format = _format(path)
    with archived.open("rb") as source:
        start = source.read(CHUNK_BYTES)
    if file_format != "parquet" and not start.removeprefix(BYTE_ORDER_MARK).strip():
        return "SELECT NULL WHERE FALSE", None
    if file_format == "csv":
        return _csv_reader(path, archived, specs)
    if file_format == "parquet":
        return _parquet_reader(connection, path, archived, specs)
    is_array = start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")
    return _json_reader(archived, specs, "array" if is_array else "newline_delimited"), None


def _json_reader(archived: Path, specs: tuple[Column, ...], layout: str) -> str:
    paths = ", ".join(_literal(f'$."{spec.name}"') for spec in specs)
    names = ", ".join(_literal(spec.name) for spec in specs)
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
    listed = ", ".join(f"CASE WHEN {condition} THEN {_literal(fault)} END" for condition, fault in faults.items())
    columns = ", ".join(f'texts[{place}] AS "{spec.name}"' for place, spec in enumerate(specs, start=1))
    return f"""
        WITH records AS (
            SELECT json, json_keys(json) AS keys, json_extract_string(json, [{paths}]) AS texts,
                json_type(json, [{paths}]) AS kinds
            FROM read_json_objects({_literal(str(archived))}, format = '{layout}')
        ), judged AS (
            SELECT *, CASE WHEN {" OR ".join(faults)} THEN list_filter([{listed}], lambda fault: fault IS NOT NULL) END
                AS irregularities
            FROM records
        )
        SELECT {columns}, irregularities,
            CASE WHEN irregularities IS NOT NULL OR NOT list_has_all([{names}], keys) THEN json::VARCHAR END AS record
        FROM judged
    """


def _csv_reader(path: Path, archived: Path, specs: tuple[Column, ...]) -> tuple[str, str | None]:
    with archived.open(encoding="utf-8-sig", newline="") as source:
        header = next(csv.reader(source, strict=True))
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"The file {path.name} has a column twice in its header: {', '.join(repeated)}.")
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
    source = f"""read_csv({_literal(str(archived))}, auto_detect = false, columns = {{{columns}}}, header = true,
        delim = ',', quote = '"', escape = '"', strict_mode = true, new_line = '{_new_line(archived)}')"""
    return _flat_reader(source, {name: _quoted(name) for name in header}, specs)


def _parquet_reader(
    connection: duckdb.DuckDBPyConnection, path: Path, archived: Path, specs: tuple[Column, ...]
) -> tuple[str, str | None]:
    source = f"read_parquet({_literal(str(archived))})"
    types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    wanted = {spec.name: spec for spec in specs}
    texts = {}
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
    return _flat_reader(source, texts, specs)


def _flat_reader(source: str, texts: dict[str, str], specs: tuple[Column, ...]) -> tuple[str, str | None]:
    columns = ", ".join(f"{texts.get(spec.name, 'NULL::VARCHAR')} AS {_quoted(spec.name)}" for spec in specs)
    unknown = sorted(texts.keys() - {spec.name for spec in specs})
    everything = ", ".join(f"{_literal(name)}, {text}" for name, text in texts.items())
    record = f"json_object({everything})::VARCHAR" if unknown else "NULL::VARCHAR"
    note = f"columns nobody reads: {', '.join(unknown)}" if unknown else None
    return f"SELECT {columns}, NULL::VARCHAR[] AS irregularities, {record} AS record FROM {source}", note


def _store(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    source_file: str | None,
    sha256: str | None,
    query: str,
    note: str | None,
) -> Loaded:
    specs = columns_of(dataset.contract)
    is_empty = query == "SELECT NULL WHERE FALSE"
    names = ", ".join(_quoted(spec.name) for spec in specs)
    rows_of_file = f"SELECT {names}, irregularities, record FROM ({query})"
    connection.execute("BEGIN")
    try:
        connection.execute(f"DELETE FROM {MANIFEST} WHERE dataset = ?", [dataset.name])
        connection.execute(f"TRUNCATE raw.{dataset.name}")
        if not is_empty:
            connection.execute(
                f"INSERT INTO raw.{dataset.name} ({names}, {', '.join(RAW_COLUMNS)}) "
                f"SELECT {names}, ?, row_number() OVER (), ?, irregularities, record FROM ({rows_of_file})",
                [source_file, sha256],
            )
        filled = connection.execute(
            f"SELECT count(*), {', '.join(f'count({_quoted(spec.name)})' for spec in specs)} FROM raw.{dataset.name}"
        ).fetchone()
        rows, counts = filled[0], dict(zip((spec.name for spec in specs), filled[1:], strict=True))
        _require_content(dataset, source_file, rows, counts, specs)
        note = _note(connection, dataset, rows, counts, specs, note)
        connection.execute(
            f"INSERT INTO {MANIFEST} VALUES (?, ?, ?, ?, ?)", [dataset.name, source_file, sha256, rows, note]
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return Loaded(dataset.name, source_file, sha256, rows, note, is_unchanged=False)


def _require_content(
    dataset: Dataset, source_file: str | None, rows: int, counts: dict[str, int], specs: tuple[Column, ...]
) -> None:
    if rows == 0 and not dataset.may_be_empty:
        raise InputError(f"The file {source_file} holds no row; at least one of {dataset.name} is required.")
    missing = [spec.name for spec in specs if rows and not spec.nullable and not counts[spec.name]]
    if missing:
        raise InputError(f"The file {source_file} has no value in any row for the required {', '.join(missing)}.")


def _note(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    rows: int,
    counts: dict[str, int],
    specs: tuple[Column, ...],
    note: str | None,
) -> str | None:
    if rows == 0:
        return note or "the file holds no row"
    notes = [note] if note else []
    if not note:
        unknown = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(record)) AS name FROM raw.{dataset.name} "
            "WHERE record IS NOT NULL AND json_type(record) = 'OBJECT' ORDER BY name"
        ).fetchall()
        names = [name for (name,) in unknown if name not in counts]
        notes += [f"columns nobody reads: {', '.join(names)}"] if names else []
    empty = [spec.name for spec in specs if spec.nullable and not counts[spec.name]]
    notes += [f"no value in any row for {', '.join(empty)}"] if empty else []
    return "; ".join(notes) or None


def _format(path: Path) -> str:
    return FORMATS[path.suffix.lower()]


def _new_line(archived: Path) -> str:
    with archived.open("rb") as source:
        return r"\r\n" if b"\r\n" in source.read(CHUNK_BYTES) else r"\n"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
