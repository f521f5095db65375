"""What watches the runs: those that died, those that failed, and checks that found something."""

from collections import defaultdict

import dagster as dg

from cjo_assets.wiring.alerts import send_alert
from cjo_assets.wiring.orphans import close_orphans
from cjo_assets.wiring.partitions import days_of_run
from cjo_assets.wiring.runs import failure_text
from cjo_assets.wiring.settings import Settings

RUNNING = dg.DefaultSensorStatus.RUNNING
CHECKS_AT_ONCE = 500


@dg.sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Fails runs whose process is gone: Dagster alone would wait for them for ever.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close every run that nobody is running."""
    closed = close_orphans(context.instance, Settings.from_environment())
    return dg.SkipReason(f"Closed {', '.join(closed)}." if closed else "Every run is alive.")


@dg.run_failure_sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Sends an alert for every failed run: to the log, and to CJO_WEBHOOK_URL where it is set.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Say which run failed, for which days, and why."""
    run = context.dagster_run
    asked = [day.isoformat() for day in days_of_run(run)]
    steps = context.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    reasons = [failure_text(entry) for entry in steps] or [context.failure_event.message or "no reason was given"]
    days = ", ".join(asked) or "no day"
    send_alert(
        "run_failure",
        f"Run {run.run_id} ({days}) failed: {'; '.join(reasons)}",
        context.log,
        run_id=run.run_id,
        days=asked,
        reasons=reasons,
    )


@dg.sensor(
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=RUNNING,
    description="Sends one alert per run with the checks that found something.",
)
def failed_checks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Say which checks found something, run by run."""
    wanted = dg.EventRecordsFilter(
        event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        after_cursor=int(context.cursor) if context.cursor else None,
    )
    records = context.instance.get_event_records(wanted, limit=CHECKS_AT_ONCE, ascending=True)
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        entry = record.event_log_entry
        evaluation = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if evaluation is not None and not evaluation.passed:
            table = evaluation.asset_key.to_user_string()
            found[entry.run_id].append(f"{evaluation.severity.value} {table} {evaluation.check_name}")
    for run_id, checks in found.items():
        text = f"Run {run_id}: {len(checks)} checks found something: {', '.join(checks)}"
        send_alert("check_failure", text, context.log, run_id=run_id, checks=checks)
    if records:
        context.update_cursor(str(records[-1].storage_id))
    return dg.SkipReason(f"{len(records)} checks, of which {sum(map(len, found.values()))} found something.")
