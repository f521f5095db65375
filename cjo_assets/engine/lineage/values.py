"""Edges of expressions within a statement, and resolution of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp

VALUE = "value"
FILTER, JOIN, GROUP, ORDER, WINDOW = "filter", "join", "group", "order", "window"
DISTINCT, SET, UNNEST = "distinct", "set", "unnest"

Catalogue = Callable[[str], Sequence[str]]


class LineageError(Exception):
    """The lineage of a part of a statement is not supported; incomplete lineage is not returned."""


class Edge(NamedTuple):
    """An input column of another column.

    Attributes:
        table: the table, with its schema.
        column: its column.
        role: `value` if the other column is computed from it, else how it is used.
    """

    table: str
    column: str
    role: str


Edges = frozenset[Edge]
NOTHING: Edges = frozenset()


class Struct(Edges):
    """Edges of a struct, or of a list of structs, with those of its fields.

    Expressions other than field access have the edges of all fields.
    """

    fields: dict[str, Edges]

    @classmethod
    def of(cls, fields: dict[str, Edges]) -> Struct:
        """Return the edges of a struct with these fields."""
        struct = cls(NOTHING.union(*fields.values()))
        struct.fields = fields
        return struct

    @classmethod
    def merged(cls, values: Sequence[Edges]) -> Edges:
        """Return the edges of an expression that is one of several values."""
        structs = [found for found in values if isinstance(found, Struct)]
        if not structs or len(structs) < len(values) or len({tuple(found.fields) for found in structs}) > 1:
            return NOTHING.union(*values)
        return cls.of({name: NOTHING.union(*(found.fields[name] for found in structs)) for name in structs[0].fields})


@dataclass(frozen=True)
class Lineage:
    """Lineage of a table, or of a relation within a statement.

    Attributes:
        columns: the edges of each column, in the order of the columns.
        rows: the edges that determine the rows, which belong to every column.
    """

    columns: dict[str, Edges]
    rows: Edges = NOTHING

    def of(self, column: str) -> Edges:
        """Return all edges of a column."""
        return self.columns[column] | self.rows


@dataclass
class Scope:
    """Names in scope at a place of a statement.

    Attributes:
        catalogue: the tables of the database.
        relation: function from a subquery to its lineage.
        parent: the enclosing scope, for correlated queries.
        named: the common table expressions.
        sources: the relations in FROM by alias.
        aliases: the columns selected so far, by name.
        parameters: parameters of the enclosing lambdas.
        unnested: the edges of UNNEST in the select list, which determine rows.
    """

    catalogue: Catalogue
    relation: Callable[[exp.Expr, Scope], Lineage]
    parent: Scope | None = None
    named: Mapping[str, Lineage] = field(default_factory=dict)
    sources: dict[str, Lineage] = field(default_factory=dict)
    aliases: dict[str, Edges] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    unnested: Edges = NOTHING

    def column(self, source: str, name: str) -> Edges | None:
        """Return the edges of a column of a source, in this or an enclosing scope; None if there is no such source."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.sources.get(source)
            if found is not None:
                if name not in found.columns:
                    raise LineageError(f"{source} has no column {name}; columns are {', '.join(found.columns)}.")
                return found.columns[name]
            scope = scope.parent
        return None

    def bare(self, name: str) -> Edges:
        """Return the edges of an unqualified name: a column, an alias, a whole row, or a name of an enclosing scope."""
        if name in self.parameters:
            return NOTHING
        found = [relation.columns[name] for relation in self.sources.values() if name in relation.columns]
        if found:
            return found[0] if len(found) == 1 else NOTHING.union(*found)
        if name in self.aliases:
            return self.aliases[name]
        if name in self.sources:
            return NOTHING.union(*self.sources[name].columns.values())
        if self.parent is None:
            raise LineageError(f"Unknown name {name}.")
        return self.parent.bare(name)


def value(expression: exp.Expr, scope: Scope) -> Edges:
    """Return the edges of an expression."""
    reader = _READERS.get(type(expression))
    if reader is not None:
        return reader(expression, scope)
    if isinstance(expression, exp.Query):
        relation = scope.relation(expression, scope)
        return relation.rows.union(*relation.columns.values())
    return _parts(expression, scope)


def _parts(expression: exp.Expr, scope: Scope) -> Edges:
    found: list[Edges] = []
    for part in expression.args.values():
        if isinstance(part, exp.Expr):
            found.append(value(part, scope))
        elif isinstance(part, list):
            found += [value(item, scope) for item in part if isinstance(item, exp.Expr)]
    found = [edges for edges in found if edges]
    return found[0] if len(found) == 1 and type(found[0]) is frozenset else NOTHING.union(*found)


def _same(wrapped: exp.Expr, scope: Scope) -> Edges:
    """Return the edges of an expression with an alias, a cast or parentheses."""
    return value(wrapped.this, scope)


def _struct(struct: exp.Expr, scope: Scope) -> Edges:
    return Struct.of({pair.name: value(pair, scope) for pair in struct.expressions})


def _list(array: exp.Expr, scope: Scope) -> Edges:
    return Struct.merged([value(item, scope) for item in array.expressions])


def _field(dot: exp.Expr, scope: Scope) -> Edges:
    return _fields_of(value(dot.this, scope), [dot.expression.name])


def _fields_of(edges: Edges, names: Sequence[str]) -> Edges:
    """Return the edges of a nested field; of the whole struct if its fields are not known."""
    for name in names:
        if not isinstance(edges, Struct) or name not in edges.fields:
            return frozenset(edges)
        edges = edges.fields[name]
    return edges


def _column(column: exp.Expr, scope: Scope) -> Edges:
    parts = [column.args[part].name for part in ("catalog", "db", "table", "this") if column.args.get(part) is not None]
    # In a.b.c the first name that is a source is one; the names after the column are fields.
    for place in range(len(parts) - 1):
        found = scope.column(parts[place], parts[place + 1])
        if found is not None:
            return _fields_of(found, parts[place + 2 :])
    return _fields_of(scope.bare(parts[0]), parts[1:])


def _window(window: exp.Expr, scope: Scope) -> Edges:
    if window.args.get("alias") is not None:
        raise LineageError("Lineage of a named window is not supported.")
    order = window.args.get("order")
    around = [*(window.args.get("partition_by") or ()), *(order.expressions if order is not None else ())]
    company = NOTHING.union(*(value(part, scope) for part in around))
    return value(window.this, scope) | through(company, WINDOW)


def _order(order: exp.Expr, scope: Scope) -> Edges:
    """Return the edges of ORDER BY within an aggregate: of the value and of the sort keys."""
    keys = NOTHING.union(*(value(key, scope) for key in order.expressions))
    return through(keys, ORDER) | (value(order.this, scope) if order.this is not None else NOTHING)


def _exploded(explode: exp.Expr, scope: Scope) -> Edges:
    edges = value(explode.this, scope) if isinstance(explode, exp.Explode) else _parts(explode, scope)
    unnested = explode.this
    while isinstance(unnested, exp.Cast | exp.Paren):
        unnested = unnested.this
    # A list literal has the same length in every row.
    if not isinstance(unnested, exp.Array):
        scope.unnested |= through(edges, UNNEST)
    return edges


def _lambda(function: exp.Expr, scope: Scope) -> Edges:
    outer = scope.parameters
    scope.parameters = outer | {parameter.name for parameter in function.expressions}
    try:
        return value(function.this, scope)
    finally:
        scope.parameters = outer


def _existing(exists: exp.Expr, scope: Scope) -> Edges:
    """Return the edges that determine whether a subquery has rows; its values do not matter."""
    return through(scope.relation(exists.this, scope).rows, FILTER)


def _nothing(_: exp.Expr, __: Scope) -> Edges:
    return NOTHING


def _second(pair: exp.Expr, scope: Scope) -> Edges:
    """Return the edges of the value in `name := value`."""
    return value(pair.expression, scope)


def _unknown(expression: exp.Expr, _: Scope) -> Edges:
    raise LineageError(f"Lineage of {type(expression).__name__} is not supported.")


_READERS: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Edges]] = {
    exp.Column: _column,
    exp.Dot: _field,
    exp.Struct: _struct,
    exp.Array: _list,
    exp.Alias: _same,
    exp.Cast: _same,
    exp.TryCast: _same,
    exp.Paren: _same,
    exp.Window: _window,
    exp.Order: _order,
    exp.Explode: _exploded,
    exp.Unnest: _exploded,
    exp.Lambda: _lambda,
    exp.Exists: _existing,
    exp.PropertyEQ: _second,
    exp.Kwarg: _second,
    exp.Identifier: _nothing,
    exp.Literal: _nothing,
    exp.DataType: _nothing,
    exp.Star: _nothing,
    exp.Null: _nothing,
    exp.Columns: _unknown,
}


def through(edges: Edges, role: str) -> Edges:
    """Return edges with a role: values get the role, other edges keep theirs."""
    return frozenset(Edge(edge.table, edge.column, role) if edge.role == VALUE else edge for edge in edges)
