"""Tables of the lake under contracts that changed; Spark itself is not started."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.settings import LAKE_CHANGED
from cjo_assets.engine.spark.lake import Lake
from cjo_assets.engine.spark.store import SparkStore
from cjo_assets.warehouse.schema_of_build import adapt_build

FIRST, SECOND = date(2025, 1, 20), date(2025, 1, 21)
FAMILIES = families_about("journey")
TABLE = "journey.kpi_status"
# As an earlier version wrote it: without a column, with one that is gone, and with a number as text.
EARLIER = (
    "SELECT DATE '{day}' AS as_of, 'business_value' AS family, 'at_risk' AS status, '7' AS kpis, 1 AS removed_since"
)


@pytest.fixture
def connection(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """Return the build database of a home whose lake an earlier version wrote."""
    connection = duckdb.connect(str(tmp_path / "build.duckdb"))
    lake = Lake(connection, (tmp_path / "lake").as_uri())
    SparkStore(connection, FAMILIES, lake, "local[1]")
    for day in (FIRST, SECOND):
        folder = lake.new_folder(TABLE, day)
        lake.write(folder, EARLIER.format(day=day))
        lake.put(TABLE, day, folder)
    connection.execute(f"CREATE OR REPLACE VIEW {TABLE} AS {EARLIER.format(day=FIRST)}")
    return connection


def upgraded(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> SparkStore:
    """Open the home with the contracts of this version."""
    adapt_build(connection, FAMILIES)
    return SparkStore(connection, FAMILIES, Lake(connection, (tmp_path / "lake").as_uri()), "local[1]")


def test_folders_are_converted_to_the_columns_of_the_contract(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    store = upgraded(connection, tmp_path)
    found = store.rows(f"SELECT as_of, status, kpis, not_distinguishable FROM {TABLE} ORDER BY as_of")
    kept = {"status": "at_risk", "kpis": 7, "not_distinguishable": None}
    assert found == [{"as_of": FIRST} | kept, {"as_of": SECOND} | kept]
    assert store.rows(f"FROM {LAKE_CHANGED}") == []
    folders = store.lake.folders(TABLE)
    assert upgraded(connection, tmp_path).lake.folders(TABLE) == folders, "nothing is converted twice"


def test_a_recomputed_day_takes_the_place_of_a_folder(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    store = upgraded(connection, tmp_path)
    table = store.table_named(TABLE)
    before = store.lake.folders(TABLE)
    store.fill(table, FIRST, f"SELECT * REPLACE (2 AS not_distinguishable) FROM {TABLE} WHERE as_of = DATE '{FIRST}'")
    assert store.rows(f"SELECT not_distinguishable FROM {TABLE} ORDER BY as_of") == [
        {"not_distinguishable": 2},
        {"not_distinguishable": None},
    ]
    after = store.lake.folders(TABLE)
    assert (after[FIRST] != before[FIRST], after[SECOND] == before[SECOND]) == (True, True)
