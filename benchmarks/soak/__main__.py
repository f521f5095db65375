"""Driver of the fault campaign, `make soak` or `python -m benchmarks.soak`: faults, counts, and the page of counts.

All work on databases is done by child processes, which are forked, so that a run of a day starts at once.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.commits import has_changes, resolved
from benchmarks.reliability import PAGE, write_counts
from benchmarks.soak import faults
from benchmarks.soak.counts import Counts, described
from benchmarks.soak.home import share_statements, today
from benchmarks.soak.processes import in_child
from benchmarks.soak.readers import reads_over_publishes
from cjo_assets.core.settings import PROJECT

SEED = 1


def main() -> None:
    """Run the campaign with the options of the command line; fail if anything was left behind."""
    options = _options().parse_args()
    folder, page = options.folder.resolve(), options.page.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    share_statements(folder / "compiled")
    sample = faults.sample_in(folder)
    print(f"A day has {sample.boundaries:,} statements and file calls and takes {sample.seconds:.1f} s.", flush=True)
    campaign: list[Callable[[], Counts]] = [
        lambda: faults.kills_at_boundaries(sample, options.kills),
        lambda: faults.kills_at_random(sample, options.random_kills, SEED),
        lambda: faults.two_at_once(sample, options.pairs),
        lambda: in_child(reads_over_publishes, folder, options.publishes, options.reads),
        lambda: faults.full_disks(sample, options.disks),
        lambda: faults.clock_jumps(sample, options.jumps),
        lambda: faults.lost_files(sample, options.losses),
    ]
    commit = resolved("HEAD")[:7] + (" with changes" if has_changes() else "")
    found: list[Counts] = []
    for step in campaign:
        found.append(step())
        print(found[-1], flush=True)
        write_counts(page, "counts", described(found, commit, today(), sample.boundaries))
    print(f"Wrote {page}.")
    if not all(counts.is_clean for counts in found):
        raise SystemExit("A fault left something behind; see the counts.")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500, help="Kills before statements and file calls of a day.")
    parser.add_argument("--random-kills", type=int, default=500, help="Kills at random moments of a day.")
    parser.add_argument("--pairs", type=int, default=100, help="Times that two runs start at once.")
    parser.add_argument("--publishes", type=int, default=200, help="Publishes while others read.")
    parser.add_argument("--reads", type=int, default=10_000, help="Reads of the database and of copies of it.")
    parser.add_argument("--disks", type=int, default=50, help="Sizes of a full disk.")
    parser.add_argument("--jumps", type=int, default=len(faults.CLOCK_JUMPS), help="Jumps of the clock.")
    parser.add_argument("--losses", type=int, default=len(faults.LOSSES), help="Databases that are lost.")
    parser.add_argument(
        "--folder", type=Path, default=PROJECT / "warehouse" / "soak", help="Folder for the homes; emptied first."
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="Page of the counts.")
    return parser


if __name__ == "__main__":
    main()
