"""Compilation of expressions to SQL, with markers for the days."""

import ibis
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql import SQLBackend
from sqlglot import ErrorLevel

from cjo_assets.engine.day_values import require_no_markers, with_markers

# Fused selects repeat shared parts: twice the statement, and twice the time to compile it.
ibis.options.sql.fuse_selects = False


def syntax_tree(backend: SQLBackend, rows: ir.Table) -> sge.Expr:
    """Return the syntax tree of an expression."""
    query: sge.Expr = backend.compiler.to_sqlglot(rows)
    # ibis drops columns in the order of a set; sorting makes a statement the same in every process.
    for star in query.find_all(sge.Star):
        star.set("except_", sorted(star.args.get("except_") or [], key=str) or None)
    require_no_markers(query)
    return query


def text_of(backend: SQLBackend, query: sge.Expr) -> str:
    """Return the text of a syntax tree."""
    text = query.sql(dialect=backend.dialect, pretty=True, copy=False, unsupported_level=ErrorLevel.RAISE)
    return with_markers(text)
