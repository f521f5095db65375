"""Choice of the engine that computes the tables of a home: DuckDB or Spark.

The interface is the class `Store`, which has the tables in DuckDB. A store of another engine overrides how a table is
read, written, queried and deleted; the rest of the package is independent of the engine. DuckDB is the default; modules
of another engine are imported only if CJO_ENGINE selects it.
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
    """Return the store of a home with its engine.

    Args:
        settings: the settings.
        connection: connection to the build database.
        families: the families of the tables.
        statements: compiled DuckDB statements to reuse.

    Raises:
        WarehouseError: the engine is unknown or not installed, or the home uses another one.
    """
    if settings.engine not in ENGINES:
        raise WarehouseError(f"Unknown CJO_ENGINE {settings.engine}. Choose one of: {', '.join(ENGINES)}.")
    if settings.lake and "://" not in settings.lake and not settings.lake.startswith("/"):
        raise WarehouseError(f"CJO_SPARK_LAKE {settings.lake} must be an absolute path or a URL.")
    _require_same_engine(settings, connection)
    if settings.engine == DUCKDB:
        return Store(connection, families, statements)
    from cjo_assets.engine.spark.lake import Lake
    from cjo_assets.engine.spark.store import SparkStore

    return SparkStore(connection, families, Lake(connection, settings.tables), settings.spark_master, statements)


def _require_same_engine(settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a home of another engine, whose tables would be missing and all decisions recomputed."""
    query = "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema <> 'raw'"
    names = {name for (name,) in connection.execute(query).fetchall()}
    if names and (LAKE_PARTS in names) != (settings.engine == SPARK):
        other = DUCKDB if settings.engine == SPARK else SPARK
        raise WarehouseError(
            f"The home {settings.home} was created with CJO_ENGINE={other}. "
            f"Specify another home for {settings.engine} with --home."
        )
