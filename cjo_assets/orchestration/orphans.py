"""Detection and closing of runs whose process has ended.

This is done by a sensor, by `cjo doctor`, and by each run that acquires the warehouse.
"""

from __future__ import annotations

import time

import dagster as dg

from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.lock import dead_lives, is_alive

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A run acquires its lock within seconds of its start; one without a lock after this time has no process.
GRACE_SECONDS = 90.0
MESSAGE = (
    "The process of this run has ended without a result. Its unpublished changes are discarded; run the day again."
)


def orphans(instance: dg.DagsterInstance, settings: Settings, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Return the ids of the runs that Dagster lists as running and whose process has ended."""
    now = time.time()
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    return [
        record.dagster_run.run_id
        for record in records
        if _is_dead(
            is_alive(settings, record.dagster_run.run_id), now - record.update_timestamp.timestamp(), grace_seconds
        )
    ]


def close_orphans(instance: dg.DagsterInstance, settings: Settings, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Mark the runs without a process as failed, free their slots in pools, and return their ids."""
    closed = orphans(instance, settings, grace_seconds)
    for run_id in closed:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, MESSAGE)
        else:
            instance.report_run_failed(run, MESSAGE)
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    for path in dead_lives(settings):
        ended = instance.get_run_by_id(path.stem)
        if ended is None or ended.is_finished:
            path.unlink(missing_ok=True)
    return closed


def _is_dead(life: bool | None, silent_seconds: float, grace_seconds: float) -> bool:
    return life is False or (life is None and silent_seconds > grace_seconds)
