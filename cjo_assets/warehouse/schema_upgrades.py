"""The upgrades that runs recorded in their plans: how the rows of earlier days were treated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

STEP = "upgrade"
REBUILT, KEPT, MOVED = "rebuilt", "kept", "moved to history"
# Of an undated table: the run that upgrades it computes it anyway.
COMPUTED = "computed by the run"


@dataclass(frozen=True)
class UpgradedDay:
    """The rows of a changed table on a day that an earlier run had published.

    Attributes:
        run_id: the run that changed the table.
        rows: rebuilt, kept, or moved to history.
        content: hash over the rows afterwards; None where they left the published database.
        reason: why they were not recomputed; None where they were, or where there was no need.
    """

    run_id: str
    rows: str
    content: str | None
    reason: str | None


@dataclass(frozen=True)
class Upgrade:
    """The upgrade of one run.

    Attributes:
        ended_at: end of the run.
        days: the changed days, by table and day.
        handed_on: data versions afterwards of the rows that later days read, by family and day.
    """

    ended_at: datetime
    days: dict[tuple[str, date], UpgradedDay]
    handed_on: dict[tuple[str, date], str]


def upgrades(connection: duckdb.DuckDBPyConnection, runs: str) -> list[Upgrade]:
    """Return the upgrades that runs recorded, in the order of the runs.

    Args:
        connection: the engine.
        runs: the table of runs, with its database where that is not the current one.
    """
    rows = connection.execute(
        f"SELECT run_id, ended_at, plan FROM {runs} WHERE is_published AND contains(plan, $step) ORDER BY ended_at",
        {"step": json.dumps({"name": STEP})[1:-1]},
    ).fetchall()
    found = []
    for run_id, ended_at, plan in rows:
        found += [_upgrade(run_id, ended_at, step) for step in json.loads(plan) if step.get("name") == STEP]
    return found


def _upgrade(run_id: str, ended_at: datetime, step: dict[str, Any]) -> Upgrade:
    days = {
        (table, date.fromisoformat(day)): UpgradedDay(run_id, found["rows"], found.get("hash"), found.get("reason"))
        for table, change in step["tables"].items()
        for day, found in change["days"].items()
    }
    handed_on = {
        (family, date.fromisoformat(day)): content
        for family, contents in step["handed_on"].items()
        for day, content in contents.items()
    }
    return Upgrade(ended_at, days, handed_on)
