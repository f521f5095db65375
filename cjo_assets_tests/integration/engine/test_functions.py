"""Our functions in the engine: given once, seen by every connection of a database, and by lineage."""

import inspect
from pathlib import Path

import duckdb
import ibis
import pytest
from ibis.backends.sql.datatypes import DuckDBType
from sqlglot import parse_one

from cjo_assets.core.expressions import people, posteriors, power, two_sample_tests
from cjo_assets.core.expressions.two_sample_tests import EngineFunction
from cjo_assets.core.quarantine import text_identity
from cjo_assets.engine.functions import FUNCTIONS, give_functions
from cjo_assets.engine.lineage.query import lineage_of
from cjo_assets.engine.store import Store


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_what_an_expression_calls_is_what_the_engine_was_given(function: EngineFunction) -> None:
    value = "Ann" if function.parameter.is_string() else 0.5
    home = next(
        module
        for module in (people, text_identity, two_sample_tests, posteriors, power)
        if hasattr(module, function.name)
    )
    called = getattr(home, function.name)(*[ibis.literal(value)] * function.parameters)
    assert called.type() == function.result
    assert len(inspect.signature(function.over_columns).parameters) == function.parameters
    connection = duckdb.connect()
    give_functions(connection)
    values = ", ".join("?" for _ in range(function.parameters))
    found = connection.execute(f"SELECT typeof({function.name}({values}))", [value] * function.parameters).fetchone()
    assert found is not None
    assert found[0].replace('"', "") == str(DuckDBType.to_string(function.result)).replace('"', "").replace(
        "TEXT", "VARCHAR"
    )


def test_functions_are_registered_once() -> None:
    connection = duckdb.connect()
    give_functions(connection)
    give_functions(connection)
    other = connection.cursor()
    give_functions(other)
    assert other.execute("SELECT round(normal_tail(1.96), 3)").fetchone() == (0.025,)
    Store(connection, ())


def test_a_null_stays_null_and_a_long_column_keeps_its_order() -> None:
    connection = Store(duckdb.connect(), ()).connection
    assert connection.execute("SELECT normal_tail(NULL), ratio_of_shares(1, 2, NULL, 2, 2)").fetchone() == (None, None)
    connection.execute(
        "CREATE TABLE numbers AS SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE i / 1e5 END AS x "
        "FROM range(10000) AS r(i)"
    )
    wrong = connection.execute(
        "SELECT count(*) FROM numbers WHERE normal_tail(x) IS DISTINCT FROM 1 - normal_tail(-x) "
        "AND abs(normal_tail(x) - (1 - normal_tail(-x))) > 1e-12 OR (x IS NULL) <> (normal_tail(x) IS NULL)"
    ).fetchone()
    assert wrong == (0,)


def test_threads_make_no_difference() -> None:
    connection = Store(duckdb.connect(), ()).connection
    connection.execute(
        "CREATE TABLE arms AS SELECT (i % 97)::DOUBLE AS x, 5000::DOUBLE AS n, (i % 89)::DOUBLE AS x0 "
        "FROM range(20000) AS r(i)"
    )
    sums = set()
    for threads in (1, 4):
        connection.execute(f"SET threads = {threads}")
        found = connection.execute(
            "SELECT bit_xor(hash(round(difference_of_shares(x, n, x0, n, 2.0).low, 9))) FROM arms"
        ).fetchone()
        sums.add(found)
    assert len(sums) == 1


def test_a_reader_of_the_file_needs_no_function(tmp_path: Path) -> None:
    path = tmp_path / "stored.duckdb"
    with duckdb.connect(str(path)) as writer:
        give_functions(writer)
        writer.execute("CREATE TABLE stored AS SELECT normal_tail(0.0) AS half")
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.execute("FROM stored").fetchone() == (0.5,)
        with pytest.raises(duckdb.CatalogException):
            reader.execute("SELECT normal_tail(0.0)")


def test_lineage_passes_functions_and_fields() -> None:
    query = parse_one(
        "SELECT s.i.low AS low FROM (SELECT difference_of_shares(a.x, a.n, a.y, a.m, 2) AS i, a.z FROM t AS a) AS s",
        dialect="duckdb",
    )
    lineage = lineage_of(query, lambda _: ("x", "n", "y", "m", "z"))
    assert {edge.column for edge in lineage.of("low")} == {"x", "n", "y", "m"}
