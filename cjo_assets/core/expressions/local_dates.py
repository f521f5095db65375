"""Comparison of local calendar dates with instants of UTC.

A local date may differ from the date of an instant by a day. The relations of each dataset choose the columns.
"""

import ibis
import ibis.expr.types as ir

# The time zone furthest ahead of UTC, on the Line Islands.
FURTHEST_ZONE_HOURS = 14


def latest_local_date(instant: ir.TimestampValue) -> ir.DateValue:
    """Return the latest date that any calendar shows at an instant."""
    return (instant + ibis.interval(hours=FURTHEST_ZONE_HOURS)).cast("date")
