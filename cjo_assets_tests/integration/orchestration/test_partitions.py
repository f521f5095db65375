"""Partitions that the UI lists: the days of the data of a home."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.automation import DECLARATIVE, OFF, SCHEDULE
from cjo_assets.orchestration.partitions import LISTED, PARTITION, RANGE_END, RANGE_START, days_of_run, listed_days
from cjo_assets.warehouse.days_of_data import days_of_families, days_of_home, extend_days

FIRST, LAST = date(2025, 1, 6), date(2025, 1, 20)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return an empty home."""
    monkeypatch.delenv(LISTED, raising=False)
    return Settings(tmp_path, None, tmp_path / "home")


def test_a_home_without_runs_lists_all_days(settings: Settings) -> None:
    assert days_of_home(settings) is None
    assert listed_days(settings, OFF).get_first_partition_key() == "2000-01-01"


def test_the_days_are_those_of_the_data_and_runs_extend_them(settings: Settings) -> None:
    extend_days(settings, "journey", [FIRST, LAST])
    keys = listed_days(settings, OFF).get_partition_keys()
    assert (keys[0], keys[-1], len(keys)) == ("2025-01-06", "2025-01-20", 15)
    extend_days(settings, "journey", [date(2025, 1, 21), None])
    extend_days(settings, "marketing", [date(2025, 1, 3)])
    keys = listed_days(settings, OFF).get_partition_keys()
    assert (keys[0], keys[-1]) == ("2025-01-03", "2025-01-21")
    assert days_of_families(settings)["journey"] == (FIRST, date(2025, 1, 21))


@pytest.mark.parametrize("mode", [SCHEDULE, DECLARATIVE])
def test_with_automation_the_days_go_up_to_today(settings: Settings, mode: str) -> None:
    extend_days(settings, "journey", [FIRST, LAST])
    listed = listed_days(settings, mode)
    assert listed.get_first_partition_key() == "2025-01-06"
    assert listed.get_last_partition_key() == datetime.now(UTC).date().isoformat()


def test_all_days_can_be_listed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    extend_days(settings, "journey", [FIRST, LAST])
    monkeypatch.setenv(LISTED, "all")
    assert listed_days(settings, OFF).get_first_partition_key() == "2000-01-01"


def test_a_family_without_days_is_not_listed(settings: Settings) -> None:
    extend_days(settings, "journey", [None, None])
    assert days_of_families(settings) == {}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, []),
        # Before the first partition, FIRST_DAY: the data may have changed since the run was started.
        ({PARTITION: "1999-12-31"}, [date(1999, 12, 31)]),
        (
            {RANGE_START: "2024-02-28", RANGE_END: "2024-03-01"},
            [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)],
        ),
        ({PARTITION: "yesterday"}, []),
    ],
)
def test_days_of_a_run_need_no_partition(tags: dict[str, str], expected: list[date]) -> None:
    assert days_of_run(dg.DagsterRun(job_name="daily_journey", tags=tags)) == expected
