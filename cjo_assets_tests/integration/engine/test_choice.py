"""Tests of the engine choice: DuckDB by default, and one engine per home."""

import ast
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import cjo_assets.definitions
from cjo_assets.catalog import all_families
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import DUCKDB, PROJECT, SPARK, Settings
from cjo_assets.engine.choice import store_of
from cjo_assets.engine.store import Store

OF_SPARK = {"pyspark", "py4j"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, policy=None, home=tmp_path / "home")


def test_duckdb_is_the_default_and_loads_nothing_of_spark(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    for name in ("CJO_ENGINE", "CJO_SPARK_MASTER", "CJO_SPARK_LAKE"):
        monkeypatch.delenv(name, raising=False)
    assert cjo_assets.definitions.__name__ in sys.modules
    assert Settings.from_environment().engine == DUCKDB
    with duckdb.connect() as connection:
        assert type(store_of(settings, connection, all_families())) is Store
    assert not {name.partition(".")[0] for name in sys.modules} & OF_SPARK


def test_spark_is_imported_where_it_is_used_and_nowhere_else() -> None:
    for path in (PROJECT / "cjo_assets").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_ours = path.parent.name == "spark"
        for node in tree.body if is_ours else ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & OF_SPARK, path


def test_the_lake_is_in_the_home_unless_placed(settings: Settings) -> None:
    assert settings.tables == (settings.home / "lake").as_uri()
    assert replace(settings, lake="/shared/lake").tables == "file:///shared/lake"
    assert replace(settings, lake="s3a://bucket/lake").tables == "s3a://bucket/lake"


def test_an_unknown_engine_is_refused(settings: Settings) -> None:
    with duckdb.connect() as connection, pytest.raises(WarehouseError, match="Unknown CJO_ENGINE flink"):
        store_of(replace(settings, engine="flink"), connection, all_families())


def test_a_lake_on_a_relative_path_is_refused(settings: Settings) -> None:
    with duckdb.connect() as connection, pytest.raises(WarehouseError, match="CJO_SPARK_LAKE lake must be"):
        store_of(replace(settings, engine=SPARK, lake="lake"), connection, all_families())


@pytest.mark.parametrize(("first", "second"), [(DUCKDB, SPARK), (SPARK, DUCKDB)])
def test_a_home_keeps_its_engine(settings: Settings, first: str, second: str) -> None:
    with duckdb.connect() as connection:
        store_of(replace(settings, engine=first), connection, all_families())
        with pytest.raises(WarehouseError, match=f"was created with CJO_ENGINE={first}"):
            store_of(replace(settings, engine=second), connection, all_families())


def test_a_home_of_spark_reports_requirements_and_refusals(settings: Settings) -> None:
    with duckdb.connect() as connection:
        store = store_of(replace(settings, engine=SPARK), connection, all_families())
        with pytest.raises(WarehouseError, match="Nothing was erased"):
            store.require_erasable()
        assert store.count("journey.risk_scores") == 0, "DuckDB sees tables of the lake before there are any"
