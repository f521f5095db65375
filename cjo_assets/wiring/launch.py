"""Runs started from this process: which day, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import dagster as dg

from cjo_assets.wiring.errors import InputError
from cjo_assets.wiring.event_files import held_open
from cjo_assets.wiring.families import all_families
from cjo_assets.wiring.governance import policy_that_decides
from cjo_assets.wiring.partitions import FIRST_DAY, days, tags_of_days
from cjo_assets.wiring.progress import listen, report_message
from cjo_assets.wiring.runs import failure_text
from cjo_assets.wiring.settings import Settings
from cjo_assets.wiring.sources import latest_date, load_dataset
from cjo_assets.wiring.warehouse import opened

JOB = "daily"


def latest_day(say: Callable[[str], None] = report_message) -> date:
    """Load the files and return the latest date in them that is not in the future.

    The run that follows finds the files loaded and does not read them again.

    Args:
        say: told where another run is writing.

    Raises:
        InputError: a file cannot be understood, or none holds a date.
        PolicyError: the policy cannot be used.
    """
    settings = Settings.from_environment()
    memory_limit = policy_that_decides(settings).warehouse.memory_limit
    families = all_families()
    with opened(settings, families, memory_limit, say) as store:
        for family in families:
            for dataset in family.datasets:
                load_dataset(store.connection, dataset, settings.data, family.name, settings.inputs, settings.home)
        found = latest_date(store.connection, store.datasets)
    if found is None:
        raise InputError(f"No file in {settings.data} holds a date up to today; say --as-of.")
    return date.fromisoformat(found)


def run_days(
    first: date, last: date, on_table: Callable[[str, int], None], on_message: Callable[[str], None]
) -> list[str]:
    """Run the daily job for every day from the first to the last, in one run.

    Returns:
        Why it failed: nothing where it did not.

    Raises:
        InputError: a day is no partition, or the last comes before the first.
        PolicyError: the policy cannot be used.
        WarehouseError: the warehouse cannot be used.
    """
    settings = Settings.from_environment()
    policy_that_decides(settings)
    if last < first:
        raise InputError(f"{last} comes before {first}: the first day stands first.")
    for key in (first.isoformat(), last.isoformat()):
        if not days.has_partition_key(key):
            raise InputError(f"{key} is no day to run: days go from {FIRST_DAY} to today.")
    # A warehouse that cannot be used says so here, in words, and not in a run that never started.
    with opened(settings, all_families(), say=on_message):
        pass
    listen(on_table, on_message)
    try:
        with held_open(settings.home):
            return _failures_of_run(first, last)
    finally:
        listen(None)


def _failures_of_run(first: date, last: date) -> list[str]:
    from cjo_assets.definitions import defs

    instance = dg.DagsterInstance.get()
    result = (
        defs()
        .resolve_job_def(JOB)
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=tags_of_days(first, last),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    )
    if result.success:
        return []
    failures = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return [failure_text(entry) for entry in failures] or ["The run did not start; the Dagster UI shows why."]
