"""Derived signals of the exchange file in the journey: no file, twins, and signals that only the file has."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.settings import EXCHANGE
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.ingest.loading import days_of_records
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, Chain
from cjo_assets_tests.support.rows import Row, Rows

FILE = "derived_signals.ndjson"
DAY = date(2025, 1, 20)
ABOUT_DERIVED = {"derived_signals", "known_signals"}


def derived(customer: str, kind: str, at: str, strength: float = 0.5, name: str = "DS-1") -> Row:
    """Return a line of the file."""
    return {
        "signal_id": name,
        "customer_id": customer,
        "signal_type": kind,
        "signal_strength": strength,
        "detected_at": at,
        "source": "derived",
        "evidence": ["tickets:T-05"],
    }


@pytest.fixture
def journey_with(tmp_path: Path, policy: Policy) -> Callable[..., Chain]:
    """Return a function that computes the sample with lines in the exchange file; without a file for None."""

    def compute(lines: Rows | None) -> Chain:
        home = tmp_path / f"home {len(list(tmp_path.iterdir()))}"
        home.mkdir()
        if lines is not None:
            (home / EXCHANGE).mkdir()
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (home / EXCHANGE / FILE).write_text(text, encoding="utf-8")
        families = families_about("journey")
        store = Store(duckdb.connect(), families, STATEMENTS)
        load_files(store, families, SAMPLE, home / "inputs", home)
        return Chain(store, compute_day(store, families, DAY, policy))

    return compute


def tables_of(chain: Chain) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table of the journey."""
    names = [table.name for table in chain.store.tables.values() if table.schema == "journey" and not table.is_view]
    rows = {name: chain.store.connection.execute(f"FROM journey.{name} ORDER BY ALL").fetchall() for name in names}
    return {name: found for name, found in rows.items() if name not in ABOUT_DERIVED}


def test_without_a_file_the_known_signals_are_those_of_the_sources(journey_with: Callable[..., Chain]) -> None:
    chain = journey_with(None)
    own = chain.rows("SELECT * EXCLUDE (source_file, source_row) FROM journey.signals ORDER BY ALL")
    known = chain.rows("SELECT * EXCLUDE (confirmed_by, evidence) FROM journey.known_signals ORDER BY ALL")
    assert (known, len(own)) == (own, 11)
    assert chain.rows("SELECT DISTINCT confirmed_by, evidence FROM journey.known_signals") == [
        {"confirmed_by": None, "evidence": []}
    ]


def test_an_empty_file_and_twins_change_no_table(journey_with: Callable[..., Chain]) -> None:
    without = journey_with(None)
    twin = derived("C001", "support_ticket_spike", "2025-01-14")
    for lines in ([], [twin, derived("C013", "usage_drop", "2025-01-15", name="DS-2")]):
        chain = journey_with(lines)
        assert tables_of(chain) == tables_of(without)
    confirmed = chain.rows("SELECT signal_id, confirmed_by FROM journey.known_signals WHERE confirmed_by NOTNULL")
    assert confirmed == [{"signal_id": "S001", "confirmed_by": "DS-1"}]


def test_a_signal_that_no_source_has_counts_for_its_customer(journey_with: Callable[..., Chain]) -> None:
    without, chain = journey_with(None), journey_with([derived("C005", "usage_drop", "2024-12-25", 0.3)])
    before, after = tables_of(without), tables_of(chain)
    assert {"aggregated_signals", "fused_signals", "risk_scores"} <= {
        name for name in after if after[name] != before[name]
    }
    assert after["signals"] == before["signals"]
    counts = "SELECT customer_id, total_signals, signal_types FROM journey.aggregated_signals ORDER BY ALL"
    changed = [(was, now) for was, now in zip(without.rows(counts), chain.rows(counts), strict=True) if was != now]
    [(was, now)] = changed
    assert (now["customer_id"], now["total_signals"]) == ("C005", was["total_signals"] + 1)
    assert set(now["signal_types"]) - set(was["signal_types"]) == {"usage_drop"}


def test_the_file_sets_no_day(journey_with: Callable[..., Chain]) -> None:
    chain = journey_with([derived("C005", "usage_drop", "2025-06-01")])
    datasets = next(family.datasets for family in families_about("journey") if family.datasets)
    assert days_of_records(chain.store.connection, datasets)[1] == DAY
