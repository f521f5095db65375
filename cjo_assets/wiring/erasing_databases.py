"""A customer's rows in databases: deleted, or emptied where a row is one of a file, and the file written anew.

Belongs here: which rows of which table are about a customer, and databases without them. Does not belong here: the
other places of a home (`erasing_files.py`), and the order (`erasing.py`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.audit.decision_ledger import ERASABLE, ERASED, LEDGER
from cjo_assets.audit.erasures import ERASURES
from cjo_assets.shared.quarantine import REFUSED
from cjo_assets.wiring.analysts import add_views, comment
from cjo_assets.wiring.code import code_version
from cjo_assets.wiring.ledger import add_entries
from cjo_assets.wiring.quoting import literal
from cjo_assets.wiring.redaction import EMPTY_RECORD, Tombstones
from cjo_assets.wiring.store import Store
from cjo_assets.wiring.tables import QUARANTINE, RAW
from cjo_assets.wiring.transaction import transaction

PARTIAL = ".erasing"
KEPT_TABLES = {LEDGER, ERASURES, "raw.manifest"}
REJECTED = ("audit.rejected_records", "audit.discarded_values")
# Tables whose rows are about whom another column names, and texts of rows that stay and may name somebody.
NAMED_IN = {"journey.next_steps": ("subject", "reference")}
TEXTS = {
    "audit.runs": ("errors",),
    "audit.language_model_calls": ("answer", "reason"),
    "journey.next_steps": ("why",),
    "journey.phrased_texts": ("text",),
    "journey.rejections_by_rule": ("example_customer_id",),
}
NAME_OF_NOBODY = "erased"


@dataclass
class Erasure:
    """An erasure that is being carried out.

    Attributes:
        erasure_id: its name.
        customer_id: who is erased.
        interventions: theirs, as far as any table still knows.
        records: what their signals and outcomes are named by.
        tombstones: the hashes by which files are searched: this customer's alone.
        counts_before: rows erased by earlier attempts, by place.
        counts: rows erased, by place.
    """

    erasure_id: str
    customer_id: str
    interventions: list[str]
    records: list[str]
    tombstones: Tombstones
    counts_before: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def given(self) -> dict[str, Any]:
        """What the statements ask for: the customer, the interventions, and all names as JSON and texts have them."""
        names = [self.customer_id, *self.interventions, *self.records]
        whole = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        return {
            "customer": self.customer_id,
            "interventions": self.interventions,
            "names": names,
            "whole_name": rf"(^|[^\w-])(?:{whole})($|[^\w-])",
            "quoted": [json.dumps(name, ensure_ascii=False) for name in names],
            "nothing": EMPTY_RECORD,
            "refused": [REFUSED],
        }


def erase_tables(connection: duckdb.DuckDBPyConnection, erasure: Erasure, place: str) -> None:
    """Delete the customer's rows; where a row is one of a file, empty it."""
    about_text = "list_bool_or(list_transform($quoted, lambda name: contains(raw_record, name)))"
    for name, columns in tables(connection).items():
        schema = name.partition(".")[0]
        own = own_rows(name, columns)
        if name in KEPT_TABLES:
            continue
        if schema == RAW and own:
            emptied = [column for column in columns if column not in ("source_file", "source_row", "file_sha256")]
            values = {"irregularities": "$refused", "record": "$nothing"}
            sets = ", ".join(f'"{column}" = {values.get(column, "NULL")}' for column in emptied)
            statement = f"UPDATE {name} SET {sets} WHERE {' OR '.join(own)}"
        elif schema == QUARANTINE:
            statement = (
                f"UPDATE {name} SET customer_id = NULL, record_key = NULL, record_date = NULL, raw_record = $nothing, "
                f"broken_rules = $refused WHERE {' OR '.join([*own, about_text])}"
            )
        elif name in REJECTED:
            statement = f"UPDATE {name} SET record_key = NULL, raw_record = $nothing WHERE {about_text}"
        elif own:
            statement = f"DELETE FROM {name} WHERE {' OR '.join(own)}"
        else:
            continue
        rows = _changed(connection, statement, erasure)
        if rows:
            erasure.counts[f"{place} {name}"] += rows
    _erase_texts(connection, erasure, place)


def own_rows(name: str, columns: Iterable[str]) -> list[str]:
    """Return the conditions, as SQL, under which a row of a table is about the customer; none of them is ever null."""
    conditions = {
        "customer_id": "coalesce(customer_id = $customer, FALSE)",
        "intervention_id": "coalesce(list_contains($interventions, intervention_id), FALSE)",
    } | {column: f"coalesce(list_contains($names, {column}), FALSE)" for column in NAMED_IN.get(name, ())}
    return [condition for column, condition in conditions.items() if column in columns]


def without_names(name: str) -> dict[str, str]:
    """Return, as SQL, the texts of a table without the customer's names."""
    return {column: _listed_without(column) if column == "errors" else _without(column) for column in TEXTS[name]}


def _without(text: str) -> str:
    # Twice: of two names beside each other the first match takes the character between them.
    replaced = f"regexp_replace({text}, $whole_name, '\\1{NAME_OF_NOBODY}\\2', 'g')"
    return replaced.replace(f"({text},", f"({replaced},", 1)


def _listed_without(texts: str) -> str:
    return f"list_transform({texts}, lambda text: {_without('text')})"


def _erase_texts(connection: duckdb.DuckDBPyConnection, erasure: Erasure, place: str) -> None:
    for name in sorted(TEXTS.keys() & tables(connection).keys()):
        texts = without_names(name)
        sets = ", ".join(f"{column} = {text}" for column, text in texts.items())
        differs = " OR ".join(f"{column} IS DISTINCT FROM {text}" for column, text in texts.items())
        rows = _changed(connection, f"UPDATE {name} SET {sets} WHERE {differs}", erasure)
        if rows:
            erasure.counts[f"{place} {name}"] += rows


def rewrite(store: Store, path: Path, erasure: Erasure, place: str) -> None:
    """Put a database without the customer in the place of a published one; remove it if it is another version's."""
    copy, fresh = path.with_suffix(PARTIAL), path.with_suffix(".fresh")
    for left in (copy, fresh, Path(f"{copy}.wal"), Path(f"{fresh}.wal")):
        left.unlink(missing_ok=True)
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy)) as connection:
        if LEDGER not in tables(connection):
            path.unlink()
            copy.unlink()
            erasure.counts[f"{place} removed"] += 1
            return
        with transaction(connection):
            erase_tables(connection, erasure, place)
        _erase_entries(connection, erasure, place)
        _copy_tombstones(store, connection, erasure)
        connection.execute(f"ATTACH {literal(fresh)} AS fresh")
        with transaction(connection):
            for name in tables(connection):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS fresh.{name.partition('.')[0]}")
                connection.execute(f"CREATE TABLE fresh.{name} AS FROM {name}")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
    copy.unlink()
    with duckdb.connect(str(fresh)) as connection:
        with transaction(connection):
            for table in store.tables.values():
                if table.is_published and not table.is_view:
                    comment(connection, table, table.full_name)
            add_views(connection, store)
        connection.execute("CHECKPOINT")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    store.require_ours()
    os.replace(fresh, path)


def _erase_entries(connection: duckdb.DuckDBPyConnection, erasure: Erasure, place: str) -> None:
    """Empty the customer's entries of the ledger, and say so in a further entry."""
    query = f"SELECT entry FROM {LEDGER} WHERE customer_id = ? ORDER BY entry"
    entries = [entry for (entry,) in connection.execute(query, [erasure.customer_id]).fetchall()]
    stone = {
        "erasure_id": erasure.erasure_id,
        "customer_hash": erasure.tombstones.hash_of(erasure.customer_id),
        "ledger_entries": entries,
    }
    is_known = f"{LEDGER} WHERE kind = '{ERASED}' AND (content ->> 'erasure_id') = ?"
    if not entries and count(connection, is_known, [erasure.erasure_id]):
        return
    nothing = ", ".join(f"{name} = NULL" for name in ("salt", *ERASABLE))
    connection.execute(f"UPDATE {LEDGER} SET {nothing} WHERE customer_id = ?", [erasure.customer_id])
    columns = (
        "as_of",
        "version",
        "supersedes",
        "intervention_id",
        "customer_id",
        "input_hash",
        "policy_hash",
        "run_id",
    )
    absent = ", ".join(f"NULL AS {name}" for name in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE new_entries AS SELECT ? AS kind, ? AS content, ? AS code_version, {absent}",
        [ERASED, json.dumps(stone), code_version()],
    )
    add_entries(connection, LEDGER)
    erasure.counts[f"{place} {LEDGER}"] += len(entries)


def _copy_tombstones(store: Store, connection: duckdb.DuckDBPyConnection, erasure: Erasure) -> None:
    rows = store.connection.execute(f"FROM {ERASURES}").fetchall()
    with transaction(connection):
        connection.execute(f"TRUNCATE {ERASURES}")
        connection.executemany(f"INSERT INTO {ERASURES} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        # Of this database it is complete: it is put in place with all of it done.
        connection.execute(f"UPDATE {ERASURES} SET is_complete = TRUE WHERE erasure_id = ?", [erasure.erasure_id])


def compact(store: Store, build: Path) -> None:
    """Write the build database anew, so that no block of it holds what was deleted."""
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
    """Count the rows that follow FROM."""
    row = connection.execute(f"SELECT count(*) FROM {rows}", given).fetchone()
    return int(row[0]) if row else 0


def _changed(connection: duckdb.DuckDBPyConnection, statement: str, erasure: Erasure) -> int:
    """Carry out a statement with what it asks for, and return how many rows it changed."""
    row = connection.execute(statement, given_to(statement, erasure)).fetchone()
    return int(row[0]) if row else 0


def given_to(statement: str, erasure: Erasure) -> dict[str, Any]:
    """Return what a statement asks for."""
    return {name: value for name, value in erasure.given.items() if re.search(rf"\${name}\b", statement)}
