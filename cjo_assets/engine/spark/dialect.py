"""Compilation of expressions to Spark SQL with the semantics of DuckDB."""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL, STAR
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

QUALIFIED = "qualified_row"
END_OF_DAY = r"[T ]24:00(:00(\.0+)?)?([Z+-]|\z)"
_LEADING, _TRAILING = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
HALF_CHARACTER = rf"{_LEADING}(?!{_TRAILING})|(?<!{_LEADING}){_TRAILING}"


class SparkDialect(PySparkCompiler):  # type: ignore[misc]
    """The Spark compiler of ibis, adapted where its results differ from DuckDB's."""

    __slots__ = ()

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """Write fractions as doubles, and lists with their type.

        Spark reads 0.30 as a decimal with one digit and 0.45 with two, and a list of structs with both makes 3.0 of the
        first. An empty list literal has a type that no file can store.
        """
        if dtype.is_floating():
            return self.cast(repr(float(value)), dtype)
        if dtype.is_array() and not len(value):
            return self.cast(self.f.array(), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        """Return 0 instead of null for no rows."""
        return self.f.count(STAR if where is None else self.if_(where, 1, NULL))

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:  # noqa: ARG002, N802
        """Return null for an index outside of a list, instead of an error."""
        return self.f.try_element_at(arg, self.cast(index + sge.convert(1), dt.int32))

    def visit_ArrayStringJoin(self, op: Any, *, arg: Any, sep: Any) -> Any:  # noqa: ARG002, N802
        """Return an empty text for an empty list, and null for null, because ids are derived from it."""
        return self.if_(arg.is_(NULL), NULL, self.f.concat_ws(sep, arg))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """Cast the items of an unnested list before it is unnested, and write null fields to JSON."""
        if isinstance(op.arg, ops.Unnest):
            return self.f.explode(self.cast(arg.this, dt.Array(to)))
        if to.is_json() and not op.arg.dtype.is_string():
            return self.f.to_json(arg, self.f.anon.map(sge.convert("ignoreNullFields"), sge.convert("false")))
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """Read lists from JSON, which is text to Spark, and instants with their offset."""
        if to.is_json() and op.arg.dtype.is_string():
            return arg
        if op.arg.dtype.is_json() and to.is_array():
            items = self.f.from_json(arg, sge.convert(self.type_mapper.to_string(to)))
            # Half a character is no text; Spark would make a question mark of it.
            is_half = self.f.regexp_like(
                self.f.replace(arg, sge.convert(r"\\"), sge.convert("")), sge.convert(HALF_CHARACTER)
            )
            return self.if_(is_half, NULL, items)
        if op.arg.dtype.is_string() and to.is_timestamp():
            return self._instant(self.f.upper(arg))
        return super().visit_TryCast(op, arg=arg, to=to)

    def _instant(self, text: Any) -> Any:
        """Parse an instant in UTC, where hour 24 is the first hour of the next day."""
        next_day = sge.Interval(this=sge.convert(1), unit=sge.Var(this="DAY"))
        first_hour = self.f.anon.overlay(text, sge.convert("00"), sge.convert(12), sge.convert(2))
        is_midnight = self.f.regexp_like(text, sge.convert(END_OF_DAY))
        return self.if_(is_midnight, _read(first_hour) + next_day, _read(text))

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Compare with both infinities."""
        return sg.or_(arg.eq(self.POS_INF), arg.eq(self.NEG_INF))

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: ARG002, N802
        """Match $ only at the end of the text, and as white space the six blanks of DuckDB."""
        if not isinstance(pattern, sge.Literal):
            raise NotImplementedError("Computed patterns are not supported.")
        written = pattern.this.replace(r"\s", r"[\t\n\f\r ]")
        if written.endswith("$") and not written.endswith(r"\$"):
            written = written[:-1] + r"\z"
        return self.f.regexp_like(arg, sge.convert(written))

    def visit_ScalarUDF(self, op: Any, **values: Any) -> Any:  # noqa: N802
        """Hash to 64 bits like DuckDB, instead of 32."""
        if op.__func_name__ == "hash":
            return self.f.xxhash64(*values.values())
        return super().visit_ScalarUDF(op, **values)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Distinguish null from NaN, which is invalid."""
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Distinguish null from NaN."""
        return arg.is_(sge.Not(this=NULL))

    def visit_ArrayFilter(self, op: Any, *, arg: Any, body: Any, param: Any, index: Any) -> Any:  # noqa: N802
        """Filter nulls with `array_compact`, because a lambda may not contain a subquery."""
        if isinstance(op.body, ops.NotNull) and op.body.arg == op.param:
            return self.f.anon.array_compact(arg)
        return super().visit_ArrayFilter(op, arg=arg, body=body, param=param, index=index)

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: ARG002, N802
        """Apply a condition to the rows only, not to the fraction."""
        return self.f.percentile(arg if where is None else self.if_(where, arg, NULL), self.cast(0.5, dt.float64))

    def visit_Select(self, op: Any, *, qualified: Any, selections: Any, sort_keys: Any, **parts: Any) -> Any:  # noqa: N802
        """Filter by window functions in an outer select, because Spark has no QUALIFY."""
        if not qualified:
            return super().visit_Select(op, qualified=qualified, selections=selections, sort_keys=sort_keys, **parts)
        if sort_keys or parts["distinct"]:
            raise NotImplementedError("A select with both QUALIFY and ORDER BY is not supported.")
        fields = [*self._cleanup_names(selections), sg.and_(*qualified).as_(QUALIFIED, quoted=self.quoted)]
        inner = (
            sg.select(*fields, copy=False).from_(parts["parent"], copy=False).where(*parts["predicates"], copy=False)
        )
        names = [sg.column(name, quoted=self.quoted) for name in selections]
        return sg.select(*names).from_(inner.subquery(QUALIFIED)).where(sg.column(QUALIFIED, quoted=self.quoted))


def _read(text: Any) -> Any:
    """Parse an instant by way of the type with offsets; the time zone of the session is UTC."""
    known = sge.TryCast(this=text, to=sge.DataType(this=sge.DataType.Type.TIMESTAMPLTZ), safe=True)
    return sge.Cast(this=known, to=sge.DataType(this=sge.DataType.Type.TIMESTAMPNTZ))
