"""Values of the days in a compiled statement.

A compiled statement has a marker where its expression has a day: `$as_of`, `$days_of_run`, `$newest_day_journey`. A
literal takes its place when the statement is executed. A parameter would not do: the definition of a view has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import sqlglot.expressions as sge

_MARKER = re.compile(r"\$(as_of|days_of_run|newest_day_(\w+))\b")
# As ibis writes the functions of `core/expressions/days.py`.
_FUNCTION = re.compile(r"\b(?:(AS_OF|DAYS_OF_RUN)\(\)|(NEWEST_DAY)\('(\w+)'\))")


@dataclass(frozen=True)
class DayValues:
    """The days for which a statement is executed.

    Attributes:
        as_of: the as-of date of the partition; None for a table without a date.
        days_of_run: the days that the run computes.
        newest_day: returns the latest day of a family; None if there is none.
    """

    as_of: date | None
    days_of_run: tuple[date, ...]
    newest_day: Callable[[str], date | None]

    def in_place_of_markers(self, sql: str) -> str:
        """Return a statement with these days.

        Raises:
            ValueError: the statement needs an as-of date, and there is none.
        """
        return _MARKER.sub(lambda found: self._literal(found[1], found[2]), sql)

    def _literal(self, marker: str, family: str | None) -> str:
        if family is not None:
            return _date(self.newest_day(family))
        if marker == "days_of_run":
            return f"CAST([{', '.join(map(_date, self.days_of_run))}] AS DATE[])"
        if self.as_of is None:
            raise ValueError("The statement of a table without a date has an as-of date.")
        return _date(self.as_of)


def with_markers(sql: str) -> str:
    """Replace the functions of `core/expressions/days.py` in a statement by markers."""
    return _FUNCTION.sub(lambda found: "$" + "_".join(filter(None, found.groups())).lower(), sql)


def require_no_markers(query: sge.Expr) -> None:
    """Refuse a statement with a text that would be taken for a day.

    Raises:
        ValueError: a text contains a marker.
    """
    for text in query.find_all(sge.Literal):
        if text.is_string and (_MARKER.search(text.this) or _FUNCTION.search(text.this)):
            raise ValueError(f"The text {text.this!r} contains a name reserved for days; write it differently.")


def _date(day: date | None) -> str:
    return "CAST(NULL AS DATE)" if day is None else f"DATE '{day.isoformat()}'"
