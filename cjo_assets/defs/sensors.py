"""Sensors: what starts a run without anybody asking."""

import dagster as dg

from cjo_assets.wiring.deciding import day_of_records, new_records
from cjo_assets.wiring.settings import Settings


@dg.sensor(
    job_name="daily",
    minimum_interval_seconds=Settings.sensor_seconds(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs the newest day again when somebody has recorded an approval or a rejection.",
)
def approval_decisions_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run per change of the records."""
    settings = Settings.from_environment()
    content = new_records(settings)
    if content is None or content == context.cursor:
        return dg.SkipReason("Nobody has recorded anything new.")
    day = day_of_records(settings)
    if day is None:
        return dg.SkipReason("Nothing is published yet that an answer could be about.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=content, partition_key=day.isoformat())],
        cursor=content,
    )
