"""Tests of statements in files: found for the same origin and policy values only."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.checks import Check
from cjo_assets.core.table import Table
from cjo_assets.engine import statement_files
from cjo_assets.engine.statement_files import FOLDER, StatementFiles
from cjo_assets.engine.statements import Statements
from cjo_assets.engine.store import Store
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.rows import policy_with

DAY = date(2025, 1, 20)
FLOOR = policy_with(journey__signals__severity_floor=0.25)
FAMILIES = all_families()
TABLES = {table.full_name: table for family in FAMILIES for table in family.tables}
STATES = TABLES["journey.journey_states"]


class Process:
    """A process that compiles statements, with its own cache and a shared folder."""

    def __init__(self, folder: Path, place: str = "runs") -> None:
        """Start with an empty cache."""
        self.statements = Statements(10, StatementFiles(folder, FAMILIES, place))
        self.written = 0

    def ask(self, policy: Policy, *origin: Any) -> str:
        """Return the statement of an origin, which contains the values that it read."""

        def write(asked: Policy) -> str:
            self.written += 1
            return f"a floor of {asked.journey.signals.severity_floor}"

        return self.statements.written(origin, policy, write)


def test_what_one_process_wrote_another_finds(tmp_path: Path) -> None:
    one, other = Process(tmp_path), Process(tmp_path)
    origin = ("table", STATES, DAY, None, (DAY,))
    assert [one.ask(load_policy(), *origin), one.ask(FLOOR, *origin)] == ["a floor of 0.5", "a floor of 0.25"]
    assert [other.ask(FLOOR, *origin), other.ask(load_policy(), *origin)] == ["a floor of 0.25", "a floor of 0.5"]
    assert (one.written, other.written) == (2, 0)
    assert other.ask(policy_with(journey__signals__severity_floor=0.75), *origin) == "a floor of 0.75"
    assert other.written == 1


def test_another_day_table_place_or_code_is_another_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = TABLES["journey.risk_scores"].checks[0]
    origins = [
        ("table", STATES, DAY, None, (DAY,)),
        ("table", STATES, DAY, DAY, (DAY,)),
        ("table", STATES, DAY, None, ()),
        ("table", TABLES["journey.signals"], DAY, None, (DAY,)),
        (audit, TABLES["journey.risk_scores"], DAY, None, (DAY,)),
    ]
    for origin in origins:
        process = Process(tmp_path)
        process.ask(FLOOR, *origin)
        assert process.written == 1, origin
    elsewhere = Process(tmp_path, "past")
    elsewhere.ask(FLOOR, *origins[0])
    monkeypatch.setattr(statement_files, "code_version", lambda: "another")
    later = Process(tmp_path)
    later.ask(FLOOR, *origins[0])
    assert (elsewhere.written, later.written) == (1, 1)


def test_a_policy_without_a_recorded_read_finds_no_statement(tmp_path: Path) -> None:
    """An override names a segment that the packaged policy lacks."""
    by_segment = policy_with(segment_overrides={"SMB": {"signals": {"severity_floor": 0.125}}})

    def write(asked: Policy) -> str:
        return str([own.fusion.signal_adjustments for own in asked.journey_by_segment.values()])

    for policy in (by_segment, load_policy(), by_segment):
        statements = Statements(10, StatementFiles(tmp_path, FAMILIES, "runs"))
        assert statements.written((STATES, DAY), policy, write) == write(policy)


def nobody(policy: Policy) -> Any:
    """Return no failing rows."""
    return policy


@pytest.mark.parametrize(
    "part", [replace(STATES, transform=nobody), Check(nobody), 1.5], ids=["table", "audit", "number"]
)
def test_what_our_code_does_not_declare_is_not_kept(part: Any, tmp_path: Path) -> None:
    for _ in range(2):
        process = Process(tmp_path)
        process.ask(FLOOR, part, DAY)
        assert process.written == 1
    assert not list(tmp_path.iterdir())


def test_a_store_computes_with_statements_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statement and lineage come back as they were; an expression is not even built."""

    def statements_of(table: Table) -> Any:
        files = StatementFiles.from_environment(FAMILIES, "runs")
        return Store(duckdb.connect(), FAMILIES, Statements(10, files)).statement(table, DAY, load_policy())

    monkeypatch.setenv(FOLDER, str(tmp_path))
    written = statements_of(STATES)
    monkeypatch.setattr(Store, "expression", lambda *_: pytest.fail("compiled again"))
    assert statements_of(STATES) == written
    assert set(written.lineage.columns) >= {"customer_id", "days_in_state"}
    monkeypatch.setenv(FOLDER, "")
    assert StatementFiles.from_environment(FAMILIES, "runs") is None
