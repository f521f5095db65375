"""Column lineage of statements written by hand."""

import pytest
import sqlglot

from cjo_assets.engine.lineage.query import Lineage, LineageError, lineage_of
from cjo_assets.orchestration.metadata import column_deps, lineage_page
from cjo_assets.warehouse.lineage_records import edges_of

TABLES = {"s.a": ["k", "x", "y", "l"], "s.b": ["k", "z", "w"], "s.c": ["x", "v"]}

Expected = dict[str, set[str]]


def found(sql: str) -> Lineage:
    """Return the lineage of a statement over the tables above."""
    return lineage_of(sqlglot.parse_one(sql, read="duckdb"), TABLES.__getitem__)


def in_words(sql: str) -> tuple[Expected, set[str]]:
    """Return the edges of each column, and those of the rows, as `table.column`, with the role where it is no value."""

    def words(edges: frozenset[tuple[str, str, str]]) -> set[str]:
        return {
            f"{table.removeprefix('s.')}.{column}" + ("" if role == "value" else f" {role}")
            for table, column, role in edges
        }

    lineage = found(sql)
    return {name: words(edges) for name, edges in lineage.columns.items()}, words(lineage.rows)


@pytest.mark.parametrize(
    ("sql", "columns", "rows"),
    [
        pytest.param("SELECT x AS one, y + k AS two, 3 AS three FROM s.a",
                     {"one": {"a.x"}, "two": {"a.y", "a.k"}, "three": set()}, set(), id="alias"),
        pytest.param("SELECT CASE WHEN x > 0 THEN 'high' ELSE y END AS tier FROM s.a",
                     {"tier": {"a.x", "a.y"}}, set(), id="the condition of a case is a value"),
        pytest.param("WITH one AS (SELECT x AS p FROM s.a WHERE y > 0), two AS (SELECT p FROM one) SELECT p FROM two",
                     {"p": {"a.x"}}, {"a.y filter"}, id="common table expression"),
        pytest.param("SELECT p FROM (SELECT x AS p, row_number() OVER (PARTITION BY k ORDER BY y) AS n FROM s.a) "
                     "WHERE n = 1",
                     {"p": {"a.x"}}, {"a.k window", "a.y window"}, id="filter on a window"),
        pytest.param("SELECT x, sum(y) OVER (PARTITION BY k ORDER BY x) AS total FROM s.a",
                     {"x": {"a.x"}, "total": {"a.y", "a.k window", "a.x window"}}, set(), id="window"),
        pytest.param("SELECT x, z FROM s.a JOIN s.b ON a.k = b.k AND w > 1",
                     {"x": {"a.x"}, "z": {"b.z"}}, {"a.k join", "b.k join", "b.w join"}, id="join"),
        pytest.param("SELECT k, z FROM s.a LEFT JOIN s.b USING (k)",
                     {"k": {"a.k", "b.k"}, "z": {"b.z"}}, {"a.k join", "b.k join"}, id="join using"),
        pytest.param("SELECT * FROM s.a JOIN s.b USING (k)",
                     {"k": {"a.k", "b.k"}, "x": {"a.x"}, "y": {"a.y"}, "l": {"a.l"}, "z": {"b.z"}, "w": {"b.w"}},
                     {"a.k join", "b.k join"}, id="star over join using"),
        pytest.param("SELECT x FROM s.a SEMI JOIN s.b ON a.k = b.k",
                     {"x": {"a.x"}}, {"a.k join", "b.k join"}, id="semi join"),
        pytest.param("SELECT * EXCLUDE (l) REPLACE (y + k AS y) FROM s.a",
                     {"k": {"a.k"}, "x": {"a.x"}, "y": {"a.y", "a.k"}}, set(), id="star without and with"),
        pytest.param("SELECT b.*, a.x FROM s.a, s.b",
                     {"k": {"b.k"}, "z": {"b.z"}, "w": {"b.w"}, "x": {"a.x"}}, set(), id="star of one table"),
        pytest.param("SELECT x AS p FROM s.a UNION ALL SELECT z FROM s.b WHERE w > 0",
                     {"p": {"a.x", "b.z"}}, {"b.w filter"}, id="union all"),
        pytest.param("SELECT x AS p FROM s.a UNION SELECT z FROM s.b",
                     {"p": {"a.x", "b.z"}}, {"a.x set", "b.z set"}, id="union"),
        pytest.param("SELECT x, y FROM s.a UNION ALL BY NAME SELECT z AS y, w AS x FROM s.b",
                     {"x": {"a.x", "b.w"}, "y": {"a.y", "b.z"}}, set(), id="union by name"),
        pytest.param("SELECT x FROM s.a EXCEPT SELECT v FROM s.c",
                     {"x": {"a.x", "c.v"}}, {"a.x set", "c.v set"}, id="except"),
        pytest.param("SELECT k, sum(x) AS total, count(*) AS n FROM s.a GROUP BY 1 HAVING max(y) > 0",
                     {"k": {"a.k"}, "total": {"a.x"}, "n": set()}, {"a.k group", "a.y filter"}, id="group"),
        pytest.param("SELECT k, sum(x) AS total FROM s.a GROUP BY ALL",
                     {"k": {"a.k"}, "total": {"a.x"}}, {"a.k group"}, id="group by all"),
        pytest.param("SELECT sum(x) FILTER (WHERE y > 0) AS total FROM s.a",
                     {"total": {"a.x", "a.y"}}, set(), id="filter of an aggregate is a value, as in a case"),
        pytest.param("SELECT array_agg(x ORDER BY y) AS xs FROM s.a",
                     {"xs": {"a.x", "a.y order"}}, set(), id="order within an aggregate"),
        pytest.param("SELECT DISTINCT x, y FROM s.a",
                     {"x": {"a.x"}, "y": {"a.y"}}, {"a.x distinct", "a.y distinct"}, id="distinct"),
        pytest.param("SELECT DISTINCT ON (k) x FROM s.a ORDER BY y",
                     {"x": {"a.x"}}, {"a.k distinct", "a.y order"}, id="distinct on"),
        pytest.param("SELECT x FROM s.a ORDER BY y LIMIT 3",
                     {"x": {"a.x"}}, {"a.y order"}, id="order of a limit"),
        pytest.param("SELECT x FROM s.a ORDER BY y", {"x": {"a.x"}}, set(), id="order alone decides nothing"),
        pytest.param("SELECT x FROM s.a QUALIFY row_number() OVER (PARTITION BY k ORDER BY y) = 1",
                     {"x": {"a.x"}}, {"a.k window", "a.y window"}, id="qualify"),
        pytest.param("SELECT x, unnest(l) AS one FROM s.a",
                     {"x": {"a.x"}, "one": {"a.l"}}, {"a.l unnest"}, id="unnest among the columns"),
        pytest.param("SELECT x, one FROM s.a, unnest(a.l) AS t(one)",
                     {"x": {"a.x"}, "one": {"a.l"}}, {"a.l unnest"}, id="unnest in from"),
        pytest.param("SELECT t.p.first AS p, t.p AS q FROM (SELECT {'first': x, 'second': y} AS p FROM s.a) AS t",
                     {"p": {"a.x"}, "q": {"a.x", "a.y"}}, set(), id="field of a struct"),
        pytest.param("SELECT p.first AS p FROM (SELECT max({'first': x, 'second': y}) AS p FROM s.a)",
                     {"p": {"a.x", "a.y"}}, set(), id="field of a struct that was chosen by the whole"),
        pytest.param("SELECT p.first AS p, p.second.third AS q FROM "
                     "(SELECT CASE WHEN k > 0 THEN {'first': x, 'second': {'third': y}} END AS p FROM s.a)",
                     {"p": {"a.x", "a.y", "a.k"}, "q": {"a.x", "a.y", "a.k"}}, set(), id="field of a struct in a case"),
        pytest.param("SELECT k, one.name AS name, one.amount AS amount FROM "
                     "(SELECT k, unnest([{'name': 'x', 'amount': x}, {'name': 'y', 'amount': y}]"
                     "::STRUCT(name VARCHAR, amount BIGINT)[]) AS one FROM s.a)",
                     {"k": {"a.k"}, "name": set(), "amount": {"a.x", "a.y"}}, set(),
                     id="fields of rows written item by item: their number is fixed"),
        pytest.param("SELECT one.amount AS amount FROM (SELECT unnest(list_filter([{'name': k, 'amount': x}, "
                     "{'name': 'y', 'amount': y}], one -> one.name > 'a')) AS one FROM s.a)",
                     {"amount": {"a.k", "a.x", "a.y"}}, {"a.k unnest", "a.x unnest", "a.y unnest"},
                     id="fields of rows of which some are left out"),
        pytest.param("SELECT list_filter(l, one -> one > x) AS some FROM s.a",
                     {"some": {"a.l", "a.x"}}, set(), id="lambda"),
        pytest.param("SELECT list_transform(l, x -> x + 1) AS more FROM s.a",
                     {"more": {"a.l"}}, set(), id="a lambda's parameter hides a column"),
        pytest.param("SELECT x, (SELECT max(z) FROM s.b WHERE b.k = a.k) AS most FROM s.a",
                     {"x": {"a.x"}, "most": {"b.z", "b.k filter", "a.k filter"}}, set(), id="correlated"),
        pytest.param("SELECT x FROM s.a WHERE EXISTS (SELECT z FROM s.b WHERE b.k = a.k)",
                     {"x": {"a.x"}}, {"b.k filter", "a.k filter"}, id="exists"),
        pytest.param("SELECT x FROM s.a WHERE k IN (SELECT k FROM s.b WHERE w > 0)",
                     {"x": {"a.x"}}, {"a.k filter", "b.k filter", "b.w filter"}, id="in a subquery"),
        pytest.param("SELECT x, v FROM s.a, LATERAL (SELECT v FROM s.c WHERE c.x = a.x) AS late",
                     {"x": {"a.x"}, "v": {"c.v"}}, {"c.x filter", "a.x filter"}, id="lateral"),
        pytest.param("SELECT x + 1 AS p, p * 2 AS q FROM s.a", {"p": {"a.x"}, "q": {"a.x"}}, set(), id="column reused"),
        pytest.param("SELECT p FROM (VALUES (1), (2)) AS t(p)", {"p": set()}, set(), id="values"),
        pytest.param("SELECT t AS whole FROM s.c AS t", {"whole": {"c.x", "c.v"}}, set(), id="a whole row"),
        pytest.param("SELECT q.n, y FROM (SELECT x AS n, y FROM s.a) AS q(n, y)",
                     {"n": {"a.x"}, "y": {"a.y"}}, set(), id="columns renamed by an alias"),
    ],
)  # fmt: skip
def test_edges(sql: str, columns: Expected, rows: set[str]) -> None:
    assert in_words(sql) == (columns, rows)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
        "SELECT x FROM s.a NATURAL JOIN s.b",
        "SELECT COLUMNS('x|y') FROM s.a",
        "SELECT sum(x) OVER w FROM s.a WINDOW w AS (PARTITION BY k)",
        "SELECT * FROM (SELECT k, x, y FROM s.a) PIVOT (sum(x) FOR y IN (1, 2))",
        "SELECT nobody FROM s.a",
        "SELECT a.nobody FROM s.a",
    ],
)
def test_unsupported_statements_raise_an_error(sql: str) -> None:
    with pytest.raises(LineageError):
        found(sql)


def test_what_decides_about_rows_is_of_every_column() -> None:
    lineage = found("SELECT x, 1 AS one FROM s.a WHERE y > 0")
    assert lineage.of("one") == {("s.a", "y", "filter")}
    assert lineage.of("x") == {("s.a", "x", "value"), ("s.a", "y", "filter")}


STATEMENT = "SELECT x, sum(z) OVER (PARTITION BY y) AS total, 1 AS one FROM s.a JOIN s.b USING (k) WHERE w > 0"


def test_the_page_describes_the_lineage() -> None:
    assert lineage_page(found(STATEMENT)).value.splitlines() == [
        "**Computed from**",
        "- `x`: s.a (x)",
        "- `total`: s.b (z); window: s.a (y)",
        "- `one`: no column",
        "",
        "**Selection of rows**",
        "- filter: s.b (w)",
        "- join: s.a (k), s.b (k)",
    ]


def test_dagster_gets_the_lineage_of_values() -> None:
    told = column_deps(found(STATEMENT)).deps_by_column
    assert {name: [(dep.asset_key.path, dep.column_name) for dep in deps] for name, deps in told.items()} == {
        "x": [(["s", "a"], "x")],
        "total": [(["s", "b"], "z")],
        "one": [],
    }


def test_edges_are_unique_by_kind_with_all_their_roles() -> None:
    sql = "SELECT x FROM s.a JOIN s.b ON a.k = b.k AND x = z WHERE x > 0 AND z > 0"
    assert edges_of(found(sql)) == [
        ("x", "s.a", "k", "indirect", ["join"]),
        ("x", "s.a", "x", "direct", ["value"]),
        ("x", "s.a", "x", "indirect", ["filter", "join"]),
        ("x", "s.b", "k", "indirect", ["join"]),
        ("x", "s.b", "z", "indirect", ["filter", "join"]),
    ]
