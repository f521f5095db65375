"""Asset checks: functions beside a table that return the rows which fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import overload

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract

Query = Callable[..., ir.Table]
_MARK = "__asset_check__"
# Name of the check that every table has: its contract.
CONTRACT_CHECK = "contract"


@dataclass(frozen=True)
class Check:
    """A check of a table after it was computed.

    Attributes:
        failing_rows: from tables, named as the parameters of a transform, to the rows that fail.
        is_blocking: whether the table is not stored when a row fails; otherwise the check warns.
        contract: the function returns rows that are validated by this contract instead of failing rows.
        candidates: a cheaper function of some of its inputs: where it returns no rows, `failing_rows` returns none.
    """

    failing_rows: Query
    is_blocking: bool = False
    contract: type[Contract] | None = None
    candidates: Query | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.failing_rows.__name__

    @property
    def description(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.failing_rows) or "").partition("\n")[0]


@overload
def check(function: Query) -> Query: ...
@overload
def check(*, blocking: bool = False, contract: type[Contract] | None = None) -> Callable[[Query], Query]: ...
def check(
    function: Query | None = None, *, blocking: bool = False, contract: type[Contract] | None = None
) -> Query | Callable[[Query], Query]:
    """Mark a function of a table's module as a check of that table.

    Args:
        function: returns the failing rows; its parameter names are its inputs.
        blocking: whether the table is not stored when a row fails.
        contract: validate the returned rows by this contract instead.
    """

    def marked(query: Query) -> Query:
        setattr(query, _MARK, Check(query, blocking, contract))
        return query

    return marked if function is None else marked(function)


def checks_in(namespace: dict[str, object]) -> tuple[Check, ...]:
    """Return the checks that a module defines, in their order; those of functions that it imports are left out."""
    own = (value for value in namespace.values() if not _is_imported(value, namespace))
    marks = (getattr(value, _MARK, None) for value in own)
    return tuple(mark for mark in marks if isinstance(mark, Check))


def _is_imported(value: object, namespace: dict[str, object]) -> bool:
    return inspect.isfunction(value) and value.__module__ != namespace.get("__name__")
