"""Runs that finished since a sensor's last tick.

Dagster's event log refuses a storage-wide cursor where it keeps one SQLite file per run, and its run status sensors
move on when their function raises. This cursor is kept over the run records, which every storage has, and moves past a
run only when its alert was delivered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

# A run is recorded as finished a moment after its end, so a later end may be seen first. Runs that ended within this
# period of the newest one are read again and recognized by their id.
LOOK_BACK = timedelta(hours=1)


@dataclass(frozen=True)
class Cursor:
    """Position of a sensor in the finished runs.

    Attributes:
        until: the latest update of a run that was reported [seconds since 1970, UTC].
        reported: ids of the runs that were reported and updated within `LOOK_BACK` of it, with that time.
    """

    until: float
    reported: dict[str, float]

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Return the cursor that `written` made."""
        content = json.loads(text)
        return cls(content["until"], content["reported"])

    def written(self) -> str:
        """Return the cursor as text."""
        return json.dumps(vars(self), sort_keys=True)

    def after(self, record: dg.RunRecord) -> Cursor:
        """Return the cursor once a run was reported."""
        updated = record.update_timestamp.timestamp()
        until = max(self.until, updated)
        reported = self.reported | {record.dagster_run.run_id: updated}
        oldest = until - LOOK_BACK.total_seconds()
        return Cursor(until, {run_id: time for run_id, time in reported.items() if time >= oldest})


def report_finished_runs(
    context: dg.SensorEvaluationContext,
    statuses: Sequence[dg.DagsterRunStatus],
    report: Callable[[dg.DagsterRun], None],
) -> int:
    """Report every run that finished since the last tick, oldest first, and return how many there were.

    The first tick reports nothing: it only notes which runs have finished. The cursor moves with every run reported, so
    a run whose report raises is reported again by the next tick.

    Args:
        context: the tick.
        statuses: the statuses of the runs to report.
        report: sends the alert of one run.
    """
    if not context.cursor:
        cursor = Cursor(datetime.now(UTC).timestamp(), {})
        for record in _finished(context.instance, statuses, cursor):
            cursor = cursor.after(record)
        context.update_cursor(cursor.written())
        return 0
    cursor = Cursor.read(context.cursor)
    count = 0
    for record in list(_finished(context.instance, statuses, cursor)):
        report(record.dagster_run)
        cursor = cursor.after(record)
        context.update_cursor(cursor.written())
        count += 1
    return count


def _finished(
    instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus], cursor: Cursor
) -> Iterator[dg.RunRecord]:
    since = datetime.fromtimestamp(cursor.until, UTC) - LOOK_BACK
    found = instance.get_run_records(
        dg.RunsFilter(statuses=list(statuses), updated_after=since), order_by="update_timestamp", ascending=True
    )
    return (record for record in found if record.dagster_run.run_id not in cursor.reported)
