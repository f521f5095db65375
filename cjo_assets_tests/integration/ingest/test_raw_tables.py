"""Raw tables that are views: the same verdicts and the same values as if the file had been copied as text."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.quarantine.rules import REFUSED
from cjo_assets.engine.raw import raw_views
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import ManifestRow, load_dataset, restore_dataset
from cjo_assets.ingest.raw_tables import look_again
from cjo_assets.ingest.tombstones import empty_rows
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS

TIERS = ["high", None, "\u200b", "none", "low"]
# Possible types of each column of customers in a file, and whether the type is kept: only if its text is the same.
NUMBERS: list[tuple[str, Any, str]] = [
    ("tenure_months", pyarrow.array([1, -1, None, 7, 8], pyarrow.int8()), "TINYINT"),
    ("tenure_months", [10**18, 10**18 - 1, -(10**18), 3, 4], "BIGINT"),
    ("tenure_months", [1.0, 1.5, None, 3.0, float("nan")], "VARCHAR"),
    ("tenure_months", pyarrow.array([1, 2**64 - 1, 2, 3, 4], pyarrow.uint64()), "VARCHAR"),
    ("account_value", [float("nan"), -0.0, float("inf"), 0.1, 2e12], "DOUBLE"),
    ("account_value", [2**53 + 1, 10, -1, None, 2**62], "BIGINT"),
    ("account_value", pyarrow.array([0.1, 1e30, None, 3, 4], pyarrow.float32()), "VARCHAR"),
    ("account_value", pyarrow.array([1, 2, 3, 4, 5], pyarrow.int64()).cast(pyarrow.decimal128(21, 2)), "VARCHAR"),
    ("account_value", ["1e3", "12.50", "yes", " 1", "1_0"], "VARCHAR"),
]
DAYS: list[tuple[Any, str]] = [
    (pyarrow.array([20000, None, -800_000, 3_000_000, 0], pyarrow.date32()), "DATE"),
    (pyarrow.array([0, 86_400_000_000, 1, None, 5], pyarrow.timestamp("us")), "VARCHAR"),
    (["2025-01-02", "2025-02-30", "2025-01-02T00:00:00Z", None, "soon"], "VARCHAR"),
]


@pytest.fixture
def store() -> Store:
    """Tables in memory."""
    return Store(duckdb.connect(), all_families(), STATEMENTS)


def customers_with(name: str, values: Any) -> dict[str, Any]:
    """Return five customers, the last key twice, with one column as given."""
    columns = {
        "customer_id": ["C1", "C2", "C3", "C4", "C4"],
        "segment": ["SMB", "SMB", "nobody's", "SMB", "SMB"],
        "account_value": [1.0, 2.0, 3.0, 4.0, 4.0],
        "tenure_months": [1, 2, 3, 4, 4],
        "risk_tier": TIERS,
    }
    return columns | {name: values}


def signals_on(days: Any) -> dict[str, Any]:
    """Return five signals, two of them rivals, detected on these days."""
    return {
        "signal_id": ["S1", "S2", "S3", "S4", "S\t5"],
        "customer_id": ["C1", "C2", "C1", "C9", "C2"],
        "signal_type": ["usage_drop"] * 5,
        "signal_strength": [0.1, 0.2, 0.3, 0.4, 1.5],
        "detected_at": days,
        "journey_stage": [None, "support", "limbo", "support", "support"],
        "source": ["automated"] * 5,
    }


def loaded(store: Store, folder: Path, dataset: str, columns: dict[str, Any]) -> ManifestRow:
    """Load a Parquet file, and return what was noted of it."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), data / f"{dataset}.parquet")
    declared = next(found for found in store.datasets if found.name == dataset)
    load_dataset(store.connection, declared, data, "journey", folder / "archive")
    row = store.connection.execute("FROM raw.manifest WHERE dataset = ?", [dataset]).fetchone()
    assert row is not None
    return ManifestRow(*row)


def judged(store: Store, dataset: str, policy: Policy) -> list[Any]:
    """Return the rejected and the accepted rows of a dataset, and the statements that compute them."""
    found: list[Any] = []
    for name in (f"quarantine.{dataset}", f"journey.{dataset}"):
        table = store.table_named(name)
        store.fill(table, None, store.statement(table, None, policy).sql)
        found += store.connection.execute(f"FROM {name} ORDER BY ALL").fetchall()
    return found


def kind_of(store: Store, dataset: str, name: str) -> str:
    """Return the type of a column of a raw table."""
    types = store.connection.execute(f"DESCRIBE raw.{dataset}").fetchall()
    return next(str(kind) for found, kind, *_ in types if found == name)


def as_text(store: Store, folder: Path, note: ManifestRow) -> None:
    """Copy the rows of an archived file as text, as a replay does."""
    declared = next(found for found in store.datasets if found.name == note.dataset)
    store.connection.execute(f"DROP VIEW raw.{note.dataset}; DELETE FROM raw.manifest WHERE dataset = '{note.dataset}'")
    Store(store.connection, all_families(), STATEMENTS)
    restore_dataset(store.connection, declared, [note], folder / "archive")


@pytest.mark.parametrize(("name", "values", "kind"), NUMBERS)
def test_a_typed_column_is_validated_like_its_text(
    store: Store, tmp_path: Path, policy: Policy, name: str, values: Any, kind: str
) -> None:
    note = loaded(store, tmp_path, "customers", customers_with(name, values))
    assert kind_of(store, "customers", name) == kind
    seen = judged(store, "customers", policy)
    as_text(store, tmp_path, note)
    assert kind_of(store, "customers", name) == "VARCHAR"
    assert repr(judged(store, "customers", policy)) == repr(seen)
    assert len(seen) == note.rows_read


@pytest.mark.parametrize(("days", "kind"), DAYS)
def test_a_typed_day_is_validated_like_its_text(
    store: Store, tmp_path: Path, policy: Policy, days: Any, kind: str
) -> None:
    loaded(store, tmp_path, "customers", customers_with("segment", ["SMB"] * 5))
    judged(store, "customers", policy)
    note = loaded(store, tmp_path, "signals", signals_on(days))
    assert kind_of(store, "signals", "detected_at") == kind
    seen = judged(store, "signals", policy)
    as_text(store, tmp_path, note)
    assert repr(judged(store, "signals", policy)) == repr(seen)


def test_a_file_of_another_format_takes_the_place_of_a_view(store: Store, tmp_path: Path, policy: Policy) -> None:
    loaded(store, tmp_path, "customers", customers_with("segment", ["SMB"] * 5))
    assert raw_views(store.connection) == {"customers"}
    declared = next(found for found in store.datasets if found.name == "customers")
    (tmp_path / "data" / "customers.parquet").unlink()
    row = {"customer_id": "C7", "segment": "SMB", "account_value": 1, "tenure_months": 1, "risk_tier": "low"}
    (tmp_path / "data" / "customers.json").write_text(json.dumps([row]), encoding="utf-8")
    load_dataset(store.connection, declared, tmp_path / "data", "journey", tmp_path / "archive")
    assert raw_views(store.connection) == set()
    assert [found[0] for found in judged(store, "customers", policy)] == ["C7"]
    (tmp_path / "data" / "customers.json").unlink()
    loaded(store, tmp_path, "customers", customers_with("segment", ["SMB"] * 5))
    assert raw_views(store.connection) == {"customers"}
    assert len(judged(store, "customers", policy)) == 5


def test_a_view_reads_several_files(store: Store, tmp_path: Path, policy: Policy) -> None:
    """A column that only some of the files type is text in all."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "sources.yaml").write_text("journey:\n  customers: {files: 'c*.parquet'}\n", encoding="utf-8")
    first = customers_with("segment", ["SMB"] * 5)
    second = first | {"customer_id": list("abcde"), "tenure_months": list("12345")}
    for name, columns in (("c1", first), ("c2", second)):
        pyarrow.parquet.write_table(pyarrow.table(columns), data / f"{name}.parquet")
    declared = next(found for found in store.datasets if found.name == "customers")
    assert load_dataset(store.connection, declared, data, "journey", tmp_path / "archive").rows == 10
    assert (kind_of(store, "customers", "tenure_months"), kind_of(store, "customers", "account_value")) == (
        "VARCHAR",
        "DOUBLE",
    )
    assert len(judged(store, "customers", policy)) == 10


def test_views_look_where_the_archive_is_and_refuse_whom_it_lost(store: Store, tmp_path: Path, policy: Policy) -> None:
    """A home is moved, and a customer erased from its archive: the row is there, empty, and for no reason but that."""
    note = loaded(store, tmp_path, "customers", customers_with("risk_tier", ["low"] * 5))
    moved = tmp_path / "moved"
    shutil.move(tmp_path / "archive", moved)
    assert empty_rows(moved / str(note.file_sha256), lambda *found: found == ("customer", "C1")) == 1
    look_again(store.connection, store.datasets, moved)
    rules = {row[3]: row[7] for row in judged(store, "customers", policy) if row[0] == "customers"}
    assert rules[1] == [REFUSED]
    assert note.rows_read == 5


def test_a_day_in_a_view_is_a_day(store: Store, tmp_path: Path, policy: Policy) -> None:
    """What is accepted has the contract's types, whatever the file's were."""
    loaded(store, tmp_path, "customers", customers_with("segment", ["SMB"] * 5))
    judged(store, "customers", policy)
    loaded(store, tmp_path, "signals", signals_on(DAYS[0][0]) | {"signal_id": ["S1", "S2", "S3", "S4", "S5"]})
    judged(store, "signals", policy)
    found = store.connection.execute("SELECT signal_id, detected_at, signal_strength FROM journey.signals").fetchall()
    assert found == [("S1", date(2024, 10, 4), 0.1)]


@pytest.mark.parametrize("damage", ["gone", "truncated"])
def test_a_damaged_archive_can_be_opened_and_is_repaired_by_loading(
    store: Store, tmp_path: Path, policy: Policy, damage: str
) -> None:
    columns = customers_with("segment", ["SMB"] * 5)
    note = loaded(store, tmp_path, "customers", columns)
    archived = tmp_path / "archive" / str(note.file_sha256)
    archived.unlink()
    if damage == "truncated":
        archived.write_bytes(b"PAR1")
    look_again(store.connection, store.datasets, tmp_path / "archive")
    with pytest.raises(duckdb.Error):
        store.count("raw.customers", None) or judged(store, "customers", policy)
    archived.unlink(missing_ok=True)
    loaded(store, tmp_path, "customers", columns)
    assert len(judged(store, "customers", policy)) == 5
