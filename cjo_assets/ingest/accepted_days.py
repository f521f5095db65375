"""Dates of the accepted records of a family, the last of which is the default as-of date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from cjo_assets.core.contract import Column, columns_of
from cjo_assets.core.family import Family
from cjo_assets.core.table import QUARANTINE, RAW
from cjo_assets.engine.raw import day_of
from cjo_assets.engine.sql import quoted
from cjo_assets.engine.store import Store
from cjo_assets.ingest.loading import days_of_records
from cjo_assets.policy import Policy

TYPED = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class DaysOfRecords:
    """Last dates of the accepted records up to today.

    Attributes:
        last: the last date; None if no record has one.
        before_last: the date before the last; None if there is only one.
        last_records: some of the records of the last date, as file and row.
    """

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
    """Return the last dates of a family's accepted records without changing the warehouse.

    All records count if another engine has the quarantine tables, and if none is accepted: then a required dataset has
    no rows, and the run of that day fails with the reason.
    """
    if store.is_in_build and any(_columns_of_days(family)):
        with _accepted(store, family, policy) as accepted:
            last = accepted.latest()
            if last is not None:
                return DaysOfRecords(last, accepted.latest(before=last), accepted.places(last))
    return DaysOfRecords(days_of_records(store.connection, family.datasets)[1])


def first_accepted_day(store: Store, family: Family, policy: Policy) -> date | None:
    """Return the first date of a family's accepted records up to today, under the same conditions."""
    if store.is_in_build and any(_columns_of_days(family)):
        with _accepted(store, family, policy) as accepted:
            first = accepted.first()
            if first is not None:
                return first
    return days_of_records(store.connection, family.datasets)[0]


def _columns_of_days(family: Family) -> list[tuple[str, Column]]:
    return [
        (dataset.name, spec)
        for dataset in family.datasets
        for spec in columns_of(dataset.contract)
        if dataset.sets_newest_day and spec.name == dataset.record_date
    ]


class _AcceptedDays:
    """Days of accepted records.

    The days of all rows of a file bound those of its accepted rows. Rows are therefore validated only where the bound
    of their dataset could decide, of the smallest dataset first: usually that has an accepted row of the last day.
    """

    def __init__(self, store: Store, family: Family, policy: Policy) -> None:
        """Read the days of all rows."""
        self._store, self._policy = store, policy
        self._specs = dict(_columns_of_days(family))
        self._validated: set[str] = set()
        self._filled: set[tuple[str, str]] = set()
        self._day_of = {name: self._expression(name, spec) for name, spec in self._specs.items()}
        self._rows = {name: store.count(f"{RAW}.{name}") for name in self._specs}
        self._days = {name: self._days_in(self._records(name)) for name in self._specs}

    def latest(self, before: date = date.max) -> date | None:
        """Return the last day with an accepted record, or the last before a day."""
        return self._decided(max, before)

    def first(self) -> date | None:
        """Return the first day with an accepted record."""
        return self._decided(min, date.max)

    def places(self, day: date) -> tuple[str, ...]:
        """Return where some of the accepted records of a day are, as file and row."""
        records = " UNION ALL ".join(self._records(name) for name in sorted(self._validated))
        query = f"SELECT source_file, source_row FROM ({records}) WHERE day = ? ORDER BY ALL LIMIT 3"
        return tuple(f"{row['source_file']} row {row['source_row']}" for row in self._store.rows(query, day))

    def _decided(self, choose: Callable[[Iterable[date]], date], before: date) -> date | None:
        while True:
            bounds = {name: choose(days) for name in self._days if (days := self._before(name, before))}
            if not bounds:
                return None
            bound = choose(bounds.values())
            tied = [name for name, day in bounds.items() if day == bound]
            if self._validated.intersection(tied):
                return bound
            self._validate(min(tied, key=lambda name: (self._rows[name], name)))

    def _before(self, name: str, day: date) -> list[date]:
        return [found for found in self._days[name] if found < day]

    def _validate(self, name: str) -> None:
        """Compute the quarantine of a dataset, and keep the days of its accepted rows."""
        self._fill(QUARANTINE, name)
        self._validated.add(name)
        self._days[name] = self._days_in(self._records(name))

    def _fill(self, schema: str, name: str) -> None:
        """Compute a table without date, after the tables that it reads."""
        table = self._store.tables.get((schema, name))
        if table is None or table.transform is None or table.is_dated or (schema, name) in self._filled:
            return
        self._filled.add((schema, name))
        for found in table.inputs().values():
            self._fill(found.schema, found.name)
        self._store.fill(table, None, self._store.statement(table, None, self._policy).sql)

    def _records(self, name: str) -> str:
        accepted = f"ANTI JOIN {QUARANTINE}.{name} USING (source_file, source_row)" if name in self._validated else ""
        return f"SELECT source_file, source_row, {self._day_of[name]} AS day FROM {RAW}.{name} {accepted}"

    def _expression(self, name: str, spec: Column) -> str:
        """Return the expression for the day of a row; a column that the file types needs no parsing."""
        types = {row["column_name"]: row["column_type"] for row in self._store.rows(f"DESCRIBE {RAW}.{name}")}
        return f"{quoted(spec.name)}::DATE" if types[spec.name] in TYPED else day_of(spec)

    def _days_in(self, records: str) -> list[date]:
        query = f"SELECT DISTINCT day FROM ({records}) WHERE day BETWEEN DATE '0001-01-01' AND current_date"
        return [row["day"] for row in self._store.rows(query)]


@contextmanager
def _accepted(store: Store, family: Family, policy: Policy) -> Iterator[_AcceptedDays]:
    """Compute tables temporarily, for queries inside the block."""
    store.connection.execute("BEGIN")
    try:
        yield _AcceptedDays(store, family, policy)
    finally:
        store.connection.execute("ROLLBACK")
