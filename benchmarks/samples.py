"""Samples of processor time of runs on the sample data, and the values that are derived from them.

A sample is one measured process of one round. A further day is not a process: it is what a range of days costs more
than its first day, divided by the number of the other days.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.grid import grid, spread
from benchmarks.targets import BACKFILL, FIRST_RUN, FURTHER_DAY, INSTALLING, SECOND_RUN, TESTS, target_of

NOW, THEN = "now", "then"
RANGE_DAYS = 3
BACKFILL_DAYS = 30
DAYS = (FURTHER_DAY, BACKFILL)
# In this order; the tests take longest, and are measured by name only.
MEASURES = (INSTALLING, FIRST_RUN, SECOND_RUN, *DAYS, TESTS)

ByRound = dict[int, float]


@dataclass(frozen=True)
class Sample:
    """Measurement of one process.

    Attributes:
        then: hash of the earlier commit; empty if no commits are compared.
        now: hash of the commit that it is compared with; empty for the files of this folder.
        side: which of both was measured.
        process: name of the process.
        round: number of the round, from 0.
        cpu_seconds: processor time, children included.
        seconds: wall time.
        load: load average before it started.
    """

    then: str
    now: str
    side: str
    process: str
    round: int
    cpu_seconds: float
    seconds: float
    load: float


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        measure: name of the measure in options and targets.
        words: what it measures.
        process: the measured process.
        first_day: process of the first day alone, to be subtracted; empty without one.
        further_days: number of days that the process covers beyond the first.
    """

    measure: str
    words: str
    process: str
    first_day: str = ""
    further_days: int = 1

    @property
    def processes(self) -> tuple[str, ...]:
        """The processes that it needs."""
        return (self.first_day, self.process) if self.first_day else (self.process,)

    def values(self, measured: dict[str, ByRound]) -> ByRound:
        """Return its processor seconds by round, of the rounds that measured all its processes."""
        whole, first = measured.get(self.process, {}), measured.get(self.first_day, {})
        if not self.first_day:
            return whole
        return {number: (whole[number] - first[number]) / self.further_days for number in whole if number in first}


def days_process(family: str, days: int) -> str:
    """Return the name of the process that runs so many days of a family."""
    return f"{family} {days}"


def lines_of(measures: Iterable[str], backfill_days: int) -> list[Line]:
    """Return the lines of some measures."""
    wanted, one = set(measures), 1
    lines = [
        Line(INSTALLING, "installing", INSTALLING),
        Line(FIRST_RUN, "first `make run` after installing", FIRST_RUN),
        Line(SECOND_RUN, "second `make run`", SECOND_RUN),
        *(
            Line(
                FURTHER_DAY,
                f"(h) a further day of a range, {family}",
                days_process(family, RANGE_DAYS),
                days_process(family, one),
                RANGE_DAYS - one,
            )
            for family in ("journey", "marketing")
        ),
        Line(BACKFILL, f"(i) {backfill_days}-day backfill, journey", days_process("journey", backfill_days)),
        Line(TESTS, "`make test`", TESTS),
    ]
    return [line for line in lines if line.measure in wanted]


def append(results: Path, sample: Sample) -> None:
    """Append a sample to the results."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as target:
        target.write(json.dumps(asdict(sample)) + "\n")


def read(results: Path, then: str, now: str) -> list[Sample]:
    """Read the samples of a pair of commits: of each process, side and round the last."""
    if not results.exists():
        return []
    found = [Sample(**json.loads(line)) for line in results.read_text(encoding="utf-8").splitlines()]
    last = {(one.side, one.process, one.round): one for one in found if (one.then, one.now) == (then, now)}
    return list(last.values())


def by_side(samples: Iterable[Sample]) -> dict[str, dict[str, ByRound]]:
    """Return processor seconds by side, process and round."""
    found: dict[str, dict[str, ByRound]] = {NOW: {}, THEN: {}}
    for one in samples:
        found[one.side].setdefault(one.process, {})[one.round] = one.cpu_seconds
    return found


def comparison(samples: list[Sample], lines: list[Line], titles: tuple[str, str]) -> str:
    """Return the table of both commits: medians, ratio within a round, target and verdict; measured lines only.

    Args:
        samples: measured processes.
        lines: lines of the table.
        titles: names of the earlier and the later commit.
    """
    measured, rows = by_side(samples), []
    for line in lines:
        then, now = line.values(measured[THEN]), line.values(measured[NOW])
        ratios = [now[number] / then[number] for number in sorted(then.keys() & now.keys())]
        if ratios:
            target = target_of(line.measure)
            rows.append(
                [
                    line.words,
                    f"{statistics.median(then.values()):.1f}",
                    f"{statistics.median(now.values()):.1f}",
                    spread(ratios, 2),
                    target.words if target else "",
                    target.verdict(statistics.median(ratios)) if target else "",
                ]
            )
    return grid(["processor time", *(f"{title} [s]" for title in titles), "now / then", "target", ""], rows)


def table(samples: list[Sample], lines: list[Line]) -> str:
    """Return the table of this commit alone; measured lines only."""
    measured = by_side(samples)[NOW]
    values = [(line.words, line.values(measured)) for line in lines]
    return grid(["processor time", "[s]"], [[words, spread(found.values(), 1)] for words, found in values if found])


def circumstances(samples: list[Sample], cores: int) -> str:
    """Return a sentence about machine, rounds and load."""
    rounds, loads = 1 + max(one.round for one in samples), [one.load for one in samples]
    return (
        f"Machine: {cores} cores; rounds: {rounds}; load average before a process started, including the load of the "
        f"previous one: {min(loads):.1f} to {max(loads):.1f}."
    )
