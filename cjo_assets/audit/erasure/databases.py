"""Erasure of a customer from databases: rows are deleted or emptied, and the file is rewritten."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.family import chains_of, registered_families
from cjo_assets.core.ledger import ERASED, Ledger
from cjo_assets.core.person import ERASED_NAME, Person
from cjo_assets.core.personal import RECORD, TEXT, Personal
from cjo_assets.core.quarantine.rules import REFUSED
from cjo_assets.core.table import ERASURES, MANIFEST, QUARANTINE, RAW
from cjo_assets.engine.code import code_version
from cjo_assets.engine.sql import literal, quoted, quoted_names
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.ingest.personal_columns import (
    NAMES_PERSON,
    WITHOUT_PERSON,
    about,
    given,
    list_columns,
    marks_of,
    matches,
)
from cjo_assets.ingest.tombstones import EMPTY_RECORD, Tombstones
from cjo_assets.warehouse.ledger import absent_columns, add_entries

PARTIAL = ".erasing"
KEPT_TABLES = {ERASURES, f"{RAW}.{MANIFEST}"}
REJECTED = ("audit.rejected_records", "audit.discarded_values")


@dataclass
class Erasure:
    """An erasure in progress.

    Attributes:
        erasure_id: id of the erasure.
        person: the person to erase.
        tombstones: the hashes for searching files, of this customer only.
        is_dry: whether to only count what would be erased.
        counts_before: rows erased by earlier attempts, by place.
        counts: rows erased, by place.
    """

    erasure_id: str
    person: Person
    tombstones: Tombstones
    is_dry: bool = False
    counts_before: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def owns(self, kind: str, identifier: str) -> bool:
        """Return whether an identifier of a kind is the person's, by the present data or by an earlier attempt."""
        return self.person.owns(kind, identifier) or self.tombstones.are_of(kind, identifier)


@dataclass(frozen=True)
class Change:
    """A change of the rows of a table that match a condition.

    Attributes:
        condition: the condition, as SQL.
        statement: the SQL before the condition.
    """

    condition: str
    statement: str


def erase_tables(connection: duckdb.DuckDBPyConnection, erasure: Erasure, place: str) -> None:
    """Delete the customer's rows, empty those that stem from a file, and erase names in texts of other rows."""
    with text_functions(connection, erasure.person):
        for name, columns in tables(connection).items():
            for change in _changes(name, columns):
                if erasure.is_dry:
                    changed = count(connection, f"{name} WHERE {change.condition}", _asked(change.condition, erasure))
                else:
                    whole = f"{change.statement} WHERE {change.condition}"
                    changed = int(connection.execute(whole, _asked(whole, erasure)).fetchall()[0][0])
                if changed:
                    erasure.counts[f"{place} {name}"] += changed
    for ledger in ledgers_in(connection) if erasure.is_dry else ():
        if ledger.customer is not None:
            rows = f"{ledger.full_name} WHERE {ledger.customer} = ?"
            entries = count(connection, rows, [erasure.person.customer_id])
            erasure.counts.update({f"{place} {ledger.full_name}": entries} if entries else {})


def ledgers_in(connection: duckdb.DuckDBPyConnection) -> list[Ledger]:
    """Return the decision ledgers that a database has."""
    present = tables(connection)
    ledgers = [chain.ledger for chain in chains_of(registered_families())]
    return [ledger for ledger in ledgers if ledger.full_name in present]


def _changes(name: str, columns: list[str]) -> Iterator[Change]:
    """Yield the changes of a table in order."""
    if name in KEPT_TABLES or name in {chain.ledger.full_name for chain in chains_of(registered_families())}:
        return
    schema, marks = name.partition(".")[0], marks_of(name)
    own = about(marks | ({"record": Personal(RECORD)} if schema == RAW else {}), columns)
    if own is not None and schema == RAW:
        emptied = [column for column in columns if column not in ("source_file", "source_row", "file_sha256")]
        values = {"irregularities": "$refused", "record": "$nothing"}
        sets = ", ".join(f'"{column}" = {values.get(column, "NULL")}' for column in emptied)
        yield Change(f"{own} AND record IS DISTINCT FROM {literal(EMPTY_RECORD)}", f"UPDATE {name} SET {sets}")
    elif own is not None and schema == QUARANTINE:
        nothing = "customer_id = NULL, record_key = NULL, record_date = NULL, raw_record = $nothing"
        yield Change(own, f"UPDATE {name} SET {nothing}, broken_rules = $refused")
    elif own is not None and name in REJECTED:
        yield Change(own, f"UPDATE {name} SET record_key = NULL, raw_record = $nothing")
    elif own is not None:
        yield Change(own, f"DELETE FROM {name}")
    for column, value in replaced_values(name, columns).items():
        yield Change(f'"{column}" IS DISTINCT FROM {value}', f'UPDATE {name} SET "{column}" = {value}')


def replaced_values(name: str, columns: Iterable[str]) -> dict[str, str]:
    """Return the columns of a table, as SQL, without the person, for rows that are kept and mention them."""
    found = {}
    for column, mark in marks_of(name).items():
        if column not in columns:
            continue
        if mark.is_example:
            found[column] = f'CASE WHEN {matches(column, mark)} THEN {literal(ERASED_NAME)} ELSE "{column}" END'
        elif mark.kind == TEXT:
            found[column] = f'{WITHOUT_PERSON}_{"list" if column in list_columns() else "text"}("{column}")'
    return found


@contextmanager
def text_functions(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[None]:
    """Register functions that find a person in texts and remove them."""
    words = person.words
    functions: dict[str, tuple[Callable[[Any], Any], list[Any], str]] = {
        NAMES_PERSON: (words.found_in, ["VARCHAR"], "BOOLEAN"),
        f"{WITHOUT_PERSON}_text": (words.without, ["VARCHAR"], "VARCHAR"),
        f"{WITHOUT_PERSON}_list": (
            lambda texts: [text if text is None else words.without(text) for text in texts],
            ["VARCHAR[]"],
            "VARCHAR[]",
        ),
    }
    for name, (function, parameters, result) in functions.items():
        connection.create_function(name, function, parameters, result)
    try:
        yield
    finally:
        for name in functions:
            connection.remove_function(name)


def _asked(statement: str, erasure: Erasure) -> dict[str, Any]:
    values = {"nothing": EMPTY_RECORD, "refused": [REFUSED]}
    return given(erasure.person, statement) | {name: value for name, value in values.items() if f"${name}" in statement}


def rewrite(store: Store, path: Path, erasure: Erasure, place: str) -> None:
    """Replace a published database by one without the customer; delete it if it has no ledger."""
    copy, fresh = path.with_suffix(PARTIAL), path.with_suffix(".fresh")
    for left in (copy, fresh, Path(f"{copy}.wal"), Path(f"{fresh}.wal")):
        left.unlink(missing_ok=True)
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy)) as connection:
        ledgers = ledgers_in(connection)
        if not ledgers:
            path.unlink()
            copy.unlink()
            erasure.counts[f"{place} removed"] += 1
            return
        with transaction(connection):
            erase_tables(connection, erasure, place)
        for ledger in ledgers:
            if ledger.customer is not None:
                _erase_entries(connection, ledger, erasure, place)
        _copy_tombstones(store, connection, erasure)
        # Tables, views and comments are those of the version that wrote the database.
        connection.execute(f"ATTACH {literal(fresh)} AS fresh")
        [(own,)] = connection.execute("SELECT current_database()").fetchall()
        connection.execute(f"COPY FROM DATABASE {quoted(own)} TO fresh")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
    copy.unlink()
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    store.require_ours()
    os.replace(fresh, path)


def _erase_entries(connection: duckdb.DuckDBPyConnection, ledger: Ledger, erasure: Erasure, place: str) -> None:
    """Empty the customer's entries of a ledger, and record that in a further entry."""
    table, is_own = ledger.full_name, f"{ledger.customer} = ?"
    query = f"SELECT entry FROM {table} WHERE {is_own} ORDER BY entry"
    entries = [entry for (entry,) in connection.execute(query, [erasure.person.customer_id]).fetchall()]
    stone = {
        "erasure_id": erasure.erasure_id,
        "customer_hash": erasure.tombstones.hash_of(erasure.person.customer_id),
        "ledger_entries": entries,
    }
    is_known = f"{table} WHERE kind = '{ERASED}' AND (content ->> 'erasure_id') = ?"
    if not entries and count(connection, is_known, [erasure.erasure_id]):
        return
    nothing = ", ".join(f"{name} = NULL" for name in ("salt", *ledger.erasable))
    connection.execute(f"UPDATE {table} SET {nothing} WHERE {is_own}", [erasure.person.customer_id])
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_entries AS "
        f"SELECT ? AS kind, ? AS content, ? AS code_version, {absent_columns(ledger)}",
        [ERASED, json.dumps(stone), code_version()],
    )
    add_entries(connection, ledger, table)
    erasure.counts[f"{place} {table}"] += len(entries)


def _copy_tombstones(store: Store, connection: duckdb.DuckDBPyConnection, erasure: Erasure) -> None:
    # The database may be of another version, whose tombstones have other columns.
    names = [name for name in tables(connection)[ERASURES] if name in tables(store.connection)[ERASURES]]
    rows = store.connection.execute(f"SELECT {quoted_names(names)} FROM {ERASURES}").fetchall()
    with transaction(connection):
        connection.execute(f"TRUNCATE {ERASURES}")
        places = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO {ERASURES} ({quoted_names(names)}) VALUES ({places})", rows)
        # The erasure is complete in this database, which is replaced only when all is done.
        connection.execute(f"UPDATE {ERASURES} SET is_complete = TRUE WHERE erasure_id = ?", [erasure.erasure_id])


def compact(store: Store, build: Path) -> None:
    """Rewrite the build database, so that no block of it has deleted data."""
    partial = build.with_suffix(PARTIAL)
    for left in (partial, Path(f"{partial}.wal")):
        left.unlink(missing_ok=True)
    connection = store.connection
    connection.execute("CHECKPOINT")
    connection.execute(f"ATTACH {literal(partial)} AS fresh")
    connection.execute(f"COPY FROM DATABASE {build.stem} TO fresh")
    connection.execute("CHECKPOINT fresh")
    connection.execute("DETACH fresh")
    store.require_ours()
    os.replace(partial, build)


def tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the tables of a database with their columns."""
    query = """
        SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()
        WHERE (schema_name, table_name) IN (
            SELECT schema_name, table_name FROM duckdb_tables()
            WHERE database_name = current_database() AND NOT temporary AND NOT internal
        ) AND database_name = current_database() GROUP BY ALL ORDER BY ALL"""
    return dict(connection.execute(query).fetchall())


def count(connection: duckdb.DuckDBPyConnection, rows: str, given: Any) -> int:
    """Count the rows of a FROM clause."""
    # Read to the end: an open result would keep text functions in use that are to be removed.
    return int(connection.execute(f"SELECT count(*) FROM {rows}", given).fetchall()[0][0])
