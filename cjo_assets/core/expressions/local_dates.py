"""Dates of local calendars beside instants of UTC.

Belongs here: how far a local date may be from the date of an instant. Does not belong here: which columns are compared;
each dataset's relations say.
"""

import ibis
import ibis.expr.types as ir

# The time zone furthest ahead of UTC, on the Line Islands.
FURTHEST_ZONE_HOURS = 14


def latest_local_date(instant: ir.TimestampValue) -> ir.DateValue:
    """Return the latest date that any calendar shows at an instant."""
    return (instant + ibis.interval(hours=FURTHEST_ZONE_HOURS)).cast("date")
