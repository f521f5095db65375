"""The published tables as Parquet files, one per table.

Belongs here: `cjo export`. Does not belong here: which tables there are; that is what the published database holds.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import duckdb

from cjo_assets.wiring.errors import WarehouseError
from cjo_assets.wiring.settings import Settings


def export(settings: Settings, folder: Path, wanted: list[str], day: date | None) -> dict[str, int]:
    """Write tables into a folder, one Parquet file each, sorted, all of one published state.

    Args:
        settings: the places.
        folder: where to; made if need be.
        wanted: tables by schema and name; every table where none is named.
        day: the only day of dated tables; None for all days.

    Returns:
        The tables and their rows.

    Raises:
        WarehouseError: nothing is published, or a table is not.
    """
    if not settings.published.exists():
        raise WarehouseError(f"Nothing is published yet: {settings.published} does not exist.")
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        tables = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL"
        views = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
        present = [name for (name,) in reader.execute(tables).fetchall()]
        known = {*present, *(name for (name,) in reader.execute(views).fetchall())}
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise WarehouseError(f"Not published: {', '.join(unknown)}. There are {', '.join(sorted(known))}.")
        folder.mkdir(parents=True, exist_ok=True)
        return {name: _export(reader, name, folder, day) for name in wanted or present}


def _export(reader: duckdb.DuckDBPyConnection, name: str, folder: Path, day: date | None) -> int:
    columns = [column for column, *_ in reader.execute(f"DESCRIBE {name}").fetchall()]
    where = f" WHERE as_of = DATE '{day.isoformat()}'" if day is not None and "as_of" in columns else ""
    target = folder / f"{name}.parquet"
    partial = target.with_suffix(".partial")
    written = str(partial).replace("'", "''")
    copied = reader.execute(
        f"COPY (SELECT * FROM {name}{where} ORDER BY ALL) TO '{written}' (FORMAT parquet)"
    ).fetchone()
    os.replace(partial, target)
    return int(copied[0]) if copied else 0
