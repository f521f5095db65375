"""A home by hand: days computed, recorded and published without Dagster."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from cjo_assets.catalog import all_families, families_about
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.core.table import AUDIT
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.ingest.records import append, locked
from cjo_assets.policy import Policy
from cjo_assets.warehouse.exchange import write_exchange
from cjo_assets.warehouse.publish import publish
from cjo_assets.warehouse.run_log import record_run

TOUR_DAYS = (date(2025, 1, 6), date(2025, 1, 13), date(2025, 1, 20))
CAMPAIGN = "I-f861d253ff7d"
APPROVAL = {
    "intervention_id": CAMPAIGN,
    "decision": "approved",
    "decided_at": "2025-01-07T10:00:00Z",
    "decided_by": "maria.keller",
}
INSTANCE: Any = SimpleNamespace(
    get_run_stats=lambda _: SimpleNamespace(start_time=datetime(2025, 1, 21, tzinfo=UTC).timestamp())
)


@dataclass
class Home:
    """A home, and a store in the place of its build database."""

    settings: Settings
    store: Store
    policy: Policy
    runs: int = 0

    def load(self) -> None:
        """Read the files, and what people recorded."""
        load_files(self.store, families_about("journey"), self.settings.data, self.settings.inputs, self.settings.home)

    def compute(self, day: date) -> None:
        """Compute a day."""
        compute_day(self.store, families_about("journey"), day, self.policy)

    def make_views(self, day: date) -> None:
        """Make the views, which need tables and no rows."""
        for table in self.store.tables.values():
            if table.is_view:
                self.store.replace(table, day, self.policy)

    def publish(self, day: date) -> None:
        """Record a run of a day with the present tables, and publish it."""
        self.runs += 1
        run: Any = SimpleNamespace(run_id=f"run {self.runs}")
        self.store.replace(self.store.tables[AUDIT, "policies"], None, self.policy)
        record_run(self.store, run, INSTANCE, "journey", day, self.policy, None)
        publish(self.store, self.settings.published, [day])


def made_home(folder: Path, data: Path, policy: Policy, statements: Statements | None = None) -> Home:
    """Return an empty home over some data."""
    store = Store(duckdb.connect(), families_about("journey"), statements)
    return Home(Settings(data=data, policy=None, home=folder), store, policy)


def publish_family(store: Store, settings: Settings, family: str, day: date, policy: Policy) -> None:
    """Compute, record and publish a day as the job of a family does, and write its exchange file."""
    families = tuple(found for found in all_families() if not found.datasets or found.name == family)
    run: Any = SimpleNamespace(run_id=f"run of {family} on {day}")
    store.families_of_run, store.days_of_run = (family,), ()
    load_files(store, families, settings.data, settings.inputs, settings.home)
    compute_day(store, families, day, policy)
    store.replace(store.tables[AUDIT, "policies"], None, policy)
    record_run(store, run, INSTANCE, family, day, policy, None)
    publish(store, settings.published, [day])
    write_exchange(settings, store.families[family], policy)


def toured(folder: Path, policy: Policy, statements: Statements) -> Home:
    """Return a home with the three days of the tour; the approval is recorded after the first."""
    home = made_home(folder, PROJECT / "data" / "tour", policy, statements)
    for day in TOUR_DAYS:
        home.load()
        home.compute(day)
        home.publish(day)
        if day == TOUR_DAYS[0]:
            with locked(folder / "approvals.ndjson") as records:
                append(records, APPROVAL)
    return home
