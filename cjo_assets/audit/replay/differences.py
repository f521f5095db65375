"""What a replayed day says: whether it is what was published, and if not, why."""

from dataclasses import dataclass
from datetime import date
from typing import Any

IDENTICAL, DIFFERS, IMPOSSIBLE = "identical", "differs", "cannot be replayed"
EXIT_CODES = {IDENTICAL: 0, DIFFERS: 1, IMPOSSIBLE: 2}
ONLY_PUBLISHED, ONLY_REPLAYED, CHANGED = "only published", "only replayed", "changed"


@dataclass(frozen=True)
class RowDifference:
    """A row that is not the same.

    Attributes:
        key: what identifies it.
        kind: whether it is changed, or on one side only.
        columns: for each column that differs, what was published and what was replayed.
    """

    key: dict[str, Any]
    kind: str
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class TableVerdict:
    """One table of a day.

    Attributes:
        table: its name.
        rows: rows as replayed.
        content: hash over them.
        published_rows: rows as published.
        published_content: hash over them.
        recorded_content: the hash that the run wrote down; None where it writes none down.
        differing: rows that are not the same.
        examples: some of them.
    """

    table: str
    rows: int
    content: str
    published_rows: int
    published_content: str
    recorded_content: str | None = None
    differing: int = 0
    examples: tuple[RowDifference, ...] = ()

    @property
    def is_identical(self) -> bool:
        """Whether what came out is what was published."""
        return not self.differing and (self.rows, self.content) == (self.published_rows, self.published_content)

    @property
    def was_changed_since(self) -> bool | None:
        """Whether somebody changed it after the run; None where the run wrote no hash down."""
        return None if self.recorded_content is None else self.recorded_content != self.published_content


@dataclass(frozen=True)
class Circumstances:
    """What else is not as it was.

    Attributes:
        run_id: the run that published the day.
        policy_hash: its policy.
        code_then: hash over its code.
        code_now: hash over the code that replays.
        engine_then: what it ran on.
        engine_now: what the replay runs on.
        run_again: earlier days that hand on something else since they were run again.
        altered: earlier days whose published rows are not those their run wrote.
        other_policies: policies that published decisions of the day name, and the record of its run does not.
    """

    run_id: str
    policy_hash: str
    code_then: str
    code_now: str
    engine_then: str
    engine_now: str
    run_again: tuple[date, ...] = ()
    altered: tuple[date, ...] = ()
    other_policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class DayVerdict:
    """A replayed day.

    Attributes:
        as_of: the day.
        state: identical, differs, or cannot be replayed.
        reasons: why it is not identical.
        tables: what was compared.
        run_id: the run that published it.
        content: hash over all of its tables.
        erasures: of customers, whenever: the archived files are read without their rows.
        is_explained_by_erasure: a customer was erased after the run and tables differ; a list of rows explains nothing.
    """

    as_of: date
    state: str
    reasons: tuple[str, ...] = ()
    tables: tuple[TableVerdict, ...] = ()
    run_id: str | None = None
    content: str = ""
    erasures: tuple[str, ...] = ()
    is_explained_by_erasure: bool = False


def reasons_of(tables: tuple[TableVerdict, ...], known: Circumstances) -> tuple[str, ...]:
    """Return why tables differ: what was changed since is named first, the code only where nothing else explains it."""
    differing = [table for table in tables if not table.is_identical]
    # The recorded hashes are the engine's own: another version has others for the same rows.
    changed = [table for table in tables if table.was_changed_since and known.engine_then == known.engine_now]
    reasons = [
        f"the record of run {known.run_id} was changed: it has another hash of {table.table}"
        for table in changed
        if table.is_identical
    ]
    reasons += [
        f"{table.table} was changed after run {known.run_id} wrote it" for table in changed if not table.is_identical
    ]
    unexplained = [table.table for table in differing if table not in changed]
    if not unexplained:
        return tuple(reasons)
    if known.other_policies:
        reasons.append(
            f"the record says that policy {known.policy_hash[:12]} decided, and published decisions name "
            f"{', '.join(name[:12] for name in known.other_policies)}"
        )
    if known.altered:
        reasons.append(
            f"the published rows of {_listed(known.altered)}, which the day reads, were changed after their run"
        )
    if known.run_again:
        reasons.append(f"{_listed(known.run_again)} was run again since and hands on something else: the day is stale")
    if known.code_then != known.code_now:
        reasons.append(f"the code is another: {known.code_then} then, {known.code_now} now")
    if known.engine_then != known.engine_now:
        reasons.append(f"the engine is another: {known.engine_then} then, {known.engine_now} now")
    is_same_program = (known.code_then, known.engine_then) == (known.code_now, known.engine_now)
    if is_same_program and not known.altered and not known.run_again and not known.other_policies:
        undated = [table.table for table in differing if table.was_changed_since is None]
        if undated:
            reasons.append(
                f"{', '.join(undated)} was changed after it was written: files, policy, code, earlier days are the same"
            )
        else:
            reasons.append(
                f"nothing explains {', '.join(unexplained)}: files, policy, code and earlier days are the same. "
                "The run did not compute all of its tables, its record was changed, or this is a defect"
            )
    return tuple(reasons)


def what_was_erased(erasures: list[str], tables: tuple[TableVerdict, ...]) -> str:
    """Return why it cannot be told whether a day would come out the same: not all that it was made from is there."""
    same = sum(table.is_identical for table in tables)
    return (
        f"customer erased since ({', '.join(erasures)}): what rested on their records cannot be computed again; "
        f"{same} of {len(tables)} tables are identical"
    )


def worst(states: list[str]) -> str:
    """Return the state of several days: that of the worst of them."""
    return max(states, key=lambda state: EXIT_CODES[state], default=IDENTICAL)


def as_rows(verdict: DayVerdict) -> dict[str, Any]:
    """Return a verdict as plain values."""
    return {
        "as_of": verdict.as_of.isoformat(),
        "state": verdict.state,
        "run_id": verdict.run_id,
        "hash": verdict.content,
        "reasons": list(verdict.reasons),
        "erasures": list(verdict.erasures),
        "tables": [
            {
                "table": table.table,
                "rows": table.rows,
                "hash": table.content,
                "published_rows": table.published_rows,
                "published_hash": table.published_content,
                "recorded_hash": table.recorded_content,
                "differing": table.differing,
                "examples": [
                    {"key": _plain(row.key), "kind": row.kind, "columns": _plain(row.columns)} for row in table.examples
                ],
            }
            for table in verdict.tables
        ],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [str(part) for part in value] if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }


def _listed(days: tuple[date, ...]) -> str:
    return ", ".join(day.isoformat() for day in days)
