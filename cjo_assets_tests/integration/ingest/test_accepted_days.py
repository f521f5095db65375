"""The days of a family's records: rows that are rejected decide none of them."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.table import Table
from cjo_assets.engine.store import Store
from cjo_assets.ingest.accepted_days import DaysOfRecords, days_of_accepted_records, first_accepted_day
from cjo_assets.ingest.chain import load_files
from cjo_assets_tests.integration.ingest.test_quarantine import CUSTOMER, ENTRY, PLAYBOOK, SIGNAL
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import write_rows
from cjo_assets_tests.support.rows import POLICY

Row = dict[str, Any]
FAMILY = families_about("journey")[0]


def days_of(folder: Path, signals: list[Row]) -> DaysOfRecords:
    """Return the last days of a small journey with these signals, which begins on 1 January."""
    store = loaded(folder, signals)
    found = days_of_accepted_records(store, FAMILY, POLICY)
    assert first_accepted_day(store, FAMILY, POLICY) == date(2025, 1, 1)
    assert store.count("quarantine.signals") == store.count("journey.customers") == 0, "the warehouse is left as it was"
    store.connection.close()
    return found


def loaded(folder: Path, signals: list[Row]) -> Store:
    """Return the files of a small journey with these signals."""
    for name, rows in (
        ("customers", [CUSTOMER]),
        ("journey_state_log", [ENTRY]),
        ("playbooks", [PLAYBOOK | {"created_at": "2025-06-01"}]),
        ("signals", signals),
    ):
        write_rows(folder, name, rows)
    store = Store(duckdb.connect(), families_about("journey"), STATEMENTS)
    load_files(store, (FAMILY,), folder, folder / "archive")
    return store


@pytest.mark.parametrize(
    "rejected",
    [
        {"customer_id": "C9"},
        {"signal_strength": 7},
        {"source": "rumour"},
        {"signal_id": "N/A"},
    ],
)
def test_a_rejected_row_does_not_decide_the_day(tmp_path: Path, rejected: Row) -> None:
    signals = [
        SIGNAL | {"detected_at": "2025-03-10"},
        SIGNAL | {"signal_id": "S2", "detected_at": "2025-10-09"} | rejected,
    ]
    found = days_of(tmp_path, signals)
    assert (found.last, found.before_last) == (date(2025, 3, 10), date(2025, 1, 1))
    assert found.last_records == ("signals.json row 1",)


def test_a_day_in_the_future_does_not_decide_the_day(tmp_path: Path) -> None:
    signals = [SIGNAL, SIGNAL | {"signal_id": "S2", "detected_at": "2999-01-01"}]
    assert days_of(tmp_path, signals).last == date(2025, 1, 10)


def test_a_gap_before_the_newest_day_is_a_warning(tmp_path: Path) -> None:
    signals = [SIGNAL | {"detected_at": "2025-03-10"}, SIGNAL | {"signal_id": "S2", "detected_at": "2025-10-09"}]
    found = days_of(tmp_path, signals)
    assert found.last == date(2025, 10, 9)
    warning = found.gap(31)
    assert warning is not None
    assert "2025-10-09, 213 days after" in warning
    assert "2025-03-10" in warning
    assert "signals.json row 2" in warning
    assert found.gap(213) is None
    assert DaysOfRecords(date(2025, 1, 1)).gap(1) is None


def test_only_datasets_that_can_decide_are_validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals alone have the last two days; the stages that begin on the first day need the customers as well."""
    filled: list[str] = []
    fill = Store.fill

    def noted(store: Store, table: Table, as_of: date | None, sql: str) -> None:
        filled.append(table.full_name)
        fill(store, table, as_of, sql)

    store = loaded(tmp_path, [SIGNAL, SIGNAL | {"signal_id": "S2", "detected_at": "2025-03-10"}])
    monkeypatch.setattr(Store, "fill", noted)
    found = days_of_accepted_records(store, FAMILY, POLICY)
    assert (found.last, found.before_last) == (date(2025, 3, 10), date(2025, 1, 10))
    assert filled == ["quarantine.customers", "journey.customers", "quarantine.signals"]


def test_without_accepted_records_all_count(tmp_path: Path) -> None:
    store = loaded(tmp_path, [])
    write_rows(tmp_path, "customers", [CUSTOMER | {"lifecycle_stage": None}])
    write_rows(tmp_path, "journey_state_log", [ENTRY | {"customer_id": "C9"}])
    load_files(store, (FAMILY,), tmp_path, tmp_path / "archive")
    assert days_of_accepted_records(store, FAMILY, POLICY) == DaysOfRecords(date(2025, 1, 1))
    assert first_accepted_day(store, FAMILY, POLICY) == date(2025, 1, 1)
