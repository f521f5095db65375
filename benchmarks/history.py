"""A home that grows day by day: processor time of a day, and sizes of the parts of the home."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.blocks import write_block
from benchmarks.commits import environment_outside
from benchmarks.grid import grid
from benchmarks.processes import Used, run_measured
from benchmarks.targets import DAY_GROWTH

HISTORY = "history"
BLOCK = "history"
CUSTOMERS, DAYS = 10_000, 365
# Days of one run, each with its start.
RUN_DAYS = 5
# Days of a new home for comparison: its last run is not its first.
NEW_HOME_DAYS = 2 * RUN_DAYS
LAST_DAY = date(2025, 1, 20)
SHOWN_RUNS = 10
GIB = 2**30


@dataclass(frozen=True)
class Run:
    """One run of several days.

    Attributes:
        days: number of days in the home afterwards.
        cpu_seconds: processor time of a day, with its share of the start.
        bytes: size of the files of the home afterwards, by file or folder in it.
    """

    days: int
    cpu_seconds: float
    bytes: dict[str, int]


def measure_history(customers: int, days: int, folder: Path, page: Path) -> list[Run]:
    """Run day after day in one home, verify its ledgers, replay its first day, and write the page.

    Args:
        customers: number of customers.
        days: number of days; the last run may have fewer than the others.
        folder: folder for data and home.
        page: page to write to; it is written after each run.
    """
    data, home, loads = folder / "data" / f"journey_{customers}", folder / "homes" / HISTORY, [os.getloadavg()[0]]
    if not data.exists():
        _cjo(folder, "synth", "--customers", str(customers), "--until", LAST_DAY.isoformat(), "--out", str(data))
    first, runs = LAST_DAY - timedelta(days=days - 1), list[Run]()
    for run in _runs(folder, data, home, first, days):
        runs.append(run)
        loads.append(os.getloadavg()[0])
        print(f"day {run.days}: {run.cpu_seconds:.1f} s cpu", flush=True)
        write_block(page, BLOCK, described(customers, runs, loads))
    # The data of a later day are more: what a day costs in the old home is compared with the same days in a new one.
    new_home = home.with_name("new_home")
    *_, of_new_home = _runs(folder, data, new_home, LAST_DAY - timedelta(days=NEW_HOME_DAYS - 1), NEW_HOME_DAYS)
    verified = _cjo(folder, "audit", "verify", "--home", str(home))
    replayed = _cjo(folder, "replay", "--as-of", first.isoformat(), "--home", str(home))
    whole = (
        f"Afterwards `cjo audit verify` finds every ledger whole ({verified.cpu_seconds:.0f} s of processor time), and "
        f"`cjo replay` recomputes the first day identically ({replayed.cpu_seconds:.0f} s)."
    )
    text = "\n\n".join([described(customers, runs, loads), compared(runs[-1], of_new_home), whole])
    print(f"\n{text}\n")
    write_block(page, BLOCK, text)
    return runs


def _runs(folder: Path, data: Path, home: Path, first: date, days: int) -> Iterator[Run]:
    """Run some days in an empty home, several in each run."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for done in range(0, days, RUN_DAYS):
        begin, end = first + timedelta(days=done), first + timedelta(days=min(done + RUN_DAYS, days) - 1)
        ends = ("--from", begin.isoformat(), "--to", end.isoformat(), "--data", str(data), "--home", str(home))
        used = _cjo(folder, "run", "--family", "journey", *ends)
        count = (end - begin).days + 1
        yield Run(done + count, used.cpu_seconds / count, sizes_of(home))


def _cjo(folder: Path, *arguments: str) -> Used:
    """Run a command of `cjo`; a ledger that is not whole or a day that differs ends the measurement."""
    program = Path(sys.executable).with_name("cjo")
    return run_measured(
        arguments[0], [str(program), *arguments], folder, environment_outside(), folder / f"{HISTORY}.txt"
    )


def sizes_of(home: Path) -> dict[str, int]:
    """Return the size of the files of a home, by file or folder in it [bytes]."""
    sizes: dict[str, int] = {}
    for path in (path for path in home.rglob("*") if path.is_file()):
        part = path.relative_to(home).parts[0]
        sizes[part] = sizes.get(part, 0) + path.stat().st_size
    return sizes


def described(customers: int, runs: Sequence[Run], loads: Sequence[float]) -> str:
    """Return the machine, the growth of the home, and whether a day takes as long as at the beginning."""
    largest = sorted(runs[-1].bytes, key=lambda part: -runs[-1].bytes[part])
    parts = [part for part in largest if any(run.bytes.get(part, 0) >= GIB / 1000 for run in runs)]
    step = max(1, len(runs) // SHOWN_RUNS)
    shown = [run for number, run in enumerate(runs, start=1) if number == 2 or number % step == 0 or run is runs[-1]]
    rows = [
        [str(run.days), f"{run.cpu_seconds:.1f}", *(f"{run.bytes.get(part, 0) / GIB:.3f}" for part in parts)]
        for run in shown
    ]
    head = ["days", "CPU of a day [s]", *(f"`{part}` [GiB]" for part in parts)]
    lines = [
        f"Machine: {os.cpu_count() or 1} cores; {customers:,} customers; load average before a run started: "
        f"{min(loads):.1f} to {max(loads):.1f}.",
        grid(head, rows),
    ]
    return "\n\n".join(lines)


def compared(old: Run, new: Run) -> str:
    """Return the sentence that compares the same days in a home with many days and in one with few."""
    ratio = old.cpu_seconds / new.cpu_seconds
    return (
        f"The last days take {old.cpu_seconds:.1f} s in this home and {new.cpu_seconds:.1f} s in a new home with "
        f"{new.days} days: {ratio:.2f} times as long; target: {DAY_GROWTH.words}, {DAY_GROWTH.verdict(ratio)}."
    )
