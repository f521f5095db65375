"""The lake: tables as immutable folders of Parquet files, and a list of the folders in use.

    journey/risk_scores/as_of=2025-01-20/5f0c.../part-*.parquet      a day of a dated table
    journey/customers/5f0c.../part-*.parquet                         an undated table, whole
    published.json                                                   the folders of the last audited state

A day is replaced by writing a new folder and exchanging the names in the list, so that readers never find half a day,
on a disk or in an object store. During a run the list is a table of the build database and changes in its transactions;
when the run has published, the list becomes `published.json`.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

import duckdb
import pyarrow.fs
import pyarrow.parquet
from ibis.backends.sql.datatypes import DuckDBType

from cjo_assets.core.contract import schema_of
from cjo_assets.core.settings import LAKE, LAKE_PARTS
from cjo_assets.core.table import Table
from cjo_assets.engine.sql import literal, quoted

PARTS_COLUMNS = "table_name VARCHAR, as_of DATE, folder VARCHAR"
MANIFEST = "published.json"
BATCH_ROWS = 1 << 17
State = dict[str, dict[str, str]]


class Lake:
    """Folders of Parquet files under one root, and the list of those in use."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, root: str) -> None:
        """Open the root, a folder or a URL, and the list in the build database."""
        self.connection = connection
        self.root = root.rstrip("/")
        # Spark has a different name for the scheme of S3.
        self.files, self.base = pyarrow.fs.FileSystem.from_uri(self.root.replace("s3a://", "s3://", 1))
        self.files.create_dir(self.base, recursive=True)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {LAKE}")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE_PARTS} ({PARTS_COLUMNS})")

    def new_folder(self, table_name: str, as_of: date | None) -> str:
        """Return the name of a new folder, relative to the root."""
        return posixpath.join(_parent(table_name, as_of), uuid.uuid4().hex)

    def url(self, folder: str) -> str:
        """Return the URL of a folder for Spark."""
        return f"{self.root}/{folder}"

    def folders(self, table_name: str) -> dict[date | None, str]:
        """Return the folders of a table in use, by day."""
        query = f"SELECT as_of, folder FROM {LAKE_PARTS} WHERE table_name = ? ORDER BY as_of"
        return dict(self.connection.execute(query, [table_name]).fetchall())

    def put(self, table_name: str, as_of: date | None, folder: str) -> None:
        """Use a folder in place of the present one."""
        self.connection.execute(
            f"DELETE FROM {LAKE_PARTS} WHERE table_name = ? AND as_of IS NOT DISTINCT FROM ?", [table_name, as_of]
        )
        self.connection.execute(f"INSERT INTO {LAKE_PARTS} VALUES (?, ?, ?)", [table_name, as_of, folder])

    def forget_before(self, table_name: str, day: date) -> None:
        """Stop using the folders of the days before a day."""
        self.connection.execute(f"DELETE FROM {LAKE_PARTS} WHERE table_name = ? AND as_of < ?", [table_name, day])

    def remember(self, table_name: str) -> None:
        """Use the folders of the last published state."""
        for day, folder in self.published().get(table_name, {}).items():
            self.put(table_name, date.fromisoformat(day) if day else None, folder)

    def handed_over(self, table_name: str, version: str | None) -> str:
        """Write a table of the build database to a folder, in batches, and return the folder.

        Args:
            table_name: the table.
            version: identifies the rows; None if unknown, so that they are written each time.
        """
        name = hashlib.sha256(version.encode()).hexdigest()[:32] if version is not None else uuid.uuid4().hex
        folder = posixpath.join(_parent(table_name, None), name)
        if self.folders(table_name).get(None) == folder:
            return folder
        self.write(folder, f"SELECT * FROM {table_name}")
        self.put(table_name, None, folder)
        return folder

    def write(self, folder: str, query: str) -> None:
        """Write the rows of a query of DuckDB to a folder, in batches."""
        path = f"{self.base}/{folder}"
        self.files.create_dir(path, recursive=True)
        reader = self.connection.execute(query).to_arrow_reader(BATCH_ROWS)
        with pyarrow.parquet.ParquetWriter(f"{path}/part-0.parquet", reader.schema, filesystem=self.files) as writer:
            for batch in reader:
                writer.write_batch(batch)

    def convert(self, table: Table) -> None:
        """Rewrite the folders of a table whose files have other columns than its contract.

        A column that a file lacks is null, and so is a value that has no equivalent of the column's new type.
        """
        types = {name: DuckDBType.to_string(kind) for name, kind in schema_of(table.contract).items()}
        nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in types.items())
        columns = self._columns_of(f"SELECT {nothing}")
        for day, folder in self.folders(table.full_name).items():
            source = f"read_parquet({literal(f'{self._duckdb_url(folder)}/*.parquet')}, hive_partitioning = FALSE)"
            stored = self._columns_of(f"SELECT * FROM {source}")
            if stored == columns:
                continue
            parts = [
                f"{f'TRY_CAST({quoted(name)} AS {kind})' if name in stored else f'NULL::{kind}'} AS {quoted(name)}"
                for name, kind in types.items()
            ]
            converted = self.new_folder(table.full_name, day)
            self.write(converted, f"SELECT {', '.join(parts)} FROM {source}")
            self.put(table.full_name, day, converted)

    def _columns_of(self, query: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.connection.execute(f"DESCRIBE {query}").fetchall()}

    def remove(self, folder: str) -> None:
        """Delete a folder that is not in use."""
        if self.files.get_file_info(f"{self.base}/{folder}").type == pyarrow.fs.FileType.Directory:
            self.files.delete_dir(f"{self.base}/{folder}")

    def statement_of(self, table: Table) -> str:
        """Return the DuckDB statement that reads the folders of a table, with the columns and types of the contract."""
        types = {quoted(name): DuckDBType.to_string(kind) for name, kind in schema_of(table.contract).items()}
        folders = self.folders(table.full_name).values()
        paths = ", ".join(literal(f"{self._duckdb_url(folder)}/*.parquet") for folder in folders)
        if not paths:
            return f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in types.items())} WHERE FALSE"
        columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in types.items())
        return f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = FALSE)"

    def announce(self, named: Iterable[str], days: Iterable[date]) -> None:
        """Replace `published.json`, and delete the folders that only older states use.

        A reader with the previous state open can use it until the next but one is published.

        Args:
            named: the published tables.
            days: the days of the run, which may have unused folders.
        """
        counting = self.connection.execute(
            f"SELECT table_name, as_of::VARCHAR, folder FROM {LAKE_PARTS} ORDER BY ALL"
        ).fetchall()
        tables, state = set(named), State()
        for table_name, as_of, folder in counting:
            if table_name in tables:
                state.setdefault(table_name, {})[as_of or ""] = folder
        kept = {folder for *_, folder in counting}
        kept |= {folder for known in (state, self.published()) for parts in known.values() for folder in parts.values()}
        self._replace_manifest(json.dumps(state, indent=1, sort_keys=True).encode())
        for table_name in sorted({table_name for table_name, *_ in counting}):
            for day in (None, *days):
                self._clean(_parent(table_name, day), kept)

    def published(self) -> State:
        """Return the folders of the published state by table and day; the day is "" for an undated table."""
        if self.files.get_file_info(f"{self.base}/{MANIFEST}").type != pyarrow.fs.FileType.File:
            return {}
        with self.files.open_input_stream(f"{self.base}/{MANIFEST}") as source:
            state: State = json.loads(source.read())
        return state

    def _replace_manifest(self, content: bytes) -> None:
        """Replace the list atomically: by a rename on a disk, by the upload itself in an object store."""
        partial = f"{self.base}/.{MANIFEST}.partial" if self._is_local else f"{self.base}/{MANIFEST}"
        with self.files.open_output_stream(partial) as target:
            target.write(content)
        if self._is_local:
            self.files.move(partial, f"{self.base}/{MANIFEST}")

    def _clean(self, parent: str, kept: set[str]) -> None:
        """Delete unused versions in a folder: replaced ones, and those of killed runs."""
        selector = pyarrow.fs.FileSelector(f"{self.base}/{parent}", allow_not_found=True)
        for found in self.files.get_file_info(selector):
            folder = f"{parent}/{found.base_name}"
            if found.type == pyarrow.fs.FileType.Directory and folder not in kept and "=" not in found.base_name:
                self.files.delete_dir(found.path)

    @property
    def _is_local(self) -> bool:
        return isinstance(self.files, pyarrow.fs.LocalFileSystem)

    def _duckdb_url(self, folder: str) -> str:
        return f"{self.base}/{folder}" if self._is_local else self.url(folder).replace("s3a://", "s3://", 1)


def _parent(table_name: str, as_of: date | None) -> str:
    day: list[Any] = [] if as_of is None else [f"as_of={as_of}"]
    return posixpath.join(*table_name.split("."), *day)
