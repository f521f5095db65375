"""Conditions of a row under which it is one of the failing rows of a check.

They are derived from the expression of the check, so that the failing rows of all such checks are counted in one scan.
"""

from __future__ import annotations

import functools
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

# What depends on other rows, on other tables, or makes several rows of one.
_BEYOND_THE_ROW = (ops.Analytic, ops.Impure, ops.Reduction, ops.Subquery, ops.Unnest, ops.WindowFunction)
Values = dict[str, ops.Value]


def predicate_of(failing: ir.Table, table: ir.Table) -> ir.BooleanValue | None:
    """Return the condition under which a row of a table is one of the failing rows.

    Args:
        failing: the failing rows of a check.
        table: the rows that are checked.

    Returns:
        The condition as an expression of the table; None if `failing` is more than a filter and a projection of it.
    """
    found = _derived(failing.op(), table.op())
    if found is None:
        return None
    _, conditions = found
    if not all(_is_of_one_row(condition, table.op()) for condition in conditions):
        return None
    condition: ir.BooleanValue = functools.reduce(ops.And, conditions or [ops.Literal(True, "boolean")]).to_expr()
    return condition


def _derived(node: ops.Relation, base: ops.Relation) -> tuple[Values, list[ops.Value]] | None:
    """Return the columns of a relation as values of the base, and the conditions of its filters, innermost first."""
    if node == base:
        return {name: ops.Field(base, name) for name in base.schema}, []
    if not isinstance(node, ops.Project | ops.Filter | ops.DropColumns | ops.Sort):
        return None
    parent = _derived(node.parent, base)
    if parent is None:
        return None
    values, conditions = parent
    inner: dict[Any, Any] = {ops.Field(node.parent, name): value for name, value in values.items()}
    if isinstance(node, ops.Filter):
        return values, [*conditions, *(condition.replace(inner, filter=ops.Value) for condition in node.predicates)]
    if isinstance(node, ops.Project):
        if any(_finds(value, ops.Unnest) for value in node.values.values()):
            return None
        return {name: value.replace(inner, filter=ops.Value) for name, value in node.values.items()}, conditions
    return {name: values[name] for name in node.schema}, conditions


def _is_of_one_row(value: ops.Value, base: ops.Relation) -> bool:
    """Return whether a value depends on one row of the base alone, and can be computed for every row.

    A cast from text fails on some texts, and an inner filter may have excluded the rows that have them.
    """
    casts = value.find(ops.Cast, filter=ops.Value)
    is_safe = not any(cast.arg.dtype.is_string() and not cast.to.is_string() for cast in casts)
    return is_safe and value.relations <= {base} and not _finds(value, _BEYOND_THE_ROW)


def _finds(value: ops.Value, kinds: Any) -> bool:
    return bool(value.find(kinds, filter=ops.Value))
