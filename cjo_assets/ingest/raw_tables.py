"""Raw tables of Parquet files as views over the archive.

A Parquet file is read as fast as a table of the engine, and the archive has it under the hash of its bytes, so its rows
are not copied. Columns with the type of the contract keep it and are validated with it; all others are text, as in the
other formats.
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
    """A file of a dataset.

    Attributes:
        name: its name, which identifies its rows.
        path: its path.
        settings: its settings, if it differs from the default format.
    """

    name: str
    path: Path
    settings: TableSettings = PLAIN


@dataclass(frozen=True)
class Content:
    """A file in the archive.

    Attributes:
        file: the file.
        sha256: hash of the archived bytes.
        archived: path in the archive.
        settings: its settings as JSON, with the hash of the original bytes; None if there were none.
    """

    file: SourceFile
    sha256: str
    archived: Path
    settings: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Return name and hash, which identify the rows of the file."""
        return self.file.name, self.sha256


def can_be_seen(contents: Iterable[Content]) -> bool:
    """Return whether the rows of files can be read from the archive as fast as from a table."""
    return all(format_of(content.file.path) == FORMAT and content.settings is None for content in contents)


def see(connection: duckdb.DuckDBPyConnection, dataset: Dataset, contents: list[Content]) -> None:
    """Create the raw table of a dataset as a view of its archived files."""
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
    """Recreate the views over the archive, because homes are moved and erased rows are emptied.

    A missing or damaged file does not prevent opening the warehouse: a query of its rows fails, and loading the file
    archives it again.
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
