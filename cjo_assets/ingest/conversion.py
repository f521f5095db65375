"""Conversion of files with settings in `sources.yaml` to Parquet of texts, before they are archived.

The archive has the rows with the column names of the contract, so that later readers (replay, erasure) need no
settings. The settings and the hash of the original file are written into the footer, and are thus part of the hash of
the archived file: the same bytes with other settings are a different input.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.engine.sql import literal, quoted, quoted_names
from cjo_assets.ingest.faults import reason_of
from cjo_assets.ingest.formats import (
    CHUNK_BYTES,
    CSV_ROWS,
    KEPT_OF_ROWS,
    RECORD_BYTES,
    UNREADABLE,
    fault_of,
    format_of,
    reading_of,
)
from cjo_assets.ingest.input_settings import OF_CSV, OF_TEXT_FILES, FileSettings
from cjo_assets.ingest.raw_tables import Content, SourceFile

UTF_8 = "utf-8-sig"
FOOTER = "cjo_settings"


def converted(file: SourceFile, dataset: Dataset, archive: Path) -> Content:
    """Convert a file by its settings and archive the result.

    Raises:
        InputError: the file does not match the settings, or cannot be read.
    """
    _require_fitting(file)
    archive.mkdir(parents=True, exist_ok=True)
    plain = archive / f".{file.path.name}.{os.getpid()}.plain"
    target = plain.with_suffix(".converted")
    try:
        settings = file.settings.as_json(file_sha256=_hash_of(file.path))
        source = _plain(file, plain) if format_of(file.path) != "parquet" else file.path
        with _in_words(file, source):
            _write(file, source, dataset, settings, target)
        sha256 = _hash_of(target)
        if not (archive / sha256).exists():
            os.replace(target, archive / sha256)
    except OSError as error:
        raise InputError(f"The file {file.path} cannot be converted in {archive}: {error.strerror}.") from error
    finally:
        plain.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
    return Content(file, sha256, archive / sha256, settings)


def names_in_settings(settings: str | None) -> set[str]:
    """Return the columns of a file that its settings name and a reader therefore uses."""
    found = json.loads(settings) if settings else {}
    return {*found.get("columns", {}).values(), *filter(None, [found.get("newest_by")])}


def _require_fitting(file: SourceFile) -> None:
    """Refuse settings that do not apply to the format of the file."""
    kind = format_of(file.path)
    misplaced = [name for name in OF_TEXT_FILES if kind == "parquet" and name in file.settings.given()]
    misplaced += [name for name in OF_CSV if kind != "csv" and name in file.settings.given()]
    if misplaced:
        raise InputError(
            f"The file {file.name} is {kind}, and the settings {', '.join(misplaced)} of sources.yaml do not apply to "
            "such files. Remove them."
        )


def _plain(file: SourceFile, target: Path) -> Path:
    """Rewrite a text file in UTF-8 with commas as delimiters."""
    settings = file.settings if isinstance(file.settings, FileSettings) else FileSettings()
    encoding = settings.encoding or UTF_8
    try:
        with (
            file.path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            if settings.delimiter is None and settings.skip_rows == 0:
                while text := source.read(CHUNK_BYTES):
                    out.write(text.removeprefix("\ufeff") if out.tell() == 0 else text)
                return target
            for _ in range(settings.skip_rows):
                source.readline()
            csv.field_size_limit(RECORD_BYTES)
            rows = csv.reader(source, delimiter=settings.delimiter or ",", strict=True)
            written = csv.writer(out, lineterminator="\n")
            width, first_line = None, 1
            try:
                for row in rows:
                    if width is None and not row:
                        raise InputError(
                            f"Line {settings.skip_rows + 1} of the file {file.name} is empty instead of the header. "
                            "Set `skip_rows` in sources.yaml to the number of lines above the column names."
                        )
                    width = width if width is not None else len(row)
                    if row and len(row) != width:
                        line = settings.skip_rows + first_line
                        raise InputError(
                            f"The file {file.name} cannot be read as csv: line {line}: {len(row)} cell(s), "
                            f"where the header has {width}."
                        )
                    if row:
                        written.writerow(row)
                    first_line = rows.line_num + 1
            except csv.Error as error:
                line = settings.skip_rows + first_line
                raise InputError(f"The file {file.name} cannot be read as csv: line {line}: {error}.") from error
    except UnicodeError as error:
        name = codecs.lookup(encoding).name
        raise InputError(
            f"The file {file.name} is not {settings.encoding or 'UTF-8'} ({name}): {error}. "
            "Set `encoding` in sources.yaml to the encoding of the file."
        ) from error
    return target


def _write(file: SourceFile, source: Path, dataset: Dataset, settings: str, target: Path) -> None:
    """Write the rows of a file as texts, in a single thread so that the same rows give the same bytes."""
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'; SET threads = 1")
        reading = reading_of(engine, Path(file.name), source, dataset, settings=file.settings)
        names = [spec.name for spec in columns_of(dataset.contract)]
        nothing = ", ".join(f"NULL::VARCHAR AS {quoted(name)}" for name in names)
        query = reading.query or (
            f"SELECT {nothing}, NULL::VARCHAR[] AS irregularities, NULL::VARCHAR AS record, NULL::VARCHAR AS version "
            "LIMIT 0"
        )
        kept = ", ".join(f"{name} AS {quoted(kept)}" for name, kept in KEPT_OF_ROWS.items())
        engine.execute(
            f"COPY (SELECT {quoted_names(names)}, {kept} FROM ({query})) TO {literal(target)} "
            f"(FORMAT parquet, KV_METADATA {{{FOOTER}: {literal(settings)}}})"
        )
        engine.unregister(CSV_ROWS)


@contextmanager
def _in_words(file: SourceFile, source: Path) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        reason = fault_of(file.path, source) or reason_of(error).replace(str(source), file.name)
        raise InputError(f"The file {file.name} cannot be read as {format_of(file.path)}: {reason}.") from error


def _hash_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
