"""Upgrades of homes that earlier commits published, `make upgrades` or `python -m benchmarks.upgrades`.

Each commit is exported, installed with its own constraints, and runs its sample data. The present version then runs the
next day of each family in that home. What the earlier commit had decided and recorded must be there, row by row.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.commits import Checkout, environment_outside, has_changes, resolved
from benchmarks.grid import grid
from benchmarks.processes import run_measured
from benchmarks.reliability import PAGE, write_counts
from cjo_assets.catalog import FAMILIES
from cjo_assets.core.family import chains_of
from cjo_assets.core.settings import PROJECT

BLOCK = "upgrades"
# The state at the end of each larger change of the stored format; the first is the oldest that can be upgraded.
COMMITS = ("2691c95", "834593a", "7334a3e", "e9f4266", "9395833", "5af9a4e")
RECORDS = ("audit.runs", "audit.policies", "audit.checks", "audit.rejected_records", "journey.approval_history")


@dataclass
class Upgrade:
    """A home of an earlier commit after the next day was run by the present version.

    Attributes:
        commit: the earlier commit.
        decisions: number of decisions that it had published.
        entries: number of entries of its ledgers.
        records: number of rows of its records of runs, policies, checks, rejected rows and answers.
        lost: rows of these that the upgraded home lacks, by table.
        errors: commands that failed, with the last line of what they printed.
    """

    commit: str
    decisions: int = 0
    entries: int = 0
    records: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all was found again and every command succeeded."""
        return not (self.lost or self.errors)


def upgrade(checkout: Checkout) -> Upgrade:
    """Run the sample data by an earlier commit and the next days by the present version, and compare.

    Args:
        checkout: the earlier commit, exported into a folder.
    """
    done = Upgrade(checkout.commit[:7])
    data, home = checkout.folder / "data", checkout.folder / "warehouse"
    checkout.make("run")
    before = checkout.folder / "before.duckdb"
    shutil.copyfile(home / "cjo.duckdb", before)
    for family, day in _newest_days(before).items():
        following = (day + timedelta(days=1)).isoformat()
        _cjo(done, checkout, "run", "--family", family, "--as-of", following, "--data", str(data), "--home", str(home))
    _cjo(done, checkout, "audit", "verify", "--home", str(home))
    compare(done, before, home / "cjo.duckdb")
    return done


def _newest_days(published: Path) -> dict[str, date]:
    """Return the newest published day of each family."""
    with duckdb.connect(str(published), read_only=True) as reader:
        rows = reader.execute("SELECT family, max(as_of) FROM audit.runs GROUP BY family ORDER BY ALL").fetchall()
        return dict(rows)


def _cjo(done: Upgrade, checkout: Checkout, *arguments: str) -> None:
    """Run a command of the present version, and record its failure."""
    output = checkout.folder.with_name("upgraded.txt")
    command = [str(Path(sys.executable).with_name("cjo")), *arguments]
    try:
        run_measured(f"cjo {arguments[0]}", command, PROJECT, environment_outside(), output)
    except SystemExit:
        printed = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        done.errors.append(
            f"`cjo {' '.join(arguments[:3])}` of {done.commit}: {printed[-1] if printed else 'no output'}"
        )


def compare(done: Upgrade, before: Path, after: Path) -> None:
    """Count decisions, ledger entries and records of an earlier database, and those that a later one lacks.

    Columns that the later database no longer has are compared by the others.
    """
    chains = chains_of(FAMILIES)
    with duckdb.connect() as reader:
        for name, path in (("before", before), ("after", after)):
            reader.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        for table in sorted({chain.decisions.full_name for chain in chains}):
            done.decisions += _compared(done, reader, table)
        for table in sorted({chain.ledger.full_name for chain in chains}):
            done.entries += _compared(done, reader, table)
        for table in RECORDS:
            done.records += _compared(done, reader, table)


def _compared(done: Upgrade, reader: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the number of rows of a table before, and record how many are lost; 0 rows without the table."""
    columns = {name: _columns(reader, name, table) for name in ("before", "after")}
    if not columns["before"]:
        return 0
    shared = ", ".join(name for name in columns["before"] if name in columns["after"])
    (rows,) = reader.execute(f"SELECT count(*) FROM before.{table}").fetchall()[0]
    if not shared:
        lost = rows
    else:
        missing = f"SELECT {shared} FROM before.{table} EXCEPT ALL SELECT {shared} FROM after.{table}"
        ((lost,),) = reader.execute(f"SELECT count(*) FROM ({missing})").fetchall()
    if lost:
        done.lost[table] = lost
    return int(rows)


def _columns(reader: duckdb.DuckDBPyConnection, database: str, table: str) -> list[str]:
    query = (
        "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name || '.' || table_name = ? "
        "ORDER BY column_index"
    )
    return [name for (name,) in reader.execute(query, [database, table]).fetchall()]


def described(done: Sequence[Upgrade], commit: str) -> str:
    """Return commit, date and the table of upgrades, and below it what was lost or failed."""
    head = ["earlier commit", "decisions", "ledger entries", "records", "lost", "errors"]
    rows = [
        [
            f"`{one.commit}`",
            *(f"{number:,}" for number in (one.decisions, one.entries, one.records, sum(one.lost.values()))),
            f"{len(one.errors)}",
        ]
        for one in done
    ]
    parts = [f"Upgraded to commit {commit}, {datetime.now(UTC):%Y-%m-%d}.", grid(head, rows)]
    for one in done:
        parts += [f"- {text}" for text in one.errors]
        if one.lost:
            parts.append(f"- Rows lost of {one.commit}: {json.dumps(one.lost)}")
    return "\n\n".join(parts)


def main() -> None:
    """Upgrade a home of each commit, and write the page; fail if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upgrades", description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs="*", default=COMMITS, help="Earlier commits.")
    parser.add_argument("--page", type=Path, default=PAGE, help="Page to write to.")
    options = parser.parse_args()
    now = resolved("HEAD")[:7] + (" with changes" if has_changes() else "")
    done: list[Upgrade] = []
    for commit in options.commits:
        with tempfile.TemporaryDirectory(prefix="cjo-upgrade-") as temporary:
            checkout = Checkout(resolved(commit), Path(temporary) / "then")
            checkout.export()
            done.append(upgrade(checkout))
        print(done[-1], flush=True)
        write_counts(options.page, BLOCK, described(done, now))
    print(f"Wrote {options.page}.")
    if not all(one.is_clean for one in done):
        raise SystemExit("An upgrade lost rows or failed; see the page.")


if __name__ == "__main__":
    main()
