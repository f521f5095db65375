"""Sensors for the health of runs: runs without a process, failed runs and failed checks."""

import dagster as dg

from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.alerts import send_alert
from cjo_assets.orchestration.failures import failure_texts
from cjo_assets.orchestration.finished_runs import report_finished_runs
from cjo_assets.orchestration.keys import COMMAND_TAG
from cjo_assets.orchestration.orphans import close_orphans
from cjo_assets.orchestration.partitions import days_of_run

RUNNING = dg.DefaultSensorStatus.RUNNING


@dg.sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Marks runs as failed whose process has ended, which Dagster alone would list as running.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close all runs whose process has ended."""
    closed = close_orphans(context.instance, Settings.from_environment())
    return dg.SkipReason(f"Closed {', '.join(closed)}." if closed else "All runs have a process.")


@dg.sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Sends one alert per failed run to the log and to CJO_WEBHOOK_URL if set. Runs started by "
    "`cjo run` report their failure on the terminal and send no alert.",
)
def failed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send an alert for each run that failed since the last tick, with its days and reasons."""

    def report(run: dg.DagsterRun) -> None:
        if COMMAND_TAG in run.tags:
            return
        days = [day.isoformat() for day in days_of_run(run)]
        reasons = _failure_reasons(context.instance, run.run_id)
        text = f"Run {run.run_id} ({', '.join(days) or 'no day'}) failed: {'; '.join(reasons)}"
        send_alert("run_failure", text, context.log, run_id=run.run_id, days=days, reasons=reasons)

    count = report_finished_runs(context, [dg.DagsterRunStatus.FAILURE], report)
    return dg.SkipReason(f"{count} runs failed since the last tick.")


@dg.sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Sends one alert per finished run with the checks that failed in it.",
)
def failed_checks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send an alert for each run that finished since the last tick with failed checks."""

    def report(run: dg.DagsterRun) -> None:
        checks = _failed_checks(context.instance, run.run_id)
        if checks:
            text = f"Run {run.run_id}: {len(checks)} checks failed: {', '.join(checks)}"
            send_alert("check_failure", text, context.log, run_id=run.run_id, checks=checks)

    count = report_finished_runs(context, [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], report)
    return dg.SkipReason(f"{count} runs finished since the last tick.")


def _failure_reasons(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return the reasons of all failed steps; that of the run if no step failed."""
    steps = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    if steps:
        return [text for entry in steps for text in failure_texts(entry)]
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return [
        (entry.dagster_event.message if entry.dagster_event else None) or "no error was recorded" for entry in failures
    ]


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return severity, table and name of each check that failed in a run."""
    found = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        evaluation = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if evaluation is not None and not evaluation.passed:
            found.append(f"{evaluation.severity.value} {evaluation.asset_key.to_user_string()} {evaluation.check_name}")
    return found
