"""Emptied rows of archived files: only those, and every other row at its place."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.erasure.files import erase_archive
from cjo_assets.core.person import Person
from cjo_assets.families.journey.inputs import signals
from cjo_assets.ingest.formats import CSV_ROWS, reading_of
from cjo_assets.ingest.personal_columns import about, given, marks_of, record_is_about, row_is_about
from cjo_assets.ingest.tombstones import Tombstones, emptied_rows, empty_rows, rows_about

NAMES = ["signal_id", "customer_id", "signal_type", "signal_strength", "detected_at", "journey_stage", "source"]
ROWS = [
    ["S1", "C1", 'the "x"', "12.50", "2025-01-01", "", "automated"],
    ["S2", "C2", "two\nlines", "0.1", "2025-01-01", "", "automated"],
    ["S3", "C1", "ü,;", "0.2", "2025-01-01", "", "manual"],
    ["S4", "C12", "C1", "0.3", "2025-01-01", "", "manual"],
]
RECORDS = [{name: cell or None for name, cell in zip(NAMES, row, strict=True)} for row in ROWS]


def quoted(cell: str) -> str:
    """Return a cell of a CSV."""
    return '"' + cell.replace('"', '""') + '"'


def csv_of(rows: list[list[str]]) -> bytes:
    """Return a CSV."""
    return ("\r\n".join([",".join(NAMES), *(",".join(map(quoted, row)) for row in rows)]) + "\r\n").encode("utf-8-sig")


CONTENTS = {
    ".json": json.dumps(RECORDS, indent=2, ensure_ascii=False).encode(),
    ".ndjson": "\n".join(json.dumps(record) for record in RECORDS).encode(),
    ".csv": csv_of(ROWS),
    ".parquet": b"",
}


def archived(folder: Path, ending: str) -> Path:
    """Put a file into an archive, where it has no ending."""
    file = folder / "0123abcd"
    if ending == ".parquet":
        (folder / "rows.ndjson").write_bytes(CONTENTS[".ndjson"])
        duckdb.sql(f"COPY (FROM read_json('{folder / 'rows.ndjson'}')) TO '{file}' (FORMAT parquet)")
    else:
        file.write_bytes(CONTENTS[ending])
    return file


def read(file: Path, ending: str) -> list[tuple[str | None, ...]]:
    """Return the rows of an archived file as a run reads them."""
    with duckdb.connect() as connection:
        reading = reading_of(connection, file.with_name(f"signals{ending}"), file, signals.DATASET)
        rows = connection.execute(f"SELECT {', '.join(NAMES)} FROM ({reading.query})").fetchall()
        connection.unregister(CSV_ROWS)
    return rows


@pytest.mark.parametrize("ending", CONTENTS)
def test_rows_of_the_customer_are_emptied_others_unchanged(tmp_path: Path, ending: str) -> None:
    file = archived(tmp_path, ending)
    before = read(file, ending)
    assert [row[1] for row in before] == ["C1", "C2", "C1", "C12"]
    assert empty_rows(file, lambda kind, name: (kind, name) == ("customer", "C1")) == 2
    nothing = (None,) * len(NAMES)
    assert read(file, ending) == [nothing, before[1], nothing, before[3]]
    assert emptied_rows(file) == [1, 3]
    assert b"S3" not in file.read_bytes()
    assert empty_rows(file, lambda kind, name: (kind, name) == ("customer", "C1")) == 0, "once is enough"
    assert empty_rows(file, lambda _, name: name == "C2") == 1
    assert emptied_rows(file) == [1, 2, 3], "of all who were erased"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".ndjson") == [
        file.name,
        "0123abcd.erased",
    ]


@pytest.mark.parametrize("ending", CONTENTS)
def test_a_file_about_others_is_not_touched(tmp_path: Path, ending: str) -> None:
    file = archived(tmp_path, ending)
    before = file.read_bytes()
    assert empty_rows(file, lambda _, name: name == "C9") == 0
    assert file.read_bytes() == before
    assert emptied_rows(file) == []


def test_what_was_fetched_from_a_database_loses_the_rows(tmp_path: Path) -> None:
    file = archived(tmp_path, ".parquet")
    assert empty_rows(file, lambda kind, name: (kind, name) == ("customer", "C1"), in_place=False) == 2
    assert [row[0] for row in read(file, ".parquet")] == ["S2", "S4"]


def test_a_file_without_customers_and_an_empty_one_are_let_be(tmp_path: Path) -> None:
    for content in (b"", b"[]", b"playbook_id,name\nP1,C1\n", b'[{"playbook_id": "P1"}]'):
        file = tmp_path / "file"
        file.write_bytes(content)
        assert empty_rows(file, lambda *_: True) == 0
        assert file.read_bytes() == content


def test_a_tombstone_matches_its_own_identifiers_only() -> None:
    stones = Tombstones("salt", frozenset([Tombstones("salt", frozenset()).stone_of("customer", "5")]))
    assert stones.are_of("customer", "5")
    assert not stones.are_of("customer", " 5\t"), "another customer, unless the policy normalizes ids"
    assert Tombstones(stones.salt, stones.hashes, is_normalized=True).are_of("customer", " 5\t")
    assert not stones.are_of("intervention", "5"), "customer 5 is not intervention 5"
    assert not stones.are_of("customer", "6")
    assert stones.hash_of("C1") != Tombstones("other", frozenset()).hash_of("C1")


def test_refused_file_does_not_stop_an_erasure(tmp_path: Path) -> None:
    """The person of a truncated file cannot be determined, and no run uses it, so it is deleted as a whole."""
    (tmp_path / "broken").write_text('[{"customer_id": "C1"}, {{{')
    (tmp_path / "whole").write_text('[{"customer_id": "C1"}, {"customer_id": "C2"}]')
    settings: Any = SimpleNamespace(inputs=tmp_path)
    erasure: Any = SimpleNamespace(is_dry=False, owns=lambda _, name: name == "C1", counts=Counter())
    erase_archive(settings, erasure)
    assert not (tmp_path / "broken").exists()
    assert "C1" not in (tmp_path / "whole").read_text()
    assert "C2" in (tmp_path / "whole").read_text()
    assert erasure.counts == {"inputs": 2}


# Customer 5 with intervention 4 and signals 5 and 12, where all identifiers are bare numbers.
BARE_ROWS = [
    {"intervention_id": "4", "customer_id": "5", "signal_id": "12", "note": "the customer's"},
    {"intervention_id": "5", "customer_id": "4", "signal_id": "5", "note": "another's intervention 5"},
    {"intervention_id": "4", "customer_id": "6", "signal_id": "5", "note": "names a customer: not by intervention"},
    {"intervention_id": "4", "customer_id": "", "signal_id": "7", "note": "names none: by intervention"},
    {"intervention_id": "5", "customer_id": "", "signal_id": "12", "note": "names another's intervention"},
    {"intervention_id": "", "customer_id": "", "signal_id": "12", "note": "by signal"},
    {"intervention_id": "", "customer_id": "", "signal_id": "4", "note": "another's signal 4"},
    {"intervention_id": "", "customer_id": " 5 ", "signal_id": "", "note": "the same where the policy trims ids"},
]
ERASED = {("customer", "5"), ("intervention", "4"), ("signal", "5"), ("signal", "12")}


@pytest.mark.parametrize("ending", CONTENTS)
def test_bare_numbers_erase_by_kind_of_identifier(tmp_path: Path, ending: str) -> None:
    file, names = tmp_path / "0123abcd", list(BARE_ROWS[0])
    if ending == ".csv":
        file.write_text("\n".join([",".join(names), *(",".join(map(quoted, row.values())) for row in BARE_ROWS)]))
    elif ending == ".json":
        # Many exports write identifiers that are numbers as such.
        file.write_text(json.dumps([row | {"signal_id": int(row["signal_id"] or 0)} for row in BARE_ROWS]))
    else:
        file.write_text("\n".join(map(json.dumps, BARE_ROWS)))
    if ending == ".parquet":
        duckdb.sql(f"COPY (FROM read_json('{file}')) TO '{tmp_path / 'rows'}' (FORMAT parquet)")
        (tmp_path / "rows").rename(file)
    stones = Tombstones("salt", frozenset(Tombstones("salt", frozenset()).stone_of(*found) for found in ERASED))
    assert rows_about(file, stones.are_of) == [1, 4, 6]
    assert empty_rows(file, stones.are_of) == 3
    assert emptied_rows(file) == [1, 4, 6]
    assert rows_about(file, stones.are_of) == []
    assert rows_about(file, Tombstones(stones.salt, stones.hashes, is_normalized=True).are_of) == [8]


# Searches of a customer that found a document of the same, of another and of no customer.
SEARCHES = [
    {"customer_id": "4", "document_customer_id": "4", "search_id": "S1"},
    {"customer_id": "4", "document_customer_id": "5", "search_id": "S2"},
    {"customer_id": "5", "document_customer_id": "4", "search_id": "S3"},
    {"customer_id": "4", "document_customer_id": "", "search_id": "S4"},
    {"customer_id": "", "document_customer_id": "5", "search_id": "S5"},
    {"customer_id": "5", "document_customer_id": "5", "search_id": "S6"},
]


@pytest.mark.parametrize("ending", CONTENTS)
def test_a_row_with_two_customers_is_about_both(tmp_path: Path, ending: str) -> None:
    file, names = tmp_path / "0123abcd", list(SEARCHES[0])
    if ending == ".csv":
        file.write_text("\n".join([",".join(names), *(",".join(map(quoted, row.values())) for row in SEARCHES)]))
    else:
        file.write_text(json.dumps(SEARCHES))
    if ending == ".parquet":
        duckdb.sql(f"COPY (FROM read_json('{file}')) TO '{tmp_path / 'rows'}' (FORMAT parquet)")
        (tmp_path / "rows").rename(file)
    stones = Tombstones("salt", frozenset({Tombstones("salt", frozenset()).stone_of("customer", "5")}))
    assert rows_about(file, stones.are_of) == [2, 3, 5, 6]
    person = Person("5", {"customer": frozenset({"5"})})
    marks = marks_of("raw.knowledge_searches")
    assert [row_is_about(person, marks, row) for row in SEARCHES] == [False, True, True, False, True, True]
    assert [record_is_about(person, json.dumps(row)) for row in SEARCHES] == [False, True, True, False, True, True]
    condition = about(marks, names)
    assert condition
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE searches ({', '.join(f'{name} VARCHAR' for name in names)})")
        connection.executemany("INSERT INTO searches VALUES (?, ?, ?)", [list(row.values()) for row in SEARCHES])
        query = f"SELECT search_id FROM searches WHERE {condition} ORDER BY ALL"
        found = connection.execute(query, given(person, condition)).fetchall()
    assert [name for (name,) in found] == ["S2", "S3", "S5", "S6"]


def test_a_tombstone_of_an_earlier_version_is_read_by_kind() -> None:
    """It keeps hashes of the customer and, without a kind, of the interventions; of signals it knows nothing."""
    customer, intervention = (hashlib.sha256(f"salt\x1f{name}".encode()).hexdigest() for name in ("5", "4"))
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA audit")
        connection.execute(
            "CREATE TABLE audit.erasures AS SELECT 'salt' AS salt, ? AS customer_hash, ? AS intervention_hashes",
            [customer, [intervention]],
        )
        stones = Tombstones.of(connection)
    assert stones is not None
    asked = [(kind, name) for kind in ("customer", "intervention", "signal") for name in ("4", "5")]
    assert [found for found in asked if stones.are_of(*found)] == [("customer", "5"), ("intervention", "4")]
