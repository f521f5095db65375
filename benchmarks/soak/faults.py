"""Faults of a run that computes and publishes a day, and the counts of what they leave behind."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks.soak.counts import Counts
from benchmarks.soak.home import FIRST, SECOND, State, copied, run_day, settings_of, state_of
from benchmarks.soak.processes import Child, Ended, in_child

# Kills of one home in a row before its day is run to the end and compared.
KILLS_OF_A_HOME = 10
LOSSES = (("cjo.duckdb", "build.duckdb"), ("cjo.duckdb",), ("build.duckdb",))
VERIFY_REPORTS = "cjo audit verify will report that"
MEGABYTE = 1_000_000
# Beyond the largest home of the sample with a day more.
DISK_BYTES = 400 * MEGABYTE
CLOCK_JUMPS = tuple(timedelta(hours=hours) for hours in (24 * 365, -24 * 365, 1, -1))


@dataclass(frozen=True)
class Sample:
    """A home with one published day, and the same home with a second day that was never disturbed.

    Attributes:
        folder: folder of the homes.
        before: state with the first day.
        after: state with both days.
        boundaries: number of statements and file calls of the second day.
        seconds: duration of the second day.
    """

    folder: Path
    before: State
    after: State
    boundaries: int
    seconds: float

    def home(self) -> Path:
        """Return a new copy of the home with one published day."""
        return copied(self.folder / "before", self.folder / "home")


def sample_in(folder: Path) -> Sample:
    """Compute the homes that every fault begins with and is compared with."""
    before, after = folder / "before", folder / "after"
    in_child(run_day, before, FIRST, "first")
    copied(before, after)
    started = time.monotonic()
    boundaries, _ = in_child(run_day, after, SECOND, "second")
    seconds = time.monotonic() - started
    of_before, of_after = (in_child(state_of, home) for home in (before, after))
    return Sample(folder, of_before, of_after, boundaries, seconds)


def kills_at_boundaries(sample: Sample, number: int) -> Counts:
    """Kill a run before statements and file calls that are spread evenly over the day.

    Each is in the middle of its part of the day: the number of calls of a run differs by a few, so that a run may end
    before the last of them.
    """
    step = max(1.0, sample.boundaries / number) if number else 1.0
    places = [math.ceil((place + 0.5) * step) for place in range(min(number, sample.boundaries))]
    return _kills(sample, Counts("killed before a statement or file call"), ((place, None) for place in places))


def kills_at_random(sample: Sample, number: int, seed: int) -> Counts:
    """Kill a run at random moments of the day."""
    moments = random.Random(seed)
    ways = ((None, moments.uniform(0, sample.seconds)) for _ in range(number))
    return _kills(sample, Counts("killed at a random moment"), ways)


def _kills(sample: Sample, counts: Counts, ways: Iterable[tuple[int | None, float | None]]) -> Counts:
    """Kill a run in each way, in homes that keep what earlier kills left, and complete the day now and then."""
    home, kills = sample.home(), 0
    for place, seconds in ways:
        child = Child(run_day, home, SECOND, f"killed {kills}", place)
        ended = _wait(child, seconds)
        kills += 1
        counts.times += int(ended.is_killed)
        counts.add_error(ended)
        counts.add_state(in_child(state_of, home), sample.before, sample.after)
        if kills % KILLS_OF_A_HOME == 0:
            complete(sample, home, counts)
            home = sample.home()
    if kills % KILLS_OF_A_HOME:
        complete(sample, home, counts)
    return counts


def _wait(child: Child, seconds: float | None) -> Ended:
    """Wait for the end of a process, and kill it after some time unless that is None."""
    if seconds is None:
        return child.wait()
    timer = threading.Timer(seconds, child.kill)
    timer.start()
    try:
        return child.wait()
    finally:
        timer.cancel()


def complete(sample: Sample, home: Path, counts: Counts) -> None:
    """Run the day to its end, and count what differs from the home that was never disturbed."""
    counts.add_error(Child(run_day, home, SECOND, "completed").wait())
    counts.add_result(in_child(state_of, home), sample.after)


def two_at_once(sample: Sample, number: int) -> Counts:
    """Start two runs of the same day at once."""
    counts = Counts("two runs started at once")
    for _ in range(number):
        home = sample.home()
        children = [Child(run_day, home, SECOND, f"run {name}") for name in ("a", "b")]
        for child in children:
            counts.add_error(child.wait())
        counts.times += 1
        counts.add_result(in_child(state_of, home), sample.after)
    return counts


def clock_jumps(sample: Sample, number: int) -> Counts:
    """Run the day with a clock that has jumped, and then again with the right one; lose the published database."""
    counts = Counts("clock jumped")
    for ahead in CLOCK_JUMPS[:number]:
        home = sample.home()
        counts.add_error(Child(run_day, home, SECOND, "jumped", None, ahead).wait())
        counts.add_result(in_child(state_of, home), sample.after)
        complete(sample, home, counts)
        counts.times += 1
    return counts


def lost_files(sample: Sample, number: int) -> Counts:
    """Lose both databases, the published one or the build database, and run the day again."""
    counts = Counts("databases lost")
    for names in LOSSES[:number]:
        home = copied(sample.folder / "after", sample.folder / "home")
        for name in names:
            (home / name).unlink()
        ended = Child(run_day, home, SECOND, "again").wait()
        counts.add_error(ended)
        said = "" if ended.error else " ".join(ended.value[1])
        state = in_child(state_of, home)
        if state is not None and VERIFY_REPORTS in said:
            # The records of runs in the build database name ledger entries that only the lost database had.
            counts.errors += [] if state.differences else ["the entries that were lost are not reported"]
            state = replace(state, differences=0)
        counts.add_result(state, sample.after)
        if "cjo.duckdb" in names and "missing" not in said:
            counts.errors.append(f"the loss of {', '.join(names)} was not reported")
        counts.times += 1
    return counts


def full_disks(sample: Sample, number: int) -> Counts:
    """Run the day with free space from none to enough, in equal steps; then again after the space is freed."""
    counts = Counts("disk full")
    if number == 0:
        return counts
    with _disk(sample.folder / "disk", counts) as disk:
        if disk is None:
            return counts
        ballast = disk / "ballast"
        for step in range(number):
            home = copied(sample.folder / "before", disk / "home")
            free = shutil.disk_usage(disk).free
            left = step * 2 * settings_of(home).published.stat().st_size // number
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, free - left))
            ended = Child(run_day, home, SECOND, "on a full disk").wait()
            counts.times += int(bool(ended.error))
            if ended.is_killed:
                counts.add_error(ended)
            ballast.unlink()
            counts.add_state(in_child(state_of, home), sample.before, sample.after)
            complete(sample, home, counts)
            shutil.rmtree(home)
    return counts


@contextmanager
def _disk(folder: Path, counts: Counts) -> Iterator[Path | None]:
    """Mount a file system in memory; None without the right to mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        counts.note = f"not measured: {mounted.stderr.strip()}"
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
