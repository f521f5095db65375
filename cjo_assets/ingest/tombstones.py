"""Rows of archived files about erased customers, emptied in place.

A file in the archive is named by the hash of its original bytes. A file with emptied rows has a companion
`<hash>.erased` with the numbers of these rows and the hash of the present bytes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cjo_assets.core.expressions.ids import SEPARATOR
from cjo_assets.core.person import WHITE_SPACE
from cjo_assets.core.personal import CUSTOMER, INTERVENTION
from cjo_assets.core.quarantine.text_identity import normalized
from cjo_assets.core.table import ERASURES
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.ingest.formats import BYTE_ORDER_MARK, CHUNK_BYTES, RECORD_BYTES, without_wildcards
from cjo_assets.ingest.personal_columns import identifiers_in, identifiers_of, marks_of_records

ENDING = ".erased"
PARQUET_MARK = b"PAR1"
EMPTY_RECORD = "{}"
KIND_SEPARATOR = ":"
# Called with the kind of an identifier and the identifier.
IsErased = Callable[[str, str], bool]


@dataclass(frozen=True)
class Tombstones:
    """Hashes of the erased identifiers.

    Attributes:
        salt: hashed together with an identifier.
        hashes: hashes of customers and of their records, each prefixed by its kind.
        is_normalized: whether identifiers that differ only in blanks or composition are the same.
    """

    salt: str
    hashes: frozenset[str]
    is_normalized: bool = False

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, is_normalized: bool = False) -> Tombstones | None:
        """Read the tombstones of a home; return None if there are none."""
        exists = "SELECT count(*) FROM duckdb_tables() WHERE NOT temporary AND schema_name || '.' || table_name = ?"
        if connection.execute(exists, [ERASURES]).fetchone() == (0,):
            return None
        rows = connection.execute(f"SELECT salt, customer_hash, intervention_hashes FROM {ERASURES}").fetchall()
        hashes = {
            found
            for _, customer, records in rows
            for found in (f"{CUSTOMER}{KIND_SEPARATOR}{customer}", *map(with_kind, records))
        }
        return cls(rows[0][0], frozenset(hashes), is_normalized) if rows else None

    def hash_of(self, identifier: str) -> str:
        """Return the hash of an identifier."""
        return hashlib.sha256(f"{self.salt}{SEPARATOR}{identifier}".encode()).hexdigest()

    def stone_of(self, kind: str, identifier: str) -> str:
        """Return the entry of an identifier in a tombstone."""
        return f"{kind}{KIND_SEPARATOR}{self.hash_of(identifier)}"

    def are_of(self, kind: str, identifier: str) -> bool:
        """Return whether an identifier of a kind was erased."""
        names = {identifier, normalized(identifier)} if self.is_normalized else {identifier}
        return any(self.stone_of(kind, name) in self.hashes for name in names)


def with_kind(stone: str) -> str:
    """Return the entry of a record with its kind, which tombstones of earlier versions lack."""
    return stone if KIND_SEPARATOR in stone else f"{INTERVENTION}{KIND_SEPARATOR}{stone}"


def emptied_rows(file: Path) -> list[int]:
    """Return the numbers of the emptied rows of an archived file."""
    note = Path(f"{file}{ENDING}")
    return list(json.loads(note.read_text(encoding="utf-8"))["rows"]) if note.exists() else []


def emptied_hash(file: Path) -> str | None:
    """Return the present hash of an archived file with emptied rows; None if there are none."""
    note = Path(f"{file}{ENDING}")
    return str(json.loads(note.read_text(encoding="utf-8"))["sha256"]) if note.exists() else None


def rows_about(file: Path, is_erased: IsErased) -> list[int]:
    """Return the numbers of the rows of a file about an erased person."""
    with duckdb.connect() as connection:
        return _rows_about(connection, file, kind_of(file), is_erased)


def values_beside(file: Path, name: str, values: Collection[str], wanted: str) -> set[str]:
    """Return the values of a column in the rows of a file in which another column has one of some values.

    Args:
        file: path in the archive.
        name: the column with one of the values.
        values: the values.
        wanted: the column whose values are returned.
    """
    kind = kind_of(file)
    if kind == "csv":
        with file.open(encoding="utf-8-sig", newline="") as source:
            csv.field_size_limit(RECORD_BYTES)
            rows = csv.DictReader(source)
            found = {row.get(wanted) for row in rows if row.get(name) in values}
            return {cell for cell in found if cell and cell.strip(WHITE_SPACE)}
    if kind == "empty":
        return set()
    with duckdb.connect() as connection:
        if kind == "parquet":
            source_of = f"read_parquet({_read(file)}, hive_partitioning = false)"
            names = {column for column, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source_of}").fetchall()}
            if not {name, wanted} <= names:
                return set()
            key, cell = f"{quoted(name)}::VARCHAR", f"{quoted(wanted)}::VARCHAR"
        else:
            source_of = _objects(file, kind)
            key, cell = (f"json_extract_string(json, '$.{column}')" for column in (name, wanted))
        query = f"SELECT DISTINCT {cell} FROM {source_of} WHERE list_contains(?::VARCHAR[], {key})"
        return {cell for (cell,) in connection.execute(query, [sorted(values)]).fetchall() if cell}


def empty_rows(file: Path, is_erased: IsErased, *, in_place: bool = True) -> int:
    """Empty the rows of a file about an erased person; return their number.

    Args:
        file: path in the archive, or of a Parquet file extracted from a database.
        is_erased: whether an identifier was erased.
        in_place: whether the rows remain, empty, so that the others keep their numbers.

    The companion is written before the file is replaced: if interrupted, the next call writes both again.
    """
    with duckdb.connect() as connection:
        kind = kind_of(file)
        rows = _rows_about(connection, file, kind, is_erased)
        if not rows:
            return 0
        everything = sorted({*emptied_rows(file), *rows})
        partial = file.with_name(f".{file.name}.erasing")
        _write_without(connection, file, kind, set(rows), partial, in_place)
        digest = hashlib.sha256()
        with partial.open("rb") as written:
            while chunk := written.read(CHUNK_BYTES):
                digest.update(chunk)
            os.fsync(written.fileno())
    if in_place:
        note = Path(f"{file}{ENDING}")
        unfinished = note.with_name(f".{note.name}")
        unfinished.write_text(json.dumps({"rows": everything, "sha256": digest.hexdigest()}), encoding="utf-8")
        os.replace(unfinished, note)
    os.replace(partial, file)
    return len(rows)


def kind_of(file: Path) -> str:
    """Return the format of a file without extension."""
    with file.open("rb") as source:
        start = source.read(CHUNK_BYTES)
    if start.startswith(PARQUET_MARK):
        return "parquet"
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith(b"["):
        return "array"
    # A CSV does not begin with a brace, since no column name does.
    return "newline_delimited" if text.startswith(b"{") else "csv" if text else "empty"


def _rows_about(connection: duckdb.DuckDBPyConnection, file: Path, kind: str, is_erased: IsErased) -> list[int]:
    if kind == "empty":
        return []
    if kind == "csv":
        return [number for number, named in _csv_identifiers(file) if any(is_erased(*found) for found in named)]
    source = _numbered(connection, file, kind)
    if source is None:
        return []
    known = connection.execute(f"SELECT DISTINCT kind, identifier FROM ({source}) WHERE identifier IS NOT NULL")
    erased = []
    while batch := known.fetchmany(RECORD_BYTES >> 8):
        erased += [found for found in batch if is_erased(*found)]
    if not erased:
        return []
    kinds, identifiers = (list(found) for found in zip(*erased, strict=True))
    query = (
        f"SELECT DISTINCT number FROM ({source}) SEMI JOIN (SELECT unnest($kinds::VARCHAR[]) AS kind, "
        "unnest($identifiers::VARCHAR[]) AS identifier) USING (kind, identifier) ORDER BY number"
    )
    found = connection.execute(query, {"kinds": kinds, "identifiers": identifiers}).fetchall()
    return [number for (number,) in found]


def _numbered(connection: duckdb.DuckDBPyConnection, file: Path, kind: str) -> str | None:
    """Return a query for number, kind and identifier of each row, a row per identifier of its most direct kind.

    None if no column has one.
    """
    if kind == "parquet":
        source = f"read_parquet({_read(file)}, hive_partitioning = false)"
        names = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        if names.isdisjoint(marks_of_records()):
            return None
        kind_of_row, identifiers = identifiers_of(lambda name: quoted(name) if name in names else "NULL")
    else:
        source = _objects(file, kind)
        kind_of_row, identifiers = identifiers_of(lambda name: f"json_extract_string(json, '$.{name}')")
    numbered = f"SELECT row_number() OVER () AS number, {kind_of_row} AS kind, {identifiers} AS found FROM {source}"
    return f"SELECT number, kind, unnest(found) AS identifier FROM ({numbered})"


def _objects(file: Path, kind: str) -> str:
    with file.open("rb") as source:
        has_mark = source.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK
    layout = "unstructured" if has_mark and kind == "newline_delimited" else kind
    return f"read_json_objects({_read(file)}, format = '{layout}')"


def _csv_identifiers(file: Path) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Return the number of each row of a CSV, and its identifiers of the most direct kind as kind and text."""
    with file.open(encoding="utf-8-sig", newline="") as source:
        csv.field_size_limit(RECORD_BYTES)
        rows = filter(None, csv.reader(source))
        header = next(rows, [])
        if set(header).isdisjoint(marks_of_records()):
            return
        for number, row in enumerate(rows, start=1):
            # Of two columns with one name the first counts.
            yield number, identifiers_in(dict(reversed(list(zip(header, row, strict=False)))))


def _write_without(
    connection: duckdb.DuckDBPyConnection, file: Path, kind: str, rows: set[int], partial: Path, in_place: bool
) -> None:
    if kind == "csv":
        with (
            file.open(encoding="utf-8-sig", newline="") as source,
            partial.open("w", encoding="utf-8", newline="") as out,
        ):
            written = csv.writer(out, lineterminator="\n")
            for number, row in enumerate(filter(None, csv.reader(source))):
                written.writerow([""] * len(row) if number in rows else row)
    elif kind == "parquet":
        source_of = f"read_parquet({_read(file)}, hive_partitioning = false)"
        names = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source_of}").fetchall()]
        kept = ", ".join(f'CASE WHEN number NOT IN ({_listed(rows)}) THEN "{name}" END AS "{name}"' for name in names)
        numbered = f"SELECT row_number() OVER () AS number, * FROM {source_of}"
        selected = kept if in_place else "* EXCLUDE (number)"
        where = "" if in_place else f"WHERE number NOT IN ({_listed(rows)})"
        connection.execute(f"COPY (SELECT {selected} FROM ({numbered}) {where}) TO {literal(partial)} (FORMAT parquet)")
    else:
        found = connection.execute(f"SELECT json::VARCHAR FROM {_objects(file, kind)}")
        opening, between, closing = ("[\n", ",\n", "\n]\n") if kind == "array" else ("", "\n", "\n")
        with partial.open("w", encoding="utf-8") as out:
            out.write(opening)
            number = 0
            while batch := found.fetchmany(CHUNK_BYTES >> 8):
                for (record,) in batch:
                    number += 1
                    out.write(between if number > 1 else "")
                    # One record per line: line breaks between tokens are white space, and those in texts are escaped.
                    out.write(EMPTY_RECORD if number in rows else record.replace("\n", " ").replace("\r", " "))
            out.write(closing)


def _listed(rows: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(rows)))


def _read(path: Path) -> str:
    return literal(without_wildcards(path))
