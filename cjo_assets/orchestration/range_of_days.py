"""Several days in one run: day by day, as they would be run one by one.

Dagster goes through a range table by table, all days of one before the next. But a day reads what the days before it
decided. So the first dated table that a run of several days comes to has all of them computed, in order; every table's
step then reports what was computed for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.family import Family
from cjo_assets.core.progress import report_message
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import in_order
from cjo_assets.engine.store import Store, Stored
from cjo_assets.ingest.chain import load_files
from cjo_assets.policy import Policy


@dataclass
class RangeOfDays:
    """The dated tables of a run of several days.

    Attributes:
        stored: what was computed, by table and day.
        texts: rows of the texts of each family and day; the next day counts the calls they took.
        breach: the table and day at which it ended, with the contract that was broken; None where all was computed.
    """

    stored: dict[tuple[str, date], Stored] = field(default_factory=dict)
    texts: dict[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    breach: tuple[str, date, ContractBreachError] | None = None

    def of(self, table: str, day: date) -> Stored:
        """Return what was computed for a table and a day.

        Raises:
            ContractBreachError: the table, or one that came before it, breaks its contract.
        """
        found = self.stored.get((table, day))
        if found is not None:
            return found
        if self.breach is None:
            raise LookupError(f"{table} was not computed for {day}.")
        broken, broken_day, error = self.breach
        if (broken, broken_day) == (table, day):
            raise error
        raise ContractBreachError(f"{table} was not computed for {day}, since on {broken_day} {error}", {})


def computed_in_order(
    store: Store, families: tuple[Family, ...], settings: Settings, days: list[date], policy: Policy
) -> RangeOfDays:
    """Compute every dated table of the run's families for every day, each day whole before the next.

    Raises:
        InputError: a file cannot be understood.
    """
    asked = tuple(family for family in families if not family.datasets or family.name in store.families_of_run)
    load_files(store, asked, settings.data, settings.inputs, settings.home)
    tables = in_order(table for family in asked for table in family.tables if table.transform is not None)
    computed = RangeOfDays()
    for number, day in enumerate(days):
        report_message(f"Computing {day}, day {number + 1} of {len(days)}.")
        for table in tables:
            # What has no day is the same for all of them: its own step computes it anew when they are done.
            if not table.is_dated and number:
                continue
            try:
                stored = store.replace(table, day if table.is_dated else None, policy)
            except ContractBreachError as error:
                computed.breach = (table.full_name, day, error)
                return computed
            computed.stored[table.full_name, day] = stored
        for family in asked:
            if family.texts is not None:
                computed.texts[family.name, day] = family.texts.write(store, day, policy)
    return computed
