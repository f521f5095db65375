"""Data of the demonstration: families that describe the same customers, a wave of departures, and a recovery."""

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import pytest

from cjo_assets.demo import company
from cjo_assets.demo.generate import write_demo
from cjo_assets.policy import load_policy

WAVE = tuple(company.LAST_DAY - timedelta(days=days) for days in company.WAVE.days_before_end)


class Files:
    """Generated files, to be queried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth = json.loads((folder / "truth_lifecycle.json").read_text(encoding="utf-8"))["organizations"]

    def rows(self, family: str, dataset: str, sql: str = "FROM rows") -> list[tuple[Any, ...]]:
        """Return the result of a query on a file, which it calls `rows`."""
        path = self.folder / family / f"{dataset}.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW rows AS FROM read_parquet('{path}')")
            return connection.execute(sql).fetchall()

    def days(self, name: str) -> dict[str, date]:
        """Return a day of each organization that has one."""
        return {one["customer_id"]: date.fromisoformat(one[name]) for one in self.truth if one[name] is not None}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("demo")
    for _ in write_demo(folder, load_policy(None)):
        pass
    return Files(folder)


def test_customers_of_the_journey_are_the_clients_of_the_lifecycle(files: Files) -> None:
    query = "SELECT customer_id, min(state_entered_at) FROM rows GROUP BY ALL"
    begun = dict(files.rows("journey", "journey_state_log", query))
    assert begun == files.days("starts_on")
    assert len(begun) > 250


def test_segment_and_value_follow_from_plan_and_price(files: Files) -> None:
    started = files.rows(
        "lifecycle",
        "lifecycle_events",
        "SELECT customer_id, related_id, about, amount FROM rows WHERE event_type = 'subscription_started' "
        "AND subject_id LIKE 'SYN_SUB_%' QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at) = 1",
    )
    known = {name: (segment, value) for name, segment, value in files.rows(
        "journey", "customers", "SELECT customer_id, segment, account_value FROM rows"
    )}  # fmt: skip
    for customer, plan, interval, amount in started:
        months = 1 if interval == "annual" else 12
        assert known[customer] == (company.SEGMENT_OF_PLAN[plan], pytest.approx(amount * months, abs=0.01))
    assert len(started) == len(known)


def test_customers_leave_both_on_the_same_day(files: Files) -> None:
    query = "SELECT customer_id, state_entered_at FROM rows WHERE journey_stage = 'churned'"
    left = dict(files.rows("journey", "journey_state_log", query))
    churned = files.days("churns_on")
    assert set(left) <= set(churned)
    # No customer leaves during onboarding: who would, leaves as soon as it is over, or is still there on the last day.
    assert mean(left.get(name) == day for name, day in churned.items()) > 0.85
    assert all(day >= churned[name] for name, day in left.items())


def test_most_who_leave_in_the_last_weeks_belong_to_the_wave(files: Files) -> None:
    declines, churned = files.days("declines_on"), files.days("churns_on")
    in_wave = {name for name, day in declines.items() if WAVE[0] <= day <= WAVE[1]}
    left = {name for name in in_wave if name in churned}
    others = [name for name, day in churned.items() if day >= WAVE[0] and name not in in_wave]
    assert len(in_wave) >= 40
    assert len(left) >= 10
    assert len(left) > len(others)


def test_use_falls_in_the_wave_and_returns_where_clients_stay(files: Files) -> None:
    declines, recovered = files.days("declines_on"), files.days("recovers_on")
    stayed = [name for name in recovered if WAVE[0] <= declines[name] <= WAVE[1]]
    use = {
        (name, day): users
        for name, day, users in files.rows(
            "lifecycle", "usage_daily", "SELECT customer_id, usage_date, active_users FROM rows"
        )
    }

    def level(first: date, length: int = 7) -> float:
        days = [first + timedelta(days=number) for number in range(length)]
        return mean(use.get((name, day), 0) for name in stayed for day in days)

    before = level(WAVE[0] - timedelta(days=7))
    least = min(level(company.LAST_DAY - timedelta(days=days)) for days in range(7, 60, 7))
    assert least < before / 2
    assert level(company.LAST_DAY - timedelta(days=6)) > 1.2 * least


def test_every_customer_and_campaign_has_a_name_of_its_own(files: Files) -> None:
    names = [name for (name,) in files.rows("lifecycle", "organizations", "SELECT name FROM rows")]
    assert len(names) == company.CUSTOMERS
    assert max(Counter(names).values()) == 1
    assert not [name for name in names if name.startswith("Organization")]
    campaigns = files.rows("marketing", "campaigns", "SELECT name FROM rows ORDER BY campaign_id")
    assert [name for (name,) in campaigns] == list(company.CAMPAIGN_NAMES)


def test_campaigns_address_the_segments_of_the_customers(files: Files) -> None:
    segments = {name for (name,) in files.rows("journey", "customers", "SELECT DISTINCT segment FROM rows")}
    audiences = {name for (name,) in files.rows("marketing", "audience_segments", "SELECT name FROM rows")}
    assert segments < audiences


def test_the_same_files_are_written_each_time(files: Files, tmp_path: Path) -> None:
    for _ in write_demo(tmp_path, load_policy(None)):
        pass
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert len(written) > 30
    assert [name for name in written if (tmp_path / name).read_bytes() != (files.folder / name).read_bytes()] == []
