"""Normal form of ids, in which blanks and the composition of characters make no difference.

The policy decides what is done with an id that is not in normal form (`vocabulary.unnormalized_ids`). A transform only
names the function; the engines register it (`engine/functions.py`, `engine/spark/functions.py`).
"""

from __future__ import annotations

import unicodedata
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cjo_assets.core.contract import Column
from cjo_assets.core.expressions.two_sample_tests import EngineFunction

KEEP, TRIM, REJECT = "keep", "trim", "reject"
# Text of visible ASCII characters alone is in normal form.
_OTHER_THAN_ASCII = r"[^\x21-\x7E]"


def normalized(text: str) -> str:
    """Return a text in normal form: Unicode's NFKC, blanks of any kind trimmed and collapsed to one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@ibis.udf.scalar.builtin(signature=((dt.string,), dt.string))  # type: ignore[untyped-decorator]
def normal_form(text: ir.StringValue) -> ir.StringValue:
    """Return `normalized` of a text; null of null."""


def may_differ(text: ir.StringValue) -> ir.BooleanValue:
    """Return whether a text may differ from its normal form; a quick test that most texts fail."""
    return text.re_search(_OTHER_THAN_ASCII)


def in_normal_form(text: ir.StringValue) -> ir.StringValue:
    """Return the normal form of a text."""
    return may_differ(text).ifelse(normal_form(text), text)


def is_not_normal(text: ir.StringValue) -> ir.BooleanValue:
    """Return whether a text differs from its normal form."""
    return may_differ(text) & (in_normal_form(text) != text)


def is_id(spec: Column) -> bool:
    """Return whether a column holds ids or names that are compared: text that is neither prose nor one of a list."""
    has_list = bool(spec.words) or any(check.name == "isin" for check in spec.checks)
    return spec.type.is_string() and not (spec.free_text or spec.free_object or has_list)


def _normal_forms(texts: Any) -> Any:
    import numpy

    return numpy.array([None if text is None else normalized(text) for text in texts], dtype=object)


FUNCTIONS = (EngineFunction("normal_form", 1, dt.string, _normal_forms, parameter=dt.string),)
