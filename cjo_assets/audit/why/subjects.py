"""Explanation of a subject of a family, such as an experiment: its row, its parts, and the answer in plain words."""

from __future__ import annotations

import json
import re
from datetime import date

import duckdb

from cjo_assets.audit.why.handed_over import RUN
from cjo_assets.core.family import Family, registered_families
from cjo_assets.core.questions import ExplainedSubject, SubjectExplanation
from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.published import read_only, rows_of
from cjo_assets.warehouse.schema_changes import stored_columns

POLICY = "SELECT content FROM audit.policies WHERE policy_hash = $policy_hash"


def explained_subject(
    settings: Settings, subject: str, day: date | None, kind: str | None = None
) -> ExplainedSubject | None:
    """Return the explanation of a subject on the last day that has it, or None if no family explains such a subject.

    Args:
        settings: the settings.
        subject: id of the subject.
        day: the last day to examine; None for all.
        kind: kind of the subject; None for any.

    Raises:
        WarehouseError: there is no published database.
    """
    with read_only(settings.published) as reader:
        for family in registered_families():
            for explanation in family.subjects:
                if kind in (None, explanation.kind):
                    found = _explained(reader, family, explanation, subject, day)
                    if found is not None:
                        return found
    return None


def _explained(
    reader: duckdb.DuckDBPyConnection, family: Family, explanation: SubjectExplanation, subject: str, day: date | None
) -> ExplainedSubject | None:
    stored = stored_columns(reader)
    if explanation.table not in stored:
        return None
    last = (
        f"FROM {explanation.table} WHERE {explanation.key} = $subject AND as_of <= coalesce($day, as_of) "
        "ORDER BY as_of DESC LIMIT 1"
    )
    row = next(iter(rows_of(reader, last, {"subject": subject, "day": day})), None)
    if row is None:
        return None
    given = {"subject": subject, "day": row["as_of"], "family": family.name}
    run = next(iter(rows_of(reader, RUN, given)), {})
    policy = next(iter(rows_of(reader, POLICY, run)), None)
    parts = {
        name: rows_of(reader, query, given)
        for name, query in explanation.queries.items()
        # A database of an earlier version lacks tables.
        if set(re.findall(rf"\b(?:{family.name}|audit)\.\w+", query)) <= stored.keys()
    }
    rules = json.loads(policy["content"]) if policy else {}
    return ExplainedSubject(family.name, explanation.kind, subject, row["as_of"], row, run, rules, parts)
