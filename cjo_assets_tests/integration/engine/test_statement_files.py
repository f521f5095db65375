"""Tests of statements in files: found again only if everything that they follow from is the same."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from cjo_assets.catalog import all_families, families_about
from cjo_assets.core.table import Table
from cjo_assets.engine import statement_files
from cjo_assets.engine.lineage.query import Lineage
from cjo_assets.engine.statement_files import StatementFiles
from cjo_assets.engine.statements import STATEMENT, Origin, Statement, Statements
from cjo_assets.engine.store import Store
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.rows import policy_with

FLOOR = policy_with(journey__signals__severity_floor=0.25)
FAMILIES = all_families()
TABLES = {table.full_name: table for family in FAMILIES for table in family.tables}
STATES = TABLES["journey.journey_states"]
SCORES = TABLES["journey.risk_scores"]


class Process:
    """A process that compiles statements, with its own cache and a shared folder."""

    def __init__(self, folder: Path) -> None:
        """Start with an empty cache."""
        self.statements = Statements(10, StatementFiles(folder, FAMILIES))

    def ask(self, policy: Policy, origin: Origin) -> str:
        """Return the statement of an origin, which contains the value that it read."""

        def write(asked: Policy) -> Statement:
            return Statement(f"a floor\r\nof {asked.journey.signals.severity_floor}", Lineage({}))

        return self.statements.written(origin, policy, write).sql


def test_a_later_process_finds_the_statement_of_an_earlier_one(tmp_path: Path) -> None:
    origin = Origin(STATES, STATEMENT)
    one, other = Process(tmp_path), Process(tmp_path)
    assert one.ask(load_policy(), origin) == other.ask(load_policy(), origin) == "a floor\r\nof 0.5"
    assert (one.statements.compiled, other.statements.compiled) == (1, 0)
    assert other.ask(FLOOR, origin) == "a floor\r\nof 0.25"
    assert other.statements.compiled == 1, "another value that the statement read"
    assert Process(tmp_path).ask(FLOOR, origin) == "a floor\r\nof 0.25"


def test_another_table_check_input_type_or_code_is_another_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_texts, of_numbers = (ibis.schema({"signal_id": kind}) for kind in ("string", "int64"))
    origins = [
        Origin(STATES, STATEMENT),
        Origin(STATES, "contract"),
        Origin(SCORES, STATEMENT),
        Origin(STATES, STATEMENT, (of_texts,)),
        Origin(STATES, STATEMENT, (of_numbers,)),
        Origin(STATES, STATEMENT, (of_numbers,), ("signals",)),
    ]
    for origin in origins:
        process = Process(tmp_path)
        process.ask(FLOOR, origin)
        assert process.statements.compiled == 1, origin
    monkeypatch.setattr(statement_files, "code_version", lambda: "another")
    later = Process(tmp_path)
    later.ask(FLOOR, origins[-1])
    assert later.statements.compiled == 1


def test_a_table_of_more_families_is_another_statement(tmp_path: Path) -> None:
    """The audit's tables read one table per dataset, so that each set of families has its own statement."""
    for families in (FAMILIES, families_about("journey")):
        [records] = [table for family in families for table in family.tables if table.name == "rejected_records"]
        statements = Statements(10, StatementFiles(tmp_path, families))
        statements.written(Origin(records, STATEMENT), FLOOR, lambda _: Statement("SELECT 1", Lineage({})))
        assert statements.compiled == 1, sorted(records.inputs())


def test_an_edited_or_damaged_file_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "journey" / "journey_states.sql"
    Process(tmp_path).ask(FLOOR, Origin(STATES, STATEMENT))
    written = path.read_bytes().decode()
    for damaged in (
        written.replace("of 0.25", "of 0.1"),
        written.replace("of 0.25\n", "of 0.25\n\n"),
        written[: len(written) // 2],
        "SELECT 1",
        "",
    ):
        path.write_bytes(damaged.encode())
        process = Process(tmp_path)
        assert process.ask(FLOOR, Origin(STATES, STATEMENT)) == "a floor\r\nof 0.25"
        assert process.statements.compiled == 1
        assert path.read_bytes().decode() == written


def test_a_policy_without_a_recorded_read_finds_no_statement(tmp_path: Path) -> None:
    """An override names a segment that the packaged policy lacks."""
    by_segment = policy_with(segment_overrides={"SMB": {"signals": {"severity_floor": 0.125}}})

    def write(asked: Policy) -> Statement:
        read = [own.fusion.signal_adjustments for own in asked.journey_by_segment.values()]
        return Statement(str(read), Lineage({}))

    for policy in (by_segment, load_policy(), by_segment):
        statements = Statements(10, StatementFiles(tmp_path, FAMILIES))
        assert statements.written(Origin(STATES, STATEMENT), policy, write) == write(policy)


def nothing(policy: Policy) -> Any:
    """Return no table."""
    return policy


def test_the_statement_of_a_table_that_the_package_does_not_declare_is_not_stored(tmp_path: Path) -> None:
    for _ in range(2):
        process = Process(tmp_path)
        process.ask(FLOOR, Origin(replace(STATES, transform=nothing), STATEMENT))
        assert process.statements.compiled == 1
    assert not list(tmp_path.iterdir())


def test_a_store_computes_every_day_with_the_statements_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statement and lineage are as they were compiled, but for the day; no expression is built."""

    def statements_of(table: Table, day: date) -> Statement:
        statements = Statements(10, StatementFiles(tmp_path, FAMILIES))
        return Store(duckdb.connect(), FAMILIES, statements).statement(table, day, load_policy())

    first, second = date(2025, 1, 20), date(2025, 1, 21)
    compiled = statements_of(STATES, first)
    monkeypatch.setattr(Store, "expression", lambda *_: pytest.fail("compiled again"))
    assert statements_of(STATES, first) == compiled
    assert statements_of(STATES, second).sql == compiled.sql.replace("2025-01-20", "2025-01-21")
    assert compiled.sql.count("DATE '2025-01-20'") > 1
    assert set(compiled.lineage.columns) >= {"customer_id", "days_in_state"}
