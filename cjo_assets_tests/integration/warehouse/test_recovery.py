"""Tests of a missing published database: recovered, or refused with a message."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.progress import listen
from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.doctor import _published
from cjo_assets.warehouse.build import WRITER_TABLE, opened
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.recovery import found_again, newest_snapshot
from cjo_assets.warehouse.restore import begin_days, finish_days, remember_published, restore_unfinished_days
from cjo_assets_tests.support.warehouse import TOUR_DAYS, Home

FIRST, SECOND, LAST = TOUR_DAYS
SCORE = "UPDATE journey.risk_scores SET overall_risk_score = 0.125 WHERE as_of = ?"


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every published table."""
    with duckdb.connect(str(path), read_only=True) as reader:
        names = reader.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        return {name: reader.execute(f"FROM {name} ORDER BY ALL").fetchall() for (name,) in names}


def scores(path: Path) -> dict[Any, int]:
    """Return by day how many customers have the score that only a snapshot holds."""
    with duckdb.connect(str(path), read_only=True) as reader:
        sql = "SELECT as_of, count_if(overall_risk_score = 0.125) FROM journey.risk_scores GROUP BY ALL ORDER BY ALL"
        return dict(reader.execute(sql).fetchall())


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Return the messages of a run."""
    messages: list[str] = []
    listen(lambda *_: None, messages.append)
    yield messages
    listen(None)


@pytest.fixture
def snapshot(tour_home: Home, tmp_path: Path) -> Path:
    """Return a snapshot with all three days, and a unique score on the first."""
    path = tmp_path / "snapshots" / "2025-01-21T000000.000000Z.duckdb"
    path.parent.mkdir()
    shutil.copy(tour_home.settings.published, path)
    with duckdb.connect(str(path)) as writer:
        writer.execute(SCORE, [FIRST])
    return path


def test_without_a_snapshot_the_days_come_from_the_build(tour_home: Home, tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "cjo.duckdb"
    publish(tour_home.store, path, [LAST])
    assert content(path) == content(tour_home.settings.published)
    [message] = said
    assert "is missing" in message
    assert "the build database (journey 2025-01-06, journey 2025-01-13)" in message
    assert [found.name for found in tmp_path.iterdir()] == ["cjo.duckdb"], "nothing is left lying about"


def test_what_a_snapshot_holds_is_taken_from_it(
    tour_home: Home, tmp_path: Path, snapshot: Path, said: list[str]
) -> None:
    with duckdb.connect(str(snapshot)) as writer:
        writer.execute("UPDATE audit.runs SET run_id = 'an earlier one' WHERE as_of = ?", [SECOND])
        writer.execute(SCORE, [SECOND])
    publish(tour_home.store, tmp_path / "cjo.duckdb", [LAST])
    everybody = scores(snapshot)[FIRST]
    assert scores(tmp_path / "cjo.duckdb") == {FIRST: everybody, SECOND: 0, LAST: 0}
    assert everybody > 0
    assert f"the snapshot {snapshot.name} and the build database (journey 2025-01-13)" in said[0]


def test_a_day_that_is_nowhere_what_it_was_is_refused(tour_home: Home, tmp_path: Path, snapshot: Path) -> None:
    """A failed run can leave anything in the build database; only the run itself may publish it."""
    snapshot.unlink()
    connection = tour_home.store.connection
    connection.execute("CREATE TEMP TABLE kept_scores AS FROM journey.risk_scores WHERE as_of = ?", [FIRST])
    try:
        connection.execute(SCORE, [FIRST])
        with pytest.raises(WarehouseError, match=r"what was published for journey 2025-01-06\. Restore a copy"):
            publish(tour_home.store, tmp_path / "cjo.duckdb", [LAST])
        found = found_again(tour_home.store, tmp_path / "cjo.duckdb", [FIRST, LAST], None)
        assert found is not None, "a run of that day needs nothing of what it was"
    finally:
        connection.execute("DELETE FROM journey.risk_scores WHERE as_of = ?", [FIRST])
        connection.execute("INSERT INTO journey.risk_scores FROM kept_scores; DROP TABLE temp.kept_scores")
    assert not (tmp_path / "cjo.duckdb").exists()


def test_without_both_databases_the_newest_snapshot_is_restored(snapshot: Path, said: list[str]) -> None:
    settings = Settings(data=snapshot.parent, policy=None, home=snapshot.parents[1])
    [(state, text)] = _published(settings)
    assert (state, f"the next run restores {snapshot.name}" in text) == ("broken", True)
    with opened(settings, families_about("journey"), run_id="killed") as store:
        assert scores(settings.published) == scores(snapshot)
        days = store.connection.execute("SELECT as_of FROM audit.runs WHERE is_published ORDER BY ALL").fetchall()
        assert days == [(day,) for day in TOUR_DAYS]
    [message] = said
    assert f"the snapshot {snapshot.name} is restored" in message


def test_the_newest_snapshot_is_that_of_the_latest_run(snapshot: Path) -> None:
    """The other one was written by a clock that was a year ahead."""
    ahead = snapshot.with_name("2026-01-21T000000.000000Z.duckdb")
    shutil.copy(snapshot, ahead)
    with duckdb.connect(str(ahead)) as writer:
        writer.execute("DELETE FROM audit.runs WHERE ended_at = (SELECT max(ended_at) FROM audit.runs)")
    assert newest_snapshot(snapshot.parents[1] / "cjo.duckdb") == snapshot


def test_rows_of_an_unfinished_run_are_replaced_by_the_published_ones(
    tour_home: Home, tmp_path: Path, said: list[str]
) -> None:
    """A run of a published day fails halfway: later days must not read what it has computed."""
    settings, families = Settings(data=tmp_path, policy=None, home=tmp_path), families_about("journey")
    shutil.copy(tour_home.settings.published, settings.published)
    counts = "SELECT as_of, count_if(overall_risk_score = 0.125) FROM journey.risk_scores GROUP BY ALL ORDER BY ALL"
    with opened(settings, families, run_id="halfway") as store:
        remember_published(store, settings.published, ["journey.risk_scores"])
        begin_days(store, [SECOND])
        store.connection.execute(SCORE, [SECOND])
        assert dict(store.connection.execute(counts).fetchall())[SECOND] > 0
    with opened(settings, families, run_id="the same day again") as store:
        store.days_of_run = (SECOND,)
        restore_unfinished_days(store, settings.published)
        assert dict(store.connection.execute(counts).fetchall())[SECOND] > 0, "it may continue the failed run"
    with opened(settings, families, run_id="next") as store:
        store.days_of_run = (LAST,)
        restore_unfinished_days(store, settings.published)
        assert set(dict(store.connection.execute(counts).fetchall()).values()) == {0}
        (rows,) = store.connection.execute("SELECT count(*) FROM journey.risk_scores").fetchall()[0]
        assert rows == len(content(settings.published)["journey.risk_scores"])
    assert said == [
        "An unfinished run had replaced rows of journey 2025-01-13: the published rows are restored. "
        "Run these days again."
    ]
    with opened(settings, families, run_id="later") as store:
        restore_unfinished_days(store, settings.published)
    assert len(said) == 1


def test_the_record_of_unfinished_days_ends_with_the_publish(tour_home: Home, tmp_path: Path, said: list[str]) -> None:
    settings, families = Settings(data=tmp_path, policy=None, home=tmp_path), families_about("journey")
    shutil.copy(tour_home.settings.published, settings.published)
    with opened(settings, families, run_id="run") as store:
        begin_days(store, [SECOND, LAST])
        finish_days(store, [SECOND, LAST])
        restore_unfinished_days(store, settings.published)
    assert said == []


def leave_as_killed(settings: Settings, run_id: str) -> None:
    """Leave the build database as a killed writer does: it has not signed off."""
    with duckdb.connect(str(settings.build)) as connection:
        connection.execute(f"UPDATE {WRITER_TABLE} SET run_id = ?", [run_id])


def test_a_day_of_a_run_that_was_killed_before_it_published_is_not_recorded(
    tour_home: Home, tmp_path: Path, said: list[str]
) -> None:
    settings, families = Settings(data=tmp_path, policy=None, home=tmp_path), families_about("journey")
    shutil.copy(tour_home.settings.published, settings.published)
    runs = "SELECT run_id FROM audit.runs WHERE is_published ORDER BY as_of, run_id"
    with opened(settings, families, run_id="killed") as store:
        record = "(SELECT * REPLACE ('killed' AS run_id) FROM audit.runs WHERE as_of = ?)"
        store.connection.execute(f"INSERT INTO audit.runs BY NAME FROM {record}", [LAST])
    leave_as_killed(settings, "killed")
    with opened(settings, families, run_id="run 3") as store:
        assert store.connection.execute(runs).fetchall() == [("run 1",), ("run 2",), ("run 3",)]
    assert said == ["Run killed was killed before it published journey 2025-01-20. Run these days again."]
    leave_as_killed(settings, "run 3")
    with opened(settings, families) as store:
        assert len(store.connection.execute(runs).fetchall()) == 3, "run 3 was killed after it had published"
    assert len(said) == 1


def test_nothing_is_looked_for_where_nothing_is_gone(tour_home: Home, tmp_path: Path) -> None:
    assert found_again(tour_home.store, tour_home.settings.published, [LAST], None) is None
    assert found_again(tour_home.store, tmp_path / "cjo.duckdb", [*TOUR_DAYS], None) is None


def test_the_doctor_reports_a_missing_database(
    tour_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, policy=None, home=tmp_path)
    assert [text for _, text in _published(settings)] == ["no published database yet: cjo run"]
    settings.build.touch()
    monkeypatch.setattr("cjo_assets.orchestration.doctor.opened", lambda *_: Opened(tour_home))
    [(state, text)] = _published(settings)
    assert state == "broken"
    assert "is missing, with 3 days: the next run recovers it from the build database" in text


class Opened:
    """A store that is open already."""

    def __init__(self, home: Home) -> None:
        """Hold the store of a home."""
        self.store = home.store

    def __enter__(self) -> Any:
        """Return it."""
        return self.store

    def __exit__(self, *_: object) -> None:
        """Leave it open."""
