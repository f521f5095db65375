"""The engine's own hash, which is quick to compute and to group by.

Belongs here: a hash that lives no longer than a statement, and proves nothing: equal values have equal hashes, and now
and then others have too. Does not belong here: hashes that are kept (`ids.py`).
"""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def _hash(value) -> dt.uint64:  # type: ignore[no-untyped-def]
    """Hash a value."""


def hash_of(*values: ir.Value) -> ir.IntegerValue:
    """Return a hash of values together."""
    return _hash(values[0] if len(values) == 1 else ibis.struct({f"v{n}": value for n, value in enumerate(values)}))
