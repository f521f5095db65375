"""Corrupted rows, which the quarantine must reject for one known reason each.

A corrupted row is added beside the good row that it copies, so the good rows stay complete.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pyarrow
import pyarrow.compute as pc

STRANGER = "X_"
LIMBO = "limbo"
NO_DAY = "2025-02-30"


@dataclass(frozen=True)
class Fault:
    """One way to corrupt a row.

    Attributes:
        name: the fault.
        changes: new text of columns; None for no value.
        prefixed: columns that get a prefix which makes them unknown.
        twin: differing text of a second copy; without it there is no second copy.
    """

    name: str
    changes: dict[str, str | None] = field(default_factory=dict)
    prefixed: tuple[str, ...] = ()
    twin: dict[str, str] = field(default_factory=dict)


REPEATED = Fault("repeated")


def as_text(table: pyarrow.Table) -> pyarrow.Table:
    """Return a table with all values as text, since a corrupted value may not be of its type."""
    return pyarrow.table({name: _text(table[name]) for name in table.column_names})


def lists_as_text(table: pyarrow.Table) -> pyarrow.Table:
    """Return a table with lists as JSON text."""
    return pyarrow.table(
        {
            name: _text(table[name]) if pyarrow.types.is_list(table[name].type) else table[name]
            for name in table.column_names
        }
    )


def spoiled(
    faults: tuple[Fault, ...], table: pyarrow.Table, share: float, chance: np.random.Generator
) -> tuple[pyarrow.Table, dict[str, int]]:
    """Return the rows as text, with corrupted copies of a share of them at the end, and their number by fault."""
    text = as_text(table)
    if not faults:
        return text, {}
    chosen = np.flatnonzero(chance.random(table.num_rows) < share)
    kind = chance.integers(0, len(faults), chosen.size)
    parts = [text]
    counts: dict[str, int] = {}
    for number, fault in enumerate(faults):
        rows = text.take(pyarrow.array(chosen[kind == number]))
        for changes in [fault.changes, {**fault.changes, **fault.twin}] if fault.twin else [fault.changes]:
            copies = _changed(rows, changes, fault.prefixed)
            parts.append(copies)
            counts[fault.name] = counts.get(fault.name, 0) + copies.num_rows
    return pyarrow.concat_tables(parts), counts


def _changed(rows: pyarrow.Table, changes: dict[str, str | None], prefixed: tuple[str, ...]) -> pyarrow.Table:
    for name in prefixed:
        strange = pc.binary_join_element_wise(STRANGER, rows[name], "")
        rows = rows.set_column(rows.column_names.index(name), name, strange)
    for name, value in changes.items():
        same = pyarrow.array([value] * rows.num_rows, pyarrow.string())
        rows = rows.set_column(rows.column_names.index(name), name, same)
    return rows


def _text(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray | pyarrow.Array:
    if pyarrow.types.is_list(column.type):
        return pyarrow.array(
            [json.dumps(value, separators=(",", ":")) for value in column.to_pylist()], pyarrow.string()
        )
    return column.cast(pyarrow.string())
