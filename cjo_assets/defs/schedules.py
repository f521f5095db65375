"""When a day is run by the clock."""

from datetime import timedelta

import dagster as dg

from cjo_assets.wiring.automation import DECLARATIVE, Automation
from cjo_assets.wiring.partitions import days
from cjo_assets.wiring.tables import RAW

AUTOMATION = Automation.from_environment()
IS_DECLARATIVE = AUTOMATION.mode == DECLARATIVE

load = dg.define_asset_job(
    "load",
    selection=dg.AssetSelection.key_prefixes(RAW),
    description="The raw edge alone; where automation is declarative everything else follows.",
)


@dg.schedule(
    job_name="load" if IS_DECLARATIVE else "daily",
    cron_schedule=AUTOMATION.cron,
    execution_timezone=AUTOMATION.timezone,
    default_status=AUTOMATION.schedule_status,
    description="Every table of the last whole day, once a day. CJO_SCHEDULE_CRON, CJO_SCHEDULE_TIMEZONE and "
    "CJO_SCHEDULE_DAY say when and which; it runs by itself where CJO_AUTOMATION is schedule or declarative.",
)
def every_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for the day before the tick, or for what the raw edge holds."""
    ticked = context.scheduled_execution_time
    if IS_DECLARATIVE:
        return dg.RunRequest(run_key=ticked.isoformat())
    day = (ticked.date() - timedelta(days=AUTOMATION.days_back)).isoformat()
    if not days.has_partition_key(day):
        return dg.SkipReason(f"{day} has not begun in UTC, by which days are counted.")
    return dg.RunRequest(run_key=ticked.isoformat(), partition_key=day)
