"""Diagnosis by `cjo doctor`: the requirements of a run, with a fix for each problem."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import dagster as dg
import duckdb
from sqlalchemy.exc import OperationalError

from cjo_assets.catalog import all_families, data_families
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError, WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.ingest.changes import published_days
from cjo_assets.ingest.databases import require_readable
from cjo_assets.ingest.files import EXTRACTS, files_of, is_supplied
from cjo_assets.ingest.sources_yaml import DuckDBSource, SqlSource, declared_sources
from cjo_assets.orchestration.alerts import WEBHOOK
from cjo_assets.orchestration.automation import OFF, Automation
from cjo_assets.orchestration.orphans import close_orphans
from cjo_assets.policy import PolicyError
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.disk import disk_fault, room_needed_bytes, used_bytes
from cjo_assets.warehouse.evolution.pending import in_words, pending_changes
from cjo_assets.warehouse.governance import policy_that_decides
from cjo_assets.warehouse.lock import holder_in_words, is_locked
from cjo_assets.warehouse.recovery import days_recorded, newest_snapshot

GOOD, ODD, BAD = "ok", "note", "broken"
PINNED = ("dagster", "duckdb", "ibis-framework", "sqlglot", "pandera")
SILENT_SECONDS = 300.0


@dataclass(frozen=True)
class Finding:
    """One diagnosis: subject, state, and a text with the fix."""

    subject: str
    state: str
    text: str


def examined(settings: Settings) -> Iterator[Finding]:
    """Yield the results of all diagnoses."""
    for subject, question in QUESTIONS.items():
        try:
            for state, text in question(settings):
                yield Finding(subject, state, text)
        except (InputError, PolicyError, WarehouseError, ValueError, OSError, duckdb.Error, OperationalError) as error:
            yield Finding(subject, BAD, disk_fault(error, settings) or str(error))


Answers = Iterator[tuple[str, str]]


def _installation(_: Settings) -> Answers:
    wanted = {}
    constraints = PROJECT / "constraints.txt"
    if constraints.exists():
        pairs = [line.partition("==") for line in constraints.read_text(encoding="utf-8").splitlines()]
        wanted = {name: version for name, _, version in pairs}
    for name in PINNED:
        version = metadata.version(name)
        if wanted.get(name, version) != version:
            yield (
                ODD,
                f"{name} {version}, tested with {wanted[name]}: run make, or pip install -c constraints.txt",
            )
    if shutil.which("dg", path=str(Path(sys.executable).parent)) is None:
        yield BAD, "the command dg is not installed next to python: run make"
    yield GOOD, f"Python {sys.version.split()[0]}, dagster {metadata.version('dagster')}, duckdb {duckdb.__version__}"


def _policy(settings: Settings) -> Answers:
    policy = policy_that_decides(settings)
    yield GOOD, f"version {policy.version}, hash {policy.policy_hash[:12]}, {settings.policy or 'the packaged one'}"


def _sources(settings: Settings) -> Answers:
    is_used = {family.name: _is_used(settings, family) for family in data_families()}
    for family in all_families():
        if not is_used.get(family.name, True) and any(is_used.values()):
            yield ODD, f"{family.name}: no files in {settings.data}; runs skip this family"
            continue
        for dataset in family.datasets:
            yield _source(settings, family, dataset)


def _is_used(settings: Settings, family: Family) -> bool:
    """Return whether a run without --family computes a family."""
    return is_supplied(settings.data, family.name, family.datasets) or bool(
        published_days(settings.published, family.name)
    )


def _source(settings: Settings, family: Family, dataset: Dataset) -> tuple[str, str]:
    source = declared_sources(settings.data).get((family.name, dataset.name))
    name = f"{family.name}.{dataset.name}"
    try:
        if isinstance(source, DuckDBSource | SqlSource):
            require_readable(source, dataset, settings.data, settings.inputs / EXTRACTS)
            return GOOD, f"{name}: table {source.table}"
        files = files_of(settings.data, family.name, dataset, settings.inputs / EXTRACTS)
    except InputError as error:
        return BAD, f"{name}: {error}"
    if files:
        return GOOD, f"{name}: {', '.join(file.name for file in files[:3])}{' ...' if len(files) > 3 else ''}"
    if dataset.may_be_empty:
        return ODD, f"{name}: no file; optional, runs continue without it"
    return BAD, f"{name}: no file in {settings.data}; required by this family"


def _disk(settings: Settings) -> Answers:
    needed, free = room_needed_bytes(settings), shutil.disk_usage(settings.home).free
    text = (
        f"{free / 1e9:,.1f} GB free at {settings.home}; the databases take {used_bytes(settings) / 1e9:,.1f} GB and a "
        f"run may need {needed / 1e9:,.1f} GB"
    )
    if free < needed:
        yield BAD, f"{text}: free some space (old snapshots/, history/, inputs/)"
    else:
        yield GOOD, text
    if not os.access(settings.home, os.W_OK):
        yield BAD, f"{settings.home} is not writable by this user"


def _lock(settings: Settings) -> Answers:
    if is_locked(settings.lock):
        yield ODD, f"a run is writing ({holder_in_words(settings.lock)}); another run would wait for it"
    else:
        yield GOOD, "no run is writing"


def _warehouse(settings: Settings) -> Answers:
    if is_locked(settings.lock):
        yield ODD, "not checked while a run is writing"
    elif changes := pending_changes(settings, all_families()):
        tables = {table.full_name: table for family in all_families() for table in family.tables}
        yield ODD, f"another version wrote this home; the next run upgrades {len(changes)} tables"
        for change in changes:
            yield ODD, in_words(tables[change.table], change)
    elif settings.build.exists():
        with opened(settings, all_families()):
            pass
        yield GOOD, f"{settings.build} has the current version"
    else:
        yield ODD, "no runs yet: cjo run"


def _published(settings: Settings) -> Answers:
    published = {family.name: published_days(settings.published, family.name) for family in data_families()}
    if not any(published.values()):
        yield from _nothing_published(settings)
    for family, days in published.items():
        if not days:
            continue
        with duckdb.connect(str(settings.published), read_only=True) as reader:
            query = "SELECT as_of FROM days(of_family := ?) WHERE is_stale"
            stale = [day for (day,) in reader.execute(query, [family]).fetchall()]
        yield GOOD, f"{family}: {len(days)} days, the latest {days[-1]}"
        if stale:
            again = f"cjo run --family {family} --from {stale[0]} --to {stale[-1]}"
            yield ODD, f"{family}: {len(stale)} days are stale because an earlier day has changed: {again}"


def _nothing_published(settings: Settings) -> Answers:
    recorded = {}
    if settings.build.exists() and not is_locked(settings.lock):
        with opened(settings, all_families()) as store:
            recorded = days_recorded(store.connection)
    snapshot = newest_snapshot(settings.published)
    if recorded:
        places = f"the snapshot {snapshot.name} and the build database" if snapshot else "the build database"
        yield BAD, f"{settings.published} is missing, with {len(recorded)} days: the next run recovers it from {places}"
    elif snapshot and not settings.build.exists():
        yield BAD, f"{settings.published} and the build database are missing: the next run restores {snapshot.name}"
    else:
        yield ODD, "no published database yet: cjo run"


def _runs(settings: Settings) -> Answers:
    closed = close_orphans(dg.DagsterInstance.get(), settings)
    for run_id in closed:
        yield ODD, f"closed run {run_id}, whose process has ended: run its day again"
    if not closed:
        yield GOOD, "all running runs have a process"


def _instance(_: Settings) -> Answers:
    instance = dg.DagsterInstance.get()
    yield GOOD, f"{instance.get_runs_count():,} runs in {type(instance.run_storage).__name__}"
    automation = Automation.from_environment()
    if automation.mode == OFF:
        yield ODD, "automation is off: set CJO_AUTOMATION to schedule or declarative"
        return
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    if not beats or time.time() - max(beats) > SILENT_SECONDS:
        yield BAD, f"CJO_AUTOMATION is {automation.mode} and no daemon is running: start cjo daemon, or cjo ui"
    else:
        yield GOOD, f"the daemon is running; {automation.mode}, {automation.cron} {automation.timezone}"


def _alerts(_: Settings) -> Answers:
    if os.environ.get(WEBHOOK):
        yield GOOD, f"posted to the address in {WEBHOOK}"
    else:
        yield ODD, f"logged only: set {WEBHOOK} to post them"


QUESTIONS: dict[str, Callable[[Settings], Answers]] = {
    "installation": _installation,
    "policy": _policy,
    "sources": _sources,
    "disk": _disk,
    "lock": _lock,
    "runs": _runs,
    "warehouse": _warehouse,
    "published": _published,
    "instance": _instance,
    "alerts": _alerts,
}
