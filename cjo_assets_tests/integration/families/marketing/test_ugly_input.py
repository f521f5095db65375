"""Malformed marketing files: their effect from the file to the last table."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, columns_of, key_of
from cjo_assets.core.errors import InputError
from cjo_assets.core.table import LATEST, inputs_of
from cjo_assets.engine.store import Store
from cjo_assets.families.marketing.family import DATASETS, FAMILY
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import LAST_DAY, SAMPLE, Chain, computed_marketing, read_rows, write_rows

Row = dict[str, Any]
BY_NAME = {dataset.name: dataset for dataset in DATASETS}
RISKS = "campaign_risk_signals"
# Inputs only: the values of files and what the quarantine leaves of them.
LOOKUPS = replace(FAMILY, tables=tuple(replace(table, checks=()) for table in FAMILY.tables if table.group == "inputs"))
WRITTEN = [name for name, dataset in BY_NAME.items() if not dataset.is_optional]
REQUIRED = {"campaigns", "audience_segments", "channels", "creative_assets", "experiments", "performance_metrics"}
UGLY: list[Any] = [
    "",
    " ",
    "NaN",
    "null",
    "1e5",
    1e308,
    -1e308,
    10**18 - 1,
    10**19,
    -1,
    0,
    0.1,
    True,
    None,
    [],
    {},
    [1],
    ["x"],
    {"a": {"b": [1]}},
    "\u0000",
    "a\u0000b",
    "😀\u202e",
    "Zoë ﷽ 客户",
    "'; DROP TABLE campaigns; --",
    "x" * 10_000,
    "0001-01-01T00:00:00",
    "2026-03-31T23:59:59.999999",
    "9999-12-31",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the sample that a test may change."""
    return Path(shutil.copytree(SAMPLE / "marketing", tmp_path / "data" / "marketing"))


@pytest.fixture
def family(tmp_path: Path, policy: Policy) -> Iterator[Callable[[], Chain]]:
    """Return a function that computes the family over the copy."""
    opened: list[Chain] = []

    def compute() -> Chain:
        opened.append(computed_marketing(tmp_path / "data", tmp_path / "archive", LAST_DAY, policy))
        return opened[-1]

    yield compute
    for chain in opened:
        chain.store.connection.close()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Store]:
    """Return a store that holds the sample, in which one dataset after another is read again."""
    store = Store(duckdb.connect(), (LOOKUPS,), STATEMENTS)
    load_files(store, (LOOKUPS,), SAMPLE, tmp_path_factory.mktemp("archive"))
    compute_day(store, (LOOKUPS,), LAST_DAY, policy)
    yield store
    store.connection.close()


def judged(store: Store, folder: Path, dataset: str, policy: Policy) -> Chain:
    """Read one dataset of the copy and validate it in view of the sample."""
    load_dataset(store.connection, BY_NAME[dataset], folder.parent, LOOKUPS.name, folder / "archive")
    for name in (("quarantine", dataset), ("quarantine", f"{dataset}_discarded_values"), ("marketing", dataset)):
        if name in store.tables:
            store.replace(store.tables[name], None, policy)
    return Chain(store)


def replaced(folder: Path, dataset: str, change: Callable[[list[Row]], list[Row]]) -> None:
    """Write a dataset with changed rows."""
    write_rows(folder, dataset, change(read_rows(folder, dataset)))


def test_every_value_is_kept_or_rejected(folder: Path, family: Callable[[], Chain]) -> None:
    written = {}
    for name in WRITTEN:
        rows, key = read_rows(folder, name), key_of(BY_NAME[name].contract)
        ugly = []
        for spec in columns_of(BY_NAME[name].contract):
            for value in UGLY:
                number = len(ugly)
                row = rows[0] | {key[-1]: f"UGLY_{number}"}
                if key[-1] == "timestamp":
                    row["timestamp"] = f"2026-03-20T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
                ugly.append(row | {spec.name: value})
        written[name] = len(rows) + len(ugly)
        write_rows(folder, name, rows + ugly)
    chain = family()
    for name, rows in written.items():
        (found,) = chain.rows(
            f"SELECT (SELECT count(*) FROM quarantine.{name}) AS refused, "
            f"(SELECT count(*) FROM marketing.{name}) AS kept"
        )
        assert found["refused"] + found["kept"] == rows, name
        assert found["refused"] > rows / 4, name
    for table in FAMILY.tables:
        if table.transform is not None and table.schema != LATEST:
            chain.rows(f"FROM {table.full_name}")


def test_counts_and_amounts_at_their_limits_add_up(folder: Path, family: Callable[[], Chain]) -> None:
    limit: Row = dict.fromkeys(("impressions", "clicks", "conversions"), LARGEST_COUNT)
    limit |= dict.fromkeys(("cost", "revenue_proxy"), LARGEST_AMOUNT)

    def at_limit(rows: list[Row]) -> list[Row]:
        arms = [row for row in rows if row["experiment_id"] == "EXP_001"]
        days = [f"2026-03-{day:02}T12:00:00" for day in range(4, 30)]
        return rows + [row | limit | {"timestamp": day} for row in arms[:2] for day in days]

    replaced(folder, "performance_metrics", at_limit)
    replaced(
        folder, "funnel_events", lambda rows: [row | {"count": LARGEST_COUNT} for row in rows if row["count"] != 0]
    )
    replaced(folder, "budget_actions", lambda rows: [row | {"amount": LARGEST_AMOUNT} for row in rows])
    replaced(folder, "campaigns", lambda rows: [row | {"budget": 0, "kpi_target": LARGEST_AMOUNT} for row in rows])
    ledger = dict.fromkeys(("llm_cost", "human_review_cost", "media_spend", "estimated_value"), LARGEST_AMOUNT)
    replaced(folder, "roi_ledger", lambda rows: [row | ledger | {"net_roi": -LARGEST_AMOUNT} for row in rows])
    chain = family()
    arms = chain.by("asset_id", "marketing.asset_performance")
    assert arms["ASSET_001"]["impressions"] == 26 * LARGEST_COUNT + 11_820
    assert arms["ASSET_001"]["cost"] == 26 * LARGEST_AMOUNT + 932


def test_beyond_the_limits_is_refused(folder: Path, known: Store, policy: Policy) -> None:
    beyond = {"impressions": LARGEST_COUNT + 1, "timestamp": "2026-03-20T12:00:00"}
    replaced(folder, "performance_metrics", lambda rows: [*rows, rows[0] | beyond])
    chain = judged(known, folder, "performance_metrics", policy)
    rejected = chain.rows("SELECT broken_rules FROM quarantine.performance_metrics WHERE source_row = 30")
    assert rejected == [{"broken_rules": [f"impressions: above {LARGEST_COUNT}"]}]


@pytest.mark.parametrize(
    ("timestamp", "day", "is_accepted"),
    [
        ("2026-03-20T12:00:00Z", "2026-03-20", True),
        ("2026-03-20T00:30:00+02:00", "2026-03-20", True),
        ("2026-03-20T05:00:00+10:00", "2026-03-20", True),
        ("2026-03-20T23:30:00-08:00", "2026-03-20", True),
        ("2026-03-20T13:59:59+14:00", "2026-03-20", True),
        ("2026-03-20T23:30:00Z", "2026-03-21", True),
        ("2026-03-20T09:59:59Z", "2026-03-21", False),
        ("2026-03-20T12:00:00Z", "2026-03-22", False),
        ("2026-03-20T23:59:59Z", "2026-03-22", False),
    ],
)
def test_local_date_may_be_ahead_by_the_largest_time_zone(
    folder: Path, known: Store, policy: Policy, timestamp: str, day: str, is_accepted: bool
) -> None:
    replaced(folder, "funnel_events", lambda rows: [rows[0] | {"timestamp": timestamp, "date": day}])
    found = judged(known, folder, "funnel_events", policy).rows("SELECT broken_rules FROM quarantine.funnel_events")
    assert found == ([] if is_accepted else [{"broken_rules": ["date: after it was reported"]}])


def test_instants_of_nanoseconds_are_cut_and_named(folder: Path, known: Store, policy: Policy) -> None:
    instants = ["2026-03-20T12:00:00.1234567Z", "2026-03-20T12:00:00,123456789Z", "2026-03-20T12:00:00.1234560Z"]
    rows = [
        read_rows(folder, "attribution_hints")[0] | {"hint_id": f"H{number}", "timestamp": instant}
        for number, instant in enumerate(instants, start=1)
    ]
    write_rows(folder, "attribution_hints", rows)
    chain = judged(known, folder, "attribution_hints", policy)
    kept = chain.rows("SELECT timestamp FROM marketing.attribution_hints")
    assert {row["timestamp"] for row in kept} == {datetime(2026, 3, 20, 12, 0, 0, 123456)}
    [table] = [table for table in FAMILY.tables if table.full_name == "marketing.attribution_hints"]
    [audit] = [audit for audit in table.checks if audit.name == "instants_cut_to_microseconds"]
    raw = known.read(inputs_of(audit.failing_rows, "marketing")["raw"], LAST_DAY)
    cut = known.backend.to_pyarrow(audit.failing_rows(raw=raw)).to_pylist()
    assert sorted(row["source_row"] for row in cut) == [1, 2]


def test_an_account_that_has_only_begun_has_every_table(folder: Path, family: Callable[[], Chain]) -> None:
    for name in WRITTEN:
        if name not in REQUIRED:
            write_rows(folder, name, [])
    nothing = {"impressions": 0, "clicks": 0, "conversions": 0, "conversion_rate": 0, "cost": 0, "revenue_proxy": 0}
    replaced(folder, "performance_metrics", lambda rows: [rows[0] | nothing])
    chain = family()
    assert chain.rows("SELECT impressions, cost FROM marketing.asset_performance") == [{"impressions": 0, "cost": 0.0}]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_dataset_that_all_others_need_is_required(folder: Path, known: Store, name: str, is_there: bool) -> None:
    if is_there:
        write_rows(folder, name, [])
    else:
        (folder / f"{name}.json").unlink()
    place = folder.parent, FAMILY.name, folder / "archive"
    if name in REQUIRED:
        message = "is empty" if is_there else f"dataset {name} is required"
        with pytest.raises(InputError, match=message):
            load_dataset(known.connection, BY_NAME[name], *place)
    else:
        loaded = load_dataset(known.connection, BY_NAME[name], *place)
        assert (loaded.rows, bool(loaded.note)) == (0, True)


# What a source puts into `evidence`, by format, and what the table holds.
SHAPES: dict[str, tuple[Any, str | None]] = {
    "object": ({"clicks": 425, "share": 0.5}, '{"clicks":425,"share":0.5}'),
    "nested": ({"a": {"b": [1, None, {"c": True}]}}, '{"a":{"b":[1,null,{"c":true}]}}'),
    "list": (["x", 2], '["x",2]'),
    "prose": ('They wrote "no",\ntwice', '"They wrote \\"no\\",\\ntwice"'),
    "unicode": ("Zoë 客户", '"Zoë 客户"'),
    "number": (12.5, "12.5"),
    "truth": (False, "false"),
    "nothing": (None, None),
    "empty": ({}, "{}"),
}


def evidence_rows(values: list[Any]) -> list[Row]:
    """Return risks that differ in their evidence."""
    first = read_rows(SAMPLE / "marketing", RISKS)[0]
    return [first | {"risk_id": f"RSK_{number}", "evidence": value} for number, value in enumerate(values)]


def kept_evidence(chain: Chain) -> list[str | None]:
    """Return the evidence of all risks that were kept, in their order."""
    assert chain.rows("FROM quarantine.campaign_risk_signals") == []
    rows = chain.rows("SELECT evidence FROM marketing.campaign_risk_signals ORDER BY risk_id")
    assert all(row["evidence"] is None or json.loads(row["evidence"]) is not None for row in rows)
    return [row["evidence"] for row in rows]


@pytest.mark.parametrize("ending", ["json", "ndjson", "csv", "text of json", "parquet"])
def test_evidence_is_json_in_every_format(folder: Path, known: Store, policy: Policy, ending: str) -> None:
    values, expected = zip(*SHAPES.values(), strict=True)
    rows = evidence_rows(list(values))
    (folder / "campaign_risk_signals.json").unlink()
    # Outside of JSON a value is a text: JSON where a source wrote some, otherwise prose.
    texts = [
        row | {"evidence": None if value is None else value if isinstance(value, str) else json.dumps(value, indent=1)}
        for row, value in zip(rows, values, strict=True)
    ]
    if ending == "json":
        write_rows(folder, RISKS, rows)
    elif ending == "text of json":
        write_rows(folder, RISKS, texts)
    elif ending == "ndjson":
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "campaign_risk_signals.ndjson").write_text(lines, encoding="utf-8")
    elif ending == "csv":
        flat = pyarrow.Table.from_pylist([row | {"asset_ids": json.dumps(row["asset_ids"])} for row in texts])
        pyarrow.csv.write_csv(flat, folder / "campaign_risk_signals.csv")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(texts), folder / "campaign_risk_signals.parquet")
    assert kept_evidence(judged(known, folder, RISKS, policy)) == list(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"a": 1, "b": {"c": ["x"]}}, None], ['{"a":1,"b":{"c":["x"]}}', None]),
        (pyarrow.array([[("a", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())), ['{"a":1}', None]),
        ([[{"a": 1}], []], ['[{"a":1}]', "[]"]),
        ([1.5, None], ["1.5", None]),
        ([True, None], ["true", None]),
        (pyarrow.array([0, None], pyarrow.timestamp("us")), ['"1970-01-01 00:00:00"', None]),
        (pyarrow.nulls(2), [None, None]),
    ],
)
def test_evidence_of_parquet_may_be_of_any_type(
    folder: Path, known: Store, policy: Policy, values: Any, expected: list[str | None]
) -> None:
    (folder / "campaign_risk_signals.json").unlink()
    table = pyarrow.Table.from_pylist(evidence_rows([None, None]))
    place = table.column_names.index("evidence")
    column = values if isinstance(values, pyarrow.Array) else pyarrow.array(values)
    made = table.set_column(place, "evidence", column)
    pyarrow.parquet.write_table(made, folder / "campaign_risk_signals.parquet")
    assert kept_evidence(judged(known, folder, RISKS, policy)) == expected


def test_a_list_where_a_text_belongs_is_still_refused(folder: Path, known: Store, policy: Policy) -> None:
    replaced(folder, RISKS, lambda rows: [rows[0], rows[1] | {"severity": ["high"]}])
    chain = judged(known, folder, RISKS, policy)
    assert chain.rows("SELECT source_row, broken_rules FROM quarantine.campaign_risk_signals") == [
        {
            "source_row": 2,
            "broken_rules": [
                "severity: an object or a list where a value belongs",
                "severity: not one of low, medium, high, critical",
            ],
        }
    ]


def test_row_order_and_file_format_change_nothing(
    folder: Path, family: Callable[[], Chain], marketing_sample: Chain
) -> None:
    for name in WRITTEN:
        rows = read_rows(folder, name)[::-1]
        (folder / f"{name}.json").unlink()
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.ndjson").write_text(lines, encoding="utf-8")
    chain = family()
    for table in FAMILY.tables:
        if table.transform is not None and table.schema == FAMILY.name:
            columns = "* EXCLUDE (source_file, source_row)" if table.name in WRITTEN else "*"
            query = f"SELECT {columns} FROM {table.full_name} ORDER BY ALL"
            assert chain.rows(query) == marketing_sample.rows(query), table.full_name


def a_month_later(row: Row, columns: list[str], key: str) -> Row:
    """Return a record with all its moments moved, under a key of its own."""
    moved = {
        name: (datetime.fromisoformat(row[name]) + timedelta(days=31)).isoformat()[: len(row[name])]
        for name in columns
        if row.get(name) is not None
    }
    return row | {key: f"LATER_{row[key]}"} | moved


def test_records_of_later_days_change_nothing(
    folder: Path, family: Callable[[], Chain], marketing_sample: Chain
) -> None:
    added = 0
    for name in WRITTEN:
        if not BY_NAME[name].is_history or BY_NAME[name].record_date is None:
            continue
        contract = BY_NAME[name].contract
        moments = [spec.name for spec in columns_of(contract) if spec.type.is_temporal()]
        sound = [row for row in read_rows(folder, name) if row.get("count") != "about 40"]
        sound = [row for row in sound if row.get("experiment_id") != "EXP_099"]
        later = [a_month_later(row, moments, key_of(contract)[-1]) for row in sound]
        replaced(folder, name, lambda rows, later=later: rows + later)
        added += len(later)
    assert added > 90
    chain = family()
    assert chain.rows("SELECT count(*) AS n FROM marketing.performance_metrics") == [{"n": 2 * 28}]
    for table in (table for table in FAMILY.tables if table.group != "inputs" and table.schema != LATEST):
        query = f"FROM {table.full_name} ORDER BY ALL"
        assert chain.rows(query) == marketing_sample.rows(query), table.full_name
