"""Tests of concurrent runs: runs that wait, runs that are killed, and runs that continue after their end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.core.table import BoundQuery, Table
from cjo_assets.defs import health
from cjo_assets.orchestration.orphans import close_orphans, orphans
from cjo_assets.orchestration.resources import Warehouse
from cjo_assets.warehouse.build import WRITER_TABLE, opened
from cjo_assets.warehouse.lock import hold_life, holder_in_words, is_alive
from cjo_assets.warehouse.publish import publish
from cjo_assets_tests.integration.warehouse.test_warehouse import Numbers
from cjo_assets_tests.support.catalog import clean_environment
from cjo_assets_tests.support.chain import SAMPLE

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 180
STARTED = dg.DagsterRunStatus.STARTED


@dg.job
def nothing() -> None:
    """Do nothing."""


def settings(home: Path) -> Settings:
    """Return the places of a home."""
    return Settings(data=SAMPLE, policy=None, home=home)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that works in a home."""
    clean = clean_environment()
    return clean | {"CJO_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "CJO_DATA": str(SAMPLE)}


def started(home: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the environment."""
    return subprocess.Popen(
        [str(BIN / program), *arguments],
        cwd=PROJECT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def instance_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """Open the instance of a home."""
    from cjo_assets.orchestration.instance import prepare_environment

    for name, value in environment(home).items():
        if name.startswith(("CJO_", "DAGSTER_")):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(PROJECT)
    prepare_environment()
    return dg.DagsterInstance.get()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with an instance and without any run."""
    instance_of(tmp_path, monkeypatch)
    return tmp_path


def test_a_killed_run_and_two_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = started(home, "cjo", "run", "--family", "journey", "--as-of", "2025-01-20")
    assert killed.stdout is not None
    for line in killed.stdout:
        if "journey.risk_scores" in line:
            break
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    instance = instance_of(home, monkeypatch)
    (dead,) = instance.get_runs()
    assert dead.status is STARTED, "Dagster does not notice"
    assert orphans(instance, settings(home)) == [dead.run_id], "the lock shows it"
    assert not (home / "cjo.duckdb").exists()

    runs = [
        started(home, "cjo", "run", "--family", "journey", "--as-of", "2025-01-20"),
        started(home, "dg", "launch", "--job", "daily_journey", "--partition", "2025-01-18"),
    ]
    said = [run.communicate(timeout=PATIENCE_SECONDS)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert any("Another run is writing" in text for text in said)
    assert any(f"Closed run {dead.run_id}" in text for text in said)
    closed = instance.get_run_by_id(dead.run_id)
    assert closed is not None
    assert closed.status is dg.DagsterRunStatus.FAILURE
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        published = reader.execute("SELECT run_id FROM audit.runs WHERE is_published").fetchall()
        rows = reader.execute("SELECT as_of::VARCHAR, count(*) FROM journey.risk_scores GROUP BY as_of ORDER BY ALL")
        assert rows.fetchall() == [("2025-01-18", 10), ("2025-01-20", 10)], "every day is whole"
    assert len(published) == 2
    assert (dead.run_id,) not in published


def test_a_run_that_lives_is_never_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = instance_of(home, monkeypatch)
    alive, unborn, long_unborn = (instance.create_run_for_job(nothing, status=status) for status in [STARTED] * 3)
    hold_life(settings(home), alive.run_id)
    assert is_alive(settings(home), alive.run_id) is True
    assert is_alive(settings(home), unborn.run_id) is None
    assert orphans(instance, settings(home)) == [], "a run without a lock may still be starting"
    assert health.dead_runs(dg.build_sensor_context(instance=instance)).skip_message == "All runs have a process."
    assert close_orphans(instance, settings(home), grace_seconds=-1) == [long_unborn.run_id, unborn.run_id]
    found = instance.get_run_by_id(alive.run_id)
    assert found is not None
    assert found.status is STARTED


def fixed(warehouse_store: object, number: int) -> Table:
    """Return a table that holds one number."""

    def numbers() -> object:
        return warehouse_store.backend.sql(f"SELECT {number}::BIGINT AS number")  # type: ignore[attr-defined]

    return Table("journey", "numbers", Numbers, BoundQuery(numbers, {}), "evaluation")


FAMILY = Family("journey", (), (Table("journey", "numbers", Numbers, None, "evaluation"),))


def numbers_in(connection: duckdb.DuckDBPyConnection) -> list[tuple[int]]:
    """Return what the table holds."""
    return connection.execute("SELECT number FROM journey.numbers").fetchall()


@pytest.fixture
def run_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dg.DagsterInstance, dg.DagsterRun]:
    """Return a run that Dagster lists as running."""
    instance = instance_of(home, monkeypatch)
    return instance, instance.create_run_for_job(nothing, status=STARTED)


def test_a_run_that_was_ended_commits_and_publishes_nothing(
    home: Path, run_of: tuple[dg.DagsterInstance, dg.DagsterRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, run = run_of
    monkeypatch.setattr("cjo_assets.orchestration.resources.all_families", lambda: (FAMILY, *all_families()))
    resource = Warehouse(database=str(home / "build.duckdb"))
    context = dg.build_init_resource_context(instance=instance)
    context._dagster_run = run  # type: ignore[attr-defined]
    with resource.yield_for_execution(context) as warehouse:
        store = warehouse.store
        store.replace(fixed(store, 1), None, warehouse.policy)
        publish(store, settings(home).published, [])
        instance.report_run_canceled(run, "ended by force")
        with pytest.raises(WarehouseError, match="has ended already"):
            store.replace(fixed(store, 2), None, warehouse.policy)
        assert numbers_in(store.connection) == [(1,)]
        store.connection.execute("UPDATE journey.numbers SET number = 3")
        with pytest.raises(WarehouseError, match="has ended already"):
            publish(store, settings(home).published, [])
    with duckdb.connect(str(home / "cjo.duckdb"), read_only=True) as reader:
        assert numbers_in(reader) == [(1,)]


def test_a_step_without_its_lock_commits_nothing(tmp_path: Path, policy: object) -> None:
    with opened(settings(tmp_path), (FAMILY,), run_id="ours") as store:
        store.replace(fixed(store, 1), None, policy)  # type: ignore[arg-type]
        assert "run ours" in holder_in_words(tmp_path / "warehouse.lock")
        store.connection.execute(f"UPDATE {WRITER_TABLE} SET run_id = 'another'")
        with pytest.raises(WarehouseError, match="Another run"):
            store.replace(fixed(store, 2), None, policy)  # type: ignore[arg-type]
        store.connection.execute(f"UPDATE {WRITER_TABLE} SET run_id = 'ours'")
        (tmp_path / "warehouse.lock").unlink()
        with pytest.raises(WarehouseError, match="was removed during the run"):
            store.replace(fixed(store, 2), None, policy)  # type: ignore[arg-type]
        assert numbers_in(store.connection) == [(1,)]
    with pytest.raises(duckdb.ConnectionException):
        store.replace(fixed(store, 2), None, policy)  # type: ignore[arg-type]
