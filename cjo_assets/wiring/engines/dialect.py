"""Expressions as Spark SQL that means what DuckDB makes of them.

Belongs here: every place where the two would answer differently, or Spark would not answer. Does not belong here: any
table; a transform is written once, and reads the same for both.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL, STAR
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

QUALIFIED = "qualified_row"


class SparkDialect(PySparkCompiler):  # type: ignore[misc]
    """The compiler of ibis for Spark, mended where its answers differ from DuckDB's."""

    __slots__ = ()

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """Write fractions as doubles and lists with their type.

        To Spark 0.30 is a decimal of one place and 0.45 one of two, and a list of structs that holds both makes 3.0 of
        the first. An empty list of it has no type that a file could hold.
        """
        if dtype.is_floating():
            return self.cast(repr(float(value)), dtype)
        if dtype.is_array() and not len(value):
            return self.cast(self.f.array(), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        """Count 0 where there is no row to ask, not null."""
        return self.f.count(STAR if where is None else self.if_(where, 1, NULL))

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:  # noqa: ARG002, N802
        """Answer null where a list has no such place, not with an error."""
        return self.f.try_element_at(arg, self.cast(index + sge.convert(1), dt.int32))

    def visit_ArrayStringJoin(self, op: Any, *, arg: Any, sep: Any) -> Any:  # noqa: ARG002, N802
        """Make an empty text of an empty list, and null of no list: ids are made of it."""
        return self.if_(arg.is_(NULL), NULL, self.f.concat_ws(sep, arg))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """Convert the items of an unnested list before they are unnested: Spark takes an unnesting alone."""
        if isinstance(op.arg, ops.Unnest):
            return self.f.explode(self.cast(arg.this, dt.Array(to)))
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Tell a missing number from one that is none: NaN is a breach, null may be none."""
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Tell a missing number from one that is none."""
        return arg.is_(sge.Not(this=NULL))

    def visit_ArrayFilter(self, op: Any, *, arg: Any, body: Any, param: Any, index: Any) -> Any:  # noqa: N802
        """Leave out what is missing by the function for it: a lambda may not stand around a question to another table."""
        if isinstance(op.body, ops.NotNull) and op.body.arg == op.param:
            return self.f.anon.array_compact(arg)
        return super().visit_ArrayFilter(op, arg=arg, body=body, param=param, index=index)

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        """Ask a condition of the rows alone, not of the share as well."""
        return self.f.percentile(arg if where is None else self.if_(where, arg, NULL), self.cast(0.5, dt.float64))

    def visit_Select(self, op: Any, *, qualified: Any, selections: Any, sort_keys: Any, **parts: Any) -> Any:  # noqa: N802
        """Ask what rests on windows one select further out: Spark has no QUALIFY."""
        if not qualified:
            return super().visit_Select(op, qualified=qualified, selections=selections, sort_keys=sort_keys, **parts)
        if sort_keys or parts["distinct"]:
            raise NotImplementedError("A select that asks of windows and sorts at once was not met so far.")
        fields = [*self._cleanup_names(selections), sg.and_(*qualified).as_(QUALIFIED, quoted=self.quoted)]
        inner = sg.select(*fields, copy=False).from_(parts["parent"], copy=False).where(*parts["predicates"], copy=False)
        names = [sg.column(name, quoted=self.quoted) for name in selections]
        return sg.select(*names).from_(inner.subquery(QUALIFIED)).where(sg.column(QUALIFIED, quoted=self.quoted))
