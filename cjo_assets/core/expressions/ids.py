"""Ids derived from content, so that a retry cannot create a record twice."""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import rounded

# Texts with control characters never pass a contract, so these separate without ambiguity.
SEPARATOR = "\x1f"
RECORD_SEPARATOR = "\x1e"
MISSING = "\x1d"
ID_HEX_DIGITS = 12
HEX_DIGITS, DRAW_DIGITS = "0123456789abcdef", 5


def as_text(*values: ir.Value) -> ir.StringValue:
    """Join values of any type into one text that differs where any of them does."""
    return ibis.array([value.cast("string").fill_null(MISSING) for value in values]).join(SEPARATOR)


def content_id(prefix: str, *values: ir.Value) -> ir.StringValue:
    """Return an id made of the prefix and the first digits of the content's sha256."""
    return ibis.literal(f"{prefix}-").concat(as_text(*values).hexdigest("sha256").substr(0, ID_HEX_DIGITS))


def content_hash(*values: ir.Value) -> ir.StringValue:
    """Return the sha256 of the values [64 hex digits]."""
    return as_text(*values).hexdigest("sha256")


def drawn_share(*values: ir.Value) -> ir.FloatingValue:
    """Return a number [0-1) that depends on the values alone, evenly distributed over different values."""
    digits = as_text(*values).hexdigest("sha256")
    places = [
        ibis.literal(HEX_DIGITS).find(digits.substr(place, 1)) / 16 ** (place + 1) for place in range(DRAW_DIGITS)
    ]
    return rounded(sum(places[1:], places[0]))
