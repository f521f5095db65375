"""Tests of run records: a day that is run again with another result makes later days stale."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.expressions.days import as_of_date
from cjo_assets.core.table import Days, Reference
from cjo_assets.engine.code import code_version
from cjo_assets.engine.fingerprints import data_version, table_hashes
from cjo_assets.engine.store import Store, Stored
from cjo_assets.policy import Policy
from cjo_assets.warehouse.run_log import record_checks, record_failure, record_run

FIRST, SECOND, THIRD = date(2025, 1, 16), date(2025, 1, 17), date(2025, 1, 20)
INSTANCE: Any = SimpleNamespace(
    get_run_stats=lambda _: SimpleNamespace(start_time=datetime(2025, 1, 21, tzinfo=UTC).timestamp())
)


class Home:
    """A store in which days are published one after the other, without Dagster."""

    def __init__(self, policy: Policy) -> None:
        """Open an empty store with all tables."""
        self.store = Store(duckdb.connect(), families_about("journey"))
        self.policy = policy
        self.runs = 0
        for table in self.store.tables.values():
            if table.is_view:
                self.store.replace(table, FIRST, policy)

    def decide(self, day: date, risk: float) -> None:
        """Replace the decisions of a day by one, as a run would."""
        self.store.connection.execute("DELETE FROM journey.recommended_interventions WHERE as_of = ?", [day])
        self.store.connection.execute(
            "INSERT INTO journey.recommended_interventions BY NAME "
            "SELECT ? AS as_of, 'C1' AS customer_id, ? AS risk_score",
            [day, risk],
        )

    def publish(self, day: date) -> None:
        """Record a run of a day."""
        self.runs += 1
        run: Any = SimpleNamespace(run_id=f"run {self.runs}")
        record_run(self.store, run, INSTANCE, "journey", day, self.policy, None)

    def fail(self, day: date) -> None:
        """Record a run of a day that failed."""
        self.runs += 1
        run: Any = SimpleNamespace(run_id=f"run {self.runs}")
        record_failure(self.store, run, INSTANCE, "journey", day, self.policy, ["no"])

    @property
    def stale_days(self) -> list[date]:
        """Days whose last published run is stale."""
        found = self.store.connection.execute(
            "SELECT as_of FROM audit.runs WHERE is_published GROUP BY as_of "
            "HAVING arg_max(is_stale, ended_at) ORDER BY as_of"
        ).fetchall()
        return [day for (day,) in found]


@pytest.fixture
def home(policy: Policy) -> Iterator[Home]:
    """Three days, published in order."""
    made = Home(policy)
    for day in (FIRST, SECOND, THIRD):
        made.decide(day, 0.5)
        made.publish(day)
    assert made.stale_days == []
    yield made
    made.store.connection.close()


def test_the_same_result_makes_nothing_stale(home: Home) -> None:
    home.decide(FIRST, 0.5)
    home.publish(FIRST)
    assert home.stale_days == []


def test_changed_result_makes_only_later_days_stale(home: Home) -> None:
    home.decide(SECOND, 0.6)
    home.publish(SECOND)
    assert home.stale_days == [THIRD]
    home.decide(FIRST, 0.6)
    home.publish(FIRST)
    assert home.stale_days == [SECOND, THIRD]


def test_a_stale_day_run_again_is_stale_no_more(home: Home) -> None:
    """Run again in order, each day is fresh, and hands its freshness on only where it changed."""
    home.decide(FIRST, 0.6)
    home.publish(FIRST)
    assert home.stale_days == [SECOND, THIRD]
    home.publish(SECOND)  # with the result it had: the third day has read the right second, but the wrong first
    assert home.stale_days == [THIRD]
    home.publish(THIRD)
    assert home.stale_days == []


def test_of_two_records_the_later_counts_although_the_clock_was_set_back(home: Home) -> None:
    home.decide(FIRST, 0.6)
    home.publish(FIRST)
    home.store.connection.execute("UPDATE audit.runs SET ended_at = ended_at + INTERVAL 1 YEAR")
    for day in (SECOND, THIRD):
        home.publish(day)
    assert home.stale_days == []
    (seconds,) = home.store.connection.execute("SELECT max(processing_time) FROM audit.runs").fetchone() or (None,)
    assert seconds < datetime.now(UTC).timestamp() - datetime(2025, 1, 20, tzinfo=UTC).timestamp()


def test_a_day_built_on_a_stale_one_is_stale_itself(home: Home) -> None:
    """The third day, run again before the second, has read a second day that is now outdated."""
    home.decide(FIRST, 0.6)
    home.publish(FIRST)
    home.publish(THIRD)
    assert home.stale_days == [SECOND, THIRD]
    home.publish(SECOND)
    home.publish(THIRD)
    assert home.stale_days == []


def test_what_no_later_day_reads_makes_none_stale(home: Home) -> None:
    """Another policy that decides the same, other evidence, another stage."""
    for column in ("policy_hash", "input_hash"):
        home.store.connection.execute(
            f"UPDATE journey.recommended_interventions SET {column} = 'other' WHERE as_of = ?", [FIRST]
        )
    home.store.connection.execute(
        "INSERT INTO journey.journey_states BY NAME "
        "SELECT as_of, customer_id, 'support' AS journey_stage FROM journey.recommended_interventions"
    )
    for day in (FIRST, SECOND, THIRD):
        home.publish(day)
    home.store.connection.execute("UPDATE journey.journey_states SET journey_stage = 'churned'")
    home.publish(FIRST)
    assert home.stale_days == []
    earlier = home.store.read(Reference("journey", "recommended_interventions", Days.EARLIER), as_of_date())
    assert not {"policy_hash", "input_hash"} & set(earlier.columns), "what does not count cannot be read"


def test_a_day_without_customers_is_not_a_day_with_two_of_them(home: Home) -> None:
    """Equal rows do not cancel out: that there was a day is what later days read."""
    nothing = data_version(home.store, "journey", FIRST)
    for number in (1, 2):
        home.store.connection.execute(
            "INSERT INTO journey.journey_states BY NAME SELECT ? AS as_of, ? AS customer_id", [FIRST, f"C{number}"]
        )
        assert data_version(home.store, "journey", FIRST) != nothing


def test_a_record_has_the_inputs_and_outputs_of_the_run(home: Home) -> None:
    """Enough to recompute the day, and to detect a row that was changed since."""
    home.store.connection.execute("INSERT INTO raw.manifest VALUES ('signals', 's.csv', 'abc', 2, NULL, NULL)")
    home.publish(FIRST)
    inputs, hashes, code = home.store.connection.execute(
        "SELECT inputs, table_hashes, code_version FROM audit.runs WHERE run_id = 'run 4'"
    ).fetchall()[0]
    assert json.loads(inputs) == [
        {"dataset": "signals", "source_file": "s.csv", "file_sha256": "abc", "rows_read": 2, "note": None}
    ]
    assert code == code_version()
    before = json.loads(hashes)
    assert {"journey.recommended_interventions", "journey.kpis"} <= before.keys()
    assert "journey.signals" not in before, "what has no day is of no day"
    home.decide(FIRST, 0.7)
    after = table_hashes(home.store, "journey", FIRST)
    assert [name for name in before if before[name] != after[name]] == ["journey.recommended_interventions"]


def test_a_day_that_is_decided_late_makes_those_after_it_stale(home: Home) -> None:
    """The 18th was not known when the 20th was decided."""
    home.decide(date(2025, 1, 18), 0.1)
    home.publish(date(2025, 1, 18))
    assert home.stale_days == [THIRD]


def test_a_run_that_fails_makes_nothing_stale(home: Home) -> None:
    home.decide(FIRST, 0.9)
    home.fail(FIRST)
    assert home.stale_days == []


def test_what_later_days_read_counts_whatever_its_order(home: Home) -> None:
    """The hash is over rows, not over their places."""
    both = "SELECT ? AS as_of, * FROM (VALUES ('C1', 0.1), ('C2', 0.2)) AS rows(customer_id, risk_score) ORDER BY 2"
    hashes = []
    for order in ("ASC", "DESC"):
        home.store.connection.execute("DELETE FROM journey.recommended_interventions WHERE as_of = ?", [FIRST])
        home.store.connection.execute(f"INSERT INTO journey.recommended_interventions BY NAME {both} {order}", [FIRST])
        hashes.append(data_version(home.store, "journey", FIRST))
    assert hashes[0] == hashes[1] != data_version(home.store, "journey", SECOND)


def test_what_each_check_of_a_run_found_is_on_record(home: Home) -> None:
    """With the day where the table has one; the same run again replaces its own."""
    nothing, odd = CheckResult(7, {}, []), CheckResult(2, {"unknown_signal_types": 2}, [])
    results = {
        (SECOND, "journey.kpis"): Stored(7, "", {"contract": nothing}),
        (None, "journey.signals"): Stored(9, "", {"contract": nothing, "unknown_signal_types": odd}),
    }
    assert record_checks(home.store, "run", results) == record_checks(home.store, "run", results) == 3
    assert home.store.connection.execute("FROM audit.checks ORDER BY ALL").fetchall() == [
        ("run", SECOND, "journey.kpis", "contract", True, 7, 0),
        ("run", None, "journey.signals", "contract", True, 7, 0),
        ("run", None, "journey.signals", "unknown_signal_types", False, 2, 2),
    ]
    assert record_checks(home.store, "empty run", {}) == 0
