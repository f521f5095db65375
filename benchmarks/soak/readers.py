"""Readers of the published database, and copies of its files, while it is replaced again and again.

As a program, `python -m benchmarks.soak.readers HOME NAME READS`, it is one reader.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from benchmarks.soak.counts import Counts
from cjo_assets.core.contract import Contract, column
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import Table
from cjo_assets.engine.store import Store
from cjo_assets.ingest.records import append, locked, records_in
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.publish import publish

PUBLISHED, RECORDS = "cjo.duckdb", "approvals.ndjson"
READERS = 2
ROWS = 1_000
PATIENCE_SECONDS = 600


class Numbers(Contract):
    """Publishes. One row per number."""

    number: int = column("Number of the publish.")
    place: int = column("Place of the row.")


def reads_over_publishes(folder: Path, publishes: int, reads: int) -> Counts:
    """Publish again and again, with a record before each, while processes read and copy the home.

    Args:
        folder: folder of the home.
        publishes: number of publishes.
        reads: number of reads, each of the database and of a copy of its files; publishes go on until they are done.
    """
    counts = Counts("published while read and copied")
    if not publishes:
        return counts
    home = folder / "readers"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    tables = tuple(Table("journey", name, Numbers, None, "evaluation") for name in ("first", "second"))
    store = Store(duckdb.connect(), (Family("journey", (), tables),))
    keep = load_policy().warehouse

    def publish_number(number: int) -> None:
        for table in tables:
            store.connection.execute(f"TRUNCATE {table.full_name}")
            store.connection.execute(f"INSERT INTO {table.full_name} SELECT {number}, range FROM range({ROWS})")
        with locked(home / RECORDS):
            append(home / RECORDS, {"number": number})
        publish(store, home / PUBLISHED, [], keep)

    publish_number(0)
    each = -(-reads // READERS)
    command = [sys.executable, "-m", "benchmarks.soak.readers", str(home)]
    readers = [
        subprocess.Popen([*command, str(name), str(each)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        for name in range(READERS)
    ]
    while counts.times < publishes or any(reader.poll() is None for reader in readers):
        counts.times += 1
        publish_number(counts.times)
    for reader in readers:
        said = json.loads(reader.communicate(timeout=PATIENCE_SECONDS)[0])
        counts.reads += said["reads"]
        counts.unopened += said["unopened"]
        counts.mixed += said["mixed"]
        counts.errors += said["errors"]
    store.connection.close()
    return counts


def read(home: Path, name: str, reads: int) -> Counts:
    """Read the published database and copies of the files of a home, and count what is not whole."""
    counts = Counts(name)
    for _ in range(reads):
        counts.reads += 1
        records, published = home / f"{name}.ndjson", home / f"{name}.duckdb"
        shutil.copyfile(home / PUBLISHED, published)
        shutil.copyfile(home / RECORDS, records)
        try:
            numbers = _numbers_in(home / PUBLISHED), _numbers_in(published)
        except duckdb.Error as error:
            counts.unopened += 1
            counts.errors.append(str(error).splitlines()[0])
            continue
        counts.mixed += sum(len(found) != 1 for found in numbers)
        try:
            kept = [record["number"] for record in records_in(records)]
        except WarehouseError as error:
            counts.errors.append(str(error))
            continue
        # A record is on disk before its publish; a copy that is taken later may have more.
        if kept != list(range(len(kept))) or len(kept) <= max(numbers[1])[0]:
            counts.errors.append(f"records {kept[-3:]} beside publish {max(numbers[1])[0]}")
    return counts


def _numbers_in(path: Path) -> set[tuple[int, int]]:
    """Return the numbers of the publishes whose rows a database has, with the count of rows."""
    with duckdb.connect(str(path), read_only=True) as reader:
        rows = [
            reader.execute(f"SELECT number, count(*) FROM journey.{name} GROUP BY ALL").fetchall()
            for name in ("first", "second")
        ]
    return {row for found in rows for row in found}


if __name__ == "__main__":
    place, own_name, times = sys.argv[1:]
    print(json.dumps(vars(read(Path(place), own_name, int(times)))))
