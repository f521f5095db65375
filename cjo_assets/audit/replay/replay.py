"""Recomputation of published days from their recorded inputs, and comparison with the published rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date

from cjo_assets.audit.replay.differences import (
    CHANGED,
    DIFFERS,
    IDENTICAL,
    IMPOSSIBLE,
    ONLY_PUBLISHED,
    ONLY_REPLAYED,
    Circumstances,
    DayVerdict,
    RowDifference,
    TableVerdict,
    reasons_of,
    what_was_erased,
)
from cjo_assets.audit.replay.scratch import Scratch
from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.errors import PastError, TamperedError
from cjo_assets.core.table import Table
from cjo_assets.engine.code import code_version
from cjo_assets.engine.collection import collected_afterwards
from cjo_assets.engine.fingerprints import fingerprint, lasting_hash
from cjo_assets.engine.sql import quoted_names
from cjo_assets.warehouse.run_log import engine_version
from cjo_assets.warehouse.run_records import PUBLISHED, DayRecord

EXAMPLES = 20


def replayed(past: Scratch, days: Iterable[date]) -> Iterator[DayVerdict]:
    """Replay days from their records, and yield the comparison of each."""
    for day in days:
        record = None
        try:
            record = past.records.of(day)
            yield _replayed(past, record)
        except (PastError, TamperedError) as error:
            state = DIFFERS if isinstance(error, TamperedError) else IMPOSSIBLE
            yield DayVerdict(day, state, (str(error),), run_id=record.run_id if record else None)


@collected_afterwards
def _replayed(past: Scratch, record: DayRecord) -> DayVerdict:
    policy = past.records.policy_of(record)
    for table, day in past.steps(record, past.computed_tables()):
        past.compute(table, day, policy)
    return judged_day(past, record)


def judged_day(past: Scratch, record: DayRecord) -> DayVerdict:
    """Compare a recomputed day with its published rows."""
    verdicts = tuple(_compared(past, table, record) for table in comparable(past, record))
    known = _circumstances(past, record, verdicts)
    reasons = (*reasons_of(verdicts, known), *_missing_rejections(past))
    digest = hashlib.sha256(" ".join(f"{verdict.table} {verdict.content}" for verdict in verdicts).encode())
    state = DIFFERS if reasons else IDENTICAL
    since = past.records.erasures(since=record.ended_at)
    is_explained = bool(reasons and since)
    if is_explained:
        state, reasons = IMPOSSIBLE, (what_was_erased(since, verdicts),)
    erasures = tuple(past.records.erasures())
    content = digest.hexdigest()[:12]
    filled = past.records.filled_fields(record)
    return DayVerdict(record.as_of, state, reasons, verdicts, record.run_id, content, erasures, is_explained, filled)


def comparable(past: Scratch, record: DayRecord) -> list[Table]:
    """Return the tables to compare: undated tables only for the latest run, since each run replaces them."""
    is_newest = past.records.is_newest(record)
    computed = [
        table
        for table in past.computed_tables()
        if table.is_published and not table.is_view and not table.is_appended and (table.is_dated or is_newest)
    ]
    written = [table for table in past.tables.values() if table.transform is None and table.is_dated]
    return [*computed, *(table for table in written if table.is_published)]


def _compared(past: Scratch, table: Table, record: DayRecord) -> TableVerdict:
    if table.transform is None:
        return _as_recorded(past, table, record)
    day = record.as_of if table.is_dated else None
    published = past.published_rows(table, day)
    then, now = fingerprint(past, table, day, source=published), fingerprint(past, table, day)
    recorded = record.table_hashes.get(table.full_name) if past.has_columns_of_contract(table, day) else None
    differing, examples = (0, ()) if then == now else _differences(past, table, published, day)
    return TableVerdict(table.full_name, now.rows, now.content, then.rows, then.content, recorded, differing, examples)


def _as_recorded(past: Scratch, table: Table, record: DayRecord) -> TableVerdict:
    """Compare records that cannot be recomputed, such as generated texts, with the hash that the run recorded."""
    found = fingerprint(past, table, record.as_of, source=past.published_rows(table, record.as_of))
    recorded = record.table_hashes.get(table.full_name) if record.engine == engine_version() else None
    expected = recorded or found.content
    differing = 0 if found.content == expected else found.rows
    return TableVerdict(table.full_name, found.rows, expected, found.rows, found.content, recorded, differing)


def _differences(
    past: Scratch, table: Table, published: str, day: date | None
) -> tuple[int, tuple[RowDifference, ...]]:
    """Count the rows that differ, and return examples with their columns."""
    names = [spec.name for spec in columns_of(table.contract)]
    key = list(key_of(table.contract)) or names
    others = [name for name in names if name not in key]
    own = f"(FROM {table.full_name} WHERE as_of = DATE '{day.isoformat()}')" if day else table.full_name
    # Equal rows without a key are distinguished by a number.
    before, after = (
        f"(SELECT *, row_number() OVER (PARTITION BY {quoted_names(key)}) AS place FROM {source})"
        for source in (published, own)
    )
    on = " AND ".join(f'old."{name}" IS NOT DISTINCT FROM new."{name}"' for name in (*key, "place"))
    differs = [f'old."{name}" IS DISTINCT FROM new."{name}"' for name in others]
    keys = ", ".join(f'coalesce(old."{name}", new."{name}") AS "{name}"' for name in key)
    values = "".join(f', old."{name}"::VARCHAR, new."{name}"::VARCHAR' for name in others)
    is_other = " OR ".join(["old.place IS NULL", "new.place IS NULL", *differs])
    joined = f"FROM {before} AS old FULL JOIN {after} AS new ON {on} WHERE {is_other}"
    row = past.connection.execute(f"SELECT count(*) {joined}").fetchone()
    found = past.connection.execute(
        f"SELECT {keys}, old.place IS NULL, new.place IS NULL{values} {joined} ORDER BY ALL LIMIT {EXAMPLES}"
    ).fetchall()
    examples = []
    for cells in found:
        shown, rest = cells[: len(key)], cells[len(key) :]
        is_new, is_gone, pairs = rest[0], rest[1], rest[2:]
        kind = ONLY_REPLAYED if is_new else ONLY_PUBLISHED if is_gone else CHANGED
        columns = {name: (pairs[2 * place], pairs[2 * place + 1]) for place, name in enumerate(others)}
        changed = {name: pair for name, pair in columns.items() if kind == CHANGED and pair[0] != pair[1]}
        examples.append(RowDifference(dict(zip(key, shown, strict=True)), kind, changed))
    return (row[0] if row else 0), tuple(examples)


def _circumstances(past: Scratch, record: DayRecord, verdicts: tuple[TableVerdict, ...]) -> Circumstances:
    run_again: list[date] = []
    altered: list[date] = []
    other_policies: list[str] = []
    # Earlier days, possibly hundreds, are examined only if there is a difference to explain.
    if not all(verdict.is_identical for verdict in verdicts):
        chain = past.families[past.family].chain
        if chain is not None:
            decisions = past.published_rows(chain.decisions, record.as_of)
            found = past.rows(f"SELECT DISTINCT policy_hash FROM {decisions} WHERE policy_hash NOT NULL ORDER BY ALL")
            other_policies = [row["policy_hash"] for row in found if row["policy_hash"] != record.policy_hash]
        for day, then, newest in _handed_on(past, record):
            if then != newest:
                run_again.append(day)
            elif _present(past, day) not in (newest, past.records.handed_on_after_upgrade(day)):
                altered.append(day)
    return Circumstances(
        record.run_id,
        record.policy_hash,
        record.code_version,
        code_version(),
        record.engine,
        engine_version(),
        tuple(run_again),
        tuple(altered),
        tuple(other_policies),
        past.records.filled_fields(record),
        record.upgraded,
    )


def _handed_on(past: Scratch, record: DayRecord) -> list[tuple[date, str, str]]:
    """Return for each earlier day its data version at the time of the run and its latest one."""
    return past.connection.execute(
        "SELECT as_of, arg_max(handed_on, ended_at) FILTER (ended_at <= $ended_at) AS then_handed_on, "
        "arg_max(handed_on, ended_at) "
        f"FROM {PUBLISHED}.audit.runs WHERE is_published AND family = $family AND as_of < $as_of GROUP BY as_of "
        "HAVING then_handed_on IS NOT NULL OR min(ended_at) > $ended_at ORDER BY as_of",
        {"ended_at": record.ended_at, "as_of": record.as_of, "family": past.family},
    ).fetchall()


def _present(past: Scratch, day: date) -> str:
    tables = [past.table_named(name) for name in past.read_by_later_days()]
    return " ".join(lasting_hash(past, table, day, past.published_rows(table, day)) for table in tables)


def _missing_rejections(past: Scratch) -> list[str]:
    """Return the rejected rows of the files that `audit.rejected_records` lacks."""
    # A file that is loaded again under another name adds no rows.
    names = "dataset, file_sha256, source_row, record_key, broken_rules, raw_record"
    found = past.connection.execute(
        f"SELECT dataset, record_key FROM (SELECT {names} FROM audit.rejected_records "
        f"EXCEPT SELECT {names} FROM {PUBLISHED}.audit.rejected_records) ORDER BY ALL LIMIT {EXAMPLES}"
    ).fetchall()
    rows = ", ".join(f"{dataset} {key}" for dataset, key in found)
    return [f"audit.rejected_records was changed: it lacks {rows} of the files"] if found else []
