"""Daily partitions, and the days of a step or run.

The UI lists the days of the data of the home, so that its launch dialog opens on days that can be computed; with
schedules or declarative automation, the days up to today, too. A command computes any day.
"""

import os
from datetime import date, timedelta

import dagster as dg

from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.automation import OFF, Automation
from cjo_assets.warehouse.days_of_data import days_of_home

FIRST_DAY = "2000-01-01"
# Set to `all`, it lists all days since FIRST_DAY.
LISTED = "CJO_PARTITIONS"
ALL = "all"
PARTITION = "dagster/partition"
AUTOMATED = "dagster/from_automation_condition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def listed_days(settings: Settings, mode: str) -> dg.DailyPartitionsDefinition:
    """Return the partitions: the days of the data, and with automation also those up to today.

    Today is a partition before it has ended: a run during the day uses what is known so far.
    """
    known = None if os.environ.get(LISTED) == ALL else days_of_home(settings)
    if known is None:
        return dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)
    first, last = known
    if mode != OFF:
        return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1)
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(), end_date=(last + timedelta(days=1)).isoformat(), end_offset=1
    )


days = listed_days(Settings.from_environment(), Automation.from_environment().mode)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the days of a step in order; empty if its run has no partition."""
    if not context.has_partition_key_range and not context.has_partition_key:
        return []
    return [date.fromisoformat(key) for key in context.partition_keys]


def days_of_run(run: dg.DagsterRun) -> list[date]:
    """Return the days in the tags of a run, in order, whether or not they are partitions; none if a tag is no date."""
    single = run.tags.get(PARTITION)
    if single is None and AUTOMATED in run.tags:
        # Automation runs undated tables without a partition, together with the latest day.
        single = days.get_last_partition_key()
    first = run.tags.get(RANGE_START, single)
    last = run.tags.get(RANGE_END, single)
    if first is None or last is None:
        return []
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        # The UI accepts any text; Dagster then fails the run, and the alert of that failure must not fail as well.
        return []
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def tags_of_days(first: date, last: date) -> dict[str, str]:
    """Return the tags of one run over all days from the first to the last."""
    if first == last:
        return {PARTITION: first.isoformat()}
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
