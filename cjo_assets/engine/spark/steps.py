"""Execution of statements with shared steps on Spark.

DuckDB computes a common table expression once. Spark inlines it at each reference, and nested ones multiply: a forecast
of several weeks became 440,000 of them. Above a limit each shared step is therefore computed separately, cached on the
workers, and read by the steps that reference it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlglot.expressions as sge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WRITTEN_OUT = 8
WITH = ("with", "with_")


def rows_of(session: SparkSession, query: Any, in_sql: Callable[[Any], str]) -> DataFrame:
    """Return the rows of a compiled statement, of which `in_sql` writes each part."""
    steps = {step.alias: step.this for step in query.ctes}
    if times_written_out(query) <= WRITTEN_OUT:
        return session.sql(in_sql(query))
    names = {name: f"cjo_step_{uuid.uuid4().hex}" for name in steps}
    try:
        for name, step in steps.items():
            rows = session.sql(in_sql(_renamed(step, names)))
            rows.localCheckpoint(eager=False).createOrReplaceTempView(names[name])
        whole = query.copy()
        for argument in WITH:
            whole.set(argument, None)
        return session.sql(in_sql(_renamed(whole, names)))
    finally:
        for name in names.values():
            session.catalog.dropTempView(name)


def times_written_out(query: Any) -> int:
    """Count the references at which Spark would inline the shared steps of a statement."""
    steps = {step.alias: step.this for step in query.ctes}
    body = [part for name, part in query.args.items() if name not in WITH]
    places = _named(body, steps)
    for name in reversed(steps):
        for other, times in _named([steps[name]], steps).items():
            places[other] += places[name] * times
    return sum(places.values())


def _named(parts: list[Any], steps: dict[str, Any]) -> Counter[str]:
    nodes = [node for part in parts for node in (part if isinstance(part, list) else [part])]
    expressions = [node for node in nodes if isinstance(node, sge.Expression)]
    return Counter(
        table.name for expression in expressions for table in expression.find_all(sge.Table) if table.name in steps
    )


def _renamed(expression: Any, names: dict[str, str]) -> Any:
    renamed = expression.copy()
    for table in list(renamed.find_all(sge.Table)):
        if table.name in names:
            table.this.set("this", names[table.name])
    return renamed
