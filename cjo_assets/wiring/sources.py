"""Files to raw tables: found by name, archived by content, stored as text.

Belongs here: which file is a dataset's, its archive, its raw table and what to note of it. Does not belong here: how a
format is read (`formats.py`), and whether a row is any good; that is the judgement of its dataset.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow

from cjo_assets.shared.contract import Column, columns_of
from cjo_assets.shared.dataset import Dataset
from cjo_assets.shared.quarantine import RAW_COLUMNS
from cjo_assets.wiring.errors import InputError
from cjo_assets.wiring.formats import (
    CHUNK_BYTES,
    CSV_ROWS,
    FORMATS,
    Reading,
    fault_of,
    format_of,
    listed,
    quoted,
    reading_of,
    reason_of,
    require_columns,
)
from cjo_assets.wiring.tables import MANIFEST as MANIFEST_TABLE
from cjo_assets.wiring.tables import RAW
from cjo_assets.wiring.transaction import transaction

MANIFEST = f"{RAW}.{MANIFEST_TABLE}"
MANIFEST_COLUMNS = "dataset VARCHAR, source_file VARCHAR, file_sha256 VARCHAR, rows_read BIGINT, note VARCHAR"


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
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    data: Path,
    family: str,
    archive: Path,
    require_ours: Callable[[], None] = lambda: None,
) -> Loaded:
    """Bring a dataset's file into the raw schema, unless the very same file is there already.

    `require_ours` is asked before the rows are committed and raises where they must not be.

    Raises:
        InputError: the file is missing or empty and must not be, or it cannot be understood.
    """
    path = find_file(data, family, dataset.name)
    if path is None:
        endings = ", ".join(sorted(FORMATS))
        others = [other.name for other in _namesakes(data, family, dataset.name)]
        unread = f" ({listed(others)}: the ending is none of {endings})" if others else ""
        if not dataset.may_be_empty:
            raise InputError(
                f"The dataset {dataset.name} is required: {data} holds no {dataset.name} file ({endings}){unread}."
            )
        return _store(
            connection, dataset, None, None, Reading(note=f"no file: nothing is known of it{unread}"), require_ours
        )
    sha256, archived = _archived(path, archive)
    known = connection.execute(
        f"SELECT rows_read, note FROM {MANIFEST} WHERE dataset = ? AND source_file = ? AND file_sha256 = ?",
        [dataset.name, path.name, sha256],
    ).fetchone()
    if known is not None:
        return Loaded(dataset.name, path.name, sha256, known[0], known[1], is_unchanged=True)
    try:
        reading = reading_of(connection, path, archived, dataset)
        return _store(connection, dataset, path.name, sha256, reading, require_ours)
    except (duckdb.Error, csv.Error, pyarrow.ArrowInvalid) as error:
        reason = fault_of(path, archived) or reason_of(error).replace(str(archived), path.name)
        raise InputError(f"The file {path.name} cannot be read as {format_of(path)}: {reason}.") from error
    finally:
        connection.unregister(CSV_ROWS)


def latest_date(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> str | None:
    """Return the latest date in any date column of the raw tables that is not in the future (YYYY-MM-DD)."""
    columns = [(dataset, spec) for dataset in datasets for spec in columns_of(dataset.contract)]
    queries = [
        f"SELECT max(day) AS day FROM (SELECT {_day(spec)} AS day FROM {RAW}.{dataset.name} "
        f"WHERE regexp_matches({quoted(spec.name)}, '^\\d{{4}}-\\d{{2}}-\\d{{2}}([T ]|$)')) "
        "WHERE day BETWEEN DATE '0001-01-01' AND current_date"
        for dataset, spec in columns
        if spec.type.is_temporal()
    ]
    row = connection.execute(f"SELECT max(day)::VARCHAR FROM ({' UNION ALL '.join(queries)})").fetchone()
    return row[0] if row else None


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
        return f"TRY_CAST({quoted(spec.name)} AS TIMESTAMPTZ)::TIMESTAMP::DATE"
    return f"TRY_CAST(substr({quoted(spec.name)}, 1, 10) AS DATE)"


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


def _store(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    source_file: str | None,
    sha256: str | None,
    reading: Reading,
    require_ours: Callable[[], None],
) -> Loaded:
    specs = columns_of(dataset.contract)
    names = ", ".join(quoted(spec.name) for spec in specs)
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
            f"SELECT count(*), {', '.join(f'count({quoted(spec.name)})' for spec in specs)} FROM {RAW}.{dataset.name}"
        ).fetchone()
        rows, *counts = filled or (0,)
        if rows == 0 and not dataset.may_be_empty:
            raise InputError(f"The file {source_file} holds no row; at least one of {dataset.name} is required.")
        unfilled = [spec for spec, count in zip(specs, counts, strict=True) if rows and not count]
        if reading.names and any(not spec.nullable for spec in unfilled):
            used = [name for (name,) in connection.execute(reading.names).fetchall()]
            require_columns(source_file or "", used, unfilled)
        note = _note(connection, dataset, rows, [spec.name for spec in unfilled if spec.nullable], reading.note)
        connection.execute(
            f"INSERT INTO {MANIFEST} VALUES (?, ?, ?, ?, ?)", [dataset.name, source_file, sha256, rows, note]
        )
        require_ours()
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
        notes += [f"columns nobody reads: {listed(names)}"] if names else []
    notes += [f"no value in any row for {', '.join(empty)}"] if empty else []
    return "; ".join(notes) or None
