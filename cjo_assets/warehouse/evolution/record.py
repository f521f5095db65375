"""The record of an upgrade: messages for the terminal and the log, and a step in the plan of the run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from cjo_assets.core.table import Table
from cjo_assets.engine.fingerprints import data_version, fingerprint
from cjo_assets.engine.store import Store
from cjo_assets.warehouse.evolution.published import Adaptation, Adapted
from cjo_assets.warehouse.run_log import RUNS
from cjo_assets.warehouse.schema_changes import NAMES_SHOWN
from cjo_assets.warehouse.schema_upgrades import COMPUTED, KEPT, MOVED, REBUILT, STEP

DESCRIPTION = "Bring published tables to the columns of contracts that changed."


def messages_of(store: Store, upgrade: Adaptation) -> Iterator[str]:
    """Return one message for each changed table; tables without any earlier row share one."""
    new = [
        found.change.table for found in upgrade.tables if found.change.stored is None and not found.days.keys() - {None}
    ]
    for found in upgrade.tables:
        if found.change.table not in new:
            rows = _rows(store.table_named(found.change.table), found)
            yield f"{found.change.table}: {found.change.in_words()}; {rows}."
    if new:
        yield f"New tables: {_listed(new)}."
    if upgrade.removed:
        yield f"Tables without a contract, kept in the published database as they are: {_listed(upgrade.removed)}."


def record_upgrade(store: Store, database: str, upgrade: Adaptation, run_id: str, days: list[date]) -> None:
    """Add what was upgraded to the plan of the run in `audit.runs`, of its first family and day.

    The plan names for each day of a changed table how its rows were treated, with a hash over them: the run that
    published the day recorded a hash over other columns.

    Args:
        store: the tables of the build database.
        database: name of the attached copy of the published database.
        upgrade: what changed.
        run_id: the run that publishes.
        days: the days that it publishes.
    """
    if not upgrade.tables or not store.families_of_run:
        return
    where = "run_id = ? AND family = ? AND as_of = ?"
    key = [run_id, store.families_of_run[0], min(days)]
    row = store.connection.execute(f"SELECT plan FROM {RUNS} WHERE {where}", key).fetchone()
    if row is not None:
        plan = [_step(store, database, upgrade), *json.loads(row[0])]
        text = json.dumps(plan, sort_keys=True, ensure_ascii=False)
        store.connection.execute(f"UPDATE {RUNS} SET plan = ? WHERE {where}", [text, *key])


def _step(store: Store, database: str, upgrade: Adaptation) -> dict[str, Any]:
    tables = {}
    for found in upgrade.tables:
        table = store.table_named(found.change.table)
        days = {
            day.isoformat(): {
                "rows": what,
                "hash": _hash(store, database, table, day, what),
                **({"reason": found.reasons[day]} if day in found.reasons else {}),
            }
            for day, what in found.days.items()
            if day is not None
        }
        tables[table.full_name] = {"change": found.change.in_words(), "days": days}
    return {
        "step": 0,
        "name": STEP,
        "description": DESCRIPTION,
        "tables": tables,
        "removed_tables": list(upgrade.removed),
        "handed_on": _handed_on(store, database, upgrade),
    }


def _hash(store: Store, database: str, table: Table, day: date, what: str) -> str | None:
    if what == MOVED:
        return None
    return fingerprint(store, table, day, source=f"{database}.{table.full_name}").content


def _handed_on(store: Store, database: str, upgrade: Adaptation) -> dict[str, dict[str, str]]:
    """Return the data versions of days whose rows later days read, of families with such a changed table."""
    names = set(store.read_by_later_days())
    found: dict[str, dict[str, str]] = {}
    for family in store.datasets_by_family:
        own = {table.full_name for table in store.tables_of(family)} & names
        days = {day for item in upgrade.tables if item.change.table in own for day in item.days if day is not None}
        if days:
            found[family] = {day.isoformat(): data_version(store, family, day, f"{database}.") for day in sorted(days)}
    return found


def _rows(table: Table, found: Adapted) -> str:
    """Return how the rows of a table were treated."""
    counts = Counter(found.days.values())
    if table.is_record:
        parts = [f"earlier rows are kept{_nulls(found)}"]
    elif table.is_decision:
        parts = [f"the decisions of {_days(len(found.days))} are kept as published{_nulls(found)}"]
    elif not table.is_dated:
        kept = COMPUTED if counts[COMPUTED] else f"rows are kept{_nulls(found)}"
        parts = ["recomputed from the archived inputs" if counts[REBUILT] else kept]
    else:
        parts = []
        if counts[REBUILT]:
            parts.append(f"{_days(counts[REBUILT])} recomputed from the archived inputs")
        if counts[KEPT]:
            parts.append(f"the rows of {_days(counts[KEPT])} are kept{_nulls(found)}{_reason(found, KEPT)}")
        if counts[MOVED]:
            parts.append(
                f"the rows of {_days(counts[MOVED])} were moved to {found.files[0].parent}{_reason(found, MOVED)}"
            )
    if found.files and not counts[MOVED]:
        parts.append(f"rows that the new columns cannot hold are in {found.files[0]}")
    return "; ".join(parts) or "it has no rows"


def _nulls(found: Adapted) -> str:
    return ", with null in the added columns" if found.change.added else ""


def _reason(found: Adapted, what: str) -> str:
    reasons = [found.reasons[day] for day, became in found.days.items() if became == what and day in found.reasons]
    return f" because {reasons[0].rstrip('.')}" if reasons else ""


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
