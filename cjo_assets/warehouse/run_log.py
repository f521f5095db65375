"""Records of a run in `audit.runs` and `audit.checks`: times, inputs, check results and failures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from cjo_assets.core.table import RAW
from cjo_assets.engine.code import code_version
from cjo_assets.engine.fingerprints import data_version, hands_on, table_hashes
from cjo_assets.engine.raw import MANIFEST
from cjo_assets.engine.store import Store, Stored
from cjo_assets.families.audit.records.runs import as_json
from cjo_assets.policy import Policy, tracks_progress
from cjo_assets.warehouse.ledger import Head

RUNS, CHECKS = "audit.runs", "audit.checks"


class Run(Protocol):
    """A run of the orchestrator."""

    @property
    def run_id(self) -> str:
        """Id of the run."""


class RunStats(Protocol):
    """Times of a run."""

    @property
    def start_time(self) -> float | None:
        """Start of the run [seconds since 1970, UTC]; None if it has not started."""


class RunStorage(Protocol):
    """Records of the orchestrator's runs."""

    def get_run_stats(self, run_id: str) -> RunStats:
        """Return the times of a run."""


def record_run(
    store: Store,
    run: Run,
    instance: RunStorage,
    family: str,
    as_of: date,
    policy: Policy,
    report: Path | None,
) -> None:
    """Record a day that is about to be published; mark later days as stale if its data version changed."""
    handed_on = data_version(store, family, as_of)
    before = store.connection.execute(
        f"SELECT handed_on FROM {RUNS} WHERE family = ? AND as_of = ? AND is_published ORDER BY ended_at DESC LIMIT 1",
        [family, as_of],
    ).fetchone()
    if hands_on(store, family) and (before is None or before[0] != handed_on):
        store.connection.execute(
            f"UPDATE {RUNS} SET is_stale = TRUE WHERE family = ? AND as_of > ? AND is_published", [family, as_of]
        )
    _insert(store, run, instance, family, as_of, policy, report.as_posix() if report else None, [], handed_on)


def record_failure(
    store: Store,
    run: Run,
    instance: RunStorage,
    family: str,
    as_of: date,
    policy: Policy,
    errors: list[str],
) -> None:
    """Record a day that failed."""
    _insert(store, run, instance, family, as_of, policy, None, errors, None)


def record_checks(store: Store, run_id: str, results: dict[tuple[date | None, str], Stored]) -> int:
    """Record all check results of a run, and return their number."""
    rows = [
        [
            run_id,
            day,
            table,
            check,
            store.table_named(table).is_blocking(check),
            verdict.rows,
            sum(verdict.broken.values()),
        ]
        for (day, table), stored in results.items()
        for check, verdict in stored.verdicts.items()
    ]
    store.connection.execute(f"DELETE FROM {CHECKS} WHERE run_id = ?", [run_id])
    # A range of days has tens of thousands of results: one statement with a list per column.
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        store.connection.execute(f"INSERT INTO {CHECKS} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)
    return len(rows)


def record_heads(store: Store, run_id: str, days: list[date], heads: Mapping[str, Head]) -> None:
    """Record with the run of each family the head of its ledger, so that a change of one alone is detected."""
    for family, head in heads.items():
        store.connection.execute(
            f"UPDATE {RUNS} SET ledger_entries = ?, ledger_head = ? "
            "WHERE run_id = ? AND family = ? AND list_contains(?, as_of)",
            [head.entries, head.entry_hash, run_id, family, days],
        )


def forget_record(store: Store, run: Run, as_of: date) -> None:
    """Delete the record of a day, for all families, because it was not published."""
    for table in (RUNS, CHECKS):
        store.connection.execute(f"DELETE FROM {table} WHERE run_id = ? AND as_of = ?", [run.run_id, as_of])


def _insert(
    store: Store,
    run: Run,
    instance: RunStorage,
    family: str,
    as_of: date,
    policy: Policy,
    report: str | None,
    errors: list[str],
    handed_on: str | None,
) -> None:
    started = instance.get_run_stats(run.run_id).start_time
    now = datetime.now(UTC).replace(tzinfo=None)
    # The order of the records decides which one of a day counts, also after the clock was set back.
    ended = _after_all_records(store, now)
    start = datetime.fromtimestamp(started, UTC).replace(tzinfo=None) if started else now
    counts = rows_by_group(store, family, as_of)
    tracked = counts if tracks_progress(policy, family) else None
    rows = {table: number for tables in counts.values() for table, number in tables.items()}
    is_published = handed_on is not None
    store.connection.execute(
        f"DELETE FROM {RUNS} WHERE run_id = ? AND as_of = ? AND family = ?", [run.run_id, as_of, family]
    )
    record = {
        "run_id": run.run_id,
        "as_of": as_of,
        "family": family,
        "goal": as_json(store.families[family].goal_of(as_of)),
        "plan": as_json(store.families[family].plan_of(tracked)),
        "policy_hash": policy.policy_hash,
        "started_at": start,
        "ended_at": ended,
        "processing_time": (now - start).total_seconds(),
        "rows_per_table": as_json(rows),
        "report_path": report,
        "errors": errors,
        "code_version": code_version(),
        "engine": engine_version(),
        "inputs": as_json(_inputs(store, family)),
        "table_hashes": as_json(table_hashes(store, family, as_of) if is_published else {}),
        "is_published": is_published,
        "handed_on": handed_on,
        "is_stale": is_published and hands_on(store, family) and _reads_a_stale_day(store, family, as_of),
    }
    store.connection.execute(
        f"INSERT INTO {RUNS} ({', '.join(record)}) VALUES ({', '.join('?' for _ in record)})", list(record.values())
    )


def _after_all_records(store: Store, now: datetime) -> datetime:
    """Return the present time, or the first one after every record if the clock was set back since."""
    (newest,) = store.connection.execute(f"SELECT max(ended_at) FROM {RUNS}").fetchone() or (None,)
    return now if newest is None else max(now, newest + timedelta(microseconds=1))


def rows_by_group(store: Store, family: str, as_of: date) -> dict[str, dict[str, int]]:
    """Count the rows of every table of a family on a day, undated tables whole, by group."""
    groups: dict[str, dict[str, int]] = {RAW: {}}
    for dataset in store.datasets_by_family[family]:
        groups[RAW][f"{RAW}.{dataset.name}"] = store.count(f"{RAW}.{dataset.name}", None)
    for table in store.tables_of(family):
        day = as_of if table.is_dated else None
        groups.setdefault(table.group, {})[table.full_name] = store.count(table.full_name, day)
    return groups


def engine_version() -> str:
    """Return the versions of engine and libraries, which may round or compile differently."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in ("duckdb", "ibis-framework", "sqlglot"))


def _inputs(store: Store, family: str) -> list[dict[str, Any]]:
    names = ("dataset", "source_file", "file_sha256", "rows_read", "note", "settings")
    datasets = [dataset.name for dataset in store.datasets_by_family[family]]
    rows = store.rows(
        f"SELECT {', '.join(names)} FROM {MANIFEST} WHERE list_contains(?, dataset) ORDER BY ALL", datasets
    )
    # Most files are read without settings; omit the field for them.
    return [{name: value for name, value in row.items() if name != "settings" or value} for row in rows]


def _reads_a_stale_day(store: Store, family: str, as_of: date) -> bool:
    """Return whether an earlier day is stale, so that days based on it are stale too."""
    found = store.connection.execute(
        f"SELECT as_of FROM {RUNS} WHERE family = ? AND as_of < ? AND is_published GROUP BY as_of "
        "HAVING arg_max(is_stale, ended_at) LIMIT 1",
        [family, as_of],
    ).fetchone()
    return found is not None
