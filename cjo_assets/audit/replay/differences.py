"""Results of a replay: whether a day is identical, and the reasons of differences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cjo_assets.warehouse.schema_upgrades import REBUILT, UpgradedDay

IDENTICAL, DIFFERS, IMPOSSIBLE = "identical", "differs", "cannot be replayed"
EXIT_CODES = {IDENTICAL: 0, DIFFERS: 1, IMPOSSIBLE: 2}
FIELDS_SHOWN = 3
ONLY_PUBLISHED, ONLY_REPLAYED, CHANGED = "only published", "only replayed", "changed"


@dataclass(frozen=True)
class RowDifference:
    """A row that differs.

    Attributes:
        key: the key of the row.
        kind: whether the row is changed or exists on one side only.
        columns: published and replayed value of each column that differs.
    """

    key: dict[str, Any]
    kind: str
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class TableVerdict:
    """The comparison of a table of a day.

    Attributes:
        table: name of the table.
        rows: number of replayed rows.
        content: hash of the replayed rows.
        published_rows: number of published rows.
        published_content: hash of the published rows.
        recorded_content: the hash that the run recorded; None if it records none.
        differing: number of rows that differ.
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
        """Return whether replayed and published rows are the same."""
        return not self.differing and (self.rows, self.content) == (self.published_rows, self.published_content)

    @property
    def was_changed_since(self) -> bool | None:
        """Return whether the table was changed after the run; None if the run recorded no hash."""
        return None if self.recorded_content is None else self.recorded_content != self.published_content


@dataclass(frozen=True)
class Circumstances:
    """Circumstances of a run that may have changed.

    Attributes:
        run_id: the run that published the day.
        policy_hash: hash of its policy.
        code_then: hash of its code.
        code_now: hash of the present code.
        engine_then: versions of its engine.
        engine_now: versions of the present engine.
        run_again: earlier days that were run again since with another data version.
        altered: earlier days whose published rows differ from those that their run wrote.
        other_policies: policies of published decisions of the day that the record of its run does not name.
        filled_fields: fields that the policy of the day has from the packaged policy, since they were added later.
        upgraded: tables whose columns a later run changed, and how their rows of the day were treated.
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
    filled_fields: tuple[str, ...] = ()
    upgraded: Mapping[str, UpgradedDay] = field(default_factory=dict)


@dataclass(frozen=True)
class DayVerdict:
    """The comparison of a day.

    Attributes:
        as_of: the day.
        state: identical, different, or not possible to replay.
        reasons: why it is not identical.
        tables: the compared tables.
        run_id: the run that published the day.
        content: hash of all its tables.
        erasures: all erasures of customers, whose rows the archived files lack.
        is_explained_by_erasure: a customer was erased after the run and tables differ, so that listing rows is useless.
        filled_fields: fields that the policy of the day has from the packaged policy, since they were added later.
    """

    as_of: date
    state: str
    reasons: tuple[str, ...] = ()
    tables: tuple[TableVerdict, ...] = ()
    run_id: str | None = None
    content: str = ""
    erasures: tuple[str, ...] = ()
    is_explained_by_erasure: bool = False
    filled_fields: tuple[str, ...] = ()


def reasons_of(tables: tuple[TableVerdict, ...], known: Circumstances) -> tuple[str, ...]:
    """Return the reasons of differences: changes since the run first, the code only if nothing else explains them."""
    differing = [table for table in tables if not table.is_identical]
    # The recorded hashes depend on the version of the engine.
    changed = [table for table in tables if table.was_changed_since and known.engine_then == known.engine_now]
    reasons = [
        f"the record of run {known.run_id} was changed: its hash of {table.table} differs"
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
            f"the run record has policy {known.policy_hash[:12]}, but published decisions have "
            f"{', '.join(name[:12] for name in known.other_policies)}"
        )
    if known.altered:
        reasons.append(
            f"the published rows of {_listed(known.altered)}, which the day reads, were changed after their run"
        )
    if known.run_again:
        reasons.append(f"{_listed(known.run_again)} was run again since with another result: the day is stale")
    reasons += [_upgraded_in_words(table, known.upgraded[table]) for table in unexplained if table in known.upgraded]
    if known.filled_fields:
        reasons.append(filled_in_words(known.policy_hash, known.filled_fields))
    if known.code_then != known.code_now:
        reasons.append(f"the code has changed: {known.code_then} then, {known.code_now} now")
    if known.engine_then != known.engine_now:
        reasons.append(f"the engine has changed: {known.engine_then} then, {known.engine_now} now")
    is_same_program = (known.code_then, known.engine_then) == (known.code_now, known.engine_now)
    others = (known.altered, known.run_again, known.other_policies, known.filled_fields, known.upgraded)
    if is_same_program and not any(others):
        undated = [table.table for table in differing if table.was_changed_since is None]
        if undated:
            reasons.append(f"{', '.join(undated)} was changed after it was written: nothing else has changed")
        else:
            reasons.append(
                f"unexplained difference in {', '.join(unexplained)}: nothing else has changed. "
                "The run did not compute all of its tables, its record was changed, or this is a bug"
            )
    return tuple(reasons)


def filled_in_words(policy_hash: str, fields: tuple[str, ...]) -> str:
    """Return that the policy of a day was recorded without fields that were added later, and which."""
    shown = ", ".join(fields[:FIELDS_SHOWN])
    more = f" and {len(fields) - FIELDS_SHOWN} more" if len(fields) > FIELDS_SHOWN else ""
    return f"the policy {policy_hash[:12]} was recorded without {shown}{more}: their packaged values are used"


def _upgraded_in_words(table: str, day: UpgradedDay) -> str:
    if day.rows == REBUILT:
        return f"run {day.run_id} changed the columns of {table} and recomputed it from the published tables of the day"
    reason = f", because {day.reason.rstrip('.')}" if day.reason else ""
    return f"run {day.run_id} changed the columns of {table} and did not recompute its rows of the day{reason}"


def what_was_erased(erasures: list[str], tables: tuple[TableVerdict, ...]) -> str:
    """Return the reason why a day cannot be compared after an erasure: its inputs are incomplete."""
    same = sum(table.is_identical for table in tables)
    return (
        f"customer erased since ({', '.join(erasures)}): tables derived from their records cannot be recomputed; "
        f"{same} of {len(tables)} tables are identical"
    )


def worst(states: list[str]) -> str:
    """Return the worst state of several days."""
    return max(states, key=lambda state: EXIT_CODES[state], default=IDENTICAL)


def as_rows(verdict: DayVerdict) -> dict[str, Any]:
    """Return a comparison as plain values."""
    return {
        "as_of": verdict.as_of.isoformat(),
        "state": verdict.state,
        "run_id": verdict.run_id,
        "hash": verdict.content,
        "reasons": list(verdict.reasons),
        "erasures": list(verdict.erasures),
        "filled_policy_fields": list(verdict.filled_fields),
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
