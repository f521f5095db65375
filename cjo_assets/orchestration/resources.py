"""The warehouse resource of a run: lock and connection to the build database for the duration of the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from cjo_assets.catalog import all_families
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import logged, report_message
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import Table
from cjo_assets.engine.store import Store, Stored
from cjo_assets.orchestration.event_files import held_open
from cjo_assets.orchestration.failures import failure_texts
from cjo_assets.orchestration.keys import families_of_run
from cjo_assets.orchestration.orphans import close_orphans
from cjo_assets.orchestration.partitions import days_of_run
from cjo_assets.orchestration.range_of_days import RangeOfDays, computed_in_order
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets.warehouse.evolution.rebuild import rebuild_changed_tables
from cjo_assets.warehouse.governance import policy_that_decides
from cjo_assets.warehouse.lock import hold_life
from cjo_assets.warehouse.restore import begin_days, finish_days, restore_unfinished_days
from cjo_assets.warehouse.run_log import record_failure

POOL = "duckdb"


class Warehouse(DuckDBResource):
    """The build database, opened once for all steps of a run."""

    _store: Store = PrivateAttr()
    _settings: Settings = PrivateAttr()
    _policy: Policy = PrivateAttr()
    _families: tuple[Family, ...] = PrivateAttr()
    _range: RangeOfDays | None = PrivateAttr(default=None)
    _results: dict[tuple[date | None, str], Stored] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Acquire the lock and open the store; release both at the end of the run."""
        self._settings = Settings.from_environment()
        self._policy = policy_that_decides(self._settings)
        self._families, self._range, self._results = all_families(), None, {}
        run, instance = context.run, context.instance
        memory = self._policy.warehouse.memory_limit
        if run is None or instance is None:
            with opened(self._settings, self._families, memory) as store:
                self._store = store
                yield self
            return

        hold_life(self._settings, run.run_id)
        with (
            held_open(self._settings.home),
            logged(context.log.info if context.log is not None else print),
            opened(self._settings, self._families, memory, report_message, run.run_id) as store,
        ):
            for orphan in close_orphans(instance, self._settings):
                report_message(f"Closed run {orphan}, whose process has ended.")
            self._store = store
            store.days_of_run = tuple(days_of_run(run))
            store.families_of_run = families_of_run(run)
            store.fences = (*store.fences, lambda: _require_unfinished(instance, run.run_id))
            restore_unfinished_days(store, self._settings.published)
            rebuild_changed_tables(store, self._families, self._settings, report_message, memory)
            yield self
            if not self._record_failure(context):
                # A run of some tables of a day leaves them for the run that publishes the day.
                finish_days(store, store.days_of_run)

    def _record_failure(self, context: dg.InitResourceContext) -> bool:
        """Record a run in which a step failed, and return whether one did."""
        if context.run is None or context.instance is None:
            return False
        failures = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        errors = [text for entry in failures for text in failure_texts(entry)]
        for family, day in itertools.product(self._store.families_of_run, self._store.days_of_run if errors else ()):
            record_failure(self._store, context.run, context.instance, family, day, self._policy, errors)
        return bool(errors)

    def stored(self, table: Table, day: date | None) -> Stored:
        """Compute a table, or a day of it; in a run of several days return the result of the ordered computation.

        Raises:
            ContractBreachError: the table breaks its contract.
        """
        if not self._results:
            begin_days(self._store, self._store.days_of_run)
        stored = self._results[day, table.full_name] = self._stored(table, day)
        return stored

    def _stored(self, table: Table, day: date | None) -> Stored:
        days = list(self._store.days_of_run)
        if day is None or len(days) < 2:
            return self._store.replace(table, day, self._policy)
        if self._range is None:
            self._range = computed_in_order(self._store, self._families, self._settings, days, self._policy)
        return self._range.of(table.full_name, day)

    def judged(self, table: Table, day: date | None) -> Stored:
        """Validate the stored rows of a table, or of a day of it, without computing them.

        Raises:
            ContractBreachError: they break the contract, or a blocking check fails.
        """
        return self._store.judge(table, day, self._policy, self._store.statement(table, day, self._policy))

    def texts(self, family: Family, day: date) -> list[dict[str, Any]]:
        """Write the texts of a family and day, or return those that the ordered computation has written."""
        if self._range is not None and (family.name, day) in self._range.texts:
            return self._range.texts[family.name, day]
        return family.texts.write(self._store, day, self._policy) if family.texts else []

    @property
    def store(self) -> Store:
        """Return the store of the run."""
        return self._store

    @property
    def results(self) -> dict[tuple[date | None, str], Stored]:
        """Return the results so far, by day and table; the day of an undated table is None."""
        return self._results

    @property
    def settings(self) -> Settings:
        """Return the settings of the run."""
        return self._settings

    @property
    def policy(self) -> Policy:
        """Return the policy of the run, the same for all its steps."""
        return self._policy


def _require_unfinished(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        ended = run.status.value if run else "deleted"
        raise WarehouseError(f"The run {run_id} has ended already ({ended}). Nothing more is written.")
