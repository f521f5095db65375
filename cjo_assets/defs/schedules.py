"""When a day is run by the clock."""

from datetime import timedelta

import dagster as dg

from cjo_assets.catalog import data_families
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.ingest.changes import published_days
from cjo_assets.ingest.files import is_supplied
from cjo_assets.orchestration.automation import DECLARATIVE, Automation
from cjo_assets.orchestration.jobs import job_name, load_job
from cjo_assets.orchestration.partitions import days

AUTOMATION = Automation.from_environment()
IS_DECLARATIVE = AUTOMATION.mode == DECLARATIVE


def every_day(family: Family) -> dg.ScheduleDefinition:
    """Return the schedule of a family."""

    @dg.schedule(
        name=f"every_day_{family.name}",
        job_name=load_job(family).name if IS_DECLARATIVE else job_name(family.name),
        cron_schedule=AUTOMATION.cron,
        execution_timezone=AUTOMATION.timezone,
        default_status=AUTOMATION.schedule_status,
        description=f"Every table of the family {family.name} on the last whole day, once a day. CJO_SCHEDULE_CRON, "
        "CJO_SCHEDULE_TIMEZONE and CJO_SCHEDULE_DAY say when and which; it runs by itself where CJO_AUTOMATION is "
        "schedule or declarative.",
    )
    def ask(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings = Settings.from_environment()
        # A family that was published once is missed when its files are gone; one that never was is not in use.
        is_used = is_supplied(settings.data, family.name, family.datasets)
        if not is_used and not published_days(settings.published, family.name):
            return dg.SkipReason(f"{settings.data} holds no file of the family {family.name}.")
        ticked = context.scheduled_execution_time
        if IS_DECLARATIVE:
            return dg.RunRequest(run_key=ticked.isoformat())
        day = (ticked.date() - timedelta(days=AUTOMATION.days_back)).isoformat()
        if not days.has_partition_key(day):
            return dg.SkipReason(f"{day} has not begun in UTC, by which days are counted.")
        return dg.RunRequest(run_key=ticked.isoformat(), partition_key=day)

    return ask


@dg.definitions
def schedules() -> dg.Definitions:
    """Return the schedules of all families, and what they start where automation is declarative."""
    families = data_families()
    return dg.Definitions(
        schedules=[every_day(family) for family in families], jobs=[load_job(family) for family in families]
    )
