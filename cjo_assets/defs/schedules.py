"""Daily schedules of the families."""

from datetime import date, timedelta

import dagster as dg

from cjo_assets.catalog import data_families
from cjo_assets.core.family import Family
from cjo_assets.core.settings import Settings
from cjo_assets.ingest.changes import published_days
from cjo_assets.ingest.files import is_supplied
from cjo_assets.orchestration.automation import DECLARATIVE, Automation
from cjo_assets.orchestration.jobs import job_name, load_job
from cjo_assets.orchestration.partitions import days
from cjo_assets.warehouse.days_of_data import extend_days

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
        description=f"All tables of the family {family.name} for the last complete day, once a day. CJO_SCHEDULE_CRON, "
        "CJO_SCHEDULE_TIMEZONE and CJO_SCHEDULE_DAY set the time and the day; the schedule is on by default if "
        "CJO_AUTOMATION is schedule or declarative.",
    )
    def ask(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings = Settings.from_environment()
        # Report missing files only for a family that has published days; one that never had any is not in use.
        is_used = is_supplied(settings.data, family.name, family.datasets)
        if not is_used and not published_days(settings.published, family.name):
            return dg.SkipReason(f"{settings.data} contains no file of the family {family.name}.")
        ticked = context.scheduled_execution_time
        if IS_DECLARATIVE:
            return dg.RunRequest(run_key=ticked.isoformat())
        day = (ticked.date() - timedelta(days=AUTOMATION.days_back)).isoformat()
        if not days.has_partition_key(day):
            return dg.SkipReason(f"{day} is no partition: it has not begun in UTC, or CJO_AUTOMATION is off.")
        extend_days(settings, family.name, [date.fromisoformat(day)])
        return dg.RunRequest(run_key=ticked.isoformat(), partition_key=day)

    return ask


@dg.definitions
def schedules() -> dg.Definitions:
    """Return the schedules of all families, with the jobs that they start if automation is declarative."""
    families = data_families()
    return dg.Definitions(
        schedules=[every_day(family) for family in families], jobs=[load_job(family) for family in families]
    )
