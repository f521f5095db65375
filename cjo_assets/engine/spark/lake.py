"""The lake: tables as Parquet files in folders that never change, and a list of the folders that count.

    journey/risk_scores/as_of=2025-01-20/5f0c.../part-*.parquet      a day of a dated table
    journey/customers/5f0c.../part-*.parquet                         an undated table, whole
    published.json                                                   the folders of the last audited state

To replace a day is to write a new folder beside the old one and then to exchange their names in the list, so no reader
ever meets half a day, on a disk or on an object store. While a run works the list is a table of the build database, and
changes in its transactions; when it has published, the list becomes `published.json`.
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
    """Folders of Parquet files under one root, and which of them count."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, root: str) -> None:
        """Open the root, a folder or the URL of one, and the list in the build database."""
        self.connection = connection
        self.root = root.rstrip("/")
        # Spark's name of the scheme for S3 is its own.
        self.files, self.base = pyarrow.fs.FileSystem.from_uri(self.root.replace("s3a://", "s3://", 1))
        self.files.create_dir(self.base, recursive=True)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {LAKE}")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {LAKE_PARTS} ({PARTS_COLUMNS})")

    def new_folder(self, table_name: str, as_of: date | None) -> str:
        """Return a folder, relative to the root, that nothing has been written to."""
        return posixpath.join(_parent(table_name, as_of), uuid.uuid4().hex)

    def url(self, folder: str) -> str:
        """Return a folder as Spark names it."""
        return f"{self.root}/{folder}"

    def folders(self, table_name: str) -> dict[date | None, str]:
        """Return the folders of a table that count, by day."""
        query = f"SELECT as_of, folder FROM {LAKE_PARTS} WHERE table_name = ? ORDER BY as_of"
        return dict(self.connection.execute(query, [table_name]).fetchall())

    def put(self, table_name: str, as_of: date | None, folder: str) -> None:
        """Let a folder count in place of the one that did."""
        self.connection.execute(
            f"DELETE FROM {LAKE_PARTS} WHERE table_name = ? AND as_of IS NOT DISTINCT FROM ?", [table_name, as_of]
        )
        self.connection.execute(f"INSERT INTO {LAKE_PARTS} VALUES (?, ?, ?)", [table_name, as_of, folder])

    def forget_before(self, table_name: str, day: date) -> None:
        """Let no folder count for the days before one."""
        self.connection.execute(f"DELETE FROM {LAKE_PARTS} WHERE table_name = ? AND as_of < ?", [table_name, day])

    def remember(self, table_name: str) -> None:
        """Let those folders count that did in the last audited state."""
        for day, folder in self.published().get(table_name, {}).items():
            self.put(table_name, date.fromisoformat(day) if day else None, folder)

    def handed_over(self, table_name: str, version: str | None) -> str:
        """Write a table of the build database to a folder, in batches, and return it.

        Args:
            table_name: the table.
            version: differs where its rows do; None where nobody knows, and it is written again each time.
        """
        name = hashlib.sha256(version.encode()).hexdigest()[:32] if version is not None else uuid.uuid4().hex
        folder = posixpath.join(_parent(table_name, None), name)
        if self.folders(table_name).get(None) == folder:
            return folder
        path = f"{self.base}/{folder}"
        self.files.create_dir(path, recursive=True)
        reader = self.connection.execute(f"SELECT * FROM {table_name}").to_arrow_reader(BATCH_ROWS)
        with pyarrow.parquet.ParquetWriter(f"{path}/part-0.parquet", reader.schema, filesystem=self.files) as writer:
            for batch in reader:
                writer.write_batch(batch)
        self.put(table_name, None, folder)
        return folder

    def remove(self, folder: str) -> None:
        """Delete a folder that does not count."""
        if self.files.get_file_info(f"{self.base}/{folder}").type == pyarrow.fs.FileType.Directory:
            self.files.delete_dir(f"{self.base}/{folder}")

    def statement_of(self, table: Table) -> str:
        """Return the statement by which DuckDB reads a table's folders, in the contract's columns and types."""
        types = {quoted(name): DuckDBType.to_string(kind) for name, kind in schema_of(table.contract).items()}
        folders = self.folders(table.full_name).values()
        paths = ", ".join(literal(f"{self._duckdb_url(folder)}/*.parquet") for folder in folders)
        if not paths:
            return f"SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in types.items())} WHERE FALSE"
        columns = ", ".join(f"{name}::{kind} AS {name}" for name, kind in types.items())
        return f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = FALSE)"

    def announce(self, named: Iterable[str], days: Iterable[date]) -> None:
        """Replace `published.json`, and delete what counted before the state that it replaces.

        A reader that has opened the last state can so go on reading it until the next one but one.

        Args:
            named: the tables that analysts get.
            days: of which something may be left over.
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
        """Return the folders of the last audited state: by table, then by day, "" for an undated table."""
        if self.files.get_file_info(f"{self.base}/{MANIFEST}").type != pyarrow.fs.FileType.File:
            return {}
        with self.files.open_input_stream(f"{self.base}/{MANIFEST}") as source:
            state: State = json.loads(source.read())
        return state

    def _replace_manifest(self, content: bytes) -> None:
        """Put the list in place at once: a store of objects does so by itself, a disk by a change of names."""
        partial = f"{self.base}/.{MANIFEST}.partial" if self._is_local else f"{self.base}/{MANIFEST}"
        with self.files.open_output_stream(partial) as target:
            target.write(content)
        if self._is_local:
            self.files.move(partial, f"{self.base}/{MANIFEST}")

    def _clean(self, parent: str, kept: set[str]) -> None:
        """Delete the versions in a folder that nothing names: replaced, or left by a run that was killed."""
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
