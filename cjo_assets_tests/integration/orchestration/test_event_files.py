"""Tests of open SQLite files: less waiting for the disk, and no other effect."""

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy

from cjo_assets.orchestration import event_files
from cjo_assets.orchestration.event_files import held_open

WAITS, DOES_NOT_WAIT = 2, 1


class File:
    """A file that is opened for each statement and closed after it, as Dagster does."""

    def __init__(self, path: Path) -> None:
        """Make it, with a log of writes."""
        self.path = path
        self.log = path.with_name(f"{path.name}-wal")
        self.run("PRAGMA journal_mode = WAL")
        self.run("CREATE TABLE events (number INTEGER)")

    def run(self, sql: str) -> list[tuple[object, ...]]:
        """Run a statement in a connection of its own, of an engine of its own."""
        engine = sqlalchemy.create_engine(f"sqlite:///{self.path}", poolclass=sqlalchemy.pool.NullPool)
        with engine.connect() as connection, connection.begin():
            found = connection.execute(sqlalchemy.text(sql))
            return [tuple(row) for row in found] if found.returns_rows else []


def test_file_is_written_at_the_end_of_the_block(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with held_open(tmp_path / "home"):
        file, other = File(tmp_path / "home" / "events.db"), File(tmp_path / "other.db")
        assert (file.run("PRAGMA synchronous"), other.run("PRAGMA synchronous")) == ([(DOES_NOT_WAIT,)], [(WAITS,)])
        file.run("INSERT INTO events VALUES (1)")
        other.run("INSERT INTO events VALUES (1)")
        assert (file.log.exists(), other.log.exists()) == (True, False), "the last to close a file writes it through"
        assert file.run("SELECT number FROM events") == [(1,)]
    assert not file.log.exists()
    assert file.run("SELECT number FROM events") == [(1,)]
    assert file.run("PRAGMA synchronous") == [(WAITS,)], "after the block everything is as before"


def test_the_file_itself_changes_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The UI follows a run by the modification time of the file, not of its log."""
    monkeypatch.setattr(event_files, "SHOWN_EVERY_SECONDS", -1.0)
    with held_open(tmp_path):
        file = File(tmp_path / "events.db")
        file.run("INSERT INTO events VALUES (1)")
        before = file.path.read_bytes()
        file.run("SELECT number FROM events")
        assert file.path.read_bytes() != before


def test_blocks_within_blocks_and_files_that_are_taken_away(tmp_path: Path) -> None:
    with held_open(tmp_path):
        file = File(tmp_path / "events.db")
        with held_open(tmp_path):
            file.run("INSERT INTO events VALUES (1)")
        assert file.log.exists(), "the outer block holds it still"
        for path in tmp_path.iterdir():
            path.unlink()
        assert File(tmp_path / "events.db").run("SELECT number FROM events") == []


@dg.asset
def nothing() -> None:
    """Return an asset of no content."""


def test_connections_to_other_databases_are_left_to_dagster(tmp_path: Path) -> None:
    """PostgreSQL is opened by keywords alone: there is no path among the positional arguments."""
    with held_open(tmp_path):
        engine = sqlalchemy.create_engine("postgresql+psycopg2:///dagster?host=/nowhere")
        with pytest.raises(sqlalchemy.exc.OperationalError, match="/nowhere"):
            engine.connect()


def test_dagster_finds_every_event_afterwards(tmp_path: Path) -> None:
    with held_open(tmp_path), dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = dg.materialize([nothing], instance=instance)
        during = [entry.message for entry in instance.all_logs(run.run_id)]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert [entry.message for entry in instance.all_logs(run.run_id)] == during
        assert instance.get_latest_materialization_event(nothing.key) is not None
    assert len(during) > 5
