"""Texts with values of a row in them."""

from __future__ import annotations

import functools
import operator

import ibis
import ibis.expr.types as ir


def sentence(template: str, *values: ir.Value | str | int) -> ir.StringValue:
    """Return a text in which each `{}` of the template holds a value, in their order.

    A value that is no text is written as the engine casts it to one. The text is null where any value is null: fill
    nulls before, or choose the template by a case.

    Raises:
        ValueError: there are more or fewer values than places.
    """
    parts = template.split("{}")
    if len(parts) != len(values) + 1:
        raise ValueError(f"The template {template!r} has {len(parts) - 1} places for {len(values)} values.")
    pieces: list[ir.StringValue] = [ibis.literal(parts[0])] if parts[0] else []
    for value, text in zip(values, parts[1:], strict=True):
        pieces.append(_as_text(value))
        if text:
            pieces.append(ibis.literal(text))
    return (
        functools.reduce(
            operator.add,
            pieces,
        )
        if pieces
        else ibis.literal("")
    )


def _as_text(value: ir.Value | str | int) -> ir.StringValue:
    found = value if isinstance(value, ir.Value) else ibis.literal(str(value))
    return found if isinstance(found, ir.StringValue) else found.cast("string")
