"""Tests of unreadable run records, which end with an error that names them."""

from pathlib import Path

import duckdb
import pytest

from cjo_assets.core.errors import TamperedError, WarehouseError
from cjo_assets.warehouse.published import read_only
from cjo_assets.warehouse.run_records import PUBLISHED, RunRecords
from cjo_assets_tests.support.rows import day


@pytest.mark.parametrize("inputs", ["'[no'", "NULL", "'[1]'", """'[{"other": 1}]'"""])
def test_the_record_of_a_run_that_no_run_wrote_is_named(inputs: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH ':memory:' AS {PUBLISHED}")
        connection.execute(f"CREATE SCHEMA {PUBLISHED}.audit")
        connection.execute(
            f"CREATE TABLE {PUBLISHED}.audit.runs AS SELECT 'r' AS run_id, 'journey' AS family, ?::DATE AS as_of, "
            "'p' AS policy_hash, "
            "TIMESTAMP '2025-01-21' AS ended_at, 'c' AS code_version, 'e' AS engine, TRUE AS is_published, "
            f"{inputs} AS inputs, '{{}}' AS table_hashes",
            [day(0)],
        )
        with pytest.raises(TamperedError, match="inputs or table_hashes of run r"):
            RunRecords(connection, "journey").of(day(0))


def test_a_cell_that_cannot_be_read_ends_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cjo.duckdb"
    with duckdb.connect(str(path)) as writer:
        writer.execute("CREATE TABLE policies AS SELECT '[no' AS content")
    with pytest.raises(WarehouseError, match="contains unexpected values"), read_only(path) as reader:
        reader.execute("SELECT content::JSON -> 'journey' FROM policies").fetchall()
