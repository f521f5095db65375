"""Identifiers of a person, collected from the databases of a home.

An identifier of a record is the person's if a table with one row per record, or per customer, shows that. A reference
in another table proves nothing: the outcome of one customer may name another's intervention by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from cjo_assets.audit.erasure.databases import tables
from cjo_assets.catalog import all_families
from cjo_assets.core.contract import key_of
from cjo_assets.core.family import chains_of
from cjo_assets.core.person import Person, is_part_of
from cjo_assets.core.personal import CUSTOMER, Personal
from cjo_assets.core.quarantine.text_identity import KEEP, normalized
from cjo_assets.core.table import MANIFEST, QUARANTINE, RAW
from cjo_assets.engine.sql import quoted
from cjo_assets.ingest.personal_columns import contracts, list_columns, marks_of, owners
from cjo_assets.ingest.tombstones import values_beside
from cjo_assets.policy import Vocabulary
from cjo_assets.warehouse.run_log import RUNS


def person_of(
    connections: Sequence[duckdb.DuckDBPyConnection], archive: Path, customer_id: str, vocabulary: Vocabulary
) -> Person:
    """Return the identifiers of a customer and of their records in databases and archived files.

    Spellings that differ only in blanks or composition belong to the person, unless the policy distinguishes them.
    """
    is_normalized = vocabulary.unnormalized_ids != KEEP
    customer_id = normalized(customer_id) if is_normalized else customer_id
    found: dict[str, set[str]] = {CUSTOMER: {customer_id}}

    def add(identifiers: Iterable[tuple[str, str]]) -> None:
        for kind, identifier in list(identifiers):
            found.setdefault(kind, set()).add(identifier)

    for connection in connections if is_normalized else ():
        add(_spelt_otherwise(connection, {CUSTOMER: found[CUSTOMER]}))
    for connection in connections:
        add(_records_of(connection, found[CUSTOMER]))
    for dataset, sha256 in sorted({loaded for connection in connections for loaded in _files_read(connection)}):
        add(_archived_records(dataset, archive / sha256, found[CUSTOMER]))
    for connection in connections if is_normalized else ():
        add(_spelt_otherwise(connection, found))
    person = Person(customer_id, {kind: frozenset(names) for kind, names in found.items()})
    others, shared = set(), set(_words(vocabulary))
    for connection in connections:
        for kind, name in _similar_identifiers(connection, person):
            if not person.owns(kind, name):
                shared.add(name)
                others.add(name)
    own = {name for names in found.values() for name in names}
    parts = {name for name in others - own if any(is_part_of(part, name) for part in own)}
    untelling = frozenset(name for name in own if name in shared or name.casefold() in shared)
    return Person(customer_id, person.identifiers, frozenset(parts), untelling, is_normalized)


def _records_of(connection: duckdb.DuckDBPyConnection, customers: Collection[str]) -> Iterator[tuple[str, str]]:
    """Return kind and identifier of the customer's records."""
    for table, columns in tables(connection).items():
        marks = marks_of(table)
        owner = next(iter(owners(marks, columns)), None)
        if owner is None or owner[1].kind != CUSTOMER:
            continue
        named = {name: mark.kind for name, mark in marks.items() if _names_record(table, name, mark, columns)}
        if table.startswith(f"{QUARANTINE}."):
            named |= _key_of_quarantined(table)
        for name, kind in named.items():
            query = (
                f"SELECT DISTINCT CAST({quoted(name)} AS VARCHAR) FROM {table} "
                f"WHERE list_contains(?::VARCHAR[], CAST({quoted(owner[0])} AS VARCHAR)) AND {quoted(name)} IS NOT NULL"
            )
            yield from (
                (kind, found) for (found,) in connection.execute(query, [sorted(customers)]).fetchall() if found
            )


def _spelt_otherwise(
    connection: duckdb.DuckDBPyConnection, found: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Return identifiers in files that differ from known ones only in blanks or composition."""
    normal = {(kind, normalized(name)) for kind, names in found.items() for name in names}
    for table, columns in tables(connection).items():
        if table.partition(".")[0] not in (RAW, QUARANTINE):
            continue
        for name, mark in owners(marks_of(table), columns):
            query = (
                f"SELECT DISTINCT CAST({quoted(name)} AS VARCHAR) AS found FROM {table} "
                "WHERE regexp_matches(found, '[^\\x21-\\x7E]')"
            )
            rows = connection.execute(query).fetchall()
            yield from ((mark.kind, text) for (text,) in rows if (mark.kind, normalized(text)) in normal)


def _files_read(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Return dataset and hash of every file that a run has read, according to a database."""
    queries = {
        f"{RAW}.{MANIFEST}": f"SELECT dataset, file_sha256 FROM {RAW}.{MANIFEST}",
        RUNS: "SELECT DISTINCT file ->> 'dataset', file ->> 'file_sha256' FROM "
        f"(SELECT unnest(CAST(inputs::JSON AS JSON[])) AS file FROM {RUNS} WHERE json_valid(inputs))",
    }
    present = tables(connection)
    for table, query in queries.items():
        if table in present:
            yield from (found for found in connection.execute(query).fetchall() if None not in found)


def _archived_records(dataset: str, file: Path, customers: Collection[str]) -> Iterator[tuple[str, str]]:
    """Return kind and identifier of the customer's records in an archived file of a dataset."""
    contract = contracts().get(f"{RAW}.{dataset}")
    if contract is None or not file.is_file():
        return
    marks, key = marks_of(f"{RAW}.{dataset}"), key_of(contract)
    owner = next(iter(owners(marks, marks)), None)
    mark = marks.get(key[0]) if len(key) == 1 else None
    if owner is None or owner[1].kind != CUSTOMER or mark is None or mark.kind == CUSTOMER:
        return
    try:
        yield from ((mark.kind, found) for found in values_beside(file, owner[0], customers, key[0]))
    except duckdb.InvalidInputException:
        # A truncated file, which no run uses and which is deleted as a whole.
        return


def _names_record(table: str, name: str, mark: Personal, columns: Iterable[str]) -> bool:
    """Return whether a column of a table with a customer names a record of that customer."""
    if not mark.is_identifier or mark.kind == CUSTOMER or name in list_columns() or name not in columns:
        return False
    contract = contracts().get(table)
    if contract is None:
        return False
    key = key_of(contract)
    key_marks = [marks_of(table).get(part) for part in key]
    is_by_customer = len(key) == 1 and key_marks[0] is not None and key_marks[0].kind == CUSTOMER
    is_ledger = table in {chain.ledger.full_name for chain in chains_of(all_families())}
    return key == (name,) or is_by_customer or is_ledger


def _key_of_quarantined(table: str) -> dict[str, str]:
    """Return the kind of the key of rejected rows, where that identifies a record."""
    raw = f"{RAW}.{table.partition('.')[2]}"
    key = key_of(contracts()[raw]) if raw in contracts() else ()
    mark = marks_of(raw).get(key[0]) if len(key) == 1 else None
    return {"record_key": mark.kind} if mark is not None and mark.kind != CUSTOMER else {}


def _similar_identifiers(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[tuple[str, str]]:
    """Return other identifiers that contain one of the person's, with their kind; empty if not a person's."""
    own = sorted({name for names in person.identifiers.values() for name in names})
    present = tables(connection)
    for family in all_families():
        for table in family.tables:
            key = key_of(table.contract)
            if len(key) != 1 or table.full_name not in present or key[0] not in present[table.full_name]:
                continue
            mark = marks_of(table.full_name).get(key[0])
            query = (
                f"SELECT DISTINCT CAST({quoted(key[0])} AS VARCHAR) AS found FROM {table.full_name} "
                "WHERE list_bool_or(list_transform($own, lambda name: contains(found, name)))"
            )
            yield from (
                (mark.kind if mark else "", found) for (found,) in connection.execute(query, {"own": own}).fetchall()
            )


def _words(vocabulary: Vocabulary) -> Iterator[str]:
    """Yield common words of a home: names of tables and columns, and the vocabulary of the policy."""
    for _, words in vocabulary:
        yield from (word.casefold() for word in words)
    for table, contract in contracts().items():
        yield from re.split(r"\W", table)
        yield from contract.to_schema().columns
