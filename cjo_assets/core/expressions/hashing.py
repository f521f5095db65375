"""Hash function of the engine, quick to compute and to group by.

Such a hash is used within one statement only: equal values have equal hashes, but different values may collide. Hashes
that are stored are in `ids.py`.
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
