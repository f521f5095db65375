"""Erasing a customer from everything a home holds.

The tombstone comes first: from then on every run refuses what a file says of the customer. Each further step may be
repeated, so an erasure that was killed is asked for again. What is left of the customer in the ledger is the hash of
what was decided, which the chain needs and which says nothing without its salt. Databases are written anew, so that the
bytes go too, and each is put in place at once.
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
    """What came of an erasure.

    Attributes:
        counts: rows, lines and entries erased in each place.
        left: places that still name the customer, which the erasure does not reach.
    """

    counts: dict[str, int]
    left: tuple[str, ...]


def erase(
    settings: Settings, customer_id: str, by: str, reason: str, say: Callable[[str], None] | None = None
) -> Erased:
    """Erase a customer, and search the home for what is left.

    Raises:
        PolicyError: the policy, whose vocabulary says which words are no names, cannot be read.
        RefusalError: nobody knows such a customer, or it was not said who asks and why.
        WarehouseError: the home cannot be used.
    """
    vocabulary = load_policy(settings.policy).vocabulary
    if identity.person(by, vocabulary.null_words) is None:
        raise RefusalError(f"--by {by!r} names no person: give the name of who asks for the erasure.")
    if not reason.strip():
        raise RefusalError("--reason is empty: say why the customer is erased.")
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
    """Count in each place what an erasure would change; nothing is changed.

    Raises:
        RefusalError: the home holds nothing.
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
        raise RefusalError(f"{settings.home} holds nothing.")


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
    """Open databases for reading: the published one and its earlier states, unless others are given."""
    with ExitStack() as stack:
        try:
            yield [
                stack.enter_context(duckdb.connect(str(path), read_only=True))
                for path in (_databases(settings) if paths is None else paths)
            ]
        except duckdb.IOException as error:
            raise WarehouseError(f"A database of {settings.home} cannot be read now: {error}") from error


def _begun(store: Store, settings: Settings, person: Person, by: str, reason: str) -> Erasure:
    """Set up the tombstone, or find the one of an earlier attempt."""
    connection = store.connection
    house = Tombstones.of(connection)
    salt = house.salt if house else secrets.token_hex(16)
    own = Tombstones(salt, frozenset())
    customer_hash = own.hash_of(person.customer_id)
    before = connection.execute(
        f"SELECT intervention_hashes, counts FROM {ERASURES} WHERE customer_hash = ?", [customer_hash]
    ).fetchone()
    if before is None and not _is_known(store, settings, person):
        raise RefusalError(f"Nothing in {settings.home} is about a customer {person.customer_id}.")
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
    """Return whether any database or archived file holds a row of the customer."""
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
    """Return the published database and its earlier states, the present one last."""
    paths = [*sorted((settings.home / SNAPSHOTS).glob("*.duckdb")), settings.published]
    return [path for path in paths if path.exists()]


def _count_up(store: Store, erasure: Erasure) -> None:
    """Write down what was erased so far; of an erasure in several attempts, by all of them."""
    counts = erasure.counts_before + erasure.counts
    store.connection.execute(
        f"UPDATE {ERASURES} SET counts = ? WHERE erasure_id = ?",
        [json.dumps(dict(sorted(counts.items()))), erasure.erasure_id],
    )
