"""Raw tables of Parquet files: views of what the archive holds.

A Parquet file is as quick to read as a table of the engine, and the archive keeps it under the hash of its bytes: its
rows are not copied a second time. Columns whose type in the file is that of the contract keep it, and are judged by it;
all others are text, as those of every other format.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.core.quarantine.lexical import is_judged_by_type
from cjo_assets.core.quarantine.rules import REFUSED
from cjo_assets.core.table import MANIFEST, RAW
from cjo_assets.engine.raw import raw_views
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.ingest.formats import PLAIN, UNREADABLE, format_of, parquet_types, reading_of
from cjo_assets.ingest.input_settings import TableSettings
from cjo_assets.ingest.tombstones import EMPTY_RECORD, emptied_rows

FORMAT = "parquet"


@dataclass(frozen=True)
class SourceFile:
    """One file of a dataset.

    Attributes:
        name: its name, by which its rows are known.
        path: where it is.
        settings: how it is written, where it is not as every dataset is.
    """

    name: str
    path: Path
    settings: TableSettings = PLAIN


@dataclass(frozen=True)
class Content:
    """A file as it stands in the archive.

    Attributes:
        file: the file.
        sha256: hash of the bytes that were archived.
        archived: where they are.
        settings: those it was read with, as JSON, with the hash of its own bytes; None where there were none.
    """

    file: SourceFile
    sha256: str
    archived: Path
    settings: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Name and hash, by which it is known whether its rows are there."""
        return self.file.name, self.sha256


def can_be_seen(contents: Iterable[Content]) -> bool:
    """Return whether the rows of files can be read where they are as quickly as from a table."""
    return all(format_of(content.file.path) == FORMAT and content.settings is None for content in contents)


def see(connection: duckdb.DuckDBPyConnection, dataset: Dataset, contents: list[Content]) -> None:
    """Make the raw table of a dataset a view of its archived files."""
    name = f"{RAW}.{dataset.name}"
    if dataset.name not in raw_views(connection):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    types = [parquet_types(connection, content.archived) for content in contents]
    typed = [
        spec.name
        for spec in columns_of(dataset.contract)
        if len({own.get(spec.name) for own in types}) == 1 and is_judged_by_type(spec, types[0].get(spec.name, ""))
    ]
    queries = [_rows(connection, dataset, content, typed) for content in contents]
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {' UNION ALL '.join(queries)}")


def look_again(connection: duckdb.DuckDBPyConnection, datasets: Iterable[Dataset], archive: Path) -> None:
    """Let the views look into the archive as it is now: homes are moved, and people erased from its files.

    A file that is gone or damaged keeps nobody from opening the warehouse: who reads its rows is told, and loading it
    again archives it again.
    """
    views = raw_views(connection)
    for dataset in datasets:
        if dataset.name in views:
            query = f"SELECT source_file, file_sha256 FROM {RAW}.{MANIFEST} WHERE dataset = ? ORDER BY source_file"
            files = connection.execute(query, [dataset.name]).fetchall()
            contents = [Content(SourceFile(name, Path(name)), sha256, archive / sha256) for name, sha256 in files]
            if all(content.archived.exists() for content in contents):
                with suppress(InputError, *UNREADABLE):
                    see(connection, dataset, contents)


def _rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, content: Content, typed: list[str]) -> str:
    reading = reading_of(connection, content.file.path, content.archived, dataset, typed)
    irregularities, record = "irregularities", "record"
    emptied = emptied_rows(content.archived)
    if emptied:
        is_emptied = f"{reading.row_number} IN ({', '.join(map(str, emptied))})"
        irregularities = f"CASE WHEN {is_emptied} THEN [{literal(REFUSED)}] ELSE irregularities END"
        record = f"CASE WHEN {is_emptied} THEN {literal(EMPTY_RECORD)} ELSE record END"
    return (
        f"SELECT {quoted_names(spec.name for spec in columns_of(dataset.contract))}, "
        f"{literal(content.file.name)} AS source_file, {reading.row_number} AS source_row, "
        f"{literal(content.sha256)} AS file_sha256, {irregularities} AS irregularities, {record} AS record, version "
        f"FROM ({reading.query})"
    )
