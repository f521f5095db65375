"""Statements, written once.

Turning expressions into SQL is most of what a day over few rows costs. A transform does nothing but build an expression
from the day and the policy, so the same table, day and policy make the same statement, whatever the rows: who computes
them several times in one process need not write it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from cjo_assets.wiring.lineage import Lineage

Written = TypeVar("Written")


@dataclass(frozen=True)
class Statement:
    """What a table is computed by.

    Attributes:
        sql: the statement.
        lineage: the columns that each of its columns follows from.
    """

    sql: str
    lineage: Lineage


class Statements:
    """Statements by what they follow from: the latest of them, so that a year of days fits in memory."""

    def __init__(self, keep: int) -> None:
        """Know none, and keep so many."""
        self._keep = keep
        self._written: OrderedDict[Hashable, Any] = OrderedDict()

    def written(self, origin: Hashable, write: Callable[[], Written]) -> Written:
        """Return the statement that follows from `origin`, written by the first who asks.

        Args:
            origin: everything the statement depends on.
            write: writes it.
        """
        statement: Written = self._written.pop(origin, None) or write()
        self._written[origin] = statement
        if len(self._written) > self._keep:
            self._written.popitem(last=False)
        return statement
