"""Decision tables: the result of the first rule that holds, and the name of that rule."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir


def first_that_holds(
    rules: Sequence[tuple[ir.BooleanValue, str | None, str]], otherwise: str | None, otherwise_rule: str
) -> tuple[ir.StringValue, ir.StringValue]:
    """Return the result of the first rule that holds, and the name of that rule.

    Args:
        rules: condition, result and name of each rule, in order.
        otherwise: result where no rule holds.
        otherwise_rule: name of that case.
    """
    result = ibis.cases(*((holds, result) for holds, result, _ in rules), else_=otherwise)
    return result, ibis.cases(*((holds, name) for holds, _, name in rules), else_=otherwise_rule)
