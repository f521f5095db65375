"""Search of a home for remaining data of an erased person, in any spelling.

The search covers what another erasure would change, and distinctive identifiers in all files and text columns. A short
number is only searched in fields and after its label, because elsewhere it is a figure.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from cjo_assets.audit.erasure.databases import tables, text_functions
from cjo_assets.core.person import Person
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.ingest.personal_columns import NAMES_PERSON
from cjo_assets.ingest.tombstones import PARQUET_MARK

PICTURES = {".png", ".lock"}
CHUNK_CHARACTERS = 1 << 20


def places_that_name(home: Path, person: Person, skipped: Path) -> Iterator[str]:
    """Return the places of a home with a distinctive identifier of a person.

    Args:
        home: the home.
        person: the erased person.
        skipped: the build database, which is open and is searched by `columns_that_name`.
    """
    if not person.telling:
        return
    for file in sorted(home.rglob("*")):
        name = file.relative_to(home).as_posix()
        if not file.is_file() or file == skipped or file.suffix in PICTURES or name.startswith(f"{skipped.name}."):
            continue
        if file.suffix == ".duckdb":
            with duckdb.connect(str(file), read_only=True) as reader:
                yield from (f"{name} {place}" for place in columns_that_name(reader, person))
        elif file.suffix == ".db":
            yield from (f"{name} {place}" for place in _log_columns_that_name(file, person))
        elif _is_parquet(file):
            yield from (f"{name} {column}" for column in _parquet_columns_that_name(file, person))
        elif not file.name.endswith((".db-wal", ".db-shm")) and _text_names(file, person):
            yield name


def columns_that_name(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[str]:
    """Return the columns of a database whose texts name a person."""
    for table, columns in tables(connection).items():
        yield from (f"{table}.{column}" for column in _named_columns(connection, table, columns, person))


def _named_columns(
    connection: duckdb.DuckDBPyConnection, source: str, columns: list[str], person: Person
) -> Iterator[str]:
    kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    seeds = _seeds(person)
    with text_functions(connection, person):
        for column in columns:
            if "VARCHAR" not in kinds[column] and kinds[column] != "JSON":
                continue
            query = (
                f"SELECT 1 FROM (SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) AS found FROM {source}) "
                f"WHERE list_bool_or(list_transform($seeds, lambda seed: contains(found, seed))) "
                f"AND {NAMES_PERSON}(found) LIMIT 1"
            )
            if connection.execute(query, {"seeds": seeds}).fetchall():
                yield column


def _parquet_columns_that_name(file: Path, person: Person) -> Iterator[str]:
    source = f"read_parquet({literal(file)}, hive_partitioning = false)"
    with duckdb.connect() as connection:
        columns = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        yield from _named_columns(connection, source, columns, person)


def _log_columns_that_name(file: Path, person: Person) -> Iterator[str]:
    with closing(sqlite3.connect(file)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                query = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\''
                if any(person.words.names(text) for (text,) in connection.execute(query)):
                    yield f"{table}.{column}"


def _text_names(file: Path, person: Person) -> bool:
    with file.open(encoding="utf-8", errors="replace", newline="") as text:
        before = ""
        while chunk := text.read(CHUNK_CHARACTERS):
            # An identifier may cross the border of two chunks.
            if person.words.names(before + chunk):
                return True
            before = chunk[-1000:]
    return False


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(len(PARQUET_MARK)) == PARQUET_MARK


def _seeds(person: Person) -> list[str]:
    """Return for each distinctive identifier a part that all its spellings share."""
    return sorted({max(re.findall(r"[A-Za-z0-9]+", name) or [""], key=len) for name in person.telling})
