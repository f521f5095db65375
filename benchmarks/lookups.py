"""Lookup of the message of one customer in a published database: variant and tone, by customer and day."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.blocks import write_block
from benchmarks.grid import grid
from benchmarks.targets import LOOKUP_MS
from cjo_assets.core.contract import schema_of
from cjo_assets.families.lifecycle.experiments.personalization import Personalization

PERSONALIZATION = "personalization"
BLOCK = "personalization"
CUSTOMERS, LOOKUPS, SEED = 1_000_000, 1_000, 1
DAY = "2025-01-20"
QUERY = "FROM lifecycle.personalization WHERE as_of = $day AND customer_id = $customer"
MILLISECONDS = 1000


@dataclass(frozen=True)
class Lookups:
    """What lookups took.

    Attributes:
        customers: rows of the table.
        first: opening the file and the first lookup [ms].
        taken: further lookups on the same connection [ms].
    """

    customers: int
    first: float
    taken: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """Return the least duration that a share of the lookups does not exceed [ms]."""
        return sorted(self.taken)[max(0, -int(-share * len(self.taken) // 1) - 1)]


def measure_lookups(folder: Path, page: Path, customers: int = CUSTOMERS, lookups: int = LOOKUPS) -> Lookups:
    """Build a database of so many customers once, look customers up in it, and write the page."""
    database = folder / "data" / f"personalization_{customers}.duckdb"
    if not database.exists():
        build(database, customers)
    found = looked_up(database, customers, lookups)
    text = described(found, os.getloadavg()[0])
    print(f"\n{text}\n")
    write_block(page, BLOCK, text)
    return found


def build(database: Path, customers: int) -> None:
    """Write a database with one row per customer, sorted by its key as published tables are."""
    columns = {
        "as_of": f"DATE '{DAY}'",
        "customer_id": "printf('C%09d', number)",
        "cohort": "'new_trial'",
        "experiment_id": "'EXP-' || number % 7",
        "variant_id": "'variant-' || number % 11",
        "tone": "'enthusiastic_guide'",
        "assigned_by": "'drawn'",
        "expires_on": f"DATE '{DAY}' + 7",
    }
    types = {name: "DATE" if kind.is_date() else "VARCHAR" for name, kind in schema_of(Personalization).items()}
    values = ", ".join(f"CAST({columns.get(name, 'NULL')} AS {types[name]}) AS {name}" for name in types)
    partial = database.with_suffix(".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    with duckdb.connect(str(partial)) as connection:
        connection.execute("CREATE SCHEMA lifecycle")
        connection.execute(
            f"CREATE TABLE lifecycle.personalization AS SELECT {values} FROM range({customers}) AS r(number) "
            "ORDER BY as_of, customer_id"
        )
    partial.rename(database)


def looked_up(database: Path, customers: int, lookups: int) -> Lookups:
    """Look up customers at random, each in a statement of its own, and return what each took."""
    chance = random.Random(SEED)
    names = [f"C{chance.randrange(customers):09d}" for _ in range(lookups + 1)]
    begin = time.perf_counter()
    with duckdb.connect(str(database), read_only=True) as connection:
        taken = []
        for name in names:
            [row] = connection.execute(QUERY, {"day": DAY, "customer": name}).fetchall()
            if name not in row:
                raise SystemExit(f"The lookup of {name} returned {row}.")
            now = time.perf_counter()
            taken.append((now - begin) * MILLISECONDS)
            begin = now
    return Lookups(customers, taken[0], tuple(taken[1:]))


def described(found: Lookups, load: float) -> str:
    """Return the machine and the durations, with the target."""
    p95 = found.percentile(0.95)
    lines: Sequence[Sequence[str]] = [
        ["median [ms]", f"{statistics.median(found.taken):.2f}", "", ""],
        ["95th percentile [ms]", f"{p95:.2f}", LOOKUP_MS.words, LOOKUP_MS.verdict(p95)],
        ["longest [ms]", f"{max(found.taken):.2f}", "", ""],
        ["first, with opening the file [ms]", f"{found.first:.2f}", "", ""],
    ]
    head = f"Machine: {os.cpu_count() or 1} cores; load average before: {load:.1f}."
    title = f"{len(found.taken):,} lookups among {found.customers:,} customers"
    return "\n\n".join([head, grid([title, "", "target", ""], [list(line) for line in lines])])
