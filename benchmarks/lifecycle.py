"""One day of the client lifecycle at scale: generated organizations, through Dagster with all checks, published."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.blocks import write_block
from benchmarks.commits import environment_outside
from benchmarks.grid import grid, spread
from benchmarks.processes import Used, run_measured
from benchmarks.targets import LIFECYCLE_GIB, LIFECYCLE_SECONDS, Target

LIFECYCLE = "lifecycle"
BLOCK = "lifecycle"
ORGANIZATIONS = 10_000
# With 10,000 organizations: 2 million conversations, 1 million tickets and 10 million rows of usage.
GENERATED = {"weeks": 710, "conversations-per-organization": 328, "tickets-per-organization": 152}
GIB = 2**30


@dataclass(frozen=True)
class Scale:
    """What a run had to read, and the size of what it published.

    Attributes:
        rows: rows by dataset.
        tables: rows of all tables of the family together.
        database_bytes: size of the published database.
    """

    rows: dict[str, int]
    tables: int
    database_bytes: int


def measure_lifecycle(organizations: int, rounds: int, folder: Path, page: Path) -> None:
    """Generate organizations once, run their last day on empty homes, and write the page."""
    program = Path(sys.executable).with_name("cjo")
    data = folder / "data" / f"lifecycle_{organizations}_{'_'.join(str(value) for value in GENERATED.values())}"
    if not data.exists():
        _generate(program, organizations, data)
    home, used, loads = folder / "homes" / LIFECYCLE, [], []
    for number in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        loads.append(os.getloadavg()[0])
        command = [str(program), "run", "--family", LIFECYCLE, "--data", str(data), "--home", str(home)]
        taken = run_measured(
            "lifecycle", command, home.parent, environment_outside(), home.with_name(f"{LIFECYCLE}.txt")
        )
        used.append(taken)
        print(
            f"round {number + 1}: lifecycle {taken.seconds:.1f} s wall {taken.cpu_seconds:.1f} s cpu "
            f"{taken.peak_bytes / GIB:.2f} GiB",
            flush=True,
        )
    text = described(scale_of(data, home), used, loads)
    print(f"\n{text}\n")
    write_block(page, BLOCK, text)


def _generate(program: Path, organizations: int, data: Path) -> None:
    partial = data.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = [text for name, value in GENERATED.items() for text in (f"--{name}", str(value))]
    command = [str(program), "synth", "--family", LIFECYCLE, "--organizations", str(organizations), *options]
    log = data.with_suffix(".txt")
    run_measured("synth", [*command, "--out", str(partial)], log.parent, environment_outside(), log)
    partial.rename(data)


def scale_of(data: Path, home: Path) -> Scale:
    """Count the rows of the files and of the published tables."""
    database = home / "cjo.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        files = sorted((data / LIFECYCLE).glob("*.parquet"))
        rows = {file.stem: _count(connection, f"read_parquet('{file}')") for file in files}
        query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?"
        names = [name for (name,) in connection.execute(query, [LIFECYCLE]).fetchall()]
        tables = sum(_count(connection, f"{LIFECYCLE}.{name}") for name in names)
    return Scale(rows, tables, database.stat().st_size)


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(found[0]) if found else 0


def described(scale: Scale, used: Sequence[Used], loads: Sequence[float]) -> str:
    """Return the machine, the rows, and what a run used, with its targets."""
    ordered = sorted(scale.rows.items(), key=lambda item: -item[1])
    seconds, peaks = [one.seconds for one in used], [one.peak_bytes / GIB for one in used]
    lines = [
        ["wall [s]", spread(seconds, 0), *_bound(LIFECYCLE_SECONDS, seconds)],
        ["CPU [s]", spread([one.cpu_seconds for one in used], 0), "", ""],
        ["peak memory [GiB]", spread(peaks, 2), *_bound(LIFECYCLE_GIB, peaks)],
        ["rows of all tables of the family", f"{scale.tables:,}", "", ""],
        ["published database [GiB]", f"{scale.database_bytes / GIB:.2f}", "", ""],
    ]
    return "\n\n".join(
        [
            f"Machine: {os.cpu_count() or 1} cores; rounds: {len(used)}; load average before a run started: "
            f"{min(loads):.1f} to {max(loads):.1f}.",
            grid(["dataset", "rows"], [[f"`{name}`", f"{rows:,}"] for name, rows in ordered]),
            grid(["one day, first run", "", "target", ""], lines),
        ]
    )


def _bound(target: Target, values: Sequence[float]) -> tuple[str, str]:
    return target.words, target.verdict(statistics.median(values))
