"""Emptied rows of archived files: only those, and every other row at its place."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from cjo_assets.journey import signals
from cjo_assets.wiring.erasing_files import erase_archive
from cjo_assets.wiring.formats import CSV_ROWS, reading_of
from cjo_assets.wiring.redaction import Tombstones, emptied_rows, empty_rows

NAMES = ["signal_id", "customer_id", "signal_type", "signal_strength", "detected_at", "journey_stage", "source"]
ROWS = [
    ["S1", "C1", 'say "x"', "12.50", "2025-01-01", "", "automated"],
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
def test_the_rows_of_the_customer_are_empty_and_the_others_as_they_were(tmp_path: Path, ending: str) -> None:
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


def test_a_tombstone_knows_its_own_and_nobody_else() -> None:
    stones = Tombstones("salt", frozenset([Tombstones("salt", frozenset()).stone_of("customer", "5")]))
    assert stones.are_of("customer", "5")
    assert stones.are_of("customer", " 5\t"), "white space makes a row invalid, not another customer's"
    assert not stones.are_of("intervention", "5"), "customer 5 is not intervention 5"
    assert not stones.are_of("customer", "6")
    assert stones.hash_of("C1") != Tombstones("other", frozenset()).hash_of("C1")


def test_a_file_that_was_refused_as_broken_does_not_stop_an_erasure(tmp_path: Path) -> None:
    """Nobody can tell whom it names, and no run is built on it: it goes as a whole."""
    (tmp_path / "broken").write_text('[{"customer_id": "C1"}, {{{')
    (tmp_path / "whole").write_text('[{"customer_id": "C1"}, {"customer_id": "C2"}]')
    settings: Any = SimpleNamespace(inputs=tmp_path)
    erasure: Any = SimpleNamespace(tombstones=SimpleNamespace(are_of=lambda kind, name: (kind, name) == ("customer", "C1")), counts=Counter())
    erase_archive(settings, erasure)
    assert not (tmp_path / "broken").exists()
    assert "C1" not in (tmp_path / "whole").read_text()
    assert "C2" in (tmp_path / "whole").read_text()
    assert erasure.counts == {"inputs": 2}
