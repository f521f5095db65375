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
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from cjo_assets.audit.decision_ledger import LEDGER
from cjo_assets.audit.erasures import ERASURES
from cjo_assets.wiring.erasing_databases import Erasure, compact, count, erase_tables, rewrite, tables
from cjo_assets.wiring.erasing_files import (
    erase_archive,
    erase_history,
    erase_instance,
    erase_policy_diffs,
    erase_records,
    erase_reports,
)
from cjo_assets.wiring.errors import RefusalError
from cjo_assets.wiring.families import all_families
from cjo_assets.wiring.keep import SNAPSHOTS
from cjo_assets.wiring.redaction import Tombstones
from cjo_assets.wiring.settings import Settings
from cjo_assets.wiring.store import Store
from cjo_assets.wiring.transaction import transaction
from cjo_assets.wiring.warehouse import opened

# Tables of a home that hold an intervention with its customer.
INTERVENTIONS = {
    "journey.interventions": "intervention_id",
    "journey.recommended_interventions": "intervention_id",
    "journey.outcome_analyses": "intervention_id",
    LEDGER: "intervention_id",
}
RECORDS_BY_KEY = {"journey.signals": "signal_id", "journey.outcomes": "outcome_id"}


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
        store.require_erasable()
        erasure = _begun(store, settings, customer_id, by, reason)
        places = (erase_records, erase_archive, erase_history, erase_reports, erase_policy_diffs, erase_instance)
        for step in places:
            step(settings, erasure)
            _count_up(store, erasure)
        with transaction(store.connection):
            erase_tables(store.connection, erasure, settings.build.name)
        _count_up(store, erasure)
        for path in _databases(settings):
            rewrite(store, path, erasure, SNAPSHOTS if path.parent.name == SNAPSHOTS else path.name)
        _count_up(store, erasure)
        store.connection.execute(f"UPDATE {ERASURES} SET is_complete = TRUE WHERE erasure_id = ?", [erasure.erasure_id])
        compact(store, settings.build)
    return dict(sorted((+erasure.counts).items()))


def rows_about(settings: Settings, customer_id: str) -> dict[str, int]:
    """Return the tables of the published database that hold rows of a customer, with how many."""
    if not settings.published.exists():
        return {}
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        names = [name for name, columns in tables(reader).items() if "customer_id" in columns]
        counts = {name: count(reader, f"{name} WHERE customer_id = ?", [customer_id]) for name in names}
    return {name: count for name, count in counts.items() if count}


def _begun(store: Store, settings: Settings, customer_id: str, by: str, reason: str) -> Erasure:
    """Set up the tombstone, or find the one of an earlier attempt."""
    connection = store.connection
    house = Tombstones.of(connection)
    salt = house.salt if house else secrets.token_hex(16)
    own = Tombstones(salt, frozenset())
    customer_hash = own.hash_of(customer_id)
    found = _identifiers(connection, INTERVENTIONS, customer_id)
    records = _identifiers(connection, RECORDS_BY_KEY, customer_id)
    for path in _databases(settings):
        with duckdb.connect(str(path), read_only=True) as reader:
            found |= _identifiers(reader, INTERVENTIONS, customer_id)
            records |= _identifiers(reader, RECORDS_BY_KEY, customer_id)
    before = connection.execute(
        f"SELECT intervention_hashes, counts FROM {ERASURES} WHERE customer_hash = ?", [customer_hash]
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
    before_counts: Counter[str] = Counter(json.loads(before[1])) if before else Counter()
    hashes_of_all = frozenset([customer_hash, *hashes])
    return Erasure(
        erasure_id, customer_id, sorted(found), sorted(records), Tombstones(salt, hashes_of_all), before_counts
    )


def _databases(settings: Settings) -> list[Path]:
    """Return the published database and its earlier states, the present one last."""
    paths = [*sorted((settings.home / SNAPSHOTS).glob("*.duckdb")), settings.published]
    return [path for path in paths if path.exists()]


def _identifiers(connection: duckdb.DuckDBPyConnection, places: dict[str, str], customer_id: str) -> set[str]:
    """Return what the customer's rows of some tables are named by."""
    present = tables(connection)
    found: set[str] = set()
    for name, column in places.items():
        if name in present:
            query = f"SELECT DISTINCT {column} FROM {name} WHERE customer_id = ? AND {column} IS NOT NULL"
            found |= {row[0] for row in connection.execute(query, [customer_id]).fetchall()}
    return found


def _is_known(connection: duckdb.DuckDBPyConnection, customer_id: str) -> bool:
    named = [name for name, columns in tables(connection).items() if "customer_id" in columns]
    return any(count(connection, f"{name} WHERE customer_id = ?", [customer_id]) for name in named)


def _count_up(store: Store, erasure: Erasure) -> None:
    """Write down what was erased so far; of an erasure in several attempts, by all of them."""
    counts = erasure.counts_before + erasure.counts
    store.connection.execute(
        f"UPDATE {ERASURES} SET counts = ? WHERE erasure_id = ?",
        [json.dumps(dict(sorted(counts.items()))), erasure.erasure_id],
    )
