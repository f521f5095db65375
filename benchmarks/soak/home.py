"""A home of the sample: a day as a run computes and publishes it, and the state in which a fault leaves the home."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from benchmarks.soak.processes import Boundaries
from cjo_assets.audit.verify.verify import verify
from cjo_assets.catalog import families_about
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.progress import listen
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.code import code_version
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import load_policy
from cjo_assets.warehouse import run_log
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.ledger import Stamp
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.restore import begin_days, restore_unfinished_days

FAMILY = "journey"
FAMILIES = families_about(FAMILY)
POLICY = load_policy()
DATA = PROJECT / "data" / "tour"
FIRST, SECOND = date(2025, 1, 6), date(2025, 1, 13)
Decisions = list[tuple[Any, ...]]


@dataclass(frozen=True)
class State:
    """The published database of a home.

    Attributes:
        days: hash of the rows by day and table.
        recorded: days that the records of runs name as published.
        decisions: entries of the decision ledger, without what differs between runs.
        differences: number of differences that `cjo audit verify` finds.
    """

    days: dict[date, dict[str, int]] = field(default_factory=dict)
    recorded: frozenset[date] = frozenset()
    decisions: Decisions = field(default_factory=list)
    differences: int = 0


def settings_of(home: Path) -> Settings:
    """Return the paths of a home over the sample."""
    return Settings(data=DATA, policy=None, home=home)


def run_day(home: Path, day: date, run_id: str, kill_before: int | None = None, ahead: timedelta | None = None) -> Any:
    """Compute, record and publish a day as a run does, without the orchestrator.

    Args:
        home: folder of the home.
        day: the as-of date.
        run_id: the run.
        kill_before: number of the statement or file call before which the process is killed, counted from 1;
            None for none.
        ahead: how far the clock of the run is ahead of the clock of the machine; None for not at all.

    Returns:
        Number of statements and file calls, and the messages of the run.
    """
    settings, messages = settings_of(home), list[str]()
    listen(lambda *_: None, messages.append)
    started: Any = SimpleNamespace(get_run_stats=lambda _: SimpleNamespace(start_time=None))
    run: Any = SimpleNamespace(run_id=run_id)
    with (
        _clock(ahead or timedelta()),
        Boundaries(kill_before) as boundaries,
        opened(settings, FAMILIES, run_id=run_id) as store,
    ):
        load_files(store, FAMILIES, settings.data, settings.inputs, settings.home)
        restore_unfinished_days(store, settings.published)
        begin_days(store, [day])
        compute_day(store, FAMILIES, day, POLICY)
        store.replace(store.tables[AUDIT, "policies"], None, POLICY)
        run_log.record_run(store, run, started, FAMILY, day, POLICY, None)
        stamp = Stamp(run_id, POLICY.policy_hash, code_version())
        publish(store, settings.published, [day], POLICY.warehouse, stamp)
    return boundaries.passed, messages


@contextmanager
def _clock(ahead: timedelta) -> Iterator[None]:
    """Move the clock by which runs are recorded."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + ahead

    module: Any = run_log
    before = module.datetime
    module.datetime = Clock
    try:
        yield
    finally:
        module.datetime = before


def state_of(home: Path) -> State | None:
    """Return the state of the published database, empty without one; None if a database of the home does not open."""
    settings = settings_of(home)
    try:
        if settings.build.exists():
            # A killed writer leaves a log, which opening it for writing replays.
            duckdb.connect(str(settings.build)).close()
        if not settings.published.exists():
            return State()
        with duckdb.connect(str(settings.published), read_only=True) as reader:
            return _state(reader, verify(settings).found)
    except (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, WarehouseError):
        return None


def _state(reader: duckdb.DuckDBPyConnection, differences: int) -> State:
    names = reader.execute(
        "SELECT table_name FROM duckdb_columns() WHERE schema_name = ? AND column_name = 'as_of' "
        "AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE schema_name = ?) ORDER BY ALL",
        [FAMILY, FAMILY],
    ).fetchall()
    days: dict[date, dict[str, int]] = {}
    for (name,) in names:
        query = f"SELECT as_of, bit_xor(hash(rows)) FROM {FAMILY}.{name} AS rows GROUP BY as_of"
        for day, content in reader.execute(query).fetchall():
            days.setdefault(day, {})[name] = content
    recorded = reader.execute("SELECT DISTINCT as_of FROM audit.runs WHERE is_published").fetchall()
    decisions = reader.execute(
        "SELECT kind, as_of, intervention_id, version, input_hash FROM audit.decision_ledger ORDER BY ALL"
    ).fetchall()
    return State(days, frozenset(day for (day,) in recorded), decisions, differences)


def copied(home: Path, target: Path) -> Path:
    """Replace a home by a copy of another."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(home, target)
    return target


def share_statements(folder: Path) -> None:
    """Compile the statements of all homes once."""
    os.environ.setdefault("CJO_COMPILED", str(folder))


def today() -> str:
    """Return the date of the campaign."""
    return f"{datetime.now(UTC):%Y-%m-%d}"
