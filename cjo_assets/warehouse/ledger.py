"""Appends to the decision ledger in the published database.

Entries are written to the copy that is about to be published, so a failed run leaves none, and the loss of the build
database loses none. Each hash needs the previous one, so the chain is computed in Python, in batches and only over the
texts to be hashed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow

from cjo_assets.core.contract import columns_of
from cjo_assets.core.expressions.ids import SEPARATOR
from cjo_assets.core.family import decision_table
from cjo_assets.core.table import ERASURES, LEDGER
from cjo_assets.engine.transaction import transaction
from cjo_assets.families.audit.records.decision_ledger import (
    ERASED,
    GENESIS,
    DecisionLedger,
    chained_in_sql,
    changes_in_sql,
    content_hash_in_sql,
)

BATCH_ROWS = 1 << 16
NEW, HASHES = "temp.main.new_entries", "temp.main.new_hashes"
HASH_COLUMNS = pyarrow.schema(
    [("entry", pyarrow.int64()), ("previous_hash", pyarrow.string()), ("entry_hash", pyarrow.string())]
)


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


def head_of(connection: duckdb.DuckDBPyConnection, ledger: str = LEDGER) -> Head:
    """Return the head of the chain."""
    # ORDER BY with LIMIT would read only the last blocks, and find nothing if their rows were deleted.
    last = connection.execute(f"SELECT max(entry) FROM {ledger}").fetchone()
    row = connection.execute(f"SELECT entry, entry_hash FROM {ledger} WHERE entry = ?", last).fetchone()
    return Head(*row) if row else Head(0, GENESIS)


def add_decisions(connection: duckdb.DuckDBPyConnection, target: str, days: list[date], stamp: Stamp) -> Head:
    """Append entries for the decisions of some days that differ from the ledger of an attached database.

    Args:
        connection: connection to the build database.
        target: name of the attached database.
        days: the days.
        stamp: identity of the run.

    Returns:
        The head of the chain.
    """
    ledger = f"{target}.{LEDGER}"
    changes = changes_in_sql(decision_table().full_name, ledger)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_entries AS "
        f"SELECT *, $code_version AS code_version, $run_id AS run_id FROM ({changes})",
        {"days": days, **vars(stamp)},
    )
    return add_entries(connection, ledger)


def add_tombstones(connection: duckdb.DuckDBPyConnection, target: str, stamp: Stamp) -> None:
    """Append erasures that the ledger of an attached database lacks because nothing was published when they were made.

    An erasure is skipped if the ledger still names its customer: that database is an earlier one, to be erased again.
    """
    ledger = f"{target}.{LEDGER}"
    absent = ("as_of", "version", "supersedes", "intervention_id", "customer_id", "input_hash", "policy_hash", "run_id")
    found = connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_entries AS
        SELECT '{ERASED}' AS kind, $code_version AS code_version, {", ".join(f"NULL AS {name}" for name in absent)},
            json_object('erasure_id', erasure_id, 'customer_hash', customer_hash, 'ledger_entries', [])::VARCHAR
                AS content
        FROM {ERASURES} AS stones
        WHERE is_complete
            AND erasure_id NOT IN (SELECT content ->> 'erasure_id' FROM {ledger} WHERE kind = '{ERASED}')
            AND customer_hash NOT IN (
                SELECT sha256(stones.salt || chr({ord(SEPARATOR)}) || customer_id)
                FROM {ledger} WHERE customer_id IS NOT NULL
            )
        """,
        {"code_version": stamp.code_version},
    ).fetchone()
    if found != (0,):
        add_entries(connection, ledger)


def add_entries(connection: duckdb.DuckDBPyConnection, ledger: str) -> Head:
    """Append the rows of `new_entries` to the ledger, numbered, salted and hashed; return the head of the chain."""
    head = head_of(connection, ledger)
    # The secret is not stored: without the salt of an entry its hash cannot be recomputed.
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_entries AS
        WITH numbered AS (
            SELECT *, {head.entries} + row_number() OVER (ORDER BY as_of, customer_id) AS entry FROM {NEW}
        ), salted AS (
            SELECT *, sha256(entry::VARCHAR || ?)[:32] AS salt FROM numbered
        )
        SELECT *, {content_hash_in_sql("salted")} AS content_hash FROM salted
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
    stored = {name for name, *_ in connection.execute(f"DESCRIBE {ledger}").fetchall()}
    names = ", ".join(spec.name for spec in columns_of(DecisionLedger) if spec.name in stored)
    with transaction(connection):
        connection.execute(
            f"INSERT INTO {ledger} ({names}) SELECT {names} FROM {NEW} JOIN {HASHES} USING (entry) ORDER BY entry"
        )
    connection.execute(f"DROP TABLE {NEW}; DROP TABLE {HASHES}")
    return head_of(connection, ledger)


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
