"""Column lineage of a statement: which columns of which tables each of its columns follows from, and how.

Belongs here: reading a syntax tree of SQL. Does not belong here: where the statement comes from, and who is told.

A column follows *directly* from what its value is computed from, the conditions of a CASE and of an aggregate's FILTER
included. It follows *indirectly* from what decides which rows there are and in which company they are judged: filters,
join keys, groups, limits, windows, duplicates removed, set operations, lists unnested. What decides about rows is
edges of every column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp

VALUE = "value"
FILTER, JOIN, GROUP, ORDER, WINDOW = "filter", "join", "group", "order", "window"
DISTINCT, SET, UNNEST = "distinct", "set", "unnest"

Catalogue = Callable[[str], Sequence[str]]


class LineageError(Exception):
    """A statement has a part whose lineage we do not know; better none than half of one."""


class Edge(NamedTuple):
    """A column that another follows from.

    Attributes:
        table: the table, with its schema.
        column: its column.
        role: `value` where the other is computed from it, else what it decides.
    """

    table: str
    column: str
    role: str


Edges = frozenset[Edge]
NOTHING: Edges = frozenset()


@dataclass(frozen=True)
class Lineage:
    """What a table, or any relation within a statement, follows from.

    Attributes:
        columns: the edges of each column alone, in the order of the columns.
        rows: what decides about the rows: edges of every column.
    """

    columns: dict[str, Edges]
    rows: Edges = NOTHING

    def of(self, column: str) -> Edges:
        """Return all edges of a column."""
        return self.columns[column] | self.rows


def lineage_of(query: exp.Expr, catalogue: Catalogue) -> Lineage:
    """Return the lineage of a statement.

    Args:
        query: its syntax tree.
        catalogue: from the name of a table, with its schema, to the names of its columns.

    Raises:
        LineageError: a part of it is unknown to us, or names a column that is not there.
    """
    return _relation(query, _Scope(catalogue))


@dataclass
class _Scope:
    """What names mean at a place of the statement.

    Attributes:
        catalogue: the tables of the database.
        parent: the scope around it, for what is correlated.
        named: the common table expressions in sight.
        sources: what stands in FROM, by alias.
        aliases: the columns selected so far, by name.
        parameters: those of the lambdas around.
        unnested: what decides about rows because it is unnested among the selected columns.
    """

    catalogue: Catalogue
    parent: _Scope | None = None
    named: Mapping[str, Lineage] = field(default_factory=dict)
    sources: dict[str, Lineage] = field(default_factory=dict)
    aliases: dict[str, Edges] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    unnested: Edges = NOTHING

    def column(self, source: str, name: str) -> Edges | None:
        """Return the edges of a column of a source, here or further out; None where there is no such source."""
        scope: _Scope | None = self
        while scope is not None:
            found = scope.sources.get(source)
            if found is not None:
                if name not in found.columns:
                    raise LineageError(f"{source} has no column {name}, only {', '.join(found.columns)}.")
                return found.columns[name]
            scope = scope.parent
        return None

    def bare(self, name: str) -> Edges:
        """Return the edges of a name without a source: a column, a selected one, a whole row, or of a scope around."""
        if name in self.parameters:
            return NOTHING
        found = [relation.columns[name] for relation in self.sources.values() if name in relation.columns]
        if found:
            return NOTHING.union(*found)
        if name in self.aliases:
            return self.aliases[name]
        if name in self.sources:
            return NOTHING.union(*self.sources[name].columns.values())
        if self.parent is None:
            raise LineageError(f"Nothing is known of the name {name}.")
        return self.parent.bare(name)


def _relation(query: exp.Expr, scope: _Scope) -> Lineage:
    """Return the lineage of anything that can stand in FROM or for itself."""
    if isinstance(query, exp.Select):
        return _select(query, scope)
    if isinstance(query, exp.SetOperation):
        return _set_operation(query, scope)
    if isinstance(query, exp.Subquery):
        inner = _inside(query, scope)
        return _renamed(query, _limited(query, _relation(query.this, inner), inner))
    if isinstance(query, exp.Table):
        return _table(query, scope)
    if isinstance(query, exp.Identifier) and query.name in scope.named:
        return scope.named[query.name]
    if isinstance(query, exp.Values):
        rows = [row.expressions for row in query.expressions]
        columns = {f"col{n}": NOTHING.union(*(_value(row[n], scope) for row in rows)) for n in range(len(rows[0]))}
        return _renamed(query, Lineage(columns))
    if isinstance(query, exp.Unnest):
        return _unnested(query, scope)
    if isinstance(query, exp.Lateral) and isinstance(query.this, exp.Subquery):
        return _renamed(query, _relation(query.this, scope))
    raise LineageError(f"The lineage of {type(query).__name__} is not known: {query.sql('duckdb')[:200]}")


def _select(query: exp.Select, around: _Scope) -> Lineage:
    scope = _inside(query, around)
    rows = _joined(query, scope)
    for projection in query.expressions:
        for name, edges in _projected(projection, scope, len(scope.aliases)):
            scope.aliases[name] = edges
    for part, role in (("where", FILTER), ("having", FILTER), ("qualify", FILTER)):
        condition = query.args.get(part)
        if condition is not None:
            rows |= _through(_value(condition.this, scope), role)
    group = query.args.get("group")
    if group is not None:
        rows |= _through(_grouped(group, query, scope), GROUP)
    distinct = query.args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        whole = _value(on, scope) if on is not None else NOTHING.union(*scope.aliases.values())
        rows |= _through(whole, DISTINCT)
        if on is not None:
            rows |= _ordered(query, scope)
    return _limited(query, Lineage(dict(scope.aliases), rows | scope.unnested), scope)


def _inside(query: exp.Expr, around: _Scope) -> _Scope:
    """Return the scope within a query, its common table expressions in sight."""
    scope = _Scope(around.catalogue, around, around.named, parameters=around.parameters)
    with_ = query.args.get("with_")
    if with_ is not None:
        if with_.args.get("recursive"):
            raise LineageError("The lineage of WITH RECURSIVE is not known.")
        named = dict(around.named)
        for cte in with_.expressions:
            scope.named = named
            named[cte.alias] = _renamed(cte, _relation(cte.this, scope))
        scope.named = named
    return scope


def _joined(query: exp.Select, scope: _Scope) -> Edges:
    """Fill the scope with what stands in FROM; return what decides about the rows of it."""
    first = query.args.get("from_")
    rows = _add_source(first.this, scope) if first is not None else NOTHING
    for join in query.args.get("joins") or ():
        using = [key.name for key in join.args.get("using") or ()]
        before = [scope.bare(name) for name in using]
        if join.kind in ("SEMI", "ANTI"):
            # What is only looked up is in sight of the condition alone.
            outer = dict(scope.sources)
            rows |= _add_source(join.this, scope) | _condition(join, scope, using, before)
            scope.sources = outer
        else:
            rows |= _add_source(join.this, scope) | _condition(join, scope, using, before)
    for lateral in query.args.get("laterals") or ():
        rows |= _add_source(lateral, scope)
    return rows


def _condition(join: exp.Join, scope: _Scope, using: list[str], before: list[Edges]) -> Edges:
    if join.method == "NATURAL":
        raise LineageError("The lineage of NATURAL JOIN is not known.")
    on = join.args.get("on")
    keys = NOTHING.union(*before, *(scope.bare(name) for name in using))
    return _through(keys | (_value(on, scope) if on is not None else NOTHING), JOIN)


def _add_source(source: exp.Expr, scope: _Scope) -> Edges:
    relation = _relation(source, scope)
    name = source.alias_or_name or f"unnamed {len(scope.sources)}"
    if source.args.get("pivots"):
        raise LineageError("The lineage of PIVOT is not known.")
    scope.sources[name] = relation
    return relation.rows


def _table(table: exp.Table, scope: _Scope) -> Lineage:
    if isinstance(table.this, exp.Func):
        edges = _value(table.this, scope)
        columns = list(table.alias_column_names) or [table.alias or table.this.name]
        return Lineage(dict.fromkeys(columns, edges), _through(edges, UNNEST))
    if not table.db and table.name in scope.named:
        return _renamed(table, scope.named[table.name])
    name = f"{table.db}.{table.name}" if table.db else table.name
    found = scope.catalogue(name)
    return _renamed(table, Lineage({column: frozenset((Edge(name, column, VALUE),)) for column in found}))


def _unnested(unnest: exp.Unnest, scope: _Scope) -> Lineage:
    edges = [_value(expression, scope) for expression in unnest.expressions]
    names = [*unnest.alias_column_names] or ["unnest"]
    whole = NOTHING.union(*edges)
    columns = dict(zip(names, edges, strict=True)) if len(names) == len(edges) else dict.fromkeys(names, whole)
    return Lineage(columns, _through(whole, UNNEST))


def _renamed(aliased: exp.Expr, relation: Lineage) -> Lineage:
    """Return a relation with the names that its alias gives its columns: AS t(a, b)."""
    names = list(aliased.alias_column_names)
    if not names:
        return relation
    rest = list(relation.columns)[len(names) :]
    return Lineage(dict(zip([*names, *rest], relation.columns.values(), strict=True)), relation.rows)


def _set_operation(query: exp.SetOperation, around: _Scope) -> Lineage:
    scope = _inside(query, around)
    left, right = _relation(query.left, scope), _relation(query.right, scope)
    rows = left.rows | right.rows
    if query.args.get("by_name"):
        names = dict.fromkeys([*left.columns, *right.columns])
        columns = {name: left.columns.get(name, NOTHING) | right.columns.get(name, NOTHING) for name in names}
    else:
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        columns = {name: edges | other for (name, edges), other in pairs}
    if not isinstance(query, exp.Union) or query.args.get("distinct"):
        rows |= _through(NOTHING.union(*columns.values()), SET)
    scope.aliases = columns
    return _limited(query, Lineage(columns, rows), scope)


def _limited(query: exp.Expr, relation: Lineage, scope: _Scope) -> Lineage:
    """Return a relation with what a limit decides: without one, the order of rows decides nothing about them."""
    limits = [query.args[part].expression for part in ("limit", "offset") if query.args.get(part) is not None]
    if not limits:
        return relation
    given = NOTHING.union(*(_value(limit, scope) for limit in limits if limit is not None))
    scope.aliases = scope.aliases or relation.columns
    return Lineage(relation.columns, relation.rows | _through(given, FILTER) | _ordered(query, scope))


def _ordered(query: exp.Expr, scope: _Scope) -> Edges:
    order = query.args.get("order")
    keys = [_key(ordered.this, scope) for ordered in order.expressions] if order is not None else []
    return _through(NOTHING.union(*keys), ORDER)


def _grouped(group: exp.Group, query: exp.Select, scope: _Scope) -> Edges:
    if group.args.get("all"):
        plain = [found for found in query.expressions if not list(found.find_all(exp.AggFunc))]
        return NOTHING.union(*(_value(found, scope) for found in plain))
    sets = [part for name in ("rollup", "cube", "grouping_sets") for part in group.args.get(name) or ()]
    return NOTHING.union(*(_key(key, scope) for key in [*group.expressions, *sets]))


def _key(key: exp.Expr, scope: _Scope) -> Edges:
    """Return the edges of what is grouped or ordered by: an expression, or the number of a selected column."""
    if isinstance(key, exp.Literal) and key.is_int:
        return list(scope.aliases.values())[int(key.this) - 1]
    if isinstance(key, exp.Column) and not key.table and key.name in scope.aliases:
        return scope.aliases[key.name]
    return _value(key, scope)


def _projected(projection: exp.Expr, scope: _Scope, number: int) -> Iterable[tuple[str, Edges]]:
    """Return names and edges of what one item of SELECT stands for."""
    if isinstance(projection, exp.Star):
        return _starred(projection, None, scope)
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
        return _starred(projection.this, projection.table, scope)
    return [(projection.alias_or_name or f"unnamed {number}", _value(projection, scope))]


def _starred(star: exp.Star, source: str | None, scope: _Scope) -> Iterable[tuple[str, Edges]]:
    sources = scope.sources if source is None else {source: scope.sources[source]}
    left_out = {item.name for item in star.args.get("except_") or ()}
    replaced = {item.alias: _value(item.this, scope) for item in star.args.get("replace") or ()}
    renamed = {item.this.name: item.alias for item in star.args.get("rename") or ()}
    found: dict[str, Edges] = {}
    for relation in sources.values():
        for name, edges in relation.columns.items():
            if name not in left_out:
                shown = renamed.get(name, name)
                # A column that USING merges stands once, and may come from either side.
                found[shown] = replaced.get(name, edges) | found.get(shown, NOTHING)
    return found.items()


def _value(expression: exp.Expr, scope: _Scope) -> Edges:
    """Return the edges of an expression within a statement."""
    reader = _READERS.get(type(expression))
    if reader is not None:
        return reader(expression, scope)
    if isinstance(expression, exp.Query):
        relation = _relation(expression, scope)
        return relation.rows.union(*relation.columns.values())
    return _parts(expression, scope)


def _parts(expression: exp.Expr, scope: _Scope) -> Edges:
    found: list[Edges] = []
    for part in expression.args.values():
        if isinstance(part, exp.Expr):
            found.append(_value(part, scope))
        elif isinstance(part, list):
            found += [_value(item, scope) for item in part if isinstance(item, exp.Expr)]
    found = [edges for edges in found if edges]
    return found[0] if len(found) == 1 else NOTHING.union(*found)


def _column(column: exp.Expr, scope: _Scope) -> Edges:
    parts = [column.args[part].name for part in ("catalog", "db", "table", "this") if column.args.get(part) is not None]
    # In a.b.c the first name that is a source is one; what follows the column are fields of it.
    for place in range(len(parts) - 1):
        found = scope.column(parts[place], parts[place + 1])
        if found is not None:
            return found
    return scope.bare(parts[0])


def _window(window: exp.Expr, scope: _Scope) -> Edges:
    if window.args.get("alias") is not None:
        raise LineageError("The lineage of a named window is not known.")
    order = window.args.get("order")
    around = [*(window.args.get("partition_by") or ()), *(order.expressions if order is not None else ())]
    company = NOTHING.union(*(_value(part, scope) for part in around))
    return _value(window.this, scope) | _through(company, WINDOW)


def _order(order: exp.Expr, scope: _Scope) -> Edges:
    """Return the edges of ORDER BY within an aggregate: of what is ordered, and of what it is ordered by."""
    keys = NOTHING.union(*(_value(key, scope) for key in order.expressions))
    return _through(keys, ORDER) | (_value(order.this, scope) if order.this is not None else NOTHING)


def _exploded(explode: exp.Expr, scope: _Scope) -> Edges:
    edges = _parts(explode, scope)
    scope.unnested |= _through(edges, UNNEST)
    return edges


def _lambda(function: exp.Expr, scope: _Scope) -> Edges:
    outer = scope.parameters
    scope.parameters = outer | {parameter.name for parameter in function.expressions}
    try:
        return _value(function.this, scope)
    finally:
        scope.parameters = outer


def _existing(exists: exp.Expr, scope: _Scope) -> Edges:
    """Return what decides whether there is a row; its values do not matter."""
    return _through(_relation(exists.this, scope).rows, FILTER)


def _nothing(_: exp.Expr, __: _Scope) -> Edges:
    return NOTHING


def _second(pair: exp.Expr, scope: _Scope) -> Edges:
    """Return the edges of the value in `name := value`."""
    return _value(pair.expression, scope)


def _unknown(expression: exp.Expr, _: _Scope) -> Edges:
    raise LineageError(f"The lineage of {type(expression).__name__} is not known.")


_READERS: dict[type[exp.Expr], Callable[[exp.Expr, _Scope], Edges]] = {
    exp.Column: _column,
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


def _through(edges: Edges, role: str) -> Edges:
    """Return edges as those of something that only decides: values take the role, the others keep theirs."""
    return frozenset(Edge(edge.table, edge.column, role) if edge.role == VALUE else edge for edge in edges)
