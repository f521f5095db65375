"""Explanation of a decision that other systems or people carry out: its row, approval request, run and records."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from cjo_assets.audit.why.exchanged import STORED, records_of
from cjo_assets.core.family import Family, registered_families
from cjo_assets.core.questions import Branch, ExplainedDecision, HandedOver, Row
from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.published import read_only, rows_of

DECISION = ("kind", "subject_id", "target_system", "rule", "amount", "due_at", "first_day", "delivered", "delivered_at")
REQUEST = (
    "status",
    "approval_rule",
    "approval_role",
    "waits_with",
    "requested_at",
    "due_at",
    "decided_by",
    "decided_at",
)
RUN = """
    SELECT run_id, as_of, ended_at, policy_hash FROM audit.runs
    WHERE is_published AND family = $family AND as_of = $day ORDER BY ended_at DESC LIMIT 1"""


def explained_decision(settings: Settings, name: str, day: date | None) -> ExplainedDecision | None:
    """Return the explanation of a decision on the last day that has it, or None if no family handed it over.

    Args:
        settings: the settings.
        name: id of the decision, or of a request that a person recorded.
        day: the last day to examine; None for all.

    Raises:
        WarehouseError: there is no published database.
    """
    with read_only(settings.published) as reader:
        for family in registered_families():
            tables = family.handed_over
            if tables is not None and reader.execute(STORED, {"table": tables.decisions}).fetchone():
                found = _explained(reader, family, tables, {"name": name, "day": day, "family": family.name})
                if found is not None:
                    return found
    return None


def _explained(
    reader: duckdb.DuckDBPyConnection, family: Family, tables: HandedOver, given: dict[str, Any]
) -> ExplainedDecision | None:
    decision, request = (_last(reader, table, tables.key, given) for table in (tables.decisions, tables.requests))
    known = [row for row in (decision, request) if row is not None]
    if not known:
        return None
    as_of = max(row["as_of"] for row in known)
    decision, request = (row if row and row["as_of"] == as_of else None for row in (decision, request))
    customer, evidence = known[0]["customer_id"], list(decision["evidence"]) if decision else []
    records, others = records_of(reader, family, evidence, customer, {}) if customer else ([], evidence)
    run = next(iter(rows_of(reader, RUN, given | {"day": as_of})), {})
    name = next((row["name"] for row in rows_of(reader, tables.names, {"customer": customer})), None)
    return ExplainedDecision(family.name, given["name"], as_of, name, decision, request, run, records, others)


def _last(reader: duckdb.DuckDBPyConnection, table: str, key: str, given: dict[str, Any]) -> Row | None:
    query = f"FROM {table} WHERE {key} = $name AND as_of <= coalesce($day, as_of) ORDER BY as_of DESC LIMIT 1"
    return next(iter(rows_of(reader, query, given)), None)


def branches_of(found: ExplainedDecision) -> list[Branch]:
    """Return the decision, its approval, the records behind it, and its run as branches of the output."""
    decision, request = found.decision, found.request
    made = [
        Branch("Decision", _listed(decision, DECISION) if decision else []),
        Branch("Approval", _listed(request, REQUEST) if request else ["not required"]),
        Branch("Records", [_record_line(record) for record in found.records]),
        Branch(f"Rows of {found.family} on {found.as_of}", list(found.rows)),
        Branch("Hashes", _hashes(found)),
    ]
    return [branch for branch in made if branch.lines]


def _listed(row: Row, names: tuple[str, ...]) -> list[str]:
    return [f"{name} {row[name]}" for name in names if row[name] is not None]


def _record_line(record: Row) -> str:
    place = f"{record['source_file']} row {record['source_row']}"
    return f"{record['dataset']} {record['record_key']}, {place}, content {record['content_hash'][:12]}"


def _hashes(found: ExplainedDecision) -> list[str]:
    decision = found.decision
    lines = [f"content {decision['decision_hash'][:12]}, input {decision['input_hash'][:12]}"] if decision else []
    return [*lines, f"run {found.run.get('run_id')}, policy {str(found.run.get('policy_hash'))[:12]}"]
