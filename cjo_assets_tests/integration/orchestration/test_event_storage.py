"""Tests of the storages that `dagster.yaml` names: one engine per file, and otherwise Dagster's own."""

import hashlib
import inspect
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage

from cjo_assets.orchestration import event_storage
from cjo_assets.orchestration.event_files import held_open
from cjo_assets.orchestration.event_storage import KEPT_ENGINES, Engines, EventLogStorage, RunStorage
from cjo_assets.orchestration.instance import instance_folder

DOES_NOT_WAIT = 1
# What our classes replace, in Dagster 1.13. Compare them again before you change a hash.
PLACES: dict[str, Any] = {
    "events: __init__": SqliteEventLogStorage.__init__,
    "events: from_config_value": SqliteEventLogStorage.from_config_value,
    "events: _connect": inspect.unwrap(SqliteEventLogStorage._connect),
    "runs: __init__": SqliteRunStorage.__init__,
    "runs: from_config_value": SqliteRunStorage.from_config_value,
    "runs: connect": inspect.unwrap(SqliteRunStorage.connect),
}
REPLACED = {
    "events: __init__": "264c15baa761",
    "events: from_config_value": "28e08f095dc1",
    "events: _connect": "b8435f266568",
    "runs: __init__": "391592fd1e58",
    "runs: from_config_value": "747f4233d625",
    "runs: connect": "d343abae6e9b",
}


@dg.asset
def something() -> None:
    """Return an asset of no content."""


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many engines were created for each file."""
    created: Counter[str] = Counter()
    create = sqlalchemy.create_engine

    def counted(url: str, **options: object) -> sqlalchemy.Engine:
        created[Path(url).name] += 1
        return create(url, **options)

    monkeypatch.setattr(event_storage.sqlalchemy, "create_engine", counted)
    return created


@pytest.fixture
def instance(tmp_path: Path, engines: Counter[str]) -> Iterator[dg.DagsterInstance]:
    """Return an instance on the storage that `dagster.yaml` configures."""
    assert not engines
    with dg.DagsterInstance.from_config(str(instance_folder(tmp_path))) as found:
        yield found


def test_a_run_creates_one_engine_per_file(instance: dg.DagsterInstance, engines: Counter[str]) -> None:
    first, second = (dg.materialize([something], instance=instance).run_id for _ in range(2))
    assert engines == {"runs.db": 1, "index.db": 1, f"{first}.db": 1, f"{second}.db": 1}


def test_only_the_engines_used_last_are_kept(tmp_path: Path, engines: Counter[str]) -> None:
    kept = Engines()
    urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(KEPT_ENGINES + 1)]
    for url in (*urls, urls[-1], urls[0]):
        kept.of(url)
    assert engines == {f"{number}.db": 2 if number == 0 else 1 for number in range(KEPT_ENGINES + 1)}


def test_a_kept_engine_does_not_wait_for_the_disk_in_a_block_and_does_afterwards(tmp_path: Path) -> None:
    log = EventLogStorage(str(tmp_path))

    def setting() -> object:
        with log.index_connection() as connection:
            return connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar()

    before = setting()
    with held_open(tmp_path):
        assert setting() == DOES_NOT_WAIT != before
        assert (tmp_path / "index.db-wal").exists()
    assert (setting(), (tmp_path / "index.db-wal").exists()) == (before, False)


def test_dagsters_own_storage_reads_the_same_files(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    run = dg.materialize([something], instance=instance)
    written = [entry.message for entry in instance.all_logs(run.run_id)]
    history = tmp_path / "dagster" / "history"
    events = SqliteEventLogStorage(str(history / "runs"))
    assert [entry.message for entry in events.get_logs_for_run(run.run_id)] == written
    runs = SqliteRunStorage.from_local(str(history))
    assert [found.status for found in runs.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
    assert isinstance(instance.run_storage, RunStorage)


def test_what_our_classes_replace_is_what_it_was() -> None:
    found = {name: hashlib.sha256(inspect.getsource(place).encode()).hexdigest()[:12] for name, place in PLACES.items()}
    assert found == REPLACED
