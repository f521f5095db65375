"""Column lineage of a statement: the input columns of each output column, and how they are used.

Direct lineage is from the columns that compute the value, including the conditions of CASE and of an aggregate's
FILTER. Indirect lineage is from the columns that determine which rows there are and how they are combined: filters,
join keys, groups, limits, windows, DISTINCT, set operations and UNNEST. Edges that determine rows belong to every
column.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from cjo_assets.engine.lineage.values import (
    DISTINCT,
    FILTER,
    GROUP,
    JOIN,
    NOTHING,
    ORDER,
    SET,
    UNNEST,
    VALUE,
    Catalogue,
    Edge,
    Edges,
    Lineage,
    LineageError,
    Scope,
    through,
    value,
)

__all__ = ["VALUE", "Edge", "Edges", "Lineage", "LineageError", "lineage_of"]


def lineage_of(query: exp.Expr, catalogue: Catalogue) -> Lineage:
    """Return the lineage of a statement.

    Args:
        query: its syntax tree.
        catalogue: names of the columns by the name of a table with its schema.

    Raises:
        LineageError: a part of the statement is not supported, or names an unknown column.
    """
    return _relation(query, Scope(catalogue, _relation))


def _relation(query: exp.Expr, scope: Scope) -> Lineage:
    """Return the lineage of a relation in FROM or of a complete query."""
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
        columns = {f"col{n}": NOTHING.union(*(value(row[n], scope) for row in rows)) for n in range(len(rows[0]))}
        return _renamed(query, Lineage(columns))
    if isinstance(query, exp.Unnest):
        return _unnested(query, scope)
    if isinstance(query, exp.Lateral) and isinstance(query.this, exp.Subquery):
        return _renamed(query, _relation(query.this, scope))
    raise LineageError(f"Lineage of {type(query).__name__} is not supported: {query.sql('duckdb')[:200]}")


def _select(query: exp.Select, around: Scope) -> Lineage:
    scope = _inside(query, around)
    rows = _joined(query, scope)
    for projection in query.expressions:
        for name, edges in _projected(projection, scope, len(scope.aliases)):
            scope.aliases[name] = edges
    for part, role in (("where", FILTER), ("having", FILTER), ("qualify", FILTER)):
        condition = query.args.get(part)
        if condition is not None:
            rows |= through(value(condition.this, scope), role)
    group = query.args.get("group")
    if group is not None:
        rows |= through(_grouped(group, query, scope), GROUP)
    distinct = query.args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        whole = value(on, scope) if on is not None else NOTHING.union(*scope.aliases.values())
        rows |= through(whole, DISTINCT)
        if on is not None:
            rows |= _ordered(query, scope)
    return _limited(query, Lineage(dict(scope.aliases), rows | scope.unnested), scope)


def _inside(query: exp.Expr, around: Scope) -> Scope:
    """Return the scope inside a query, with its common table expressions."""
    scope = Scope(around.catalogue, _relation, around, around.named, parameters=around.parameters)
    with_ = query.args.get("with_")
    if with_ is not None:
        if with_.args.get("recursive"):
            raise LineageError("Lineage of WITH RECURSIVE is not supported.")
        named = dict(around.named)
        for cte in with_.expressions:
            scope.named = named
            named[cte.alias] = _renamed(cte, _relation(cte.this, scope))
        scope.named = named
    return scope


def _joined(query: exp.Select, scope: Scope) -> Edges:
    """Add the relations in FROM to the scope; return the edges that determine their rows."""
    first = query.args.get("from_")
    rows = _add_source(first.this, scope) if first is not None else NOTHING
    for join in query.args.get("joins") or ():
        using = [key.name for key in join.args.get("using") or ()]
        before = [scope.bare(name) for name in using]
        if join.kind in ("SEMI", "ANTI"):
            # The columns of a semi or anti join are visible to its condition only.
            outer = dict(scope.sources)
            rows |= _add_source(join.this, scope) | _condition(join, scope, using, before)
            scope.sources = outer
        else:
            rows |= _add_source(join.this, scope) | _condition(join, scope, using, before)
    for lateral in query.args.get("laterals") or ():
        rows |= _add_source(lateral, scope)
    return rows


def _condition(join: exp.Join, scope: Scope, using: list[str], before: list[Edges]) -> Edges:
    if join.method == "NATURAL":
        raise LineageError("The lineage of NATURAL JOIN is not known.")
    on = join.args.get("on")
    keys = NOTHING.union(*before, *(scope.bare(name) for name in using))
    return through(keys | (value(on, scope) if on is not None else NOTHING), JOIN)


def _add_source(source: exp.Expr, scope: Scope) -> Edges:
    relation = _relation(source, scope)
    name = source.alias_or_name or f"unnamed {len(scope.sources)}"
    if source.args.get("pivots"):
        raise LineageError("Lineage of PIVOT is not supported.")
    scope.sources[name] = relation
    return relation.rows


def _table(table: exp.Table, scope: Scope) -> Lineage:
    if isinstance(table.this, exp.Func):
        edges = value(table.this, scope)
        columns = list(table.alias_column_names) or [table.alias or table.this.name]
        return Lineage(dict.fromkeys(columns, edges), through(edges, UNNEST))
    if not table.db and table.name in scope.named:
        return _renamed(table, scope.named[table.name])
    name = f"{table.db}.{table.name}" if table.db else table.name
    found = scope.catalogue(name)
    return _renamed(table, Lineage({column: frozenset((Edge(name, column, VALUE),)) for column in found}))


def _unnested(unnest: exp.Unnest, scope: Scope) -> Lineage:
    edges = [value(expression, scope) for expression in unnest.expressions]
    names = [*unnest.alias_column_names] or ["unnest"]
    whole = NOTHING.union(*edges)
    columns = dict(zip(names, edges, strict=True)) if len(names) == len(edges) else dict.fromkeys(names, whole)
    return Lineage(columns, through(whole, UNNEST))


def _renamed(aliased: exp.Expr, relation: Lineage) -> Lineage:
    """Return a relation with the column names of its alias: AS t(a, b)."""
    names = list(aliased.alias_column_names)
    if not names:
        return relation
    rest = list(relation.columns)[len(names) :]
    return Lineage(dict(zip([*names, *rest], relation.columns.values(), strict=True)), relation.rows)


def _set_operation(query: exp.SetOperation, around: Scope) -> Lineage:
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
        rows |= through(NOTHING.union(*columns.values()), SET)
    scope.aliases = columns
    return _limited(query, Lineage(columns, rows), scope)


def _limited(query: exp.Expr, relation: Lineage, scope: Scope) -> Lineage:
    """Return a relation with the edges of its limit; without one, the order of rows determines nothing."""
    limits = [query.args[part].expression for part in ("limit", "offset") if query.args.get(part) is not None]
    if not limits:
        return relation
    given = NOTHING.union(*(value(limit, scope) for limit in limits if limit is not None))
    scope.aliases = scope.aliases or relation.columns
    return Lineage(relation.columns, relation.rows | through(given, FILTER) | _ordered(query, scope))


def _ordered(query: exp.Expr, scope: Scope) -> Edges:
    order = query.args.get("order")
    keys = [_key(ordered.this, scope) for ordered in order.expressions] if order is not None else []
    return through(NOTHING.union(*keys), ORDER)


def _grouped(group: exp.Group, query: exp.Select, scope: Scope) -> Edges:
    if group.args.get("all"):
        plain = [found for found in query.expressions if not list(found.find_all(exp.AggFunc))]
        return NOTHING.union(*(value(found, scope) for found in plain))
    sets = [part for name in ("rollup", "cube", "grouping_sets") for part in group.args.get(name) or ()]
    return NOTHING.union(*(_key(key, scope) for key in [*group.expressions, *sets]))


def _key(key: exp.Expr, scope: Scope) -> Edges:
    """Return the edges of a group or sort key: an expression, or the number of a selected column."""
    if isinstance(key, exp.Literal) and key.is_int:
        return list(scope.aliases.values())[int(key.this) - 1]
    if isinstance(key, exp.Column) and not key.table and key.name in scope.aliases:
        return scope.aliases[key.name]
    return value(key, scope)


def _projected(projection: exp.Expr, scope: Scope, number: int) -> Iterable[tuple[str, Edges]]:
    """Return names and edges of one item of SELECT."""
    if isinstance(projection, exp.Star):
        return _starred(projection, None, scope)
    if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
        return _starred(projection.this, projection.table, scope)
    return [(projection.alias_or_name or f"unnamed {number}", value(projection, scope))]


def _starred(star: exp.Star, source: str | None, scope: Scope) -> Iterable[tuple[str, Edges]]:
    sources = scope.sources if source is None else {source: scope.sources[source]}
    left_out = {item.name for item in star.args.get("except_") or ()}
    replaced = {item.alias: value(item.this, scope) for item in star.args.get("replace") or ()}
    renamed = {item.this.name: item.alias for item in star.args.get("rename") or ()}
    found: dict[str, Edges] = {}
    for relation in sources.values():
        for name, edges in relation.columns.items():
            if name not in left_out:
                shown = renamed.get(name, name)
                # A column merged by USING occurs once, and may come from either side.
                found[shown] = replaced.get(name, edges) | found.get(shown, NOTHING)
    return found.items()
