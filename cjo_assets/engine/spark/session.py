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
    # What cannot be cast is an error, as in DuckDB, and no silent null.
    "spark.sql.ansi.enabled": "true",
    # An instant is of UTC and of no other zone.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Patterns and control characters in literals are meant as they stand.
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
ON_THIS_MACHINE = {
    # Spark opens ports for its workers; where they all live in this process, nobody else need reach them.
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.sql.shuffle.partitions": "8",
}
# Spark derives further filters from every combination of aliases in a plan, which takes hours for the plan of a dataset
# with many rules and speeds nothing up: our tables have no partitions to prune by.
PLANNING = {"spark.sql.constraintPropagation.enabled": "false"}
# What fails reaches us as an exception; what Spark logs of it besides is a hundred lines for one.
QUIET = {"spark.ui.showConsoleProgress": "false", "spark.ui.enabled": "false", "spark.log.level": "FATAL"}


def session_of(master: str) -> SparkSession:
    """Return the session of this process, started where there is none.

    Raises:
        WarehouseError: pyspark or Java is missing, or the master does not answer.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WarehouseError("CJO_ENGINE=spark needs pyspark: pip install 'cjo_assets[spark]'.") from error
    conf = SparkConf().setMaster(master).setAppName("cjo_assets").setAll(list(SEMANTICS.items()))
    # Our functions run in Python; workers that share this machine or its file system find the same one.
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
    """Return a session as ibis sees it."""
    import ibis
    from ibis.backends.pyspark import Backend

    from cjo_assets.engine.spark.dialect import SparkDialect
    from cjo_assets.engine.spark.functions import register_functions

    class SparkBackend(Backend):  # type: ignore[misc]
        """Spark, its dialect mended, that answers a question as DuckDB's connection does."""

        compiler = SparkDialect()

        @property
        def session(self) -> SparkSession:
            """The session of this process."""
            return self._session

        def raw_sql(self, query: Any, **parameters: Any) -> Any:
            """Return the rows of a statement, with what a cursor has."""
            rows = super().raw_sql(query, **parameters)
            rows.description = [(name,) for name in rows.columns]
            rows.fetchone = rows.first
            return rows

    register_functions(session)
    ibis.pyspark.connect(session)  # which makes the options known that its compiler asks for
    return SparkBackend().connect(session)
