"""The identity of people as an expression: `identity.person` over the names of a column, in every engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cjo_assets.core.expressions.two_sample_tests import EngineFunction
from cjo_assets.policy import identity


@ibis.udf.scalar.builtin(signature=((dt.string,), dt.string))  # type: ignore[untyped-decorator]
def person_key(written: ir.StringValue) -> ir.StringValue:
    """Return `identity.person_key` of a name; null of null."""


def person(name: ir.StringValue, null_words: Iterable[str]) -> ir.StringValue:
    """Return the key of a person; null if the name is missing, has nothing visible, or is a word for "nothing"."""
    key = person_key(name)
    return key.isin(sorted(identity.nobody_keys(null_words))).ifelse(ibis.null("string"), key)


def _keys(names: Any) -> Any:
    import numpy

    # Spark hands over nulls as well, DuckDB none.
    return numpy.array([identity.person_key(name) if isinstance(name, str) else None for name in names], dtype=object)


FUNCTIONS = (EngineFunction("person_key", 1, dt.string, _keys, parameter=dt.string),)
