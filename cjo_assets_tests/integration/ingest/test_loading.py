"""Tests of loading files into raw tables: every format is read completely, and unreadable files are refused."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cjo_assets.catalog import families_about
from cjo_assets.cli.app import app
from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import InputError
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.inputs import customers
from cjo_assets.ingest import formats
from cjo_assets.ingest.files import find_file
from cjo_assets.ingest.loading import Loaded, days_of_records, load_dataset
from cjo_assets.ingest.tombstones import Tombstones
from cjo_assets_tests.support.rows import Rows

FAMILY = "journey"
CUSTOMER: dict[str, Any] = {
    "customer_id": "C1",
    "segment": "SMB",
    "account_value": 12000,
    "tenure_months": 3,
    "risk_tier": "high",
}
CUSTOMERS: Rows = [CUSTOMER, CUSTOMER | {"customer_id": "C2", "risk_tier": None}]
NAMES = list(CUSTOMER)
HEADER = ",".join(NAMES)
CSV = f"{HEADER}\nC1,SMB,12000,3,high\nC2,SMB,12000,3,\n"
TEXTS = [("C1", "SMB", "12000", "3", "high"), ("C2", "SMB", "12000", "3", None)]
JSON = json.dumps(CUSTOMERS)
NDJSON = "\n".join(json.dumps(row) for row in CUSTOMERS)
ROW = json.dumps(CUSTOMER)
BYTE_ORDER_MARK = "\ufeff"
MANY = 300_000
# User and group that own nothing.
UNPRIVILEGED = 65534


@dataclass(frozen=True)
class Desk:
    """A place where files are read: a store in memory and a folder of its own for each test."""

    store: Store
    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the data folder."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, dataset: str = "customers") -> Loaded:
        """Load a dataset from the data folder."""
        declared = next(found for found in self.store.datasets if found.name == dataset)
        return load_dataset(self.store.connection, declared, self.data, FAMILY, self.folder / "archive")

    def read(self, name: str, content: str | bytes) -> Loaded:
        """Write a file and load the dataset it is named after."""
        self.write(name, content)
        return self.load(Path(name).name.partition(".")[0].lower())

    def refusal(self, name: str, content: str | bytes) -> str:
        """Write a file that is refused and return the message."""
        with pytest.raises(InputError) as refused:
            self.read(name, content)
        return str(refused.value)

    def rows(self, dataset: str = "customers", columns: str = "") -> list[tuple[Any, ...]]:
        """Return the rows of a raw table in the order of the file, as text, whatever type the file gives them."""
        contract = next(found.contract for found in self.store.datasets if found.name == dataset)
        names = columns or ", ".join(f"{spec.name}::VARCHAR" for spec in columns_of(contract))
        return self.store.connection.execute(f"SELECT {names} FROM raw.{dataset} ORDER BY source_row").fetchall()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Return a store for all tests: each load replaces what the one before it left."""
    opened = Store(duckdb.connect(), families_about("journey"))
    yield opened
    opened.connection.close()


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """Return a desk with an empty data folder."""
    (tmp_path / "data").mkdir()
    store.connection.execute("DELETE FROM raw.manifest")
    return Desk(store, tmp_path)


def parquet(columns: dict[str, Any] | pandas.DataFrame, **options: Any) -> bytes:
    """Return a Parquet file."""
    table = pyarrow.Table.from_pandas(columns) if isinstance(columns, pandas.DataFrame) else pyarrow.table(columns)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, **options)
    return buffer.getvalue()


def parquet_twice(name: str) -> bytes:
    """Return customers as Parquet, with one column name twice."""
    columns = by_column(CUSTOMERS) | {name: ["a", "b"]}
    table = pyarrow.Table.from_arrays([*map(pyarrow.array, columns.values()), ["c", "d"]], [*columns, name])
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def by_column(rows: Rows) -> dict[str, list[Any]]:
    """Return rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("customers.json", JSON),
        ("customers.json", json.dumps(CUSTOMERS, indent=2)),
        ("customers.json", f"\n\n {JSON} \n\n"),
        ("customers.json", BYTE_ORDER_MARK + JSON),
        ("customers.json", NDJSON),
        ("customers.JSON", JSON),
        ("Customers.json", JSON),
        ("customers.ndjson", NDJSON),
        ("customers.jsonl", NDJSON + "\n"),
        ("customers.ndjson", NDJSON.replace("\n", "\r\n")),
        ("customers.ndjson", f"\n\n{NDJSON}\n  \n"),
        ("customers.ndjson", BYTE_ORDER_MARK + NDJSON),
        ("customers.ndjson", JSON),
        ("customers.csv", CSV),
        ("customers.csv", CSV.rstrip("\n")),
        ("customers.csv", CSV.replace("\n", "\r\n")),
        ("customers.csv", CSV.replace("\n", "\r")),
        ("customers.csv", CSV.replace("\n", "\r\n", 1)),
        ("customers.csv", CSV.replace("\n", "\n\n")),
        ("customers.csv", BYTE_ORDER_MARK + CSV),
        ("customers.csv", BYTE_ORDER_MARK + CSV.replace("customer_id", '"customer_id"')),
        ("customers.csv", CSV.replace("SMB", '"SMB"')),
        ("customers.csv", CSV.replace("high\n", "high\n").replace(",\n", ',""\n')),
        ("customers.parquet", parquet(by_column(CUSTOMERS))),
        ("customers.parquet", parquet(pandas.DataFrame(CUSTOMERS))),
        ("customers.parquet", parquet(by_column(CUSTOMERS), compression="zstd", row_group_size=1)),
        ("journey/customers.csv", CSV),
    ],
)
def test_every_format_gives_the_same_text(desk: Desk, name: str, content: str | bytes) -> None:
    loaded = desk.read(name, content)
    assert desk.rows() == TEXTS
    assert (loaded.rows, loaded.note, loaded.source_file) == (2, None, Path(name).name)
    assert desk.rows(columns="source_row, irregularities, record") == [(1, None, None), (2, None, None)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("customers.json", JSON[:-30], ["customers.json", "does not end with ]", "line 1, column"]),
        ("customers.json", JSON[:-1], ["does not end with ]", "Expecting ',' delimiter"]),
        ("customers.json", f"[{ROW},", ["does not end with ]", "line 1, column"]),
        ("customers.json", f"[\n{ROW},\n{ROW},\n", ["does not end with ]", "line 4, column 1"]),
        ("customers.json", "[", ["does not end with ]"]),
        ("customers.json", f"[{ROW}] x", ["does not end with ]", "Extra data"]),
        ("customers.json", f"[{ROW}][{ROW}]", ["cannot be read as json", "Extra data"]),
        ("customers.json", f"[{ROW},]", ["cannot be read as json", "line 1, column"]),
        ("customers.json", f"[\n{ROW}\n{ROW}\n]", ["line 3, column 1", "Expecting ',' delimiter"]),
        ("customers.json", "[{customer_id: 1}]", ["line 1, column 3", "property name"]),
        ("customers.json", JSON.replace('"', "'"), ["line 1, column 3", "property name"]),
        ("customers.json", f"[{ROW} /* x */]", ["line 1, column", "Expecting ',' delimiter"]),
        ("customers.json", JSON.replace("C1", "C\n1"), ["Invalid control character"]),
        ("customers.json", JSON.replace("C2", "\\ud800"), ["line 1", "half a surrogate pair"]),
        ("customers.json", "hello", ["no JSON array", "line 1, column 1"]),
        ("customers.json", json.dumps({"customers": CUSTOMERS}, indent=1), ["no JSON array", "one record a line"]),
        ("customers.json", json.dumps({"customers": CUSTOMERS}), ["lacks the required customer_id", "are customers"]),
        ("customers.json", "[1, 2]", ["lacks the required customer_id", "none of its records is an object"]),
        ("customers.json", "3", ["lacks the required customer_id", "none of its records is an object"]),
        ("customers.json", "{", ["no JSON array", "line 1, column 2"]),
        ("customers.json", JSON.replace("segment", "Segment"), ["lacks the required segment", "Segment"]),
        ("customers.json", "[]", ["customers.json", "is empty", "at least one"]),
        ("customers.json", "", ["is empty"]),
        ("customers.json", " \n\t ", ["is empty"]),
        ("customers.json", JSON.encode("utf-16"), ["customers.json", "not UTF-8", "byte 0"]),
        ("customers.json", JSON.replace("SMB", "SMÉ").encode("latin-1"), ["not UTF-8", "byte"]),
        ("customers.json", JSON.encode() + b"\xe2\x82", ["not UTF-8"]),
        ("customers.ndjson", f"{ROW}\n{ROW[:40]}", ["line 2, column"]),
        ("customers.ndjson", f"{ROW}\n{ROW[:40]}\n{ROW}", ["line 2, column"]),
        ("customers.ndjson", f"{ROW}\nhello\n{ROW}", ["line 2, column 1"]),
        ("customers.ndjson", f"{ROW}{ROW}", ["line 1, column", "Extra data"]),
        ("customers.ndjson", f"{ROW},\n{ROW}", ["line 1, column", "Extra data"]),
        ("customers.ndjson", f"{BYTE_ORDER_MARK}{ROW}\n{ROW[:40]}", ["line 2, column"]),
        ("customers.csv", "", ["is empty"]),
        ("customers.csv", HEADER, ["is empty"]),
        ("customers.csv", f"{HEADER}\n\n", ["is empty"]),
        ("customers.csv", f"\n{CSV}", ["begins with an empty line"]),
        ("customers.csv", CSV.replace(",", ";"), ["lacks the required", "customer_id;segment", "separated by commas"]),
        ("customers.csv", CSV.replace(",", "\t"), ["lacks the required", "separated by commas"]),
        ("customers.csv", CSV.replace("segment", "customer_id", 1), ["duplicate columns", "customer_id"]),
        ("customers.csv", CSV.replace("tenure_months", "Segment", 1), ["duplicate columns", "segment, Segment"]),
        ("customers.csv", CSV.replace("segment", "Segment", 1), ["lacks the required segment", "Segment"]),
        ("customers.csv", CSV.replace("segment,", "", 1), ["lacks the required segment"]),
        ("customers.csv", CSV.partition("\n")[2], ["lacks the required customer_id", "C1, SMB"]),
        ("customers.csv", CSV.replace("segment", "seg\0ment", 1), ["NUL"]),
        ("customers.csv", f"{CSV}C3,SMB,1,3\n", ["line 4", "4 cell(s)", "header has 5"]),
        ("customers.csv", f"{CSV}C3", ["line 4", "1 cell(s)", "header has 5"]),
        ("customers.csv", f"{CSV}C3,SMB,1,3,low,\n", ["line 4", "6 cell(s)", "header has 5"]),
        ("customers.csv", f'{CSV}"C3,SMB,1,3,low\nC4,SMB,1,3,low\n', ["line 4", "unexpected end"]),
        ("customers.csv", f'{CSV}"C3"x,SMB,1,3,low\n', ["line 4", "expected after"]),
        ("customers.csv", f'{CSV}"C\n3",SMB\nC4,SMB,1,3,low\n', ["line 4", "2 cell(s)"]),
        ("customers.csv", CSV.encode("utf-16"), ["not UTF-8"]),
        ("customers.csv", f"[{ROW}]", ["lacks the required customer_id"]),
        ("customers.parquet", b"", ["customers.parquet", "cannot be read as parquet", "too small"]),
        ("customers.parquet", b"certainly no Parquet file", ["cannot be read as parquet"]),
        ("customers.parquet", parquet(by_column(CUSTOMERS))[:-9], ["cannot be read as parquet"]),
        ("customers.parquet", parquet({"customer_id": ["C1"]}), ["lacks the required segment"]),
        ("customers.parquet", parquet(by_column(CUSTOMERS) | {"a\0": [1, 2]}), ["NUL"]),
        ("customers.parquet", parquet({name: pyarrow.array([], "string") for name in NAMES}), ["is empty"]),
        (
            "customers.parquet",
            parquet(by_column(CUSTOMERS) | {"Segment": [1, 2]}),
            ["duplicate columns", "segment, Segment"],
        ),
        ("customers.parquet", parquet_twice("segment"), ["duplicate columns", "segment, segment"]),
        ("customers.parquet", parquet_twice("unrelated"), ["duplicate columns", "unrelated, unrelated"]),
        (
            "customers.parquet",
            parquet(by_column(CUSTOMERS) | {"segment": [{"a": 1}] * 2}),
            ["STRUCT(a BIGINT) in column segment", "string was expected"],
        ),
        (
            "customers.parquet",
            parquet(by_column(CUSTOMERS) | {"segment": [["SMB"]] * 2}),
            ["VARCHAR[] in column segment", "string was expected"],
        ),
    ],
)
def test_invalid_file_is_refused_with_a_reason(desk: Desk, name: str, content: str | bytes, words: list[str]) -> None:
    message = desk.refusal(name, content)
    assert [word for word in words if word not in message] == [], message
    for jargon in ("Invalid Input Error", "Parser Error", "strict_mode", "read_", str(desk.folder / "archive")):
        assert jargon not in message
    assert len(message) < 700


@pytest.mark.parametrize(
    ("ending", "words"), [("csv", "larger than field limit"), ("ndjson", "longer than"), ("json", "line 1")]
)
def test_a_cell_beyond_the_limit_is_refused_in_a_short_message(desk: Desk, ending: str, words: str) -> None:
    cell = "x" * (2 * formats.RECORD_BYTES)
    row = json.dumps(CUSTOMER | {"segment": cell})
    content = {"csv": f"{CSV}C3,{cell},1,3,low\n", "ndjson": f"{ROW}\n{row}\n", "json": f"[{ROW}, {row}]"}[ending]
    message = desk.refusal(f"customers.{ending}", content)
    assert words in message
    assert len(message) < 700


@pytest.mark.parametrize("ending", ["json", "ndjson"])
@pytest.mark.parametrize("nested", ["[" * 200_000 + "]" * 200_000, '{"a":' * 200_000 + "1" + "}" * 200_000])
def test_values_nested_without_end_are_texts(desk: Desk, ending: str, nested: str) -> None:
    row = ROW.replace('"SMB"', nested)
    desk.read(f"customers.{ending}", f"[{row}]" if ending == "json" else f"{row}\n")
    assert len(desk.rows()) == 1
    assert "cannot be read" in desk.refusal(f"customers.{ending}", row[: len(row) // 2])


def test_a_refused_file_leaves_the_rows_that_were_there(desk: Desk) -> None:
    desk.read("customers.json", JSON)
    desk.refusal("customers.json", f"[{ROW},")
    desk.refusal("customers.json", "[1]")
    assert desk.rows() == TEXTS
    assert desk.read("customers.json", JSON).is_unchanged


def test_cut_array_is_refused(desk: Desk) -> None:
    for cut in range(1, len(JSON)):
        desk.refusal("customers.json", JSON[:cut])


NUMBERS = {
    "12000": "12000",
    "12.50": "12.5",
    "0.1": "0.1",
    "1e999": "1e999",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-0": "0",
    "123456789012345678901234567890": "123456789012345678901234567890",
    "-9223372036854775809": "-9223372036854775809",
    '"12.50"': "12.50",
    '"yes"': "yes",
    "true": "true",
    "null": None,
}


@pytest.mark.parametrize(("literal", "text"), NUMBERS.items())
def test_nothing_is_inferred_from_a_literal(desk: Desk, literal: str, text: str | None) -> None:
    desk.read("customers.json", f"[{ROW.replace('12000', literal)},{ROW}]")
    assert desk.rows(columns="account_value")[0] == (text,)


@pytest.mark.parametrize(
    "cell", ["12.50", "1e999", "nan", "NULL", "yes", " 12", "'; DROP TABLE x; --", "é\u2028", "\\N"]
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_nothing_is_inferred_from_a_cell(desk: Desk, cell: str, ending: str) -> None:
    content = (
        f"{HEADER}\nC1,SMB,{cell},3,high\n"
        if ending == "csv"
        else parquet(by_column([CUSTOMER | {"account_value": cell}]))
    )
    desk.read(f"customers.{ending}", content)
    assert desk.rows(columns="account_value") == [(cell,)]


ODD_NAMES = ["'; DROP TABLE raw.customers; --", 'a"b', "<script>", "=cmd()", "a|b", "source_row", "[/red]"]


@pytest.mark.parametrize("ending", ["json", "ndjson", "csv", "parquet"])
def test_columns_nobody_reads_are_noted_and_kept(desk: Desk, ending: str) -> None:
    row: dict[str, Any] = CUSTOMER | {name: f"value of {name}" for name in ODD_NAMES}
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([row, row.values()])
    contents = {
        "json": json.dumps([row]),
        "ndjson": json.dumps(row),
        "csv": buffer.getvalue(),
        "parquet": parquet(by_column([row])),
    }
    note = desk.read(f"customers.{ending}", contents[ending]).note
    assert note is not None
    kept = json.loads(desk.rows(columns="record")[0][0])
    for name in ODD_NAMES:
        assert name in note
        assert kept[name] == row[name]
    assert desk.rows() == TEXTS[:1]


def test_names_that_would_move_a_terminal_are_shown_as_text(desk: Desk) -> None:
    row = CUSTOMER | {"\x1b[2J": 1, "a\nb": 2}
    assert desk.read("customers.json", json.dumps([row])).note == r"columns nobody reads: '\x1b[2J', 'a\nb'"
    many = CUSTOMER | {f"n{number:02}": 1 for number in range(30)}
    assert str(desk.read("customers.json", json.dumps([many])).note).endswith("n18, n19 and 10 more")


def test_columns_without_a_name_are_no_obstacle(desk: Desk) -> None:
    assert desk.read("customers.csv", CSV.replace("\n", ",,\n")).note == "columns nobody reads: unnamed 6, unnamed 7"
    assert desk.rows() == TEXTS


def test_a_nullable_column_may_be_absent_and_is_noted(desk: Desk) -> None:
    row = {name: value for name, value in CUSTOMER.items() if name != "risk_tier"}
    contents = {
        "json": json.dumps([row]),
        "csv": f"{','.join(row)}\nC1,SMB,12000,3\n",
        "parquet": parquet(by_column([row])),
    }
    for ending, content in contents.items():
        assert desk.read(f"customers.{ending}", content).note == "no value in any row for risk_tier"
        (desk.data / f"customers.{ending}").unlink()


def test_an_optional_column_may_be_absent_without_a_word(desk: Desk) -> None:
    row: dict[str, Any] = {"outcome_id": "O1", "intervention_id": "I1", "customer_id": "C1", "outcome": "resolved"}
    row |= {"measured_at": "2025-01-20", "human_override": False, "churn_risk_delta": -0.1, "csat_delta": 1}
    row |= {"estimated_revenue_saved": 5, "resolution_time_days": 2}
    assert desk.read("outcomes.json", json.dumps([row])).note is None
    row.pop("csat_delta")
    assert desk.read("outcomes.json", json.dumps([row])).note == "no value in any row for csat_delta"


def test_required_column_without_values_rejects_its_rows(desk: Desk) -> None:
    rows = [CUSTOMER | {"segment": None}]
    contents = {"json": json.dumps(rows), "csv": f"{HEADER}\nC1,,12000,3,high\n", "parquet": parquet(by_column(rows))}
    for ending, content in contents.items():
        assert desk.read(f"customers.{ending}", content).rows == 1
        (desk.data / f"customers.{ending}").unlink()


@pytest.mark.parametrize(
    ("pairs", "faults"),
    [
        (['"segment": "SMB"'], ["record: a key stands twice", "segment: stands twice"]),
        (['"Segment": "SMB"'], ["record: a key stands twice", "segment: stands twice"]),
        (['"x": 1', '"X": 1'], ["record: a key stands twice"]),
    ],
)
@pytest.mark.parametrize("is_array", [True, False])
def test_a_key_twice_or_twice_but_for_case_is_named(
    desk: Desk, pairs: list[str], faults: list[str], is_array: bool
) -> None:
    record = ROW.replace("}", f", {', '.join(pairs)}}}")
    content = f"[{record}, {ROW}]" if is_array else f"{record}\n{ROW}"
    desk.read("customers.json", content)
    assert desk.rows(columns="irregularities, record IS NULL") == [(faults, False), (None, True)]


DIGITS = ["18446744073709551615", "18446744073709551616", "12345678901234567890123", "-9223372036854775809", "7"]


@pytest.mark.parametrize("is_array", [True, False])
def test_whole_numbers_of_any_length_are_ids_with_all_digits(desk: Desk, is_array: bool) -> None:
    rows = [ROW.replace('"C1"', digits) for digits in DIGITS]
    desk.read("customers.json", f"[{', '.join(rows)}]" if is_array else "\n".join(rows))
    assert desk.rows(columns="customer_id, irregularities") == [(digits, None) for digits in DIGITS]


@pytest.mark.parametrize("literal", ["1.5", "1e30", "1.0", "true", "-0.0", "12345678901234567890123.0"])
def test_other_numbers_are_no_ids(desk: Desk, literal: str) -> None:
    desk.read("customers.json", f"[{ROW.replace(chr(34) + 'C1' + chr(34), literal)}]")
    fault = "customer_id: a number or a truth value where a text belongs"
    assert desk.rows(columns="irregularities") == [([fault],)]


CELLS = st.text(alphabet='ab",;\n\r\t |\\é😀', max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12),
    is_all_quoted=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_csv_gives_back_every_cell(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], is_all_quoted: bool, line_end: str
) -> None:
    def written(cell: str) -> str:
        is_quoted = is_all_quoted or any(character in cell for character in '",\n\r')
        return '"' + cell.replace('"', '""') + '"' if is_quoted else cell

    lines = [",".join(map(written, row)) + line_end for row in [("a", "b"), *rows]]
    path = tmp_path_factory.mktemp("csv") / "file"
    path.write_bytes("".join(lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "BATCH_ROWS", 2)
        patch.setattr(formats, "RECORD_BYTES", 128)
        read = formats._csv_rows(path, ["a", "b"]).read_all().to_pylist()
    assert [(row["a"], row["b"]) for row in read] == [(first or None, second or None) for first, second in rows]


@pytest.mark.parametrize("cell", ['"a\nb"', '"a,b"', '"a""b"', '"a\r\nb"', '"é\n\n"'])
def test_quoted_cells_keep_what_is_in_them(desk: Desk, cell: str) -> None:
    desk.read("customers.csv", f"{HEADER}\nC1,{cell},1,3,low\nC2,SMB,1,3,low\n")
    assert desk.rows(columns="segment, source_row") == [(cell[1:-1].replace('""', '"'), 1), ("SMB", 2)]


def signal_line(number: int) -> list[str]:
    """Return the cells of a signal whose id is the number of its row."""
    return [f"S{number}", f"C{number % 10}", "usage_drop", "0.5", "2025-01-10", "onboarding", "manual"]


SIGNAL_NAMES = [
    "signal_id",
    "customer_id",
    "signal_type",
    "signal_strength",
    "detected_at",
    "journey_stage",
    "source",
]


def many_ndjson() -> bytes:
    """Return many signals, one record a line."""
    template = json.dumps(dict(zip(SIGNAL_NAMES, ["S#", *signal_line(0)[1:]], strict=True)))
    return "\n".join(template.replace("#", str(number)) for number in range(1, MANY + 1)).encode()


def many_csv(break_in_cell: str) -> bytes:
    """Return many signals as lines of cells."""
    rest = ",".join(["C1", f"usage_drop{break_in_cell}", *signal_line(0)[3:]])
    rows = "".join(f"S{number},{rest}\n" for number in range(1, MANY + 1))
    return f"{','.join(SIGNAL_NAMES)}\n{rows}".encode()


def many_parquet() -> bytes:
    """Return many signals in many row groups."""
    columns = {name: [cell] * MANY for name, cell in zip(SIGNAL_NAMES, signal_line(0), strict=True)}
    return parquet(columns | {"signal_id": [f"S{number}" for number in range(1, MANY + 1)]}, row_group_size=7_000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("signals.ndjson", many_ndjson),
        ("signals.json", lambda: b"[" + many_ndjson().replace(b"\n", b",\n") + b"]"),
        ("signals.csv", lambda: many_csv("")),
        ("signals.csv", lambda: many_csv("").replace(b"\n", b"\r\n")),
        ("signals.csv", lambda: many_csv("#").replace(b"usage_drop#", b'"usage\n,drop"')),
        ("signals.parquet", many_parquet),
    ],
    ids=["ndjson", "json", "csv", "csv-crlf", "csv-quoted", "parquet"],
)
def test_rows_have_their_numbers_in_the_file(desk: Desk, name: str, content: Callable[[], bytes]) -> None:
    assert desk.read(name, content()).rows == MANY
    found = desk.store.connection.execute(
        "SELECT count(*), count(DISTINCT source_row), count(*) FILTER (signal_id = 'S' || source_row) FROM raw.signals"
    ).fetchone()
    assert found == (MANY, MANY, MANY)


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_a_large_file_cut_short_is_refused(desk: Desk, ending: str) -> None:
    content = many_ndjson() if ending == "ndjson" else many_csv("")
    message = desk.refusal(f"signals.{ending}", content[: content.rindex(b"S300000") + 7])
    assert f"line {MANY + (ending == 'csv')}" in message


PARQUET_COLUMNS: list[tuple[str, Any, list[str | None]]] = [
    ("tenure_months", [1.0, None], ["1.0", None]),
    ("tenure_months", pyarrow.array([1, 2**64 - 1], pyarrow.uint64()), ["1", "18446744073709551615"]),
    ("tenure_months", pyarrow.array([1, -1], pyarrow.int8()), ["1", "-1"]),
    ("account_value", [float("nan"), float("inf")], ["nan", "inf"]),
    ("account_value", pyarrow.array([0.1, 1e30], pyarrow.float32()), ["0.1", "1e+30"]),
    ("account_value", pyarrow.array([1250, 10], pyarrow.int64()).cast(pyarrow.decimal128(21, 2)), ["1250.00", "10.00"]),
    ("segment", pyarrow.array(["SMB", "SMB"]).dictionary_encode(), ["SMB", "SMB"]),
    ("segment", pyarrow.array(["SMB", None], pyarrow.large_string()), ["SMB", None]),
    ("risk_tier", pyarrow.nulls(2), [None, None]),
    ("risk_tier", pyarrow.array([None, None], pyarrow.float64()), [None, None]),
    ("customer_id", [1, 2], ["1", "2"]),
]


@pytest.mark.parametrize(("name", "values", "texts"), PARQUET_COLUMNS)
def test_parquet_types_are_text_to_whom_wants_it(desk: Desk, name: str, values: Any, texts: list[str | None]) -> None:
    desk.read("customers.parquet", parquet(by_column(CUSTOMERS) | {name: values}))
    assert [row[0] for row in desk.rows(columns=f"{name}::VARCHAR")] == texts
    assert {row[0] for row in desk.rows(columns="irregularities")} == {None}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, None], "DOUBLE"),
        ([True, None], "BOOLEAN"),
        ([b"C1", None], "BLOB"),
        (pyarrow.array([0, None], pyarrow.timestamp("us")), "TIMESTAMP"),
        (pyarrow.array([0, None], pyarrow.date32()), "DATE"),
    ],
)
def test_parquet_values_that_are_no_text_are_irregular(desk: Desk, values: Any, kind: str) -> None:
    desk.read("customers.parquet", parquet(by_column(CUSTOMERS) | {"customer_id": values}))
    assert [row[0] for row in desk.rows(columns="irregularities")] == [
        [f"customer_id: {kind} where a text belongs"],
        None,
    ]


def test_whole_numbers_written_as_floats_are_read(desk: Desk) -> None:
    frame = pandas.DataFrame(CUSTOMERS).assign(tenure_months=[3, numpy.nan], risk_tier=[numpy.nan, numpy.nan])
    assert desk.read("customers.parquet", parquet(frame)).note == "no value in any row for risk_tier"
    assert desk.rows(columns="tenure_months, risk_tier") == [("3.0", None), (None, None)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([["S1", 'a"b'], [], None], ['["S1","a\\"b"]', "[]", None]),
        ([[1], [], None], ["[1]", "[]", None]),
        ([["S1", None], [None], None], ['["S1",null]', "[null]", None]),
        (['["S1"]', "S1", None], ['["S1"]', "S1", None]),
    ],
)
def test_parquet_lists_become_json(desk: Desk, values: list[Any], texts: list[str | None]) -> None:
    names = [
        spec.name for spec in columns_of(next(d for d in desk.store.datasets if d.name == "interventions").contract)
    ]
    desk.read("interventions.parquet", parquet(dict.fromkeys(names, ["x"] * 3) | {"triggered_by_signals": values}))
    assert [row[0] for row in desk.rows("interventions", "triggered_by_signals")] == texts


@pytest.mark.parametrize("names", [("customers.json", "customers.csv"), ("customers.json", "journey/customers.json")])
def test_two_files_for_one_dataset_are_refused(desk: Desk, names: tuple[str, str]) -> None:
    for name in names:
        desk.write(name, "")
    with pytest.raises(InputError, match="more than one file") as refused:
        desk.load()
    assert all(name in str(refused.value) for name in names)


def test_a_folder_or_a_dead_link_is_no_file(desk: Desk) -> None:
    (desk.data / "customers.json").mkdir()
    with pytest.raises(InputError, match=r"customers\.json is a folder or a broken link"):
        desk.load()
    (desk.data / "signals.csv").symlink_to(desk.data / "nowhere.csv")
    with pytest.raises(InputError, match=r"signals\.csv is a folder or a broken link"):
        desk.load("signals")


def test_a_link_to_a_file_is_the_file(desk: Desk) -> None:
    target = desk.write("elsewhere/export-7.txt", JSON)
    (desk.data / "customers.json").symlink_to(target)
    assert desk.load().rows == 2


def test_a_file_whose_bytes_cannot_be_read_is_refused(desk: Desk) -> None:
    """The first page of a process's memory is one thing that root cannot read either."""
    (desk.data / "customers.json").symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match=r"customers\.json.*Input/output error"):
        desk.load()


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Run the block as a user who may read what its permissions allow, and who owns a folder: root may read all."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    os.seteuid(UNPRIVILEGED)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_refused(desk: Desk) -> None:
    # The temporary folders of pytest can be entered by their owner alone.
    with tempfile.TemporaryDirectory() as folder:
        own = Desk(desk.store, Path(folder))
        file = own.write("customers.json", JSON)
        with without_privileges(own.folder):
            assert own.load().rows > 0
            file.chmod(0)
            with pytest.raises(InputError, match=r"customers\.json.*Permission denied"):
                own.load()
            own.data.chmod(0)
            with pytest.raises(InputError, match=r"data.*Permission denied"):
                own.load()
            own.data.chmod(0o700)


def test_an_archive_that_is_not_a_folder_is_reported(desk: Desk) -> None:
    (desk.folder / "archive").write_text("x")
    assert "cannot be copied into" in desk.refusal("customers.json", JSON)


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_a_data_folder_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="does not exist or is not a folder"):
        find_file(tmp_path / place, FAMILY, "customers")


@pytest.mark.parametrize("dataset", ["customers", "playbooks", "journey_state_log"])
def test_a_required_dataset_must_be_there(desk: Desk, dataset: str) -> None:
    desk.write(f"{dataset}.xlsx", "x")
    with pytest.raises(InputError, match=f"{dataset} is required") as refused:
        desk.load(dataset)
    assert f"{dataset}.xlsx: the ending is none of .csv, .json, .jsonl, .ndjson, .parquet" in str(refused.value)


@pytest.mark.parametrize("dataset", ["signals", "interventions", "outcomes", "approval_decisions"])
def test_a_usual_dataset_may_be_missing_or_empty_with_a_note(desk: Desk, dataset: str) -> None:
    loaded = desk.load(dataset)
    assert (loaded.rows, loaded.note, loaded.source_file) == (0, "no file: nothing is known of it", None)
    desk.write(f"{dataset}.tsv", "x")
    assert f"({dataset}.tsv: the ending is none of" in str(desk.load(dataset).note)
    for content in ("", "[]", " \n"):
        assert desk.read(f"{dataset}.json", content).note == "the file holds no row"


def test_a_missing_optional_dataset_has_no_note(desk: Desk) -> None:
    """A missing file is not noted; an empty or unreadable one is."""
    loaded = desk.load("playbook_performance_log")
    assert (loaded.rows, loaded.note, loaded.source_file) == (0, None, None)
    desk.write("playbook_performance_log.tsv", "x")
    assert "(playbook_performance_log.tsv: the ending is none of" in str(desk.load("playbook_performance_log").note)
    assert desk.read("playbook_performance_log.json", "[]").note == "the file holds no row"


def test_the_same_file_is_read_once_and_another_replaces_it(desk: Desk) -> None:
    assert not desk.read("customers.json", JSON).is_unchanged
    assert desk.load().is_unchanged
    assert desk.read("customers.json", f"[{ROW}]").rows == 1
    assert desk.rows() == TEXTS[:1]


def test_what_is_read_is_archived_under_its_hash(desk: Desk) -> None:
    loaded = desk.read("customers.csv", CSV)
    assert [(path.name, path.read_text()) for path in (desk.folder / "archive").iterdir()] == [
        (loaded.file_sha256, CSV)
    ]


@pytest.mark.parametrize("folder", ["we[i]rd", "a*b", "wh?t", "it's", 'the "so"', "risk_tier=low", "$HOME {x} %s"])
@pytest.mark.parametrize("ending", ["json", "csv", "parquet"])
def test_a_folder_of_any_name_is_taken_for_itself(store: Store, tmp_path: Path, folder: str, ending: str) -> None:
    store.connection.execute("DELETE FROM raw.manifest")
    contents = {"json": JSON.encode(), "csv": CSV.encode(), "parquet": parquet(by_column(CUSTOMERS))}
    there = Desk(store, tmp_path / folder)
    loaded = there.read(f"customers.{ending}", contents[ending])
    for decoy in ("weird", "ab", "axb", "what"):
        (tmp_path / decoy / "archive").mkdir(parents=True, exist_ok=True)
        (tmp_path / decoy / "archive" / str(loaded.file_sha256)).write_bytes(contents[ending].replace(b"C1", b"XX"))
    store.connection.execute("DELETE FROM raw.manifest")
    assert there.load().note is None
    assert there.rows() == TEXTS


def day(text: str | None) -> date | None:
    """Return the date of a text; None if it is invalid."""
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("dates", "latest"),
    [
        (["2025-01-10", "2025-01-12"], "2025-01-12"),
        (["2025-01-10", "2999-01-01"], "2025-01-10"),
        (["2025-01-10", "infinity", "epoch", "2025-02-30", "2025-1-31", "", "soon"], "2025-01-10"),
        (["infinity", "-infinity", "0000-01-01", "2025-1-5"], None),
        (["2025-01-10T00:00:00"], "2025-01-10"),
    ],
)
def test_the_latest_date_is_a_date_up_to_today(desk: Desk, dates: list[str], latest: str | None) -> None:
    cells = [signal_line(number) for number in range(len(dates))]
    rows = [
        dict(zip(SIGNAL_NAMES, line, strict=True)) | {"detected_at": day}
        for line, day in zip(cells, dates, strict=True)
    ]
    desk.read("signals.json", json.dumps(rows))
    assert days_of_records(desk.store.connection, [d for d in desk.store.datasets if d.name == "signals"])[1] == day(
        latest
    )


@pytest.mark.parametrize(
    ("moment", "latest"), [("2025-01-16T23:30:00-05:00", "2025-01-17"), ("2025-01-16", "2025-01-16")]
)
def test_the_latest_day_of_an_instant_is_that_of_utc(desk: Desk, moment: str, latest: str) -> None:
    decision = {
        "intervention_id": "I1",
        "decision": "approved",
        "decided_at": moment,
        "decided_by": "x",
        "reason": None,
    }
    desk.read("approval_decisions.json", json.dumps([decision]))
    datasets = [found for found in desk.store.datasets if found.name == "approval_decisions"]
    assert days_of_records(desk.store.connection, datasets)[1] == day(latest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"customers.json": f"[{ROW},"}, "does not end with ]"),
        ({"customers.json": None}, "The dataset customers is required"),
        ({"signals.csv": "x"}, "more than one file"),
        ({"outcomes.json": b"\xff\xfe["}, "not UTF-8"),
    ],
)
def test_the_command_prints_the_fault_only(
    sample_copy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str | bytes | None],
    words: str,
) -> None:
    for name in ("CJO_DATA", "CJO_HOME", "CJO_POLICY", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, content in change.items():
        path = sample_copy / FAMILY / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    done = CliRunner().invoke(app, ["run", "--data", str(sample_copy), "--home", str(tmp_path / "home")])
    assert done.exit_code == 1
    assert words in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
    assert not (tmp_path / "home" / "cjo.duckdb").exists()


@pytest.mark.parametrize("extra", ["note", "File_Row_Number"])
def test_rows_of_parquet_keep_their_place(extra: str, tmp_path: Path) -> None:
    """Several threads read a large file; a column with the engine's name for the row number is no obstacle."""
    data = tmp_path / "data"
    data.mkdir()
    rows = 300_000
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'C' || n AS customer_id, 'SMB' AS segment, n AS account_value, 1 AS tenure_months, "
            f"'low' AS risk_tier, n AS \"{extra}\" FROM range({rows}) AS numbers(n)) "
            f"TO '{data / 'customers.parquet'}' (FORMAT parquet, ROW_GROUP_SIZE 10000)"
        )
        Store(connection, families_about("journey"))
        loaded = load_dataset(connection, customers.DATASET, data, "journey", tmp_path / "archive")
        assert loaded.rows == rows
        assert loaded.note == f"columns nobody reads: {extra}"
        wrong = "SELECT count(*) FROM raw.customers WHERE source_row <> account_value::BIGINT + 1"
        assert connection.execute(wrong).fetchall() == [(0,)]


def test_a_broken_file_after_an_erasure_has_the_same_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is emptied of the erased is read first, and by whatever reads it first a broken file is named."""
    stones = Tombstones("salt", frozenset(["customer:somebody"]))
    monkeypatch.setattr(Tombstones, "of", lambda *_: stones)
    with pytest.raises(InputError, match=r"The file signals\.json cannot be read as json"):
        desk.read("signals.json", '[{"signal_id": "S1"}, {{{]')
