"""The event log whose files stay open: the same rows as Dagster's own reads, whatever happened to the files.

Belongs here: what keeping a file open could break. Does not belong here: what Dagster stores.
"""

import time
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from cjo_assets.wiring.event_log import OPEN_FILES, SteadyEventLog


@dg.asset
def nothing() -> None:
    """An asset of no content."""


JOB = dg.define_asset_job("job", [nothing])


def instance_at(folder: Path) -> dg.DagsterInstance:
    """Return an instance whose event log is ours."""
    storages = {
        "run_storage": ("dagster._core.storage.runs", "SqliteRunStorage", folder / "history"),
        "event_log_storage": ("cjo_assets.wiring.event_log", "SteadyEventLog", folder / "history" / "runs"),
        "schedule_storage": ("dagster._core.storage.schedules", "SqliteScheduleStorage", folder / "schedules"),
    }
    overrides = {
        name: {"module": module, "class": kind, "config": {"base_dir": str(place)}}
        for name, (module, kind, place) in storages.items()
    }
    return dg.DagsterInstance.local_temp(str(folder), overrides=overrides | {"telemetry": {"enabled": False}})


def run_once(instance: dg.DagsterInstance) -> str:
    """Materialize the asset and return the run."""
    done = dg.materialize([nothing], instance=instance)
    assert done.success
    return done.run_id


def test_dagsters_own_storage_reads_what_ours_wrote(tmp_path: Path) -> None:
    with instance_at(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, SteadyEventLog)
        run_id = run_once(instance)
        ours = instance.event_log_storage.get_logs_for_run(run_id)
        # Read while our connections are open, as a webserver does beside a run.
        theirs = SqliteEventLogStorage(str(tmp_path / "history" / "runs")).get_logs_for_run(run_id)
    assert len(ours) > 5
    assert theirs == ours


def test_more_runs_than_files_stay_open_are_all_readable(tmp_path: Path) -> None:
    with instance_at(tmp_path) as instance:
        log = instance.event_log_storage
        assert isinstance(log, SteadyEventLog)
        first = run_once(instance)
        for _ in range(OPEN_FILES):
            last = run_once(instance)
        assert len(log._open) == OPEN_FILES
        assert len(log.get_logs_for_run(first)) == len(log.get_logs_for_run(last)) > 5


def test_what_was_wiped_is_made_anew(tmp_path: Path) -> None:
    with instance_at(tmp_path) as instance:
        run_once(instance)
        instance.event_log_storage.wipe()
        assert instance.get_latest_materialization_event(nothing.key) is None
        again = run_once(instance)
        assert len(instance.event_log_storage.get_logs_for_run(again)) > 5


def test_events_are_told_as_they_come(tmp_path: Path) -> None:
    """The UI watches a run that another process writes, whose file stays open: so there is no end to wait for."""
    told: list[str] = []
    with instance_at(tmp_path) as writer, instance_at(tmp_path) as reader:
        run = writer.create_run_for_job(dg.Definitions([nothing], jobs=[JOB]).resolve_job_def(JOB.name))
        reader.event_log_storage.watch(run.run_id, None, lambda entry, _: told.append(entry.message))
        for number in range(3):
            writer.report_engine_event(f"event {number}", run)
            deadline = time.monotonic() + 60
            while f"event {number}" not in told and time.monotonic() < deadline:
                time.sleep(0.05)
            assert told[-1] == f"event {number}"
