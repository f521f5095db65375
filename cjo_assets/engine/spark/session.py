"""The Spark session of this process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from cjo_assets.core.errors import WarehouseError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"
SEMANTICS = {
    # A failed cast is an error, as in DuckDB, not a null.
    "spark.sql.ansi.enabled": "true",
    # Instants are in UTC.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Patterns and control characters in literals are not unescaped.
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
ON_THIS_MACHINE = {
    # Spark opens ports for its workers; workers in this process need no access from other machines.
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.sql.shuffle.partitions": "8",
}
# Spark derives further filters from all combinations of aliases in a plan. For a dataset with many rules that takes
# hours, and the tables have no partitions to prune by.
PLANNING = {"spark.sql.constraintPropagation.enabled": "false"}
# Errors are raised as exceptions; the logs of Spark repeat each in a hundred lines.
QUIET = {"spark.ui.showConsoleProgress": "false", "spark.ui.enabled": "false", "spark.log.level": "FATAL"}


def session_of(master: str) -> SparkSession:
    """Return the session of this process, and start it if necessary.

    Raises:
        WarehouseError: pyspark or Java is missing, or the master does not respond.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WarehouseError("CJO_ENGINE=spark needs pyspark: pip install 'cjo_assets[spark]'.") from error
    conf = SparkConf().setMaster(master).setAppName("cjo_assets").setAll(list(SEMANTICS.items()))
    # Python of the workers, which share this machine or its file system.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for name, value in (QUIET | PLANNING | (ON_THIS_MACHINE if master.startswith("local") else {})).items():
        conf.setIfMissing(name, value)
    try:
        return SparkSession.builder.config(conf=conf).getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise WarehouseError(
            f"Spark did not start at {master}: {str(error).splitlines()[0]} It needs Java 17 or 21 (JAVA_HOME)."
        ) from error


def backend_of(session: SparkSession) -> Any:
    """Return the ibis backend of a session."""
    import ibis
    from ibis.backends.pyspark import Backend

    from cjo_assets.engine.spark.dialect import SparkDialect
    from cjo_assets.engine.spark.functions import register_functions

    class SparkBackend(Backend):  # type: ignore[misc]
        """The Spark backend of ibis with the adapted dialect and the query interface of DuckDB connections."""

        compiler = SparkDialect()

        @property
        def session(self) -> SparkSession:
            """The session of this process."""
            return self._session

        def raw_sql(self, query: Any, **parameters: Any) -> Any:
            """Return the rows of a statement as a cursor."""
            rows = super().raw_sql(query, **parameters)
            rows.description = [(name,) for name in rows.columns]
            rows.fetchone = rows.first
            return rows

    register_functions(session)
    ibis.pyspark.connect(session)  # registers the options that its compiler reads
    return SparkBackend().connect(session)
