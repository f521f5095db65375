"""Tests of the number of threads that compute tables."""

import duckdb
import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.core.contract import Contract, key
from cjo_assets.core.family import Family
from cjo_assets.core.table import Table
from cjo_assets.engine.raw import MANIFEST
from cjo_assets.engine.store import Store
from cjo_assets.engine.threads import ROW_GROUP
from cjo_assets.policy import Policy


class Numbers(Contract):
    """Whole numbers. One row per number."""

    number: int = key("A number.")


def few() -> ir.Table:
    """Return a few numbers."""
    return ibis.range(3).unnest().name("number").as_table()


def many() -> ir.Table:
    """Return more numbers than a row group holds."""
    return ibis.range(ROW_GROUP + 1).unnest().name("number").as_table()


FEW, MANY = Table("toy", "few", Numbers, few, "toys"), Table("toy", "many", Numbers, many, "toys")


@pytest.fixture
def store() -> Store:
    """Return a store of two tables."""
    return Store(duckdb.connect(), (Family("toy", (), (FEW, MANY)),))


def threads_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of threads of a connection."""
    [(number,)] = connection.execute("SELECT current_setting('threads')").fetchall()
    return int(number)


ALL = threads_of(duckdb.connect())


def test_small_tables_are_computed_by_one_thread(store: Store, policy: Policy) -> None:
    store.replace(FEW, None, policy)
    assert threads_of(store.connection) == 1


@pytest.mark.parametrize("files", [[ROW_GROUP + 1], [ROW_GROUP // 2, ROW_GROUP // 2 + 1]])
def test_a_large_dataset_is_computed_by_all_threads(store: Store, policy: Policy, files: list[int]) -> None:
    """Whether its rows are in one file or in several."""
    store.replace(FEW, None, policy)
    for rows in files:
        store.connection.execute(f"INSERT INTO {MANIFEST} (dataset, rows_read) VALUES ('toys', {rows})")
    store.look_up_versions()
    store.replace(FEW, None, policy)
    assert threads_of(store.connection) == ALL


def test_all_threads_follow_a_large_table(store: Store, policy: Policy) -> None:
    assert store.replace(MANY, None, policy).rows == ROW_GROUP + 1
    assert threads_of(store.connection) == ALL


def test_a_large_stored_table_is_read_by_all_threads(store: Store, policy: Policy) -> None:
    store.connection.execute(f"INSERT INTO toy.many FROM range({ROW_GROUP + 1})")
    store.replace(FEW, None, policy)
    assert threads_of(store.connection) == ALL
