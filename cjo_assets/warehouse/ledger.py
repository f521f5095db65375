"""Appends to the decision ledgers in the published database.

Entries are written to the copy that is about to be published, so a failed run leaves none, and the loss of the build
database loses none. Each hash needs the previous one, so the chain is computed in Python, in batches and only over the
texts to be hashed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow

from cjo_assets.core.contract import columns_of
from cjo_assets.core.expressions.ids import SEPARATOR
from cjo_assets.core.family import Chain
from cjo_assets.core.ledger import ERASED, GENESIS, Ledger
from cjo_assets.core.table import ERASURES
from cjo_assets.engine.transaction import transaction
from cjo_assets.warehouse.ledger_queries import chained_in_sql, changes_in_sql, content_hash_in_sql
from cjo_assets.warehouse.retention import HISTORY
from cjo_assets.warehouse.schema_changes import contract_columns, parquet_columns, parquet_source, read_as

BATCH_ROWS = 1 << 16
NEW, HASHES = "temp.main.new_entries", "temp.main.new_hashes"
HASH_COLUMNS = pyarrow.schema(
    [("entry", pyarrow.int64()), ("previous_hash", pyarrow.string()), ("entry_hash", pyarrow.string())]
)
# Columns of an entry about a decision, which an entry about an erasure leaves null.
OF_DECISION = ("as_of", "version", "supersedes", "input_hash", "policy_hash", "run_id")


@dataclass(frozen=True)
class Stamp:
    """Identity of the run that publishes.

    Attributes:
        run_id: the run.
        policy_hash: hash of its policy.
        code_version: hash of its code.
    """

    run_id: str
    policy_hash: str
    code_version: str


@dataclass(frozen=True)
class Head:
    """The end of the hash chain: number of entries, and hash of the last one, which covers all before."""

    entries: int
    entry_hash: str


def head_of(connection: duckdb.DuckDBPyConnection, ledger: str) -> Head:
    """Return the head of the chain in a table."""
    # ORDER BY with LIMIT would read only the last blocks, and find nothing if their rows were deleted.
    last = connection.execute(f"SELECT max(entry) FROM {ledger}").fetchone()
    row = connection.execute(f"SELECT entry, entry_hash FROM {ledger} WHERE entry = ?", last).fetchone()
    return Head(*row) if row else Head(0, GENESIS)


def add_decisions(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    chain: Chain,
    days: list[date],
    stamp: Stamp,
    source: str | None = None,
) -> Head:
    """Append entries for the decisions of some days that differ from the ledger of an attached database.

    Args:
        connection: connection to the build database.
        target: name of the attached database.
        chain: the ledger, with the table whose rows it chains.
        days: the days.
        stamp: identity of the run.
        source: where the decisions are read from; the table of the build database unless given.

    Returns:
        The head of the chain.
    """
    ledger = f"{target}.{chain.ledger.full_name}"
    changes = changes_in_sql(chain, source or chain.decisions.full_name, ledger)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_entries AS "
        f"SELECT *, $code_version AS code_version, $run_id AS run_id FROM ({changes})",
        {"days": days, **vars(stamp)},
    )
    return add_entries(connection, chain.ledger, ledger)


def add_published_days(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    chain: Chain,
    home: Path,
    stamp: Stamp,
    but_days: Collection[date],
) -> None:
    """Append the decisions of all published days but some to a ledger that an attached database did not have before."""
    for day, source in decided_days(connection, chain, home, f"{target}."):
        if day not in but_days:
            add_decisions(connection, target, chain, [day], stamp, source)


def decided_days(
    connection: duckdb.DuckDBPyConnection, chain: Chain, home: Path, database: str = ""
) -> Iterator[tuple[date, str]]:
    """Return every day with decisions, in the ledger, the table or a file of an old day, and where they are stored."""
    name = chain.decisions.full_name
    table, ledger = f"{database}{name}", f"{database}{chain.ledger.full_name}"
    paths = sorted((home / HISTORY / name).glob(f"{'[0-9]' * 4}-??-??.parquet"))
    files = {date.fromisoformat(path.stem): path for path in paths}
    chained = connection.execute(f"SELECT DISTINCT as_of FROM {ledger} WHERE as_of NOT NULL").fetchall()
    kept = {day for (day,) in connection.execute(f"SELECT DISTINCT as_of FROM {table}").fetchall()}
    columns = contract_columns((chain.decisions,))[name]
    for day in sorted({day for (day,) in chained} | kept | files.keys()):
        path = files.get(day) if day not in kept else None
        yield day, read_as(columns, parquet_source(path), parquet_columns(connection, path)) if path else table


def add_tombstones(connection: duckdb.DuckDBPyConnection, target: str, ledger: Ledger, stamp: Stamp) -> None:
    """Append erasures that the ledger of an attached database lacks because nothing was published when they were made.

    An erasure is skipped if the ledger still names its customer: that database is an earlier one, to be erased again.
    """
    place = f"{target}.{ledger.full_name}"
    found = connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_entries AS
        SELECT '{ERASED}' AS kind, $code_version AS code_version, {absent_columns(ledger)},
            json_object('erasure_id', erasure_id, 'customer_hash', customer_hash, 'ledger_entries', [])::VARCHAR
                AS content
        FROM {ERASURES} AS stones
        WHERE is_complete
            AND erasure_id NOT IN (SELECT content ->> 'erasure_id' FROM {place} WHERE kind = '{ERASED}')
            AND customer_hash NOT IN (
                SELECT sha256(stones.salt || chr({ord(SEPARATOR)}) || {ledger.customer})
                FROM {place} WHERE {ledger.customer} IS NOT NULL
            )
        """,
        {"code_version": stamp.code_version},
    ).fetchone()
    if found != (0,):
        add_entries(connection, ledger, place)


def absent_columns(ledger: Ledger) -> str:
    """Return the columns, as null, that an entry about an erasure does not have."""
    return ", ".join(f"NULL AS {name}" for name in (*ledger.identifiers, *OF_DECISION))


def add_entries(connection: duckdb.DuckDBPyConnection, ledger: Ledger, place: str) -> Head:
    """Append the rows of `new_entries` to a ledger, numbered, salted and hashed; return the head of the chain.

    Args:
        connection: connection with the rows.
        ledger: the ledger.
        place: the table, as SQL names it on this connection.
    """
    head = head_of(connection, place)
    # The secret is not stored: without the salt of an entry its hash cannot be recomputed.
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_entries AS
        WITH numbered AS (
            SELECT *, {head.entries} + row_number() OVER (ORDER BY as_of, {ledger.key}) AS entry FROM {NEW}
        ), salted AS (
            SELECT *, sha256(entry::VARCHAR || ?)[:32] AS salt FROM numbered
        )
        SELECT *, {content_hash_in_sql(ledger, "salted")} AS content_hash FROM salted
        """,
        [secrets.token_hex(32)],
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_hashes (entry BIGINT, previous_hash VARCHAR, entry_hash VARCHAR)"
    )
    for batch in _chained(connection, head):
        connection.register("batch_of_hashes", batch)
        connection.execute(f"INSERT INTO {HASHES} FROM batch_of_hashes")
        connection.unregister("batch_of_hashes")
    # An erasure writes to snapshots, too, whose ledger may have fewer columns.
    stored = {name for name, *_ in connection.execute(f"DESCRIBE {place}").fetchall()}
    names = ", ".join(spec.name for spec in columns_of(ledger.contract) if spec.name in stored)
    with transaction(connection):
        connection.execute(
            f"INSERT INTO {place} ({names}) SELECT {names} FROM {NEW} JOIN {HASHES} USING (entry) ORDER BY entry"
        )
    connection.execute(f"DROP TABLE {NEW}; DROP TABLE {HASHES}")
    return head_of(connection, place)


def _chained(connection: duckdb.DuckDBPyConnection, head: Head) -> Iterator[pyarrow.Table]:
    """Yield the new entries in order, each with a hash over the previous one."""
    previous = head.entry_hash
    last = head.entries
    while True:
        rows = connection.execute(
            f"SELECT entry, {chained_in_sql('added')} FROM {NEW} AS added "
            "WHERE entry > ? AND entry <= ? ORDER BY entry",
            [last, last + BATCH_ROWS],
        ).fetchall()
        if not rows:
            return
        entries, before, after = [], [], []
        for entry, text in rows:
            entries.append(entry)
            before.append(previous)
            previous = hashlib.sha256(f"{previous}{SEPARATOR}{text}".encode()).hexdigest()
            after.append(previous)
        last = entries[-1]
        yield pyarrow.table([entries, before, after], schema=HASH_COLUMNS)
