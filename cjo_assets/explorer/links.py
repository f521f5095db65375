"""Addresses of pages: of a subject, of a table, and of the rows that a figure is from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, unquote, urlencode

from cjo_assets.core.table import Table
from cjo_assets.reporting.document import Cited, Code
from cjo_assets.reporting.naming import NAME

TABLE, TABLES, LISTING, SUBJECT, APPROVALS, FIND = "/table", "/tables", "/list", "/subject", "/approvals", "/find"
# Tests of a column in the address of a table: equality, text in it, bounds, and missing values.
IS, HAS, FROM, TO, EMPTY = "is", "has", "from", "to", "empty"
AS_OF = "as_of"
ALL_DAYS = "all"
PLACE_IN_LIST = re.compile(r"\[\d+\]$")


def table_address(name: str, tests: Mapping[str, str]) -> str:
    """Return the address of the rows of a table that pass tests, named `<test>.<column>`."""
    return f"{TABLE}/{quote(name)}" + (f"?{urlencode(tests)}" if tests else "")


def subject_address(subject: str, subject_id: str) -> str:
    """Return the address of the page on a subject."""
    return f"{SUBJECT}/{quote(subject)}/{quote(subject_id, safe='')}"


def subject_of(column: str, subjects: Iterable[str]) -> str | None:
    """Return the subject whose id a column has: of `customer_id` and `from_customer_id`, customer."""
    return next((name for name in subjects if column == f"{name}_id" or column.endswith(f"_{name}_id")), None)


@dataclass(frozen=True)
class Links:
    """Addresses of what a page shows.

    Attributes:
        tables: the tables by full name.
        subjects: the subjects that have pages.
        days: the day of each family on the page.
    """

    tables: Mapping[str, Table]
    subjects: tuple[str, ...]
    days: Mapping[str, date]

    def subject(self, cited: Cited) -> str | None:
        """Return the address of the subject that a cell names; None if it names none."""
        column, value = _column(cited), cited.value
        if cited.style == NAME and subject_of(column, self.subjects) is None:
            # The row with a name has the id as its key.
            column, _, key = cited.source.split("/")[-2].partition("=")
            value = unquote(key)
        subject = subject_of(column, self.subjects)
        return subject_address(subject, value) if subject and isinstance(value, str) else None

    def rows(self, cited: Cited) -> str | None:
        """Return the address of the rows that a cell is from; None if no table is known for it."""
        table, *keys = cited.source.split("/")[:-1]
        if table not in self.tables:
            return None
        tests: dict[str, str] = {}
        for pair in keys[0].split("&") if keys else ():
            name, _, value = pair.partition("=")
            tests |= {f"{EMPTY}.{name}": "1"} if value == "null" else {f"{IS}.{name}": unquote(value)}
        return table_address(table, self._day(table) | tests)

    def table(self, code: Code) -> str | None:
        """Return the address of the table that a text names; None if it names none."""
        return table_address(code.text, self._day(code.text)) if code.text in self.tables else None

    def _day(self, table: str) -> dict[str, str]:
        found = self.tables[table]
        day = self.days.get(found.schema)
        return {f"{IS}.{AS_OF}": day.isoformat()} if found.is_dated and day is not None else {}


def with_parameters(address: str, given: Iterable[tuple[str, str]], **changed: str | None) -> str:
    """Return an address with parameters, of which some are changed, or removed by None."""
    kept = [(name, value) for name, value in given if name not in changed]
    kept += [(name, value) for name, value in changed.items() if value is not None]
    return f"{address}?{urlencode(kept)}" if kept else address


def _column(cited: Cited) -> str:
    return PLACE_IN_LIST.sub("", cited.source.rpartition("/")[2])
