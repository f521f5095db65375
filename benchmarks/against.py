"""Comparison of the current commit with an earlier one: installing, runs of the sample data, and tests.

Both commits are exported from Git and installed beside each other. Each process runs for both, one after the other, so
that other load on the machine affects both. Every round that measures installing or the first run installs again.
Both run the sample data of the earlier commit, so that families added since then do not count.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.blocks import write_block
from benchmarks.commits import STAMP, Checkout, has_changes, resolved
from benchmarks.days import run_days
from benchmarks.processes import Used
from benchmarks.samples import MEASURES, NOW, THEN, Sample, append, circumstances, comparison, lines_of, read
from benchmarks.targets import FIRST_RUN, INSTALLING, SECOND_RUN, TESTS

BLOCK = "against"
BY_MAKE = {INSTALLING: STAMP, FIRST_RUN: "run", SECOND_RUN: "run", TESTS: "test"}


def compare(commit: str, measures: list[str], rounds: int, backfill_days: int, folder: Path, page: Path) -> None:
    """Measure both commits in turn, and write the table to the page after each round.

    Args:
        commit: the earlier commit.
        measures: names of the measures; empty for all but the tests.
        rounds: number of rounds.
        backfill_days: number of days of the backfill.
        folder: folder of the results.
        page: page to write to.
    """
    chosen = measures or [name for name in MEASURES if name != TESTS]
    unknown = [name for name in chosen if name not in MEASURES]
    if unknown:
        raise SystemExit(f"Unknown measure {', '.join(unknown)}. Choose from: {', '.join(MEASURES)}.")
    then, now = resolved(commit), resolved("HEAD")
    if has_changes():
        print(f"Changes that are not committed are not measured; the later commit is {now[:7]}.", flush=True)
    results = folder / "against.jsonl"
    with tempfile.TemporaryDirectory(prefix="cjo-bench-") as temporary:
        sides = {THEN: Checkout(then, Path(temporary) / THEN), NOW: Checkout(now, Path(temporary) / NOW)}
        for number in range(rounds):
            for process in processes_of(chosen, backfill_days, number):
                for side in (THEN, NOW) if number % 2 == 0 else (NOW, THEN):
                    load = os.getloadavg()[0]
                    used = _steps(process, sides[THEN].folder / "data")(sides[side])
                    append(results, Sample(then, now, side, process, number, used.cpu_seconds, used.seconds, load))
                    print(
                        f"round {number + 1}: {process:<12} {sides[side].commit[:7]}{used.cpu_seconds:9.1f} s cpu"
                        f"{used.seconds:9.1f} s wall",
                        flush=True,
                    )
            _write(read(results, then, now), backfill_days, page)
    print(f"Wrote {page}.")


def processes_of(measures: list[str], backfill_days: int, number: int) -> list[str]:
    """Return the processes of a round in their order; the first round, at least, begins with installing."""
    needed = {name for line in lines_of(measures, backfill_days) for name in line.processes}
    if SECOND_RUN in needed:
        needed.add(FIRST_RUN)
    if FIRST_RUN in needed or number == 0:
        needed.add(INSTALLING)
    return list(
        dict.fromkeys(name for line in lines_of(MEASURES, backfill_days) for name in line.processes if name in needed)
    )


def _steps(process: str, data: Path) -> Callable[[Checkout], Used]:
    def by_make(checkout: Checkout) -> Used:
        if process == INSTALLING:
            checkout.export()
        return checkout.make(BY_MAKE[process], data if process in (FIRST_RUN, SECOND_RUN) else None)

    def by_days(checkout: Checkout) -> Used:
        family, days = process.split()
        return run_days(checkout.program, family, int(days), checkout.folder.with_name("home"))

    return by_make if process in BY_MAKE else by_days


def _write(samples: list[Sample], backfill_days: int, page: Path) -> None:
    titles = (samples[0].then[:7], samples[0].now[:7])
    text = "\n\n".join(
        [
            f"Then: {titles[0]}; now: {titles[1]}. {circumstances(samples, os.cpu_count() or 1)} Seconds are medians; "
            "the ratio is the median of the rounds and, in brackets, the smallest and largest.",
            comparison(samples, lines_of(MEASURES, backfill_days), titles),
        ]
    )
    print(f"\n{text}\n", flush=True)
    write_block(page, BLOCK, text)
