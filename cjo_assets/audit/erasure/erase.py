"""Erasure of a customer from a home, by `cjo erase`.

The tombstone is written first: from then on every run refuses records of the customer. All further steps can be
repeated, so an interrupted erasure is run again. The ledger keeps the hash of each decision, which the chain needs and
which reveals nothing without its salt. Databases are rewritten, so that deleted bytes are removed, and are replaced
atomically.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from cjo_assets.audit.erasure.databases import Erasure, compact, erase_tables, rewrite
from cjo_assets.audit.erasure.files import (
    erase_archive,
    erase_history,
    erase_instance,
    erase_policy_diffs,
    erase_records,
    erase_reports,
)
from cjo_assets.audit.erasure.identity import person_of
from cjo_assets.audit.erasure.proof import columns_that_name, places_that_name
from cjo_assets.catalog import all_families
from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.person import Person
from cjo_assets.core.personal import CUSTOMER
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import ERASURES
from cjo_assets.engine.store import Store
from cjo_assets.engine.transaction import transaction
from cjo_assets.ingest.tombstones import Tombstones, with_kind
from cjo_assets.policy import identity, load_policy
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.retention import SNAPSHOTS

PLACES = (erase_records, erase_archive, erase_history, erase_reports, erase_policy_diffs, erase_instance)


@dataclass(frozen=True)
class Erased:
    """The result of an erasure.

    Attributes:
        counts: number of erased rows, lines and entries by place.
        left: places outside the reach of the erasure that still name the customer.
    """

    counts: dict[str, int]
    left: tuple[str, ...]


def erase(
    settings: Settings, customer_id: str, by: str, reason: str, say: Callable[[str], None] | None = None
) -> Erased:
    """Erase a customer, and search the home for remaining data.

    Raises:
        PolicyError: the policy, which has the words for missing values, cannot be read.
        RefusalError: the customer is unknown, or requester or reason are missing.
        WarehouseError: the home cannot be used.
    """
    vocabulary = load_policy(settings.policy).vocabulary
    if identity.is_placeholder(by) or identity.person(by, vocabulary.null_words) is None:
        raise RefusalError(f"--by {by!r} is not the name of a person. Specify who requested the erasure.")
    if not reason.strip():
        raise RefusalError("--reason is empty. Specify the reason of the erasure.")
    _require_anything(settings)
    with opened(settings, all_families(), say=say) as store:
        store.require_erasable()
        with _readers(settings) as readers:
            person = person_of([store.connection, *readers], settings.inputs, customer_id, vocabulary)
        erasure = _begun(store, settings, person, by, reason)
        for step in PLACES:
            step(settings, erasure)
            _count_up(store, erasure)
        with transaction(store.connection):
            erase_tables(store.connection, erasure, settings.build.name)
        _count_up(store, erasure)
        for path in _databases(settings):
            rewrite(store, path, erasure, _place_of(path))
        _count_up(store, erasure)
        store.connection.execute(f"UPDATE {ERASURES} SET is_complete = TRUE WHERE erasure_id = ?", [erasure.erasure_id])
        left = _left(store, settings, erasure)
        compact(store, settings.build)
    return Erased(dict(sorted((+erasure.counts).items())), left)


def what_would_go(settings: Settings, customer_id: str) -> dict[str, int]:
    """Count what an erasure would change, by place, without changing it.

    Raises:
        RefusalError: the home is empty.
        WarehouseError: a run is writing, or the home cannot be used.
    """
    _require_anything(settings)
    vocabulary = load_policy(settings.policy).vocabulary
    paths = [*_databases(settings), *([settings.build] if settings.build.exists() else [])]
    with _readers(settings, paths) as readers:
        erasure = _counting(person_of(readers, settings.inputs, customer_id, vocabulary), Tombstones("", frozenset()))
        for path, reader in zip(paths, readers, strict=True):
            erase_tables(reader, erasure, _place_of(path))
    for step in PLACES:
        step(settings, erasure)
    return dict(sorted((+erasure.counts).items()))


def _require_anything(settings: Settings) -> None:
    if not settings.build.exists() and not settings.published.exists():
        raise RefusalError(f"The home {settings.home} is empty.")


def _counting(person: Person, tombstones: Tombstones) -> Erasure:
    return Erasure("", person, tombstones, is_dry=True)


def _left(store: Store, settings: Settings, erasure: Erasure) -> tuple[str, ...]:
    """Return the places that still name the customer."""
    counting = _counting(erasure.person, erasure.tombstones)
    for step in PLACES:
        step(settings, counting)
    erase_tables(store.connection, counting, settings.build.name)
    with _readers(settings) as readers:
        for path, reader in zip(_databases(settings), readers, strict=True):
            erase_tables(reader, counting, _place_of(path))
    named = [f"{settings.build.name} {place}" for place in columns_that_name(store.connection, erasure.person)]
    named += places_that_name(settings.home, erasure.person, settings.build)
    return tuple(dict.fromkeys([*sorted(+counting.counts), *named]))


@contextmanager
def _readers(settings: Settings, paths: list[Path] | None = None) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    """Open databases for reading: by default the published one and the snapshots."""
    with ExitStack() as stack:
        try:
            yield [
                stack.enter_context(duckdb.connect(str(path), read_only=True))
                for path in (_databases(settings) if paths is None else paths)
            ]
        except duckdb.IOException as error:
            raise WarehouseError(f"A database of {settings.home} cannot be read now: {error}") from error


def _begun(store: Store, settings: Settings, person: Person, by: str, reason: str) -> Erasure:
    """Create the tombstone, or find the one of an earlier attempt."""
    connection = store.connection
    house = Tombstones.of(connection)
    salt = house.salt if house else secrets.token_hex(16)
    own = Tombstones(salt, frozenset())
    customer_hash = own.hash_of(person.customer_id)
    before = connection.execute(
        f"SELECT intervention_hashes, counts FROM {ERASURES} WHERE customer_hash = ?", [customer_hash]
    ).fetchone()
    if before is None and not _is_known(store, settings, person):
        raise RefusalError(f"Unknown customer {person.customer_id}: {settings.home} has no data about them.")
    records = {
        own.stone_of(kind, name) for kind, names in person.identifiers.items() if kind != CUSTOMER for name in names
    }
    stones = sorted({*map(with_kind, before[0] if before else []), *records})
    erasure_id = f"E-{customer_hash[:12]}"
    with transaction(connection):
        if before is None:
            now = datetime.now(UTC).replace(tzinfo=None)
            row = [erasure_id, customer_hash, stones, salt, now, by, reason, "{}", False]
            connection.execute(f"INSERT INTO {ERASURES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        else:
            update = f"UPDATE {ERASURES} SET intervention_hashes = ?, is_complete = FALSE WHERE erasure_id = ?"
            connection.execute(update, [stones, erasure_id])
    counts_before: Counter[str] = Counter(json.loads(before[1])) if before else Counter()
    tombstones = Tombstones(salt, frozenset([own.stone_of(CUSTOMER, person.customer_id), *stones]))
    return Erasure(erasure_id, person, tombstones, counts_before=counts_before)


def _is_known(store: Store, settings: Settings, person: Person) -> bool:
    """Return whether any database or archived file has a row of the customer."""
    counting = _counting(person, Tombstones("", frozenset()))
    erase_tables(store.connection, counting, settings.build.name)
    with _readers(settings) as readers:
        for reader in readers:
            erase_tables(reader, counting, settings.published.name)
    if not +counting.counts:
        erase_archive(settings, counting)
    return bool(+counting.counts)


def _place_of(path: Path) -> str:
    return SNAPSHOTS if path.parent.name == SNAPSHOTS else path.name


def _databases(settings: Settings) -> list[Path]:
    """Return the snapshots and the published database, in this order."""
    paths = [*sorted((settings.home / SNAPSHOTS).glob("*.duckdb")), settings.published]
    return [path for path in paths if path.exists()]


def _count_up(store: Store, erasure: Erasure) -> None:
    """Record the counts so far, including those of earlier attempts."""
    counts = erasure.counts_before + erasure.counts
    store.connection.execute(
        f"UPDATE {ERASURES} SET counts = ? WHERE erasure_id = ?",
        [json.dumps(dict(sorted(counts.items()))), erasure.erasure_id],
    )
