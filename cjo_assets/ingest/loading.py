"""Loading of files into raw tables: found by name, archived by content, stored as text or read through a view."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.core.progress import at_work
from cjo_assets.core.quarantine.rules import RAW_COLUMNS, REFUSED
from cjo_assets.core.table import RAW
from cjo_assets.engine.raw import MANIFEST, day_of, raw_columns, raw_views
from cjo_assets.engine.sql import quoted, quoted_names
from cjo_assets.engine.transaction import transaction
from cjo_assets.ingest.conversion import names_in_settings
from cjo_assets.ingest.faults import reason_of
from cjo_assets.ingest.files import EXTRACTS, archived_contents, described, files_of, namesakes
from cjo_assets.ingest.formats import (
    CSV_ROWS,
    FORMATS,
    UNREADABLE,
    Reading,
    fault_of,
    format_of,
    parquet_counts,
    reading_of,
)
from cjo_assets.ingest.headers import listed, require_columns
from cjo_assets.ingest.home_files import home_contents
from cjo_assets.ingest.raw_tables import Content, SourceFile, can_be_seen, see
from cjo_assets.ingest.setting_hints import value_hints
from cjo_assets.ingest.tombstones import EMPTY_RECORD, Tombstones, emptied_rows, empty_rows

# Key of the row count among the counts of columns, which never have a blank name.
ROWS = " "


@dataclass(frozen=True)
class Loaded:
    """A dataset in the raw schema.

    Attributes:
        dataset: its name.
        source_file: name of the file, or of all files; None if there is none.
        rows: number of rows.
        note: information for users; None if there is nothing to report.
        is_unchanged: whether the file was loaded already and not read again.
    """

    dataset: str
    source_file: str | None
    file_sha256: str | None
    rows: int
    note: str | None
    is_unchanged: bool


@dataclass(frozen=True)
class ManifestRow:
    """A file as recorded by the run that read it; without a file if the dataset had none.

    Attributes:
        dataset: the dataset.
        source_file: name of the file.
        file_sha256: hash of its bytes, and its name in the archive.
        rows_read: number of rows.
        note: information for users.
        settings: its settings of `sources.yaml`, as JSON; None if there were none.
    """

    dataset: str
    source_file: str | None
    file_sha256: str | None
    rows_read: int
    note: str | None
    settings: str | None = None


def load_dataset(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    data: Path,
    family: str,
    archive: Path,
    home: Path | None = None,
    require_ours: Callable[[], None] = lambda: None,
    *,
    normalizes_ids: bool = False,
) -> Loaded:
    """Load the files of a dataset into the raw schema; files that are loaded already are not read again.

    A dataset has one file in the data folder, or the source in `sources.yaml`; some also have a file of the home.
    `require_ours` is called before the rows are committed and raises if another run writes. `normalizes_ids`: whether
    an erased customer is refused also in spellings that differ only in blanks or composition.

    Raises:
        InputError: a required file is missing or empty, or a file cannot be read.
    """
    contents = archived_contents(files_of(data, family, dataset, archive / EXTRACTS), archive, dataset)
    if home is not None:
        contents += home_contents(dataset, home, archive)
    if not contents:
        note = _note_of_nothing(data, family, dataset)
        with transaction(connection):
            _forget(connection, dataset, set())
            connection.execute(f"INSERT INTO {MANIFEST} VALUES (?, NULL, NULL, 0, ?, NULL)", [dataset.name, note])
            require_ours()
        return Loaded(dataset.name, None, None, 0, note, is_unchanged=False)
    manifest = connection.execute(
        f"SELECT source_file, file_sha256, rows_read, note FROM {MANIFEST} WHERE dataset = ?", [dataset.name]
    ).fetchall()
    known = {(name, sha256): (rows, note) for name, sha256, rows, note in manifest}
    is_same_kind = can_be_seen(contents) == (dataset.name in raw_views(connection))
    if is_same_kind and known.keys() == {content.identity for content in contents}:
        stored = [known[content.identity] for content in contents]
        return _loaded(dataset, stored, contents, is_unchanged=True)
    tombstones = Tombstones.of(connection, normalizes_ids)
    if tombstones is not None:
        for content in contents:
            if content.identity not in known:
                with _in_words(content):
                    empty_rows(content.archived, tombstones.are_of)
    with transaction(connection):
        there = known.keys() & {content.identity for content in contents} if is_same_kind else set()
        _forget(connection, dataset, there)
        stored = [
            known[content.identity]
            if content.identity in there
            else _store_file(connection, dataset, content, is_seen=can_be_seen(contents))
            for content in contents
        ]
        if can_be_seen(contents):
            see(connection, dataset, contents)
        require_ours()
    return _loaded(dataset, stored, contents, is_unchanged=False)


def restore_dataset(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, files: list[ManifestRow], archive: Path
) -> None:
    """Load the files of a dataset as recorded by a run; files that are loaded already are not read again.

    Replay deletes rows that came later, so these raw tables are never views.

    Raises:
        InputError: an archived file cannot be read.
    """
    contents = [
        Content(
            SourceFile(file.source_file, Path(file.source_file)),
            file.file_sha256,
            archive / file.file_sha256,
            file.settings,
        )
        for file in files
        if file.source_file is not None and file.file_sha256 is not None
    ]
    manifest = connection.execute(
        f"SELECT source_file, file_sha256 FROM {MANIFEST} WHERE dataset = ? AND source_file IS NOT NULL",
        [dataset.name],
    ).fetchall()
    there = set(manifest) & {content.identity for content in contents}
    with transaction(connection):
        _forget(connection, dataset, there)
        for content in contents:
            if content.identity not in there:
                _store_file(connection, dataset, content, is_seen=False)
        for file in files:
            if file.source_file is None:
                nothing = f"INSERT INTO {MANIFEST} VALUES (?, NULL, NULL, 0, ?, NULL)"
                connection.execute(nothing, [dataset.name, file.note])


def _note_of_nothing(data: Path, family: str, dataset: Dataset) -> str | None:
    """Return the note of a dataset without a file, or refuse it if it is required."""
    endings = ", ".join(sorted(FORMATS))
    others = [other.name for other in namesakes(data, family, dataset.name)]
    unread = f" ({listed(others)}: the ending is none of {endings})" if others else ""
    if not dataset.may_be_empty:
        raise InputError(
            f"The dataset {dataset.name} is required: {data} contains no {dataset.name} file ({endings}){unread}."
        )
    # A missing optional file needs no note, unless a file exists that was not read.
    return None if dataset.is_optional and not unread else f"no file: nothing is known of it{unread}"


def days_of_records(
    connection: duckdb.DuckDBPyConnection, datasets: Iterable[Dataset]
) -> tuple[date, date] | tuple[None, None]:
    """Return the first and the last day that dates an event in the raw tables and is not in the future."""
    columns = [
        (dataset, spec)
        for dataset in datasets
        for spec in columns_of(dataset.contract)
        if dataset.sets_newest_day and spec.name == dataset.record_date
    ]
    queries = [
        f"SELECT min(day) AS first, max(day) AS last FROM (SELECT {day_of(spec)} AS day FROM {RAW}.{dataset.name} "
        f"WHERE regexp_matches({quoted(spec.name)}::VARCHAR, '^\\d{{4}}-\\d{{2}}-\\d{{2}}([T ]|$)')) "
        "WHERE day BETWEEN DATE '0001-01-01' AND current_date"
        for dataset, spec in columns
    ]
    row = connection.execute(f"SELECT min(first), max(last) FROM ({' UNION ALL '.join(queries)})").fetchone()
    return row or (None, None)


def _forget(connection: duckdb.DuckDBPyConnection, dataset: Dataset, but: set[tuple[str, str]]) -> None:
    """Delete the rows of all other files; of a view, delete their entries in the manifest."""
    is_seen = dataset.name in raw_views(connection)
    if not but:
        connection.execute(f"DELETE FROM {MANIFEST} WHERE dataset = ?", [dataset.name])
        connection.execute(f"DROP VIEW {RAW}.{dataset.name}" if is_seen else f"TRUNCATE {RAW}.{dataset.name}")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {RAW}.{dataset.name} ({raw_columns(dataset)})")
        return
    names = sorted(name for name, _ in but)
    gone = "source_file IS NULL OR source_file NOT IN (SELECT unnest(?))"
    connection.execute(f"DELETE FROM {MANIFEST} WHERE dataset = ? AND ({gone})", [dataset.name, names])
    if not is_seen:
        connection.execute(f"DELETE FROM {RAW}.{dataset.name} WHERE {gone}", [names])


def _loaded(
    dataset: Dataset, stored: list[tuple[int, str | None]], contents: list[Content], *, is_unchanged: bool
) -> Loaded:
    return Loaded(
        dataset.name,
        listed([content.file.name for content in contents]),
        listed([content.sha256 for content in contents]),
        sum(rows for rows, _ in stored),
        "; ".join(dict.fromkeys(note for _, note in stored if note)) or None,
        is_unchanged,
    )


def _store_file(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, content: Content, *, is_seen: bool
) -> tuple[int, str | None]:
    """Add the rows of an archived file, and return their number and a note.

    The rows of a view are only counted.
    """
    task = f"Reading {described(content.file.name, content.archived)}"
    try:
        with _in_words(content), at_work(task, connection.query_progress):
            reading = reading_of(connection, content.file.path, content.archived, dataset)
            return _store(connection, dataset, content, reading, is_seen=is_seen)
    finally:
        connection.unregister(CSV_ROWS)


@contextmanager
def _in_words(content: Content) -> Iterator[None]:
    """Convert an error of a reader to a message with the fault and its line."""
    path = content.file.path
    try:
        yield
    except UNREADABLE as error:
        reason = fault_of(path, content.archived) or reason_of(error).replace(str(content.archived), path.name)
        raise InputError(f"The file {path.name} cannot be read as {format_of(path)}: {reason}.") from error


def _store(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, content: Content, reading: Reading, *, is_seen: bool
) -> tuple[int, str | None]:
    specs = columns_of(dataset.contract)
    source_file = content.file.name
    emptied = emptied_rows(content.archived)
    if not is_seen:
        _copy_rows(connection, dataset, content, reading, emptied)
    counts = _values_by_column(connection, dataset, content, reading, is_seen=is_seen)
    rows = counts[ROWS]
    if rows == 0 and not dataset.may_be_empty:
        raise InputError(f"The file {source_file} is empty; at least one row of {dataset.name} is required.")
    unfilled = [spec for spec in specs if rows and not counts[spec.name]]
    if reading.names and rows > len(emptied) and any(spec.is_required for spec in unfilled):
        used = [name for (name,) in connection.execute(reading.names).fetchall()]
        require_columns(source_file, used, unfilled, dataset.name)
    empty = [spec.name for spec in unfilled if not spec.is_required and not spec.optional]
    note = _note(connection, dataset, content, rows, empty, reading.note, is_seen=is_seen)
    row = [dataset.name, source_file, content.sha256, rows, note, content.settings]
    connection.execute(f"INSERT INTO {MANIFEST} VALUES (?, ?, ?, ?, ?, ?)", row)
    return rows, note


def _copy_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, content: Content, reading: Reading, emptied: list[int]
) -> None:
    names = quoted_names(spec.name for spec in columns_of(dataset.contract))
    if reading.query is not None:
        connection.execute(
            f"INSERT INTO {RAW}.{dataset.name} ({names}, {', '.join(RAW_COLUMNS)}) "
            f"SELECT {names}, ?, {reading.row_number}, ?, irregularities, record, version FROM ({reading.query})",
            [content.file.name, content.sha256],
        )
    if emptied:
        connection.execute(
            f"UPDATE {RAW}.{dataset.name} SET irregularities = ?, record = ? "
            "WHERE source_file = ? AND list_contains(?, source_row)",
            [[REFUSED], EMPTY_RECORD, content.file.name, emptied],
        )


def _values_by_column(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, content: Content, reading: Reading, *, is_seen: bool
) -> dict[str, int]:
    """Return the number of values of each column of a file, and of rows, from its metadata where possible."""
    known = parquet_counts(connection, content.archived) if is_seen else {}
    asked = [spec.name for spec in columns_of(dataset.contract) if spec.name not in known]
    source = f"({reading.query})" if is_seen else f"(FROM {RAW}.{dataset.name} WHERE source_file = $name)"
    counts = ", ".join(["count(*)", *(f"count({quoted(name)})" for name in asked)])
    given = {} if is_seen else {"name": content.file.name}
    found = connection.execute(f"SELECT {counts} FROM {source}", given).fetchone() or ()
    return known | dict(zip([ROWS, *asked], found, strict=True))


def _note(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    content: Content,
    rows: int,
    empty: list[str],
    note: str | None,
    *,
    is_seen: bool,
) -> str | None:
    if rows == 0:
        return note or "the file holds no row"
    notes = [note] if note else []
    # The columns of a view are those of its header, which are noted already.
    if not note and not is_seen:
        unknown = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(record)) AS name FROM {RAW}.{dataset.name} "
            "WHERE source_file = ? AND record IS NOT NULL AND json_type(record) = 'OBJECT' ORDER BY name",
            [content.file.name],
        ).fetchall()
        wanted = {spec.name for spec in columns_of(dataset.contract)} | names_in_settings(content.settings)
        names = [name for (name,) in unknown if name not in wanted]
        notes += [f"columns nobody reads: {listed(names)}"] if names else []
    if not is_seen:
        given = json.loads(content.settings) if content.settings else {}
        notes += value_hints(connection, dataset, f"{RAW}.{dataset.name}", content.file.name, given)
    notes += [f"no value in any row for {', '.join(empty)}"] if empty else []
    return "; ".join(notes) or None
