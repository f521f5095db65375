"""Counts of what faults left behind, and the page that shows them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.grid import grid
from benchmarks.soak.home import State
from benchmarks.soak.processes import Ended

SHOWN_ERRORS = 5


@dataclass
class Counts:
    """The counts of one kind of fault.

    Attributes:
        fault: the fault.
        times: how often it happened.
        unopened: databases that do not open.
        mixed: days whose tables are of several runs, or are recorded and not there.
        lost: decisions that an undisturbed home has, and this one has not.
        doubled: decisions that this home has more often than an undisturbed one.
        errors: what readers and runs reported that should have worked.
        reads: number of reads, where there are readers.
        note: why the fault was not measured; empty if it was.
    """

    fault: str
    times: int = 0
    unopened: int = 0
    mixed: int = 0
    lost: int = 0
    doubled: int = 0
    errors: list[str] = field(default_factory=list)
    reads: int = 0
    note: str = ""

    def add_error(self, ended: Ended) -> None:
        """Count the error of a process that should have worked, or was killed before it failed."""
        if ended.error:
            self.errors.append(ended.error.strip().splitlines()[-1])

    def add_state(self, state: State | None, *allowed: State) -> None:
        """Count how a home differs from the states that a fault may leave."""
        if state is None:
            self.unopened += 1
            return
        whole = {(day, frozenset(rows.items())) for other in allowed for day, rows in other.days.items()}
        self.mixed += sum((day, frozenset(rows.items())) not in whole for day, rows in state.days.items())
        self.mixed += len(state.recorded ^ state.days.keys())
        nearest = min((self._decisions(state, other) for other in allowed), key=sum)
        self.lost, self.doubled = self.lost + nearest[0], self.doubled + nearest[1]
        if state.differences:
            self.errors.append(f"cjo audit verify found {state.differences} differences")

    def add_result(self, state: State | None, expected: State) -> None:
        """Count how a home differs from the one that was never disturbed."""
        self.add_state(state, expected)
        if state is not None:
            self.mixed += len(expected.days.keys() - state.days.keys())

    @staticmethod
    def _decisions(state: State, expected: State) -> tuple[int, int]:
        found, wanted = Counter(state.decisions), Counter(expected.decisions)
        return sum((wanted - found).values()), sum((found - wanted).values())

    @property
    def is_clean(self) -> bool:
        """Whether the fault left nothing behind."""
        return not (self.unopened or self.mixed or self.lost or self.doubled or self.errors)


def described(found: Sequence[Counts], commit: str, day: str, boundaries: int) -> str:
    """Return machine, commit, date and the table of counts, and below it the first errors of each fault."""
    head = ["fault", "times", "reads", "databases that do not open", "mixed days", "lost decisions"]
    rows = [
        [
            counts.fault,
            counts.note or f"{counts.times:,}",
            f"{counts.reads:,}" if counts.reads else "",
            *(f"{number:,}" for number in (counts.unopened, counts.mixed, counts.lost, counts.doubled)),
            f"{len(counts.errors):,}",
        ]
        for counts in found
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"Machine: {os.cpu_count() or 1} cores, {memory:.0f} GiB of memory. Commit {commit}, {day}. A day of the "
        f"sample has {boundaries:,} statements and file calls.",
        grid([*head, "doubled decisions", "errors"], rows),
    ]
    for counts in found:
        shown = list(dict.fromkeys(counts.errors))[:SHOWN_ERRORS]
        if shown:
            parts.append("\n".join([f"Errors, {counts.fault}:", "", *(f"- `{text}`" for text in shown)]))
    return "\n\n".join(parts)
