"""Tests of predicates derived from checks: a filter of the table itself is one, everything else is refused."""

from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.engine.predicates import predicate_of
from cjo_assets_tests.support.engine import made_of
from cjo_assets_tests.support.rows import rows_of

SCHEMA = ibis.schema(
    {"customer_id": "string", "spent": "int64", "budget": "int64", "tags": "array<string>", "day": "string"}
)
ROWS: list[dict[str, Any]] = [
    {"customer_id": "within", "spent": 1, "budget": 2, "tags": ["a"], "day": "2025-01-01"},
    {"customer_id": "beyond", "spent": 3, "budget": 2, "tags": ["a", "b"], "day": "2025-01-02"},
    {"customer_id": "far beyond", "spent": 9, "budget": 2, "tags": [], "day": None},
    {"customer_id": "unlimited", "spent": 9, "budget": None, "tags": None, "day": "no day"},
]
Failing = Callable[[ir.Table], ir.Table]


def projected(rows: ir.Table) -> ir.Table:
    """Find rows by a computed column that has the name of another."""
    rows = rows.select("customer_id", budget=rows.spent - rows.budget)
    return rows.filter(rows.budget > 0)


def filtered_twice(rows: ir.Table) -> ir.Table:
    """Find rows by two filters with a projection between them, in some order."""
    rows = rows.drop("day").filter(rows.spent > 1).mutate(over=rows.spent - rows.budget)
    return rows.filter(rows.over > 1, rows.over < 100).order_by("over").select("over")


PREDICATES: dict[Failing, list[str]] = {
    lambda rows: rows: ["within", "beyond", "far beyond", "unlimited"],
    lambda rows: rows.filter(rows.spent > rows.budget): ["beyond", "far beyond"],
    lambda rows: rows.filter(~(rows.spent > rows.budget)): ["within"],
    lambda rows: rows.filter(rows.budget.isnull() | (rows.spent == 1)).select("spent"): ["within", "unlimited"],
    projected: ["beyond", "far beyond"],
    filtered_twice: ["far beyond"],
}


@pytest.mark.parametrize(("failing", "expected"), PREDICATES.items())
def test_the_predicate_holds_in_the_failing_rows(failing: Failing, expected: list[str]) -> None:
    table = made_of(ROWS, SCHEMA)
    predicate = predicate_of(failing(table), table)
    assert predicate is not None
    assert [row["customer_id"] for row in rows_of(table.filter(predicate))] == expected
    [counted] = rows_of(table.agg(rows=table.count(where=predicate)))
    assert counted["rows"] == len(expected) == len(rows_of(failing(table)))


def test_a_predicate_of_a_day_is_one_of_the_rows_of_that_day() -> None:
    table = made_of(ROWS, SCHEMA)
    of_day = table.filter(table.day == "2025-01-02")
    failing = of_day.drop("day").filter(lambda row: row.spent > 1)
    assert predicate_of(failing, of_day) is not None
    assert predicate_of(failing, table) is not None
    assert predicate_of(table.filter(table.spent > 1), of_day) is None, "of other rows too"


REFUSED: dict[str, Failing] = {
    "window": lambda rows: rows.filter(rows.spent > rows.spent.mean().over(ibis.window(group_by="budget"))),
    "window in a column": lambda rows: rows.mutate(last=rows.spent.lag()).filter(lambda row: row.last > row.spent),
    "aggregate": lambda rows: rows.group_by("budget").having(lambda row: row.count() > 1).agg(),
    "sum of all rows": lambda rows: rows.filter(rows.spent > rows.spent.sum().as_scalar()),
    "join": lambda rows: rows.join(rows.view(), "customer_id"),
    "rows of another table": lambda rows: rows.filter(rows.customer_id.isin(made_of(ROWS[:1], SCHEMA).customer_id)),
    "unnest": lambda rows: rows.select(tag=rows.tags.unnest()),
    "union": lambda rows: ibis.union(rows, rows),
    "distinct": lambda rows: rows.distinct(),
    "limit": lambda rows: rows.limit(1),
    "random": lambda rows: rows.filter(ibis.random() < 0.5),
    "another table": lambda _: made_of(ROWS[:2], SCHEMA),
    "cast that fails for rows that a filter excludes": lambda rows: rows.filter(rows.day != "no day").filter(
        lambda row: row.day.cast("date") > ibis.date(2025, 1, 1)
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_more_than_one_row_has_no_predicate(name: str) -> None:
    table = made_of(ROWS, SCHEMA)
    assert predicate_of(REFUSED[name](table), table) is None


def test_a_column_beside_the_condition_may_need_other_rows() -> None:
    """It shows more of the failing rows, and changes neither which nor how many they are."""
    table = made_of(ROWS, SCHEMA)
    failing = table.mutate(total=table.spent.sum().over(ibis.window())).filter(lambda row: row.spent > 3)
    predicate = predicate_of(failing, table)
    assert predicate is not None
    assert len(rows_of(table.filter(predicate))) == len(rows_of(failing)) == 2
