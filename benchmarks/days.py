"""Runs over days of the sample data, each on an empty home in a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

from benchmarks.blocks import write_block
from benchmarks.commits import environment_outside
from benchmarks.processes import Used, run_measured
from benchmarks.samples import DAYS, NOW, Sample, append, circumstances, lines_of, read, table

LAST_DAYS = {"journey": date(2025, 1, 20), "marketing": date(2026, 3, 31)}
BLOCK = "days"


def run_days(program: Path, family: str, days: int, home: Path) -> Used:
    """Run a family for its last days in one run, and return what that used."""
    shutil.rmtree(home, ignore_errors=True)
    last = LAST_DAYS[family]
    first = last - timedelta(days=days - 1)
    command = [str(program), "run", "--family", family, "--from", first.isoformat(), "--to", last.isoformat()]
    home.mkdir(parents=True)
    try:
        return run_measured(
            f"{days} days of {family}",
            [*command, "--home", str(home)],
            home.parent,
            environment_outside(),
            home.with_name(f"{home.name}.txt"),
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def measure_days(measures: list[str], rounds: int, backfill_days: int, folder: Path, page: Path) -> None:
    """Measure days of the sample with the files of this folder, and write them to the page.

    Earlier samples of other processes are kept, those of the same processes are not.
    """
    lines, results = lines_of(measures, backfill_days), folder / "days.jsonl"
    if not lines:
        return
    processes = list(dict.fromkeys(name for line in lines for name in line.processes))
    kept = [sample for sample in read(results, "", "") if sample.process not in processes]
    results.unlink(missing_ok=True)
    for sample in kept:
        append(results, sample)
    for number in range(rounds):
        for process in processes:
            family, days = process.split()
            load = os.getloadavg()[0]
            program = Path(sys.executable).with_name("cjo")
            used = run_days(program, family, int(days), folder / "homes" / "days")
            append(results, Sample("", "", NOW, process, number, used.cpu_seconds, used.seconds, load))
            print(f"round {number + 1}: {process} days: {used.cpu_seconds:.1f} s cpu", flush=True)
    samples = read(results, "", "")
    text = f"{circumstances(samples, os.cpu_count() or 1)}\n\n{table(samples, lines_of(DAYS, backfill_days))}"
    print(f"\n{text}\n")
    write_block(page, BLOCK, text)
