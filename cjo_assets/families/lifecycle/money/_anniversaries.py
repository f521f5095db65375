"""Anniversaries of a day as expressions."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


def next_anniversary(start: ir.DateValue, day: ir.DateValue) -> ir.DateValue:
    """Return the first anniversary of a start that is on a day or after it; at the earliest a year after the start.

    The anniversary of 29 February is 28 February in other years.
    """
    years = ibis.greatest(day.year() - start.year(), 1).cast("int64")
    this = years_after(start, years)
    return (this >= day).ifelse(this, years_after(start, years + 1))


def years_after(day: ir.DateValue, years: ir.IntegerValue) -> ir.DateValue:
    """Return the day a number of years after another."""
    return (day + years.as_interval("Y")).cast("timestamp").date()


def months_after(day: ir.DateValue, months: int | ir.IntegerValue) -> ir.DateValue:
    """Return the day a number of months after another; the last day of the month where it has no such day."""
    interval = ibis.interval(months=months) if isinstance(months, int) else months.as_interval("M")
    return (day + interval).cast("timestamp").date()
