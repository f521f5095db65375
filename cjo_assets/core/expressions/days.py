"""Days as expressions: the as-of date and the days of a run, whose values a statement gets when it is executed.

A statement with these expressions is compiled once and serves every day.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir


def as_of_date() -> ir.DateScalar:
    """Return the as-of date of the computed partition."""
    return _AS_OF()


def days_of_run() -> ir.ArrayScalar:
    """Return the days that the run computes."""
    return _DAYS_OF_RUN()


def newest_day(family: str) -> ir.DateScalar:
    """Return the latest day of a family that was published or is computed by the run; null if there is none."""
    return _NEWEST_DAY(family)


def days_after(day: ir.DateValue, days: int | ir.IntegerValue) -> ir.DateValue:
    """Return the date a number of days after another; before it for a negative number."""
    # A date plus an interval is a timestamp to DuckDB, and ibis drops a cast to the type it infers.
    return (day + _interval(days)).cast("timestamp").date()


def _interval(days: int | ir.IntegerValue) -> ir.IntervalValue:
    return ibis.interval(days=days) if isinstance(days, int) else days.as_interval("D")


def _as_of() -> date: ...  # type: ignore[empty-body]


def _days_of_run() -> list[date]: ...  # type: ignore[empty-body]


def _newest_day(family: str) -> date: ...  # type: ignore[empty-body]


_AS_OF = ibis.udf.scalar.builtin(_as_of, name="as_of")
_DAYS_OF_RUN = ibis.udf.scalar.builtin(_days_of_run, name="days_of_run")
_NEWEST_DAY = ibis.udf.scalar.builtin(_newest_day, name="newest_day")
