"""Driver of the benchmark, `python -m benchmarks` or `cjo bench`: generate data, run contenders, write the page.

Contenders run at each size; days of the sample data, whose cost is nearly independent of rows, and a day of
the client lifecycle run after them. A home over many days takes hours, and is measured by name only. With
`--against COMMIT` this commit is compared with an earlier one instead, and no contender runs.

Each contender runs once per round, so that other load on the machine affects all of them; ratios are computed within a
round, and their median and spread are reported. Slow contenders without a close ratio run in the first round only. The
rows of all contenders are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import peers
from benchmarks.against import compare
from benchmarks.compare import MEMORY_LIMIT, differences
from benchmarks.contenders import RESULT, blocks, outputs_in, yardstick
from benchmarks.data import Inputs, generated
from benchmarks.days import measure_days
from benchmarks.history import CUSTOMERS, HISTORY, measure_history
from benchmarks.history import DAYS as HISTORY_DAYS
from benchmarks.lifecycle import LIFECYCLE, ORGANIZATIONS, measure_lifecycle
from benchmarks.lookups import PERSONALIZATION, measure_lookups
from benchmarks.page import targets_of, write_page
from benchmarks.samples import BACKFILL_DAYS, DAYS, MEASURES
from cjo_assets.core.settings import PROJECT

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 3
SEED = 1
LARGEST_FOR_PANDAS = 1_000_000
LARGEST_FOR_LOOPS = 100_000
# All others run in every round.
ONCE = ("everything", "next_day", "pandas", "loops")
# Contenders that may run out of memory at a size, and are then left out of it.
OBVIOUS = ("pandas", "loops")
# What is measured by itself, after the contenders.
ALONE = (*DAYS, LIFECYCLE, PERSONALIZATION, HISTORY)
IN_TURN = ("floor", "sql", "transforms", "platform", "everything", "next_day", "pandas", "loops")
# What another contender is compared with runs before it.
ORDER = (*IN_TURN[:4], *peers.NAMES, *IN_TURN[4:])


def main() -> None:
    """Run the benchmark with the options of the command line."""
    options = _options().parse_args()
    options.folder = options.folder.resolve()
    if options.against:
        compare(options.against, options.only or [], options.rounds, options.days, options.folder, options.page)
        return
    chosen = {*(options.only or (*IN_TURN, *ALONE)), *(peers.NAMES if options.peers else ())}
    unknown = sorted(chosen - {*ORDER, *ALONE})
    if unknown:
        raise SystemExit(f"Unknown contender {', '.join(unknown)}. Choose from: {', '.join((*ORDER, *ALONE))}.")
    names = [name for name in ORDER if name in chosen]
    if chosen & {*peers.NAMES}:
        peers.install()
    results = options.folder / "results.jsonl"
    options.folder.mkdir(parents=True, exist_ok=True)
    for customers in (options.customers or SIZES) if names else ():
        inputs = generated(options.folder / "data", PROJECT / "data" / "journey" / "playbooks.json", customers, SEED)
        _prepare_outputs(inputs, options.folder / "homes", "sql" in names)
        for number in range(options.rounds):
            for name in names:
                if _is_bearable(name, customers) and (number == 0 or name not in ONCE):
                    _measure(name, inputs, number, options.folder, results)
        write_page(results, options.page)
    measure_days([name for name in DAYS if name in chosen], options.rounds, options.days, options.folder, options.page)
    if LIFECYCLE in chosen:
        measure_lifecycle(options.organizations, options.rounds, options.folder, options.page)
    if PERSONALIZATION in chosen:
        measure_lookups(options.folder, options.page)
    # Hours: by name only.
    if HISTORY in (options.only or ()):
        measure_history(CUSTOMERS, options.history_days, options.folder, options.page)
    if results.exists():
        print(f"\n{targets_of(results)}\n")
    print(f"Wrote {options.page}.")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cjo bench", description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, action="append", help="Number of customers; repeatable.")
    parser.add_argument(
        "--organizations", type=int, default=ORGANIZATIONS, help="Number of organizations of the lifecycle."
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"What to run; repeatable. One of {', '.join((*ORDER, *ALONE))}; with --against: {', '.join(MEASURES)}.",
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="Also run dbt-duckdb and SQLMesh; installs them once in their own environments.",
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        help="Compare with this earlier commit: installing, runs of the sample data, a further day, a backfill.",
    )
    parser.add_argument("--days", type=int, default=BACKFILL_DAYS, help="Number of days of the backfill.")
    parser.add_argument("--history-days", type=int, default=HISTORY_DAYS, help="Number of days of the history.")
    parser.add_argument(
        "--folder", type=Path, default=PROJECT / "warehouse" / "bench", help="Folder for data and results."
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=PROJECT / "docs" / "explanation" / "benchmarks.md",
        help="Page to write the tables to.",
    )
    return parser


def _measure(name: str, inputs: Inputs, number: int, folder: Path, results: Path) -> None:
    """Run a contender, compare its tables in the first round, and append what was measured to the results."""
    load = os.getloadavg()[0]
    try:
        taken = _run(name, inputs, folder / "homes" / name)
    except SystemExit as failed:
        if name not in OBVIOUS:
            raise
        print(f"{inputs.customers:>9,} round {number + 1}: {name} failed: {str(failed)[-200:]}", flush=True)
        return
    unequal = _unequal(folder, taken) if number == 0 else {}
    entry = {
        "customers": inputs.customers,
        "round": number,
        "load": load,
        "unequal": unequal,
        "yardstick": yardstick(),
        **taken,
    }
    with results.open("a", encoding="utf-8") as target:
        target.write(json.dumps(entry) + "\n")
    wrong = ", ".join(f"{table} {count}" for table, count in unequal.items() if count)
    print(
        f"{inputs.customers:>9,} round {number + 1}: {name:<11}{taken['seconds']:8.2f} s wall"
        f"{taken['cpu_seconds']:8.2f} s cpu {taken['peak_bytes'] / 2**30:6.2f} GiB"
        f"{'  DIFFERS: ' + wrong if wrong else ''}",
        flush=True,
    )


def _unequal(folder: Path, taken: dict[str, Any]) -> dict[str, int]:
    """Return the number of differing rows by table; empty if the contender is not compared.

    The day after is another day, and the floor copies the tables of the SQL.
    """
    if taken["contender"] in ("next_day", "floor"):
        return {}
    return differences(_database(folder, "sql"), Path(taken["database"]))


def _is_bearable(name: str, customers: int) -> bool:
    limits = {"pandas": LARGEST_FOR_PANDAS, "loops": LARGEST_FOR_LOOPS}
    return customers <= limits.get(name, customers)


def _database(folder: Path, name: str) -> Path:
    return folder / "homes" / name / RESULT


def _run(name: str, inputs: Inputs, home: Path) -> dict[str, Any]:
    """Run a contender in its own process, on an empty home, or for the day after on the home of the day before."""
    folder = inputs.folder
    if name == "next_day":
        playbooks = PROJECT / "data" / "journey" / "playbooks.json"
        folder = generated(folder.parent, playbooks, inputs.customers, SEED, changed=True).folder
        home = home.with_name("everything")
    else:
        shutil.rmtree(home, ignore_errors=True)
    if name in peers.NAMES:
        return peers.run(name, inputs.folder, home)
    command = [sys.executable, "-m", "benchmarks.contenders", name, str(folder), str(home)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-4000:]}")
    taken: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return taken


def _prepare_outputs(inputs: Inputs, homes: Path, has_sql: bool) -> None:
    """Export the tables of the yardstick, so that the floor can copy them and others are compared with them."""
    folder = outputs_in(inputs.folder)
    if folder.exists() and has_sql:
        return
    _run("sql", inputs, homes / "sql")
    if folder.exists():
        return
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    config = {"memory_limit": MEMORY_LIMIT}
    with duckdb.connect(str(homes / "sql" / RESULT), read_only=True, config=config) as connection:
        for table in blocks():
            connection.execute(f"COPY {table} TO '{partial / table}.parquet' (FORMAT parquet)")
    partial.rename(folder)


if __name__ == "__main__":
    main()
