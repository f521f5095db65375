"""Exported tables: Parquet as they are, CSV as a spreadsheet may open it."""

import csv
from pathlib import Path

import duckdb
import pytest

from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.export import Format, export

# What a spreadsheet would run, and what only looks like it.
FORMULAS = ["=cmd()", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1", "\r=1", "\n=1"]
HARMLESS = ["<script>alert(1)</script>", "a|b", "C001", "", 'the "hello", twice\nor more', "a=b", "'=quoted"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return a home in which one table is published."""
    found = Settings(data=tmp_path, policy=None, home=tmp_path)
    with duckdb.connect(str(found.published)) as writer:
        writer.execute("CREATE SCHEMA journey")
        writer.execute(
            "CREATE TABLE journey.customers (place INTEGER, customer_id VARCHAR, gain DOUBLE, signals VARCHAR[])"
        )
        for place, text in enumerate([*FORMULAS, *HARMLESS]):
            writer.execute("INSERT INTO journey.customers VALUES (?, ?, -0.5, [?, 'S1'])", [place, text, text])
        writer.execute("INSERT INTO journey.customers VALUES (99, NULL, NULL, NULL)")
    return found


def test_a_spreadsheet_finds_no_formula(settings: Settings, tmp_path: Path) -> None:
    assert export(settings, tmp_path, ["journey.customers"], None, Format.CSV) == {"journey.customers": 15}
    with (tmp_path / "journey.customers.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["place", "customer_id", "gain", "signals"]
    assert [row[1] for row in rows] == [f"'{text}" for text in FORMULAS] + HARMLESS + [""]
    assert all(not row[place].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows for place in (1, 3))
    assert rows[0][2:] == ["-0.5", '["=cmd()","S1"]'], "numbers stay numbers"


def test_parquet_keeps_every_value(settings: Settings, tmp_path: Path) -> None:
    assert export(settings, tmp_path, [], None) == {"journey.customers": 15}
    kept = duckdb.sql(f"SELECT customer_id FROM '{tmp_path}/journey.customers.parquet' ORDER BY place").fetchall()
    assert [text for (text,) in kept] == [*FORMULAS, *HARMLESS, None]
