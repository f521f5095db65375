"""Files that are not UTF-8 with commas: read by the settings of `sources.yaml`, and refused with the setting to use."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow
import pyarrow.parquet
import pytest
import yaml

from cjo_assets.catalog import families_about
from cjo_assets.core.errors import InputError
from cjo_assets.core.table import Reference
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import Loaded, ManifestRow, load_dataset, restore_dataset
from cjo_assets.ingest.tombstones import empty_rows
from cjo_assets.policy import Policy

COLUMNS = "customer_id, segment, account_value, tenure_months, risk_tier"
# The same two customers in every layout.
ROWS = [("Müller", "SMB", "1234.5", "3", "high"), ("C2", "SMB", "12000", "4", None)]
PLAIN = "customer_id,segment,account_value,tenure_months,risk_tier\nMüller,SMB,1234.5,3,high\nC2,SMB,12000,4,\n"
OUTCOME: dict[str, Any] = {
    "outcome_id": "O1",
    "intervention_id": "I1",
    "customer_id": "C1",
    "outcome": "resolved",
    "human_override": False,
    "churn_risk_delta": "-0,1",
    "csat_delta": 1.5,
    "estimated_revenue_saved": "1.250,75",
    "resolution_time_days": "2",
}


@dataclass(frozen=True)
class Desk:
    """A data folder, its `sources.yaml`, and a store in memory."""

    store: Store
    folder: Path

    def read(self, name: str, content: str | bytes, dataset: str = "customers", **settings: Any) -> Loaded:
        """Write a file and its settings, and load its dataset."""
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        sources = self.folder / "data" / "sources.yaml"
        sources.unlink(missing_ok=True)
        if settings:
            sources.write_text(yaml.safe_dump({"journey": {dataset: settings}}, allow_unicode=True), encoding="utf-8")
        return self.load(dataset)

    def load(self, dataset: str) -> Loaded:
        """Load a dataset."""
        declared = next(found for found in self.store.datasets if found.name == dataset)
        loaded = load_dataset(self.store.connection, declared, self.folder / "data", "journey", self.folder / "archive")
        self.store.look_up_versions()
        return loaded

    def refusal(self, name: str, content: str | bytes, dataset: str = "customers", **settings: Any) -> str:
        """Return why a file is refused."""
        with pytest.raises(InputError) as refused:
            self.read(name, content, dataset, **settings)
        return str(refused.value)

    def rows(self, dataset: str = "customers", columns: str = COLUMNS) -> list[tuple[Any, ...]]:
        """Return rows of a raw table."""
        return self.store.connection.execute(f"SELECT {columns} FROM raw.{dataset} ORDER BY source_row").fetchall()

    def manifest(self, dataset: str) -> list[ManifestRow]:
        """Return what a run would record of the files."""
        rows = self.store.rows("FROM raw.manifest WHERE dataset = ?", dataset)
        return [ManifestRow(**row) for row in rows]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Return a store for all tests: each load replaces what the one before it left."""
    opened = Store(duckdb.connect(), families_about("journey"))
    yield opened
    opened.connection.close()


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """Return a desk with an empty data folder."""
    store.connection.execute("DELETE FROM raw.manifest")
    return Desk(store, tmp_path)


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        (PLAIN.replace(",", ";"), {"delimiter": ";"}),
        (PLAIN.replace(",", "\t").replace("\n", "\r\n"), {"delimiter": "\t"}),
        (PLAIN.replace(",", ";").encode("windows-1252"), {"delimiter": ";", "encoding": "windows-1252"}),
        (PLAIN.encode("utf-16"), {"encoding": "utf-16"}),
        (PLAIN.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        ("Export of customers\n\n" + PLAIN, {"skip_rows": 2}),
        ('Export, of "customers\r\n' + PLAIN.replace("\n", "\r\n"), {"skip_rows": 1}),
        (PLAIN.replace(",", ";").replace("1234.5", "1234,5"), {"delimiter": ";", "decimal": ","}),
        (PLAIN.replace("1234.5", '"1.234,5"').replace("12000", "12.000"), {"decimal": ",", "thousands": "."}),
        (PLAIN.replace("1234.5", "1'234.5"), {"thousands": "'"}),
        (PLAIN.replace("1234.5", "1\u00a0234.5"), {"thousands": "\u00a0"}),
        (PLAIN.replace(",4,", ",4,k. A."), {"null_words": ["K. a."]}),
        (PLAIN.replace("customer_id", " Kunden-Nr "), {"columns": {"customer_id": " Kunden-Nr "}}),
        (PLAIN.replace("segment", "Segment"), {"columns": {"segment": "Segment"}}),
        (PLAIN.replace(",", ";").replace("SMB", '"SMB"'), {"delimiter": ";"}),
    ],
)
def test_settings_read_what_people_export(desk: Desk, content: str | bytes, settings: dict[str, Any]) -> None:
    assert desk.read("customers.csv", content, **settings).note is None
    assert desk.rows() == ROWS
    assert desk.rows(columns="source_file, source_row, irregularities") == [
        ("customers.csv", 1, None),
        ("customers.csv", 2, None),
    ]
    assert desk.load("customers").is_unchanged


@pytest.mark.parametrize(
    ("content", "settings", "setting"),
    [
        (PLAIN.replace(",", ";"), {}, "1 column found, but ';' appears|Set `delimiter: \";\"` for customers"),
        (PLAIN.replace(",", "\t"), {}, 'Set `delimiter: "\\t"` for customers in sources.yaml'),
        (PLAIN.encode("windows-1252"), {}, "Set `encoding` for customers in sources.yaml"),
        (PLAIN.encode("utf-16"), {}, "set `encoding: utf-16` for customers in sources.yaml"),
        ("Customers\n" + PLAIN, {}, "Set `skip_rows: 1` for customers in sources.yaml"),
        ("A;B\n\n" + PLAIN.replace(",", ";"), {}, 'Set `delimiter: ";", skip_rows: 2` for customers'),
        (PLAIN.replace("customer_id", "Customer ID "), {}, 'Set `columns: {customer_id: "Customer ID "}` for'),
        (PLAIN.replace("customer_id", "CUSTOMER_ID"), {}, 'Set `columns: {customer_id: "CUSTOMER_ID"}` for'),
        (PLAIN, {"columns": {"segment": "Branche"}}, "has no column Branche, which the setting `columns` maps to"),
        (PLAIN, {"newest_by": "updated"}, "has no column updated, which is set as `newest_by`"),
        (PLAIN.encode("windows-1252"), {"skip_rows": 1}, "Set `encoding` in sources.yaml"),
        ("\n" + PLAIN, {"delimiter": ","}, "Set `skip_rows` in sources.yaml"),
        (PLAIN.replace(",", ";") + "C3;SMB\n", {"delimiter": ";"}, "line 4: 2 cell(s), where the header has 5"),
        ("x\n" + PLAIN + '"C3', {"skip_rows": 1}, "line 5: unexpected end of data"),
        (PLAIN + "C3,SMB\n", {"encoding": "windows-1250"}, "line 4: 2 cell(s), where the header has 5"),
    ],
)
def test_a_refusal_names_the_setting(desk: Desk, content: str | bytes, settings: dict[str, Any], setting: str) -> None:
    message = desk.refusal("customers.csv", content, **settings)
    assert "customers.csv" in message
    assert any(words in message for words in setting.split("|")), message


@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_a_hint_finds_json_keys_in_other_case(desk: Desk, ending: str) -> None:
    row = {"Customer_ID": "C1", "segment": "SMB", "account_value": 1, "tenure_months": 1, "risk_tier": None}
    message = desk.refusal(f"customers.{ending}", json.dumps(row))
    assert 'Set `columns: {customer_id: "Customer_ID"}` for customers in sources.yaml.' in message
    loaded = desk.read(f"customers.{ending}", json.dumps(row), columns={"customer_id": "Customer_ID"})
    assert (loaded.note, desk.rows()) == ("no value in any row for risk_tier", [("C1", "SMB", "1", "1", None)])


def test_a_setting_for_another_format_is_refused(desk: Desk) -> None:
    message = desk.refusal("customers.ndjson", "{}", delimiter=";")
    assert message == (
        "The file customers.ndjson is ndjson, and the settings delimiter of sources.yaml do not apply to such files. "
        "Remove them."
    )


DATES = [
    ("DD/MM/YYYY", "15/01/2025", "2025-01-15"),
    ("MM/DD/YYYY", "01/15/2025", "2025-01-15"),
    ("D.M.YYYY", "5.1.2025", "2025-01-05"),
    ("YYYYMMDD", "20250115", "2025-01-15"),
    ("DD/MM/YYYY", "15/01/2025 00:00", "2025-01-15 00:00"),
    ("DD/MM/YYYY", "31/02/2025", "2025-02-31"),
    ("DD/MM/YYYY", "5/1/2025", "5/1/2025"),
    ("DD/MM/YYYY", "soon", "soon"),
]


@pytest.mark.parametrize(("date_format", "written", "text"), DATES)
@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_date_format_rewrites_dates_in_every_format(
    desk: Desk, ending: str, date_format: str, written: str, text: str
) -> None:
    row = OUTCOME | {"measured_at": written}
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), buffer)
    contents = {
        "csv": ";".join(row) + "\n" + ";".join(map(str, row.values())) + "\n",
        "json": json.dumps([row]),
        "parquet": buffer.getvalue(),
    }
    settings = {"date_format": date_format, "decimal": ",", "thousands": "."}
    more = {"delimiter": ";"} if ending == "csv" else {}
    content = contents[ending].replace("1.5", "1,5") if ending == "csv" else contents[ending]  # type: ignore[arg-type]
    desk.read(f"outcomes.{ending}", content, "outcomes", **settings, **more)
    columns = "measured_at, churn_risk_delta, csat_delta, estimated_revenue_saved, resolution_time_days, irregularities"
    assert desk.rows("outcomes", columns) == [(text, "-0.1", "1.5", "1250.75", "2", None)]
    record = json.loads(desk.rows("outcomes", "record")[0][0])
    assert (record["measured_at"], record["estimated_revenue_saved"]) == (written, "1.250,75"), "as the file has it"


@pytest.mark.parametrize(
    ("settings", "change", "fault"),
    [
        ({"decimal": ","}, {"estimated_revenue_saved": "12.50"}, "estimated_revenue_saved: a number, but not"),
        ({"decimal": ",", "thousands": "."}, {"estimated_revenue_saved": "12.50"}, "estimated_revenue_saved: a number"),
        ({"date_format": "YYYY-DD-MM"}, {"measured_at": "2025-01-15"}, None),
        ({"date_format": "DD/MM/YYYY"}, {"measured_at": "2025-01-15"}, "measured_at: a date, but not written as DD/MM"),
        ({"decimal": ","}, {"estimated_revenue_saved": "n/a"}, None),
        ({"decimal": ",", "null_words": ["12.50"]}, {"estimated_revenue_saved": "12.50"}, None),
    ],
)
def test_a_value_that_would_pass_by_accident_is_irregular(
    desk: Desk, settings: dict[str, Any], change: dict[str, str], fault: str | None
) -> None:
    """12.50 is a number of every dataset, and no number where the decimal sign is a comma."""
    row = OUTCOME | {"measured_at": "15/01/2025", "churn_risk_delta": 0, "estimated_revenue_saved": 0} | change
    desk.read("outcomes.json", json.dumps([row]), "outcomes", **settings)
    faults = desk.rows("outcomes", "irregularities")[0][0]
    assert (faults is None) == (fault is None)
    assert fault is None or faults[0].startswith(fault)


def test_unusual_numbers_and_dates_are_noted_with_the_setting(desk: Desk) -> None:
    content = PLAIN.replace(",", ";").replace("1234.5", "1.234,5")
    note = desk.read("customers.csv", content, delimiter=";").note
    assert note == (
        'account_value written with a decimal comma: set `decimal: ","`, and `thousands` where digits are grouped, '
        "for customers in sources.yaml"
    )
    note = desk.read("outcomes.json", json.dumps([OUTCOME | {"measured_at": "1/15/2025"}]), "outcomes").note
    assert "measured_at not written as YYYY-MM-DD: set `date_format`, for example DD/MM/YYYY" in str(note)


def test_an_unread_column_is_noted_by_its_name(desk: Desk) -> None:
    content = PLAIN.replace("segment", "Branche").replace("\n", ",x\n").replace("tier,x", "tier,Extra")
    loaded = desk.read("customers.csv", content, columns={"segment": "Branche"})
    assert loaded.note == "columns nobody reads: Extra"
    rows = [{"Kunde": "C1", "segment": "SMB", "account_value": 1, "tenure_months": 1, "risk_tier": "low", "Extra": "x"}]
    (desk.folder / "data" / "customers.csv").unlink()
    loaded = desk.read("customers.json", json.dumps(rows), columns={"customer_id": "Kunde"})
    assert loaded.note == "columns nobody reads: Extra"


def test_other_settings_make_another_input_that_is_replayed(desk: Desk) -> None:
    """A run records the settings; the archive holds the rows as they were read, and needs none."""
    content = PLAIN.replace(",", ";").replace("1234.5", "1234,5")
    first = desk.read("customers.csv", content, delimiter=";", decimal=",")
    recorded, rows = desk.manifest("customers"), desk.rows()
    assert json.loads(str(recorded[0].settings))["decimal"] == ","
    other = desk.read("customers.csv", content, delimiter=";")
    assert other.file_sha256 != first.file_sha256
    assert desk.rows()[0][2] == "1234,5"
    (desk.folder / "data" / "sources.yaml").unlink()
    dataset = next(found for found in desk.store.datasets if found.name == "customers")
    restore_dataset(desk.store.connection, dataset, recorded, desk.folder / "archive")
    assert desk.rows() == rows
    assert desk.manifest("customers") == recorded


def test_a_renamed_customer_is_emptied_in_the_archive(desk: Desk, policy: Policy) -> None:
    content = PLAIN.replace(",", ";").replace("customer_id", "Kunden-Nr").encode("windows-1252")
    settings = {"delimiter": ";", "encoding": "windows-1252", "columns": {"customer_id": "Kunden-Nr"}}
    loaded = desk.read("customers.csv", content, **settings)
    archived = desk.folder / "archive" / str(loaded.file_sha256)
    assert [path.name for path in archived.parent.iterdir()] == [archived.name], "nothing else is kept of the file"
    assert empty_rows(archived, lambda _, found: found == "Müller") == 1
    assert "Müller".encode() not in archived.read_bytes()
    desk.store.connection.execute("DELETE FROM raw.manifest")
    assert desk.load("customers").rows == 2
    assert desk.rows(columns="customer_id") == [(None,), ("C2",)]
    desk.store.replace(desk.store.tables["quarantine", "customers"], None, policy)
    rejected = desk.store.connection.execute("SELECT source_row FROM quarantine.customers").fetchall()
    assert rejected == [(1,)]


def test_files_and_tables_take_settings_too(desk: Desk) -> None:
    for name, customer in (("a", "C1"), ("b", "C2")):
        path = desk.folder / "data" / "parts" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"id;segment;account_value;tenure_months;risk_tier\n{customer};SMB;1;1;low\n")
    settings: dict[str, Any] = {"files": "parts/*.csv", "delimiter": ";", "columns": {"customer_id": "id"}}
    assert desk.read("unrelated.txt", "x", **settings).rows == 2
    assert desk.rows(columns="source_file, customer_id") == [("parts/a.csv", "C1"), ("parts/b.csv", "C2")]
    with duckdb.connect(str(desk.folder / "data" / "lake.duckdb")) as lake:
        lake.execute(
            "CREATE TABLE c AS SELECT 'C9' AS id, 'SMB' AS segment, 1 AS account_value, 2 AS tenure_months, "
            "'unknown' AS risk_tier"
        )
    table = {"duckdb": "lake.duckdb", "table": "main.c", "columns": {"customer_id": "id"}, "null_words": ["unknown"]}
    assert desk.read("unrelated.txt", "x", **table).rows == 1
    assert desk.rows() == [("C9", "SMB", "1", "2", None)]


SUPERSEDED = "key: superseded by a newer version"
CONFLICT = "key: stands again with different content"
REPEATED = "key: stands again with the same content, kept once"
FIRST = {"customer_id": "C1", "segment": "SMB", "account_value": 1, "tenure_months": 1, "risk_tier": "low"}


def versions(*changes: dict[str, Any]) -> str:
    """Return versions of one customer as JSON."""
    return json.dumps([FIRST | change for change in changes])


@pytest.mark.parametrize(
    ("rows", "rejected", "accepted"),
    [
        # The latest version counts, at any place in the file.
        ([{"updated": "2025-03-10", "account_value": 2}, {"updated": "2025-03-09"}], {2: [SUPERSEDED]}, [2.0]),
        # Within one day the time decides, in UTC.
        (
            [{"updated": "2025-03-10T01:00:00+02:00"}, {"updated": "2025-03-10T00:00:00Z", "account_value": 2}],
            {1: [SUPERSEDED]},
            [2.0],
        ),
        # A version that breaks its contract does not count, and supersedes none.
        (
            [{"updated": "2025-03-09"}, {"updated": "2025-03-10", "account_value": -2}],
            {2: ["account_value: below 0"]},
            [1.0],
        ),
        # Two contents with one version: neither can be preferred, so the version before counts.
        (
            [
                {"updated": "2025-03-09"},
                {"updated": "2025-03-10", "account_value": 2},
                {"updated": "2025-03-10", "account_value": 3},
            ],
            {2: [CONFLICT], 3: [CONFLICT]},
            [1.0],
        ),
        ([{"updated": "2025-03-10"}, {"updated": "2025-03-10T00:00:00"}], {2: [REPEATED]}, [1.0]),
        (
            [{"updated": "2025-03-10"}, {"updated": "soon", "account_value": 2}],
            {2: ["updated: no date or instant that orders versions of the row"]},
            [1.0],
        ),
    ],
)
def test_the_newest_version_of_a_row_counts(
    desk: Desk, policy: Policy, rows: list[dict[str, Any]], rejected: dict[int, list[str]], accepted: list[float]
) -> None:
    loaded = desk.read("customers.json", versions(*rows), newest_by="updated")
    assert (loaded.rows, loaded.note) == (len(rows), None)
    for schema in ("quarantine", "journey"):
        desk.store.replace(desk.store.tables[schema, "customers"], None, policy)
    found = desk.store.connection.execute("SELECT source_row, broken_rules FROM quarantine.customers").fetchall()
    assert dict(found) == rejected
    kept = desk.store.connection.execute("SELECT account_value FROM journey.customers").fetchall()
    assert [value for (value,) in kept] == accepted
    assert len(found) + len(kept) == len(rows), "each row is accepted or recorded with its rule"


def test_versions_may_be_in_several_files(desk: Desk, policy: Policy) -> None:
    for name, day, value in (("a", "2025-03-10", 2), ("b", "2025-03-09", 1)):
        path = desk.folder / "data" / "parts" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{COLUMNS.replace(' ', '')},updated\nC1,SMB,{value},1,low,{day}\n")
    desk.read("unrelated.txt", "x", files="parts/*.csv", newest_by="updated")
    for schema in ("quarantine", "journey"):
        desk.store.replace(desk.store.tables[schema, "customers"], None, policy)
    assert desk.store.connection.execute("SELECT account_value FROM journey.customers").fetchall() == [(2.0,)]


def test_a_day_sees_the_version_that_was_known_on_it(desk: Desk, policy: Policy) -> None:
    """An outcome counts from its first version on; a customer holds for the days before the earliest, too."""
    outcomes = [
        OUTCOME | {"churn_risk_delta": 0, "estimated_revenue_saved": 5, "outcome": outcome, "measured_at": day}
        for outcome, day in (("no_response", "2025-03-09"), ("resolved", "2025-03-11"))
    ]
    days = [date(2025, 3, day) for day in (8, 9, 10, 11)]
    customers = versions({"updated": "2025-03-10", "account_value": 2}, {"updated": "2025-03-09"})
    desk.read("customers.json", customers, newest_by="updated")
    desk.read("outcomes.json", json.dumps(outcomes), "outcomes", newest_by="measured_at")
    store = desk.store
    expected = {
        "customers": [[1.0], [1.0], [2.0], [2.0]],
        "outcomes": [[], ["no_response"], ["no_response"], ["resolved"]],
    }
    for name, column in (("customers", "account_value"), ("outcomes", "outcome")):
        reference = Reference("journey", name)
        store.connection.execute(f"DELETE FROM quarantine.{name}")
        if name == "customers":
            store.replace(store.tables["quarantine", name], None, policy)
        found = []
        for day in days:
            rows = store._known_on(reference, ibis.literal(day, "date"), policy)
            found.append(rows[column].to_pyarrow().to_pylist())
        assert found == expected[name]
    store.connection.execute("DELETE FROM raw.manifest")
