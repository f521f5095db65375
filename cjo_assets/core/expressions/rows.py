"""Small constant tables as one literal: one row per entry of a list of Python values.

An engine plans such a literal as quickly as a constant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir


def literal_rows(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> ir.Table:
    """Return rows as a table.

    Args:
        rows: values by column; what a row leaves out is null.
        types: column and its type.
    """
    content = [{name: row.get(name) for name in types} for row in rows]
    kind = ", ".join(f"{name}: {type_name}" for name, type_name in types.items())
    return ibis.literal(content, f"array<struct<{kind}>>").unnest().name("row").as_table().unpack("row")
