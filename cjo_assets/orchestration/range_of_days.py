"""Computation of several days in one run, one day after the other.

Dagster executes a range table by table, all days of a table at once, but a day reads decisions of the days before it.
Therefore the first dated table of such a run computes all dated tables in order of days, and the step of each table
reports its part.
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
        stored: the stored result by table and day.
        texts: rows of the texts of each family and day; the next day reads the calls for them.
        breach: the table and day of a broken contract, with the error; None if all days were computed.
    """

    stored: dict[tuple[str, date], Stored] = field(default_factory=dict)
    texts: dict[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    breach: tuple[str, date, ContractBreachError] | None = None

    def of(self, table: str, day: date) -> Stored:
        """Return the result for a table and a day.

        Raises:
            ContractBreachError: the table, or an earlier one, breaks its contract.
        """
        found = self.stored.get((table, day))
        if found is not None:
            return found
        if self.breach is None:
            raise LookupError(f"{table} was not computed for {day}.")
        broken, broken_day, error = self.breach
        if (broken, broken_day) == (table, day):
            raise error
        raise ContractBreachError(f"{table} was not computed for {day}, because on {broken_day} {error}", {})


def computed_in_order(
    store: Store, families: tuple[Family, ...], settings: Settings, days: list[date], policy: Policy
) -> RangeOfDays:
    """Compute all dated tables of the run's families, day by day.

    Raises:
        InputError: a file cannot be read.
    """
    asked = tuple(family for family in families if not family.datasets or family.name in store.families_of_run)
    load_files(store, asked, settings.data, settings.inputs, settings.home)
    tables = in_order(table for family in asked for table in family.tables if table.transform is not None)
    computed = RangeOfDays()
    for number, day in enumerate(days):
        report_message(f"Computing {day}, day {number + 1} of {len(days)}.")
        for table in tables:
            # Undated tables are computed once by their own step after all days.
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
