"""Dates of the accepted records of a family, which set the default as-of date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from cjo_assets.core.contract import columns_of
from cjo_assets.core.family import Family
from cjo_assets.core.table import QUARANTINE, RAW, Table, in_order
from cjo_assets.engine.raw import day_of
from cjo_assets.engine.sql import literal
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import days_of_records
from cjo_assets.policy import Policy


@dataclass(frozen=True)
class DaysOfRecords:
    """Dates of the accepted records up to today.

    Attributes:
        first: the first date; None if no record has one.
        last: the last date.
        before_last: the date before the last; None if there is only one.
        last_records: some of the records of the last date, as dataset and key.
    """

    first: date | None = None
    last: date | None = None
    before_last: date | None = None
    last_records: tuple[str, ...] = ()

    def gap(self, most_days: int) -> str | None:
        """Return a warning if the last date is more than `most_days` days after the one before."""
        if self.last is None or self.before_last is None or (self.last - self.before_last).days <= most_days:
            return None
        return (
            f"The latest records are dated {self.last}, {(self.last - self.before_last).days} days after the previous "
            f"ones ({self.before_last}): {', '.join(self.last_records)}. If that date is wrong, correct it or specify "
            "the day with --as-of."
        )


def days_of_accepted_records(store: Store, family: Family, policy: Policy) -> DaysOfRecords:
    """Return the dates of a family's accepted records without changing the warehouse.

    All records count if another engine has the quarantine tables, and if none is accepted: then a required dataset has
    no rows, and the run of that day fails with the reason.
    """
    of_all = DaysOfRecords(*days_of_records(store.connection, family.datasets))
    if not store.is_in_build:
        return of_all
    dated = [
        (dataset.name, spec)
        for dataset in family.datasets
        for spec in columns_of(dataset.contract)
        if dataset.sets_newest_day and spec.name == dataset.record_date
    ]
    if not dated:
        return DaysOfRecords()
    with _judged(store, {(QUARANTINE, name) for name, _ in dated}, policy):
        records = " UNION ALL ".join(
            f"SELECT {literal(name)} AS dataset, source_file, source_row, {day_of(spec)} AS day FROM {RAW}.{name} "
            f"ANTI JOIN {QUARANTINE}.{name} USING (source_file, source_row)"
            for name, spec in dated
        )
        known = f"FROM ({records}) WHERE day BETWEEN DATE '0001-01-01' AND current_date"
        days = store.rows(f"SELECT min(day) AS first, max(day) AS last {known}")[0]
        if days["last"] is None:
            return of_all
        before = store.rows(f"SELECT max(day) AS day {known} AND day < ?", days["last"])[0]["day"]
        newest = store.rows(f"SELECT source_file, source_row {known} AND day = ? ORDER BY ALL LIMIT 3", days["last"])
    places = tuple(f"{row['source_file']} row {row['source_row']}" for row in newest)
    return DaysOfRecords(days["first"], days["last"], before, places)


@contextmanager
def _judged(store: Store, wanted: set[tuple[str, str]], policy: Policy) -> Iterator[None]:
    """Compute the quarantine tables and their inputs temporarily, for queries inside the block."""
    needed: dict[tuple[str, str], Table] = {}
    waiting = list(wanted)
    while waiting:
        key = waiting.pop()
        table = store.tables.get(key)
        if table is not None and table.transform is not None and not table.is_dated and key not in needed:
            needed[key] = table
            waiting += [(found.schema, found.name) for found in table.inputs().values()]
    store.connection.execute("BEGIN")
    try:
        for table in in_order(needed.values()):
            store.fill(table, None, store.statement(table, None, policy).sql)
        yield
    finally:
        store.connection.execute("ROLLBACK")
