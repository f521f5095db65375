"""Every Parquet type: read as the value that the file holds, or refused with file, column and type."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy
import pyarrow
import pyarrow.parquet
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.errors import InputError
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import Loaded, load_dataset
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS

AMOUNT = Decimal("12000.10")


def answers(**columns: Any) -> dict[str, Any]:
    """Return one answer to an approval request, the one dataset with an instant, with columns as given."""
    row = {"intervention_id": "J-1", "decision": "approved", "decided_at": "2025-01-15T10:30:00", "decided_by": "kim"}
    return {name: [value] for name, value in row.items()} | {"reason": ["none given"]} | columns


def customers(**columns: Any) -> dict[str, Any]:
    """Return one customer, with columns as given."""
    row = {"customer_id": "C1", "segment": "SMB", "account_value": 5, "tenure_months": 1, "risk_tier": "low"}
    return {name: [value] for name, value in row.items()} | columns


@pytest.fixture
def store() -> Store:
    """Tables in memory."""
    return Store(duckdb.connect(), all_families(), STATEMENTS)


def load(store: Store, folder: Path, dataset: str, columns: dict[str, Any], **options: Any) -> Loaded:
    """Load a Parquet file of one dataset."""
    (folder / "data").mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "data" / f"{dataset}.parquet", **options)
    declared = next(found for found in store.datasets_by_family["journey"] if found.name == dataset)
    return load_dataset(store.connection, declared, folder / "data", "journey", folder / "archive")


def held(store: Store, table: str, column: str, policy: Policy) -> list[Any]:
    """Validate a dataset, and return its validated input."""
    for schema in ("quarantine", "journey"):
        store.replace(store.tables[schema, table], None, policy)
    return [row[0] for row in store.connection.execute(f"SELECT {column} FROM journey.{table}").fetchall()]


WHOLE = {
    "int8": 127,
    "int16": 32767,
    "int32": 2**31 - 1,
    "int64": 10**12 - 1,
    "uint8": 255,
    "uint16": 65535,
    "uint32": 2**32 - 1,
    "uint64": 10**12 - 1,
}


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        *((pyarrow.array([value], getattr(pyarrow, kind)()), float(value)) for kind, value in WHOLE.items()),
        (pyarrow.array([AMOUNT], pyarrow.decimal128(38, 2)), 12000.10),
        (pyarrow.array([AMOUNT], pyarrow.decimal128(38, 30)), 12000.10),
        (pyarrow.array([AMOUNT], pyarrow.decimal64(12, 2)), 12000.10),
        (pyarrow.array([Decimal("0.1")], pyarrow.decimal32(5, 2)), 0.1),
        (pyarrow.array([AMOUNT], pyarrow.decimal256(38, 2)), 12000.10),
        (pyarrow.array([AMOUNT], pyarrow.decimal128(20, 2)).dictionary_encode(), 12000.10),
        (pyarrow.array([0.1], pyarrow.float64()), 0.1),
        # A number of 32 bits is its shortest decimal, as CSV and JSON write it.
        (pyarrow.array([0.1], pyarrow.float32()), float(str(numpy.float32(0.1)))),
        (pyarrow.array(["12000.10"], pyarrow.string_view()), 12000.10),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_a_number_is_held_exactly_whatever_its_type(
    store: Store, tmp_path: Path, policy: Policy, values: pyarrow.Array, exact: float
) -> None:
    load(store, tmp_path, "customers", customers(account_value=values))
    assert held(store, "customers", "account_value", policy) == [exact]


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        (pyarrow.array([1736937000123456], pyarrow.timestamp("us")), datetime(2025, 1, 15, 10, 30, 0, 123456)),
        (pyarrow.array([1736937000123], pyarrow.timestamp("ms")), datetime(2025, 1, 15, 10, 30, 0, 123000)),
        (pyarrow.array([1736937000], pyarrow.timestamp("s")), datetime(2025, 1, 15, 10, 30)),
        (pyarrow.array([1736937000], pyarrow.timestamp("s", "Asia/Tokyo")), datetime(2025, 1, 15, 10, 30)),
        (pyarrow.array([1736937000123456000], pyarrow.timestamp("ns")), datetime(2025, 1, 15, 10, 30, 0, 123456)),
        (pyarrow.array([1736937000123456], pyarrow.timestamp("us", "UTC")), datetime(2025, 1, 15, 10, 30, 0, 123456)),
        (pyarrow.array([date(2025, 1, 15)], pyarrow.date32()), datetime(2025, 1, 15)),
        (pyarrow.array([date(2025, 1, 15)], pyarrow.date64()), datetime(2025, 1, 15)),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_an_instant_is_held_exactly_whatever_its_type(
    store: Store, tmp_path: Path, values: pyarrow.Array, exact: datetime
) -> None:
    loaded = load(store, tmp_path, "approval_decisions", answers(decided_at=values))
    query = "SELECT decided_at::VARCHAR::TIMESTAMPTZ FROM raw.approval_decisions"
    assert store.connection.execute(query).fetchall() == [(exact.replace(tzinfo=UTC),)]
    assert "nanoseconds" not in (loaded.note or "")


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (pyarrow.array([1736937000123456789], pyarrow.timestamp("ns", "UTC")), {}),
        (pyarrow.array([1736937000123456789], pyarrow.timestamp("ns")), {"use_deprecated_int96_timestamps": True}),
        (pyarrow.array([-1, 1736937000123456789], pyarrow.timestamp("ns", "UTC"))[1:], {"store_schema": False}),
    ],
    ids=["utc", "int96", "without-arrow-schema"],
)
def test_nanoseconds_that_are_cut_are_noted(
    store: Store, tmp_path: Path, values: pyarrow.Array, options: dict[str, Any]
) -> None:
    loaded = load(store, tmp_path, "approval_decisions", answers(decided_at=values), **options)
    query = "SELECT decided_at::VARCHAR::TIMESTAMPTZ FROM raw.approval_decisions"
    assert store.connection.execute(query).fetchall() == [(datetime(2025, 1, 15, 10, 30, 0, 123456, UTC),)]
    assert "nanoseconds cut to microseconds in decided_at" in str(loaded.note)


REFUSED = {
    **{
        f"DECIMAL({digits}, 2)": pyarrow.array([AMOUNT], pyarrow.decimal256(digits, 2))
        for digits in (39, 48, 55, 60, 76)
    },
    "DECIMAL(55, 2)  in a dictionary": pyarrow.array([AMOUNT], pyarrow.decimal256(55, 2)).dictionary_encode(),
    "FLOAT16": pyarrow.array(numpy.array([0.1], dtype=numpy.float16)),
    "DURATION": pyarrow.array([5], pyarrow.duration("us")),
}


@pytest.mark.parametrize(("kind", "values"), REFUSED.items())
def test_a_type_read_inexactly_is_refused(store: Store, tmp_path: Path, kind: str, values: pyarrow.Array) -> None:
    with pytest.raises(InputError) as refused:
        load(store, tmp_path, "customers", customers(account_value=values))
    expected = f"The file customers.parquet has {kind.partition('  ')[0]} in column account_value: "
    assert str(refused.value).startswith(expected)
    assert store.connection.execute("FROM raw.customers").fetchall() == []


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.list_(pyarrow.decimal256(55, 2)),
        pyarrow.list_(pyarrow.struct([("amount", pyarrow.decimal256(55, 2))])),
        pyarrow.struct([("amount", pyarrow.decimal256(55, 2))]),
        pyarrow.map_(pyarrow.string(), pyarrow.decimal256(55, 2)),
    ],
    ids=str,
)
def test_an_inexact_type_inside_another_is_refused(store: Store, tmp_path: Path, kind: pyarrow.DataType) -> None:
    values: Any = {"amount": AMOUNT} if pyarrow.types.is_struct(kind) else [AMOUNT]
    if pyarrow.types.is_map(kind):
        values = [("amount", AMOUNT)]
    elif pyarrow.types.is_list(kind) and pyarrow.types.is_struct(kind.value_type):
        values = [{"amount": AMOUNT}]
    with pytest.raises(InputError, match=r"has DECIMAL\(55, 2\) in column account_value"):
        load(store, tmp_path, "customers", customers(account_value=pyarrow.array([values], kind)))


def test_inexact_value_of_an_unused_column_is_discarded(store: Store, tmp_path: Path) -> None:
    loaded = load(store, tmp_path, "customers", customers(other=pyarrow.array([AMOUNT], pyarrow.decimal256(55, 2))))
    assert loaded.note == "columns nobody reads: other"
    record = store.connection.execute("SELECT record->>'other' FROM raw.customers").fetchall()
    assert record == [("DECIMAL(55, 2), which is not read",)]


def test_times_and_intervals_are_not_taken_for_numbers(store: Store, tmp_path: Path, policy: Policy) -> None:
    times = {
        "time64[ns]": pyarrow.array([1], pyarrow.time64("ns")),
        "time64[us]": pyarrow.array([1], pyarrow.time64("us")),
        "time32[ms]": pyarrow.array([1], pyarrow.time32("ms")),
        "bool": pyarrow.array([True]),
        "binary": pyarrow.array([b"\x01"]),
    }
    for kind, values in times.items():
        load(store, tmp_path, "customers", customers(account_value=values))
        store.replace(store.tables["quarantine", "customers"], None, policy)
        found = store.connection.execute("SELECT broken_rules FROM quarantine.customers").fetchall()
        assert found == [(["account_value: not a number"],)], kind
