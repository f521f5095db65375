"""Statements, written once.

Turning expressions into SQL is most of what a day over few rows costs. A transform does nothing but build an expression
from the day and the policy, so the same table, day and policy make the same statement, whatever the rows: who computes
them several times in one process need not write it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Statements:
    """Statements by what they follow from: the latest of them, so that a year of days fits in memory."""

    def __init__(self, keep: int) -> None:
        """Know none, and keep so many."""
        self._keep = keep
        self._written: OrderedDict[Hashable, str] = OrderedDict()

    def written(self, origin: Hashable, write: Callable[[], str]) -> str:
        """Return the statement that follows from `origin`, written by the first who asks.

        Args:
            origin: everything the statement depends on.
            write: writes it.
        """
        statement = self._written.pop(origin, None) or write()
        self._written[origin] = statement
        if len(self._written) > self._keep:
            self._written.popitem(last=False)
        return statement
