"""Export of published tables to Parquet or CSV files, one per table."""

from __future__ import annotations

from datetime import date
from enum import Enum
from pathlib import Path

import duckdb

from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.files import replacing
from cjo_assets.core.settings import Settings
from cjo_assets.engine.sql import literal
from cjo_assets.warehouse.published import read_only

# Characters that make a spreadsheet treat a text as a formula, or that it skips before one.
FORMULA = "^[=+@\\t\\r\\n-]"
TABLES = "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
VIEWS = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"


class Format(Enum):
    """The file format of an export."""

    PARQUET = "parquet"
    CSV = "csv"


def export(
    settings: Settings, folder: Path, wanted: list[str], day: date | None, written_as: Format = Format.PARQUET
) -> dict[str, int]:
    """Write tables to a folder, one sorted file per table, all from one published database.

    Parquet keeps all values. CSV is for spreadsheets: a text that begins like a formula is prefixed by an apostrophe,
    and a list is a JSON array.

    Args:
        settings: the settings.
        folder: the target folder; created if missing.
        wanted: tables by schema and name; empty for all tables.
        day: the as-of date of the rows of dated tables; None for all.
        written_as: the file format.

    Returns:
        The number of rows of each table.

    Raises:
        WarehouseError: there is no published database, or a table is not in it.
    """
    with read_only(settings.published) as reader:
        known = published_tables(reader)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise WarehouseError(f"Not published: {', '.join(unknown)}. Published tables: {', '.join(sorted(known))}.")
        folder.mkdir(parents=True, exist_ok=True)
        stored = sorted(name for (name,) in reader.execute(TABLES).fetchall())
        return {name: _export(reader, name, folder, day, written_as) for name in wanted or stored}


def published_tables(reader: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables and views of the published database, by schema and name."""
    return {name for (name,) in reader.execute(f"{TABLES} UNION ALL {VIEWS}").fetchall()}


def copied(reader: duckdb.DuckDBPyConnection, query: str, target: Path, written_as: Format) -> int:
    """Write the sorted rows of a query to a file, and return their number."""
    columns = {column: str(kind) for column, kind, *_ in reader.execute(f"DESCRIBE {query}").fetchall()}
    cells = (
        ", ".join(spreadsheet_cell(column, kind) for column, kind in columns.items())
        if written_as is Format.CSV
        else "*"
    )
    options = "FORMAT csv, HEADER" if written_as is Format.CSV else "FORMAT parquet"
    with replacing(target) as partial:
        done = reader.execute(
            f"COPY (SELECT {cells} FROM ({query} ORDER BY ALL)) TO {literal(partial)} ({options})"
        ).fetchone()
    return int(done[0]) if done else 0


def _export(reader: duckdb.DuckDBPyConnection, name: str, folder: Path, day: date | None, written_as: Format) -> int:
    columns = {column for column, *_ in reader.execute(f"DESCRIBE {name}").fetchall()}
    where = f" WHERE as_of = DATE '{day.isoformat()}'" if day is not None and "as_of" in columns else ""
    return copied(reader, f"SELECT * FROM {name}{where}", folder / f"{name}.{written_as.value}", written_as)


def spreadsheet_cell(column: str, kind: str) -> str:
    """Return the expression for a column in CSV, with formulas escaped and lists as JSON."""
    if kind.endswith("[]"):
        return f'to_json("{column}") AS "{column}"'
    if kind != "VARCHAR":
        return f'"{column}"'
    cell = f"""CASE WHEN regexp_matches("{column}", '{FORMULA}') THEN '''' || "{column}" ELSE "{column}" END"""
    return f'{cell} AS "{column}"'
