"""Runs that the command line starts in its own process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import dagster as dg

from cjo_assets.catalog import all_families, data_families
from cjo_assets.core.errors import InputError, WarehouseError
from cjo_assets.core.family import Family, in_run_order
from cjo_assets.core.progress import listen, report_message
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.ingest.accepted_days import days_of_accepted_records, first_accepted_day
from cjo_assets.ingest.chain import load_files
from cjo_assets.ingest.changes import published_days
from cjo_assets.ingest.files import is_supplied
from cjo_assets.orchestration.event_files import held_open
from cjo_assets.orchestration.failures import failure_texts
from cjo_assets.orchestration.interrupts import shielded_children
from cjo_assets.orchestration.jobs import job_name
from cjo_assets.orchestration.keys import COMMAND_TAG, FAMILY_TAG
from cjo_assets.orchestration.partitions import FIRST_DAY, days, tags_of_days
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.days_of_data import days_of_families, extend_days
from cjo_assets.warehouse.disk import no_room, says_full
from cjo_assets.warehouse.governance import policy_that_decides


@dataclass(frozen=True)
class Supplied:
    """First or last date up to today of the accepted records of a family.

    Attributes:
        family: its name.
        first: None if no record has a date, or if the run has no given last day to compare with it.
        last: None if no record has a date, or if the last day of the run is given.
    """

    family: str
    first: date | None
    last: date | None


def supplied(
    only: str | None = None,
    say: Callable[[str], None] = report_message,
    *,
    has_day: bool = False,
    has_last_day: bool = False,
) -> list[Supplied]:
    """Load the files of every family that has any or has published days, and return the days they cover.

    The run that follows finds the files loaded and does not read them again.

    Args:
        only: name of the requested family; None for all.
        say: receives a message while another run is writing.
        has_day: whether the day is given: the run then records the failure of a file that cannot be read.
        has_last_day: whether the last day is given, so that the first of the records is returned instead.

    Raises:
        InputError: a file cannot be read, a family is unknown, or no family has a file.
        PolicyError: the policy cannot be used.
    """
    settings = Settings.from_environment()
    policy = policy_that_decides(settings)
    names = [family.name for family in data_families()]
    if only is not None and only not in names:
        raise InputError(f"Unknown family {only}. Choose one of: {', '.join(names)}.")
    families = [family for family in in_run_order(data_families()) if only in (family.name, None)]
    wanted = [
        family
        for family in families
        if is_supplied(settings.data, family.name, family.datasets) or published_days(settings.published, family.name)
    ]
    with opened(settings, all_families(), policy.warehouse.memory_limit, say) as store:
        # Without any file the intended family is unknown: load each, so that the error names its missing files.
        unread = set()
        for family in wanted or families:
            try:
                load_files(store, (family,), settings.data, settings.inputs, settings.home)
            except InputError as error:
                if has_day:
                    unread.add(family.name)
                    continue
                others = [other.name for other in wanted if other is not family]
                if not others:
                    raise
                ways = " or ".join(f"--family {name}" for name in others)
                raise InputError(
                    f"{error} The file is part of the family {family.name}; {ways} runs without it."
                ) from error
        found = []
        for family in wanted or families:
            first = last = None
            if has_last_day and family.name not in unread:
                first = first_accepted_day(store, family, policy)
            elif family.name not in unread:
                last = _last_day(store, family, policy, None if has_day else say)
            found.append(Supplied(family.name, first, last))
            if family.name not in unread:
                _list_days(store, family, policy, first, last)
        return found


def _list_days(store: Store, family: Family, policy: Policy, first: date | None, last: date | None) -> None:
    """Let the UI list the days of the data of a family that has not run before."""
    settings = Settings.from_environment()
    if family.name not in days_of_families(settings):
        extend_days(settings, family.name, [first or first_accepted_day(store, family, policy), last])


def _last_day(store: Store, family: Family, policy: Policy, say: Callable[[str], None] | None) -> date | None:
    """Return the last date of the accepted records, and report a long gap before it."""
    days = days_of_accepted_records(store, family, policy)
    gap = days.gap(policy.warehouse.newest_day_gap_days)
    if gap is not None and say is not None:
        say(gap)
    return days.last


def run_days(
    family: str, first: date, last: date, on_table: Callable[[str, int], None], on_message: Callable[[str], None]
) -> list[str]:
    """Run the daily job of a family for every day from the first to the last, in one run.

    Returns:
        The failures; empty if the run succeeded.

    Raises:
        InputError: a day is not a partition, or the last is before the first.
        PolicyError: the policy cannot be used.
        WarehouseError: the warehouse cannot be used.
        KeyboardInterrupt: the run was interrupted.
    """
    settings = Settings.from_environment()
    policy_that_decides(settings)
    if last < first:
        raise InputError(f"The last day {last} is before the first day {first}.")
    for key in (first.isoformat(), last.isoformat()):
        if not days.has_partition_key(key):
            raise InputError(f"{key} is not a valid as-of date. Choose a day from {FIRST_DAY} to today.")
    # Report an unusable warehouse here, before a run is created.
    with opened(settings, all_families(), say=on_message):
        pass
    extend_days(settings, family, [first, last])
    listen(on_table, on_message)
    try:
        with held_open(settings.home), shielded_children():
            return _failures_of_run(family, first, last)
    finally:
        listen(None)


@functools.cache
def _definitions() -> dg.Definitions:
    """Load the definitions once for all runs of this process."""
    from cjo_assets.definitions import defs

    return defs()


@functools.cache
def job_of(family: str) -> dg.JobDefinition:
    """Return the job that computes a day of a family."""
    return _definitions().resolve_job_def(job_name(family))


def _failures_of_run(family: str, first: date, last: date) -> list[str]:
    instance = dg.DagsterInstance.get()
    # JobDefinition.execute_in_process would replace the executor by one that skips all steps after a failed one.
    job = dg.build_reconstructable_job(__name__, job_of.__name__, (family,))
    with dg.execute_job(
        job,
        instance=instance,
        tags=tags_of_days(first, last) | {FAMILY_TAG: family, COMMAND_TAG: "cjo run"},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    ) as result:
        if result.success:
            return []
    failures = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    if any(_is_interrupt(entry) for entry in failures):
        raise KeyboardInterrupt
    texts = [text for entry in failures for text in failure_texts(entry)]
    if any(says_full(text) for text in texts):
        raise WarehouseError(no_room(Settings.from_environment()))
    return texts or ["The run did not start. See its log in the Dagster UI (cjo ui)."]


def _is_interrupt(entry: dg.EventLogEntry) -> bool:
    """Return whether a step failed because the run was interrupted."""
    failure = entry.dagster_event.step_failure_data if entry.dagster_event else None
    error = failure.error if failure else None
    while error is not None:
        if error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
            return True
        error = error.cause
    return False
