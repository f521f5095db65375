"""Detection of new and changed files of a family by content, and of the days they affect.

Times and sizes of files only show where to look for changes; a change is a different hash of the bytes. Rows are
grouped by their date: a day with different rows is affected, and so are all published days after it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.core.contract import Column, columns_of, key_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.days import contiguous
from cjo_assets.core.errors import InputError
from cjo_assets.core.family import Family, registered_families
from cjo_assets.core.settings import Settings
from cjo_assets.engine.raw import day_of
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.engine.store import Store
from cjo_assets.ingest.accepted_days import days_of_accepted_records
from cjo_assets.ingest.chain import load_files
from cjo_assets.ingest.files import EXTRACTS, archived_contents, files_of
from cjo_assets.ingest.formats import CSV_ROWS, UNREADABLE, reading_of
from cjo_assets.ingest.home_files import exchange_contents, exchange_file
from cjo_assets.ingest.raw_tables import Content, SourceFile
from cjo_assets.ingest.sources_yaml import SOURCES_FILE, DuckDBSource, SqlSource, declared_sources
from cjo_assets.policy import Policy

# A file modified less than this ago may still be written, and so may one with a modification time in the future, from
# the clock of another machine. Such files are read when two consecutive ticks find them unchanged.
REST_SECONDS = 3.0
CUSTOMER = "customer_id"
Hashes = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """State of the sensor after its last tick.

    Attributes:
        signature: hash over names, sizes and times of all files.
        contents: the files of each dataset, by name, with their hashes.
        pending: ranges of days still to be requested, first and last, in order.
        reason: the reason of the pending runs.
        unsettled: signature of files that may still be written and were not read; empty if there are none.
    """

    signature: str = ""
    contents: dict[str, Hashes] = field(default_factory=dict)
    pending: list[tuple[str, str]] = field(default_factory=list)
    reason: str = ""
    unsettled: str = ""

    @classmethod
    def read(cls, text: str | None) -> Seen | None:
        """Parse a cursor; return None if there is none."""
        if not text:
            return None
        content: dict[str, Any] = json.loads(text)
        pending = [(first, last) for first, last in content["pending"]]
        return cls(content["signature"], content["contents"], pending, content["reason"], content.get("unsettled", ""))

    def next_days(self) -> tuple[date, date]:
        """Return the next range of days to request."""
        first, last = self.pending[0]
        return date.fromisoformat(first), date.fromisoformat(last)

    def without_next(self) -> Seen:
        """Return the state after the next range was requested."""
        return replace(self, pending=self.pending[1:])

    def written(self) -> str:
        """Return the state as a cursor."""
        return json.dumps(vars(self), sort_keys=True)


def looked(family: Family, settings: Settings, policy: Policy, seen: Seen | None) -> Seen:
    """Examine the files of a family, and return the new state with the days to run.

    Raises:
        InputError: a file cannot be read.
    """
    signature, is_at_rest = _signature(family, settings)
    seen = seen or Seen()
    if not is_at_rest and seen.unsettled != signature:
        return replace(seen, unsettled=signature)
    if seen.signature == signature:
        return seen
    datasets = {f"{family.name}.{dataset.name}": (family, dataset) for dataset in family.datasets}
    present = {name: _contents(family, dataset, settings) for name, (family, dataset) in datasets.items()}
    hashes = {name: {content.file.name: content.sha256 for content in found} for name, found in present.items()}
    before = seen.contents if seen.signature else _published_contents(datasets, settings)
    changed = [name for name in datasets if hashes[name] != before.get(name, {})]
    pending = list(seen.pending)
    if not changed:
        return Seen(signature, hashes, pending, seen.reason)
    with duckdb.connect() as engine:
        engine.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{policy.warehouse.memory_limit}GB'")
        comparison = _Comparison(engine, settings.inputs, datasets, before, present)
        published = published_days(settings.published, family.name)
        try:
            newest = functools.partial(_newest_accepted, family, settings, policy)
            wanted = _wanted(comparison, changed, published, policy, newest)
        except (InputError, *UNREADABLE):
            # The days that such a file affects are unknown. Request a run anyway, which reports the error.
            wanted = {published[-1] if published else comparison.present_day()}
    asked = {(first, last) for first, last in pending}
    ranges = [(first.isoformat(), last.isoformat()) for first, last in contiguous(wanted)]
    pending += [days for days in ranges if days not in asked]
    return Seen(signature, hashes, pending, f"new or changed: {', '.join(changed)}")


def published_days(published: Path, family: str) -> list[date]:
    """Return the published days of a family in order."""
    if not published.exists():
        return []
    with duckdb.connect() as engine:
        engine.execute(f"ATTACH {literal(published)} AS published (READ_ONLY)")
        found = engine.execute(
            "SELECT DISTINCT as_of FROM published.audit.runs WHERE is_published AND family = ? ORDER BY as_of", [family]
        )
        return [day for (day,) in found.fetchall()]


class _Comparison:
    """Rows of datasets before and after a change, grouped by day."""

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        archive: Path,
        datasets: dict[str, tuple[Family, Dataset]],
        before: dict[str, Hashes],
        present: dict[str, list[Content]],
    ) -> None:
        self.engine = engine
        self.datasets = {name: dataset for name, (_, dataset) in datasets.items()}
        self.present = present
        self.before = {
            name: [
                Content(SourceFile(file, Path(file)), sha256, archive / sha256)
                for file, sha256 in found.items()
                if (archive / sha256).exists()
            ]
            for name, found in before.items()
        }

    def affected_from(self, name: str, newest: date) -> date | None:
        """Return the first day that changed rows affect; None if the rows are the same.

        Datasets without a date, and master data, affect the latest day only.
        """
        dataset = self.datasets[name]
        old = self._fingerprints(dataset, self.before.get(name, []))
        new = self._fingerprints(dataset, self.present[name])
        differing = {day for day in old.keys() | new.keys() if old.get(day) != new.get(day)}
        if not differing:
            return None
        if not dataset.is_history:
            return self._first_record_of_moved_customers(name) or newest
        return min((day for day in differing if day), default=newest)

    def newest(self, names: Iterable[str]) -> date | None:
        """Return the latest date of a row up to today, of the datasets that set the as-of date."""
        dating = [name for name in names if not self.datasets[name].exchange]
        days = {day for name in dating for day in self._fingerprints(self.datasets[name], self.present[name])}
        return max((day for day in days if day and day <= self.present_day()), default=None)

    def present_day(self) -> date:
        """Return today's date in UTC."""
        row = self.engine.execute("SELECT current_date").fetchone()
        return row[0] if row else date.max

    def _fingerprints(self, dataset: Dataset, contents: list[Content]) -> dict[date | None, tuple[int, int]]:
        """Return number and hash of the rows of each day, independent of their order."""
        spec = _dated_by(dataset)
        day_in_sql = day_of(spec) if spec else "NULL::DATE"
        names = quoted_names(column.name for column in columns_of(dataset.contract))
        days: dict[date | None, tuple[int, int]] = {}
        for content in contents:
            rows = self._rows(
                dataset,
                content,
                f"SELECT {day_in_sql} AS day, count(*), sum(hash({names}, irregularities, version)::HUGEINT)",
                "GROUP BY day",
            )
            for day, count, total in rows:
                known = days.get(day, (0, 0))
                days[day] = (known[0] + count, known[1] + int(total))
        return days

    def _first_record_of_moved_customers(self, name: str) -> date | None:
        """Return the earliest date of the records of added or removed customers, which count only with a customer."""
        dataset = self.datasets[name]
        if key_of(dataset.contract) != (CUSTOMER,):
            return None
        moved = self._customers(dataset, self.before.get(name, [])) ^ self._customers(dataset, self.present[name])
        if not moved:
            return None
        self.engine.execute("CREATE OR REPLACE TEMP TABLE moved AS SELECT unnest(?) AS customer_id", [sorted(moved)])
        days: set[date] = set()
        for other, contents in self.present.items():
            history = self.datasets[other]
            spec = _dated_by(history)
            has_customer = any(column.name == CUSTOMER for column in columns_of(history.contract))
            if spec is None or not history.is_history or not has_customer:
                continue
            for content in contents:
                where = f"WHERE {CUSTOMER} IN (SELECT customer_id FROM moved)"
                days |= {day for (day,) in self._rows(history, content, f"SELECT min({day_of(spec)})", where) if day}
        return min(days, default=None)

    def _customers(self, dataset: Dataset, contents: list[Content]) -> set[str]:
        found = [self._rows(dataset, content, f"SELECT DISTINCT {CUSTOMER}", "") for content in contents]
        return {customer for rows in found for (customer,) in rows if customer is not None}

    def _rows(self, dataset: Dataset, content: Content, select: str, rest: str) -> list[tuple[Any, ...]]:
        reading = reading_of(self.engine, content.file.path, content.archived, dataset)
        if reading.query is None:
            return []
        try:
            return self.engine.execute(f"{select} FROM ({reading.query}) {rest}").fetchall()
        finally:
            self.engine.unregister(CSV_ROWS)


def _newest_accepted(family: Family, settings: Settings, policy: Policy) -> date | None:
    """Return the latest date of an accepted record up to today; None if that needs a query to a database."""
    sources = declared_sources(settings.data)
    if any(isinstance(sources.get((family.name, dataset.name)), SqlSource) for dataset in family.datasets):
        return None
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{policy.warehouse.memory_limit}GB'")
        # A transform may read the records that all families share.
        records = tuple(found for found in registered_families() if not found.datasets)
        store = Store(connection, (family, *records))
        load_files(store, (family,), settings.data, settings.inputs, settings.home)
        return days_of_accepted_records(store, family, policy).last


def _wanted(
    comparison: _Comparison,
    changed: list[str],
    published: list[date],
    policy: Policy,
    newest_accepted: Callable[[], date | None],
) -> set[date]:
    if not published:
        newest = newest_accepted() or comparison.newest(comparison.datasets)
        return {newest} if newest else set()
    last = published[-1]
    newest = comparison.newest(changed) or last
    wanted: set[date] = set()
    if newest > last:
        accepted = newest_accepted() or newest
        # A rejected row requests no new day; a run of the last day records the rejection.
        if accepted < newest:
            newest, wanted = max(accepted, last), {last}
    gap = (newest - last).days
    if gap > policy.warehouse.catch_up_days:
        wanted |= {newest}
    else:
        wanted |= {last + timedelta(days=number) for number in range(1, gap + 1)}
    for name in changed:
        first = comparison.affected_from(name, last)
        if first is not None:
            wanted |= {day for day in published if day >= first}
    return wanted


def _dated_by(dataset: Dataset) -> Column | None:
    return next((spec for spec in columns_of(dataset.contract) if spec.name == dataset.record_date), None)


def _signature(family: Family, settings: Settings) -> tuple[str, bool]:
    """Return a hash over names, sizes and times of all files, and whether none was modified recently."""
    stats = []
    for path in sorted(_watched(family, settings)):
        found = path.stat()
        stats.append((str(path), found.st_size, found.st_mtime_ns))
    is_at_rest = all(time.time_ns() - touched > REST_SECONDS * 1e9 for *_, touched in stats)
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest(), is_at_rest


def _watched(family: Family, settings: Settings) -> set[Path]:
    data = settings.data
    declared = declared_sources(data)
    found = {data / SOURCES_FILE}
    for dataset in family.datasets:
        source = declared.get((family.name, dataset.name))
        if isinstance(source, DuckDBSource):
            found.add(data / source.duckdb)
        elif not isinstance(source, SqlSource):
            found |= {file.path for file in files_of(data, family.name, dataset, settings.inputs / EXTRACTS)}
        written = exchange_file(dataset, settings.home)
        found |= {written} if written else set()
    return {path for path in found if path.exists()}


def _contents(family: Family, dataset: Dataset, settings: Settings) -> list[Content]:
    """Return the files of a dataset, archived so that the next comparison has them even if no run reads them."""
    source = declared_sources(settings.data).get((family.name, dataset.name))
    written = exchange_contents(dataset, settings.home, settings.inputs)
    if isinstance(source, SqlSource):
        return written
    files = files_of(settings.data, family.name, dataset, settings.inputs / EXTRACTS)
    return [*archived_contents(files, settings.inputs, dataset), *written]


def _published_contents(datasets: dict[str, tuple[Family, Dataset]], settings: Settings) -> dict[str, Hashes]:
    """Return the files that the published database was computed from, for a sensor without a cursor."""
    if not settings.published.exists():
        return {}
    with duckdb.connect() as engine:
        engine.execute(f"ATTACH {literal(settings.published)} AS published (READ_ONLY)")
        loads = engine.execute(
            "SELECT dataset, source_file, file_sha256 FROM published.audit.dataset_loads WHERE source_file IS NOT NULL"
        ).fetchall()
    return {
        name: {file: sha256 for loaded, file, sha256 in loads if loaded == dataset.name and file != dataset.records}
        for name, (_, dataset) in datasets.items()
    }
