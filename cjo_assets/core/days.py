"""Ranges of days."""

from collections.abc import Iterable
from datetime import date, timedelta


def contiguous(wanted: Iterable[date]) -> list[tuple[date, date]]:
    """Return days as the fewest ranges without a gap, in order."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(wanted)):
        if ranges and day == ranges[-1][1] + timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges
