"""Erasing a customer from everything a home holds.

Belongs here: which places there are and in which order they are emptied. Does not belong here: how a file of the
archive is emptied (`redaction.py`) and the records of it (`audit/erasures.py`).

The tombstone comes first: from then on every run refuses what a file says of the customer. Each further step may be
repeated, so an erasure that was killed is asked for again. What is left of the customer in the ledger is the hash of
what was decided, which the chain needs and which says nothing without its salt. Databases are written anew, so that the
bytes go too, and each is put in place at once.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.audit.decision_ledger import ERASABLE, ERASED, LEDGER
from cjo_assets.audit.erasures import ERASURES
from cjo_assets.journey.approval_decisions import RECORDS
from cjo_assets.shared.quarantine import REFUSED
from cjo_assets.wiring.analysts import add_views, comment
from cjo_assets.wiring.code import code_version
from cjo_assets.wiring.errors import RefusalError
from cjo_assets.wiring.families import all_families
from cjo_assets.wiring.keep import HISTORY, SNAPSHOTS
from cjo_assets.wiring.ledger import add_entries
from cjo_assets.wiring.records import records_in, settled
from cjo_assets.wiring.redaction import EMPTY_RECORD, ENDING, Tombstones, empty_rows
from cjo_assets.wiring.settings import Settings
from cjo_assets.wiring.store import Store
from cjo_assets.wiring.tables import QUARANTINE, RAW
from cjo_assets.wiring.transaction import transaction
from cjo_assets.wiring.warehouse import opened

TEXTS = {".md", ".html", ".svg", ".json", ".csv", ".txt"}
NAME_OF_NOBODY = "erased"
PARTIAL = ".erasing"
KEPT_TABLES = {LEDGER, ERASURES, "raw.manifest"}
REJECTED = "audit.rejected_records"
# Tables of a home that hold an intervention with its customer.
INTERVENTIONS = ("journey.interventions", "journey.recommended_interventions", "journey.outcome_analyses", LEDGER)


@dataclass
class Erasure:
    """An erasure that is being carried out.

    Attributes:
        erasure_id: its name.
        customer_id: who is erased.
        interventions: theirs, as far as any table still knows.
        tombstones: the hashes by which files are searched: this customer's alone.
        counts: rows erased, by place.
    """

    erasure_id: str
    customer_id: str
    interventions: list[str]
    tombstones: Tombstones
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def given(self) -> dict[str, Any]:
        """What the statements ask for: the customer, the interventions, and both as JSON writes them."""
        names = [self.customer_id, *self.interventions]
        return {
            "customer": self.customer_id,
            "interventions": self.interventions,
            "quoted": [json.dumps(name, ensure_ascii=False) for name in names],
            "nothing": EMPTY_RECORD,
            "refused": [REFUSED],
        }


def erase(
    settings: Settings, customer_id: str, by: str, reason: str, say: Callable[[str], None] | None = None
) -> dict[str, int]:
    """Erase a customer, and return how many rows were erased in each place.

    Raises:
        RefusalError: nobody knows such a customer, or it was not said who asks and why.
        WarehouseError: the home cannot be used.
    """
    if not by.strip() or not reason.strip():
        raise RefusalError("Who asks for it, and why, must be said.")
    if not settings.build.exists() and not settings.published.exists():
        raise RefusalError(f"{settings.home} holds nothing.")
    with opened(settings, all_families(), say=say) as store:
        erasure = _begun(store, settings, customer_id, by, reason)
        _erase_records(settings, erasure)
        _erase_archive(settings, erasure)
        with transaction(store.connection):
            _erase_tables(store.connection, erasure, "build.duckdb")
        _erase_history(settings, erasure)
        _erase_reports(settings, erasure)
        for snapshot in sorted((settings.home / SNAPSHOTS).glob("*.duckdb")):
            _rewrite(store, snapshot, erasure)
        _complete(store, erasure)
        if settings.published.exists():
            _rewrite(store, settings.published, erasure)
        _compact(store, settings.build)
    return dict(sorted(erasure.counts.items()))


def rows_about(settings: Settings, customer_id: str) -> dict[str, int]:
    """Return the tables of the published database that hold rows of a customer, with how many."""
    if not settings.published.exists():
        return {}
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        names = [name for name, columns in _tables(reader).items() if "customer_id" in columns]
        counts = {name: _count(reader, f"{name} WHERE customer_id = ?", [customer_id]) for name in names}
    return {name: count for name, count in counts.items() if count}


def _begun(store: Store, settings: Settings, customer_id: str, by: str, reason: str) -> Erasure:
    """Set up the tombstone, or find the one of an earlier attempt."""
    connection = store.connection
    house = Tombstones.of(connection)
    salt = house.salt if house else secrets.token_hex(16)
    own = Tombstones(salt, frozenset())
    customer_hash = own.hash_of(customer_id)
    found = _interventions(connection, customer_id)
    for path in (settings.published, *sorted((settings.home / SNAPSHOTS).glob("*.duckdb"))):
        if path.exists():
            with duckdb.connect(str(path), read_only=True) as reader:
                found |= _interventions(reader, customer_id)
    before = connection.execute(
        f"SELECT intervention_hashes FROM {ERASURES} WHERE customer_hash = ?", [customer_hash]
    ).fetchone()
    if (
        before is None
        and not found
        and not _is_known(connection, customer_id)
        and not rows_about(settings, customer_id)
    ):
        raise RefusalError(f"Nothing in {settings.home} is about a customer {customer_id}.")
    hashes = sorted({*(before[0] if before else []), *map(own.hash_of, found)})
    erasure_id = f"E-{customer_hash[:12]}"
    with transaction(connection):
        if before is None:
            now = datetime.now(UTC).replace(tzinfo=None)
            row = [erasure_id, customer_hash, hashes, salt, now, by, reason, "{}", False]
            connection.execute(f"INSERT INTO {ERASURES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        else:
            update = f"UPDATE {ERASURES} SET intervention_hashes = ?, is_complete = FALSE WHERE erasure_id = ?"
            connection.execute(update, [hashes, erasure_id])
    return Erasure(erasure_id, customer_id, sorted(found), Tombstones(salt, frozenset([customer_hash, *hashes])))


def _interventions(connection: duckdb.DuckDBPyConnection, customer_id: str) -> set[str]:
    tables = _tables(connection)
    found: set[str] = set()
    for name in INTERVENTIONS:
        if name in tables:
            query = f"SELECT DISTINCT intervention_id FROM {name} WHERE customer_id = ?"
            found |= {row[0] for row in connection.execute(query, [customer_id]).fetchall() if row[0]}
    return found


def _is_known(connection: duckdb.DuckDBPyConnection, customer_id: str) -> bool:
    named = [name for name, columns in _tables(connection).items() if "customer_id" in columns]
    return any(_count(connection, f"{name} WHERE customer_id = ?", [customer_id]) for name in named)


def _complete(store: Store, erasure: Erasure) -> None:
    """Write down what was erased; of an erasure in several attempts, by all of them."""
    row = store.connection.execute(
        f"SELECT counts FROM {ERASURES} WHERE erasure_id = ?", [erasure.erasure_id]
    ).fetchone()
    counts = Counter(json.loads(row[0]) if row else {}) + erasure.counts
    store.connection.execute(
        f"UPDATE {ERASURES} SET counts = ?, is_complete = TRUE WHERE erasure_id = ?",
        [json.dumps(dict(sorted(counts.items()))), erasure.erasure_id],
    )


def _erase_records(settings: Settings, erasure: Erasure) -> None:
    """Take the answers about the customer's interventions out of the records of the home."""
    with settled(settings.home / RECORDS) as path:
        records = records_in(path)
        kept = [record for record in records if not erasure.tombstones.are_of(str(record.get("intervention_id")))]
        if len(kept) < len(records):
            partial = path.with_name(f"{path.name}{PARTIAL}")
            lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            _replace(partial, path, lines)
            erasure.counts[RECORDS] += len(records) - len(kept)


def _erase_archive(settings: Settings, erasure: Erasure) -> None:
    for file in sorted(settings.inputs.rglob("*")):
        if file.is_file() and file.suffix != ENDING and not file.name.startswith("."):
            # What was fetched from a database is merged by its key, so that no row of it may be empty.
            is_archived = file.parent == settings.inputs
            count = empty_rows(file, erasure.tombstones.are_of, in_place=is_archived)
            if count:
                erasure.counts["inputs"] += count


def _erase_tables(connection: duckdb.DuckDBPyConnection, erasure: Erasure, place: str) -> None:
    """Delete the customer's rows; where a row is one of a file, empty it."""
    about_text = "list_bool_or(list_transform($quoted, lambda name: contains(raw_record, name)))"
    for name, columns in _tables(connection).items():
        schema = name.partition(".")[0]
        own = [
            condition
            for column, condition in (
                ("customer_id", "customer_id = $customer"),
                ("intervention_id", "list_contains($interventions, intervention_id)"),
            )
            if column in columns
        ]
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
        elif name == REJECTED:
            statement = f"UPDATE {name} SET record_key = NULL, raw_record = $nothing WHERE {about_text}"
        elif own:
            statement = f"DELETE FROM {name} WHERE {' OR '.join(own)}"
        else:
            continue
        count = _changed(connection, statement, erasure.given)
        if count:
            erasure.counts[f"{place} {name}"] += count


def _erase_history(settings: Settings, erasure: Erasure) -> None:
    """Write the Parquet files of old days anew, without the customer's rows."""
    with duckdb.connect() as connection:
        for file in sorted((settings.home / HISTORY).glob("*/*.parquet")):
            source = f"read_parquet({_literal(file)}, hive_partitioning = false)"
            columns = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
            own = " OR ".join(
                ["coalesce(customer_id = $customer, FALSE)"] * ("customer_id" in columns)
                + ["coalesce(list_contains($interventions, intervention_id), FALSE)"] * ("intervention_id" in columns)
            )
            given = {name: value for name, value in erasure.given.items() if f"${name}" in own}
            count = _count(connection, f"{source} WHERE {own}", given) if own else 0
            if count:
                partial = file.with_suffix(PARTIAL)
                connection.execute(
                    f"COPY (SELECT * FROM {source} WHERE NOT ({own})) TO {_literal(partial)} (FORMAT parquet)", given
                )
                os.replace(partial, file)
                erasure.counts[HISTORY] += count


def _erase_reports(settings: Settings, erasure: Erasure) -> None:
    """Take the customer's names out of the reports; figures stay, since they are of all customers."""
    names = sorted([erasure.customer_id, *erasure.interventions], key=len, reverse=True)
    named = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])")
    for file in sorted(settings.reports.rglob("*")):
        if file.is_file() and file.suffix in TEXTS:
            text, count = named.subn(NAME_OF_NOBODY, file.read_text(encoding="utf-8"))
            if count:
                _replace(file.with_name(f"{file.name}{PARTIAL}"), file, text)
                erasure.counts["reports"] += count


def _rewrite(store: Store, path: Path, erasure: Erasure) -> None:
    """Put a database without the customer in the place of a published one; remove it if it is another version's."""
    copy, fresh = path.with_suffix(PARTIAL), path.with_suffix(".fresh")
    for left in (copy, fresh, Path(f"{copy}.wal"), Path(f"{fresh}.wal")):
        left.unlink(missing_ok=True)
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy)) as connection:
        if LEDGER not in _tables(connection):
            path.unlink()
            copy.unlink()
            erasure.counts[f"{path.name} removed"] += 1
            return
        with transaction(connection):
            _erase_tables(connection, erasure, path.name)
        _erase_entries(connection, erasure, path.name)
        _copy_tombstones(store, connection)
        connection.execute(f"ATTACH {_literal(fresh)} AS fresh")
        with transaction(connection):
            for name in _tables(connection):
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
    if not entries and _count(connection, is_known, [erasure.erasure_id]):
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


def _copy_tombstones(store: Store, connection: duckdb.DuckDBPyConnection) -> None:
    rows = store.connection.execute(f"FROM {ERASURES}").fetchall()
    with transaction(connection):
        connection.execute(f"TRUNCATE {ERASURES}")
        connection.executemany(f"INSERT INTO {ERASURES} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _compact(store: Store, build: Path) -> None:
    """Write the build database anew, so that no block of it holds what was deleted."""
    partial = build.with_suffix(PARTIAL)
    for left in (partial, Path(f"{partial}.wal")):
        left.unlink(missing_ok=True)
    connection = store.connection
    connection.execute("CHECKPOINT")
    connection.execute(f"ATTACH {_literal(partial)} AS fresh")
    connection.execute(f"COPY FROM DATABASE {build.stem} TO fresh")
    connection.execute("CHECKPOINT fresh")
    connection.execute("DETACH fresh")
    store.require_ours()
    os.replace(partial, build)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the tables of a database with their columns."""
    query = """
        SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()
        WHERE (schema_name, table_name) IN (
            SELECT schema_name, table_name FROM duckdb_tables()
            WHERE database_name = current_database() AND NOT temporary AND NOT internal
        ) AND database_name = current_database() GROUP BY ALL ORDER BY ALL"""
    return dict(connection.execute(query).fetchall())


def _count(connection: duckdb.DuckDBPyConnection, rows: str, given: Any) -> int:
    row = connection.execute(f"SELECT count(*) FROM {rows}", given).fetchone()
    return int(row[0]) if row else 0


def _changed(connection: duckdb.DuckDBPyConnection, statement: str, given: dict[str, Any]) -> int:
    named = {name: value for name, value in given.items() if re.search(rf"\${name}\b", statement)}
    row = connection.execute(statement, named).fetchone()
    return int(row[0]) if row else 0


def _replace(partial: Path, path: Path, text: str) -> None:
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
