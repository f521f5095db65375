"""Comparison of the tables of two contenders, without which their times would not be comparable."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.contenders import blocks
from cjo_assets.catalog import families_about
from cjo_assets.core.table import Table

TOLERANCE = 2e-6
# The peak of this process counts as that of processes that it starts and measures from outside.
MEMORY_LIMIT = "2GB"


def differences(ours: Path, theirs: Path) -> dict[str, int]:
    """Return, per table of the yardstick, the number of rows that differ or exist on one side only.

    Texts, dates, counts and lists must be equal, numbers to the sixth decimal. Rejected rows are compared by their
    place in the file, not by the wording of reasons.
    """
    tables = {table.full_name: table for family in families_about("journey") for table in family.tables}
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        connection.execute(f"ATTACH '{ours}' AS ours (READ_ONLY)")
        # Tables of dbt refer to the name of their database and are only found under it.
        connection.execute(f"ATTACH '{theirs}' AS {theirs.stem} (READ_ONLY)")
        present = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ?",
                [theirs.stem],
            ).fetchall()
        }
        return {name: _different(connection, tables[name], theirs.stem) for name in blocks() if name in present}


def _different(connection: duckdb.DuckDBPyConnection, table: Table, theirs: str) -> int:
    if table.schema == "quarantine":
        key, conditions = ["source_row"], []
    else:
        described = connection.execute(f"DESCRIBE {theirs}.{table.full_name}").fetchall()
        ours = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE ours.{table.full_name}").fetchall()}
        key = [name for name in _key(table) if name != "as_of"]
        common = [name for name, *_ in described if name in ours and name not in (*key, "as_of")]
        conditions = [
            f"(abs(o.{name} - t.{name}) > {TOLERANCE} OR (o.{name} IS NULL) <> (t.{name} IS NULL))"
            if ours[name] == "DOUBLE"
            else f"o.{name} IS DISTINCT FROM t.{name}::{ours[name]}"
            for name in common
        ]
    missing = f"o.{key[0]} IS NULL OR t.{key[0]} IS NULL"
    joined = " AND ".join(f"o.{name} = t.{name}" for name in key)
    where = " OR ".join([missing, *conditions])
    query = (
        f"SELECT count(*) FROM ours.{table.full_name} AS o FULL JOIN {theirs}.{table.full_name} AS t ON {joined} "
        f"WHERE {where}"
    )
    return int(connection.execute(query).fetchall()[0][0])


def _key(table: Table) -> tuple[str, ...]:
    from cjo_assets.core.contract import key_of

    return key_of(table.contract)
