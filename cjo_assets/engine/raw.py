"""Raw tables: the rows of input files as text, and the manifest of the files."""

from __future__ import annotations

import duckdb

from cjo_assets.core.contract import Column, columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.table import MANIFEST as MANIFEST_TABLE
from cjo_assets.core.table import RAW
from cjo_assets.engine.sql import quoted

MANIFEST = f"{RAW}.{MANIFEST_TABLE}"
MANIFEST_COLUMNS = (
    "dataset VARCHAR, source_file VARCHAR, file_sha256 VARCHAR, rows_read BIGINT, note VARCHAR, settings VARCHAR"
)


def raw_schema(dataset: Dataset) -> dict[str, str]:
    """Return the columns of a raw table that is not a view: those of the contract as text, and the row's origin."""
    return {spec.name: "VARCHAR" for spec in columns_of(dataset.contract)} | {
        "source_file": "VARCHAR",
        "source_row": "BIGINT",
        "file_sha256": "VARCHAR",
        "irregularities": "VARCHAR[]",
        "record": "VARCHAR",
        "version": "VARCHAR",
    }


def raw_columns(dataset: Dataset) -> str:
    """Return the column definitions of a raw table for CREATE TABLE."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in raw_schema(dataset).items())


def raw_views(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the datasets whose raw table is a view."""
    found = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = ? AND database_name = current_database()", [RAW]
    )
    return {name for (name,) in found.fetchall()}


def day_of(spec: Column) -> str:
    """Return the expression for the day of a temporal column that is text; null if it is invalid."""
    if spec.type.is_timestamp():
        return f"TRY_CAST(replace({quoted(spec.name)}::VARCHAR, ',', '.') AS TIMESTAMPTZ)::TIMESTAMP::DATE"
    return f"TRY_CAST(substr({quoted(spec.name)}::VARCHAR, 1, 10) AS DATE)"
