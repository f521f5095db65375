"""Engines: which program computes the tables of a home.

The seam is one class. `Store` is the tables in DuckDB; a store of another engine overrides how a table is read, filled,
asked and forgotten, and nothing else of the house knows which one it has. DuckDB computes everything unless CJO_ENGINE
says otherwise, and nothing of another engine is imported before it does.
"""

from __future__ import annotations

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import DUCKDB, LAKE_PARTS, SPARK, Settings
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store

ENGINES = (DUCKDB, SPARK)


def store_of(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    families: tuple[Family, ...],
    statements: Statements | None = None,
) -> Store:
    """Return the tables of a home, computed by its engine.

    Args:
        settings: the places.
        connection: of the build database.
        families: what tables there are.
        statements: those of DuckDB that were already written.

    Raises:
        WarehouseError: there is no such engine, it is not installed, or another one made this home.
    """
    if settings.engine not in ENGINES:
        raise WarehouseError(f"CJO_ENGINE is {settings.engine}; it can be {' or '.join(ENGINES)}.")
    if settings.lake and "://" not in settings.lake and not settings.lake.startswith("/"):
        raise WarehouseError(f"CJO_SPARK_LAKE is {settings.lake}: give a whole path, or a URL.")
    _require_same_engine(settings, connection)
    if settings.engine == DUCKDB:
        return Store(connection, families, statements)
    from cjo_assets.engine.spark.lake import Lake
    from cjo_assets.engine.spark.store import SparkStore

    return SparkStore(connection, families, Lake(connection, settings.tables), settings.spark_master, statements)


def _require_same_engine(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a home whose tables another engine keeps: it would find them absent, and decide everything anew."""
    query = "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema <> 'raw'"
    names = {name for (name,) in connection.execute(query).fetchall()}
    if names and (LAKE_PARTS in names) != (settings.engine == SPARK):
        other = DUCKDB if settings.engine == SPARK else SPARK
        raise WarehouseError(
            f"The home {settings.home} was made by CJO_ENGINE={other}; "
            f"{settings.engine} needs a home of its own (--home)."
        )
