"""Days as expressions: the as-of date and the days of a run, whose values a statement gets when it is executed.

A statement with these expressions is compiled once and serves every day.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="as_of")
def as_of_date() -> date:  # type: ignore[empty-body]
    """Return the as-of date of the computed partition."""


@ibis.udf.scalar.builtin(name="days_of_run")
def days_of_run() -> list[date]:  # type: ignore[empty-body]
    """Return the days that the run computes."""


@ibis.udf.scalar.builtin(name="newest_day")
def newest_day(family: str) -> date:  # type: ignore[empty-body]
    """Return the latest day of a family that was published or is computed by the run; null if there is none."""


def days_after(day: ir.DateValue, days: int | ir.IntegerValue) -> ir.DateValue:
    """Return the date a number of days after another; before it for a negative number."""
    # A date plus an interval is a timestamp to DuckDB, and ibis drops a cast to the type it infers.
    return (day + _interval(days)).cast("timestamp").date()


def _interval(days: int | ir.IntegerValue) -> ir.IntervalValue:
    return ibis.interval(days=days) if isinstance(days, int) else days.as_interval("D")
