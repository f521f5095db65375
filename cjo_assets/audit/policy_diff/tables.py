"""Tables of a family whose rows differ under a candidate policy: the comparison for families of any kind.

All dated tables of the family are computed under both policies from the archived files of each day's run, in a scratch
database. Rows are compared by their key. Hashes of the policy and of inputs differ with any policy and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from cjo_assets.audit.policy_diff.page import FamilyDifference, TableDifference
from cjo_assets.audit.policy_diff.preview import BEFORE, check_contract, computed_chain
from cjo_assets.audit.replay.scratch import Scratch
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.table import Table
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.sql import literal, quoted_names
from cjo_assets.policy import Policy

PROVENANCE = ("policy_hash", "input_hash")
# Sections of the policy that every family reads.
SHARED = ("vocabulary",)
FILE = "policy_tables"


def is_affected(family: str, paths: Iterable[str]) -> bool:
    """Return whether changed values of the policy, by path, are of a family's section or of one that all read."""
    return any(path.partition(".")[0] in (family, *SHARED) for path in paths)


@collected_afterwards
def changed_tables(
    past: Scratch, days: Sequence[date], candidate: Policy, against: Policy | None = None
) -> FamilyDifference:
    """Compute published days of a family under two policies, and return the tables that differ.

    Args:
        past: the scratch database of the family.
        days: published days, in order.
        candidate: the candidate policy.
        against: the policy to compare with; by default that of each day's run.

    Raises:
        ContractBreachError: a table would break its contract under the candidate, so that a run would publish nothing.
        PastError: a day cannot be recomputed.
        TamperedError: an input of a day has changed.
    """
    records = [past.records.of(day) for day in days]
    tables = past.computed_tables()
    compared = [table for table in tables if table.schema == past.family and table.is_dated and not table.is_view]
    with_policy = [(record, against or past.records.policy_of(record)) for record in records]
    computed_chain(past, tables, with_policy, "under its policy", None)
    past.connection.execute(f"CREATE SCHEMA {BEFORE}")
    for table in compared:
        past.connection.execute(f"CREATE TABLE {BEFORE}.{table.name} AS FROM {table.full_name}")
    with_candidate = [(record, candidate) for record in records]
    computed_chain(past, tables, with_candidate, "under the candidate", check_contract(past))
    differences = [_difference(past, table, days) for table in compared]
    found = tuple(found for found in differences if found.added or found.removed or found.changed)
    return FamilyDifference(past.family, tuple(days), len(compared), found)


def _difference(past: Scratch, table: Table, days: Sequence[date]) -> TableDifference:
    key = [*dict.fromkeys(("as_of", *key_of(table.contract)))]
    values = [spec.name for spec in columns_of(table.contract) if spec.name not in (*key, *PROVENANCE)]
    content = f"row({quoted_names(values)})" if values else "NULL"
    old, new = (
        f"(SELECT {quoted_names(key)}, true AS is_there, {content} AS content FROM {source} "
        "WHERE list_contains($days, as_of))"
        for source in (f"{BEFORE}.{table.name}", table.full_name)
    )
    row = past.connection.execute(
        "SELECT count(old.is_there), count(new.is_there), count(*) FILTER (old.is_there IS NULL), "
        "count(*) FILTER (new.is_there IS NULL), count(*) FILTER (old.is_there AND new.is_there "
        f"AND old.content IS DISTINCT FROM new.content) FROM {old} AS old FULL JOIN {new} AS new "
        f"USING ({quoted_names(key)})",
        {"days": list(days)},
    ).fetchone()
    return TableDifference(table.full_name, *(row or (0, 0, 0, 0, 0)))


def write_differences(past: Scratch, found: FamilyDifference, folder: Path, file_format: str) -> Path:
    """Write the tables that differ to a file of the folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{FILE}_{found.family}.{file_format}"
    past.connection.execute(
        f"CREATE TABLE {FILE} (table_name VARCHAR, rows_before BIGINT, rows_after BIGINT, added BIGINT, "
        "removed BIGINT, changed BIGINT)"
    )
    for one in found.tables:
        values = [one.table, one.before, one.after, one.added, one.removed, one.changed]
        past.connection.execute(f"INSERT INTO {FILE} VALUES (?, ?, ?, ?, ?, ?)", values)
    past.connection.execute(f"COPY (FROM {FILE} ORDER BY ALL) TO {literal(target)} (FORMAT {file_format})")
    return target
