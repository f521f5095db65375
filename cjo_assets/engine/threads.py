"""Number of threads with which DuckDB computes tables."""

import duckdb

from cjo_assets.engine.raw import MANIFEST

# DuckDB scans a table in row groups, each by one thread.
ROW_GROUP = 122_880


class Threads:
    """The threads of a connection: one as long as no table fills a row group.

    A second thread would get nothing to do, and cost a third of the processor time of a day of small tables.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Leave the number of threads to the engine until tables are computed."""
        self._connection = connection
        self._is_chosen = False

    def choose_again(self) -> None:
        """Let `choose` count the rows of the tables again."""
        self._is_chosen = False

    def choose(self) -> None:
        """Choose the number of threads by the rows of the datasets and of the stored tables, once after each load."""
        if self._is_chosen:
            return
        self._is_chosen = True
        read = f"SELECT sum(rows_read)::BIGINT FROM {MANIFEST} GROUP BY dataset"
        counted = f"{read} UNION ALL SELECT estimated_size FROM duckdb_tables()"
        [(rows,)] = self._connection.execute(f"SELECT max(COLUMNS(*)) FROM ({counted})").fetchall()
        self._connection.execute("RESET threads" if (rows or 0) > ROW_GROUP else "SET threads = 1")

    def fit(self, rows: int) -> None:
        """Use all threads from now on if a table has been computed that fills a row group."""
        if rows > ROW_GROUP:
            self._connection.execute("RESET threads")
