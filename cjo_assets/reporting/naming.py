"""Names of subjects, labels of words and dates in a report: what people read instead of the values of the tables."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cjo_assets.core.reader import Reader
from cjo_assets.policy import load_policy
from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.text import STYLES, prose, words

# Style of an id that is shown by its name.
NAME = "name"
DAY, INSTANT = "day", "instant"


@dataclass(frozen=True)
class NameSource:
    """The place of the names of a kind of subject.

    Attributes:
        table: `schema.table` of the table that has them.
        key: its column with the ids.
        name: its column with the names.
    """

    table: str
    key: str
    name: str = "name"


@dataclass(frozen=True)
class Naming:
    """Labels, names and dates of a report.

    Attributes:
        labels: labels of the policy; without them words have spaces instead of underscores.
        year: year of the report, which its instants leave out.
        sources: place of the names of an id, by the column that holds the id.
        names: names by id, by the column that holds the id.
    """

    labels: LabelsPolicy | None = None
    year: int | None = None
    sources: Mapping[str, NameSource] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def name_of(self, column: str, value: Any) -> str | None:
        """Return the name of an id; None where it has none."""
        return self.names.get(column, {}).get(value) if isinstance(value, str) else None

    def text(self, column: str, value: Any, style: str) -> str:
        """Return a cell as people read it.

        Args:
            column: the column of the cell.
            value: the cell.
            style: a name of `text.STYLES`.
        """
        if style in ("words", "names"):
            return self._labelled(column, value, style)
        if style == NAME and isinstance(value, list):
            return STYLES["plain"]([self.name_of(column, entry) or entry for entry in value])
        if style == "prose":
            return prose(value, lambda word: self.label(column, word))
        if isinstance(value, datetime):
            return f"{value:%-d %b %H:%M}" if value.year == self.year else STYLES[INSTANT](value)
        if isinstance(value, date) and style == "plain":
            return STYLES[DAY](value)
        return STYLES[style](value)

    def _labelled(self, column: str, value: Any, style: str) -> str:
        if isinstance(value, list) and value:
            return ", ".join(self.label(column, entry) for entry in value)
        return self.label(column, value) if isinstance(value, str) else STYLES[style](value)

    def label(self, column: str, value: str) -> str:
        """Return the label of a word."""
        return words(value) if self.labels is None else self.labels.of(column, value)


PLAIN = Naming()


_labels = ContextVar[LabelsPolicy | None]("labels", default=None)


@contextmanager
def labelled_by(labels: LabelsPolicy) -> Iterator[None]:
    """Use the labels of the policy of a home for all pages and answers within."""
    token = _labels.set(labels)
    try:
        yield
    finally:
        _labels.reset(token)


def page_naming() -> Naming:
    """Return the labels of the home, for pages and answers on rows that were computed under any policy."""
    labels = _labels.get()
    return _packaged_naming() if labels is None else Naming(labels)


@functools.cache
def _packaged_naming() -> Naming:
    return Naming(load_policy().labels)


def read_naming(
    store: Reader,
    labels: LabelsPolicy,
    day: date,
    sources: Mapping[str, NameSource],
    tables: Iterable[Sequence[Mapping[str, Any]]],
) -> Naming:
    """Return the naming of a report, with the names of the ids that occur in its rows.

    Args:
        store: the tables.
        labels: labels of the policy.
        day: day of the report.
        sources: place of the names of an id, by the column that holds the id.
        tables: the rows of the report.
    """
    ids: dict[str, set[str]] = {column: set() for column in sources}
    for rows in tables:
        for row in rows:
            for column in sources.keys() & row.keys():
                found = row[column]
                ids[column].update(found if isinstance(found, list) else [found] if found is not None else [])
    names = {}
    for column, source in sources.items():
        sql = (
            f"SELECT {source.key} AS id, {source.name} AS name FROM {source.table} "
            f"WHERE list_contains(?, {source.key}) AND {source.name} IS NOT NULL"
        )
        names[column] = {row["id"]: row["name"] for row in store.rows(sql, sorted(ids[column]))} if ids[column] else {}
    return Naming(labels, day.year, sources, names)
