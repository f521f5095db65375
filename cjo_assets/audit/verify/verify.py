"""Verification of the decision ledger and the published decisions, by `cjo audit verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cjo_assets.audit.verify.questions import POLICIES, QUESTIONS, other_decisions
from cjo_assets.core.family import decision_table
from cjo_assets.core.settings import Settings
from cjo_assets.core.table import LEDGER
from cjo_assets.families.audit.records.decision_ledger import WITHDRAWN
from cjo_assets.policy import hash_of_content
from cjo_assets.warehouse.ledger import head_of
from cjo_assets.warehouse.published import read_only
from cjo_assets.warehouse.retention import HISTORY
from cjo_assets.warehouse.schema_changes import parquet_columns, parquet_source, read_as, stored_columns

FINDINGS_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """A difference from what was published: table, place in it, and description."""

    table: str
    place: str
    what: str


@dataclass
class Verdict:
    """The result of a verification.

    Attributes:
        entries: number of entries of the chain.
        head: hash of its last entry.
        days: number of days whose decisions were compared.
        found: number of differences.
        findings: the first differences of each kind.
    """

    entries: int
    head: str
    days: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, findings: list[Finding]) -> None:
        """Count differences of one kind, and store the first."""
        self.found += len(findings)
        self.findings += findings[:FINDINGS_SHOWN]


def verify(settings: Settings, expected: str | None = None) -> Verdict:
    """Verify that the ledger is complete and that the decisions are those of the ledger.

    Args:
        settings: the settings.
        expected: hash of an entry that was recorded elsewhere.

    Raises:
        WarehouseError: there is no published database.
    """
    with read_only(settings.published) as reader:
        head = head_of(reader)
        verdict = Verdict(head.entries, head.entry_hash)
        if expected is not None:
            verdict.add(_without(reader, expected))
        for question in QUESTIONS:
            verdict.add([Finding(*row) for row in reader.execute(question()).fetchall()])
        verdict.add(_changed_policies(reader))
        for day, decisions in _days(reader, settings.home / HISTORY / decision_table().full_name):
            verdict.days += 1
            given = {"days": [day], "policy_hash": ""}
            found = reader.execute(other_decisions(decisions), given).fetchall()
            verdict.add([_of_decision(*row) for row in found])
    return verdict


def _without(reader: duckdb.DuckDBPyConnection, expected: str) -> list[Finding]:
    if reader.execute(f"SELECT count(*) FROM {LEDGER} WHERE entry_hash = ?", [expected]).fetchone() == (0,):
        return [Finding(LEDGER, "the whole chain", f"no entry has the expected hash {expected}")]
    return []


def _changed_policies(reader: duckdb.DuckDBPyConnection) -> list[Finding]:
    found = reader.execute(f"SELECT policy_hash, content FROM {POLICIES} ORDER BY ALL").fetchall()
    return [
        Finding(POLICIES, f"policy {str(recorded)[:12]}", "its text differs from its hash")
        for recorded, content in found
        if recorded is None or hash_of_content(content or "") != recorded
    ]


def _days(reader: duckdb.DuckDBPyConnection, history: Path) -> Iterator[tuple[date, str]]:
    """Return every day with decisions, in the ledger, the table or a file, and where its decisions are stored."""
    table = decision_table().full_name
    files = {date.fromisoformat(path.stem): path for path in sorted(history.glob(f"{'[0-9]' * 4}-??-??.parquet"))}
    present = f"SELECT DISTINCT as_of FROM {table} UNION SELECT DISTINCT as_of FROM {LEDGER} WHERE as_of NOT NULL"
    days = {day for (day,) in reader.execute(present).fetchall()}
    kept = {day for (day,) in reader.execute(f"SELECT DISTINCT as_of FROM {table}").fetchall()}
    for day in sorted(days | files.keys()):
        path = files.get(day) if day not in kept else None
        yield day, _of_file(reader, table, path) if path else table


def _of_file(reader: duckdb.DuckDBPyConnection, table: str, path: Path) -> str:
    """Return what SQL selects from to read a file of decisions with the columns of the contract."""
    columns = stored_columns(reader)[table]
    return read_as(columns, parquet_source(path), parquet_columns(reader, path))


def _of_decision(
    kind: str, as_of: date, customer_id: str, intervention_id: str, content: str | None, before: str | None
) -> Finding:
    table, place = decision_table().full_name, f"{as_of} {customer_id} {intervention_id}"
    if kind == WITHDRAWN:
        return Finding(table, place, "the row is missing; the ledger has it")
    if before is None:
        return Finding(table, place, "the ledger has no such row")
    there, then = _parsed(content), _parsed(before)
    others = [
        f"{name} is {_shown(there[name])}, was {_shown(then.get(name))}"
        for name in there
        if there[name] != then.get(name)
    ]
    what = "; ".join(others) or "its intervention, policy or input hash differs from the ledger"
    return Finding(table, place, what)


def _parsed(content: str | None) -> dict[str, Any]:
    """Return the columns of a content; empty if it is not valid."""
    try:
        found = json.loads(content or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
