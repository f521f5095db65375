"""A customer in what is no database: answers, archived files, old days, reports, policy diffs, and Dagster's own log.

Belongs here: the places of a home that hold text or Parquet. Does not belong here: databases (`erasing_databases.py`),
and the order (`erasing.py`).
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from cjo_assets.journey.approval_decisions import RECORDS
from cjo_assets.wiring.erasing_databases import (
    NAME_OF_NOBODY,
    PARTIAL,
    Erasure,
    count,
    given_to,
    own_rows,
    without_names,
)
from cjo_assets.wiring.erasing_databases import TEXTS as TEXTS_OF_ROWS
from cjo_assets.wiring.errors import WarehouseError
from cjo_assets.wiring.keep import HISTORY, POLICY_DIFFS
from cjo_assets.wiring.quoting import literal
from cjo_assets.wiring.records import locked, records_in
from cjo_assets.wiring.redaction import ENDING, empty_rows
from cjo_assets.wiring.settings import Settings

TEXTS = {".md", ".html", ".svg", ".json", ".csv", ".txt"}
INSTANCE = "dagster"
# What the engine says of text that is no JSON.
MALFORMED = "Malformed JSON"
# A daemon may be writing to its log.
BUSY_SECONDS = 60.0


def erase_records(settings: Settings, erasure: Erasure) -> None:
    """Take the answers about the customer's interventions out of the records of the home."""
    with locked(settings.home / RECORDS) as path:
        records = records_in(path)
        kept = [record for record in records if not erasure.tombstones.are_of(str(record.get("intervention_id")))]
        if len(kept) < len(records):
            partial = path.with_name(f"{path.name}{PARTIAL}")
            lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            _replace(partial, path, lines)
            erasure.counts[RECORDS] += len(records) - len(kept)


def erase_archive(settings: Settings, erasure: Erasure) -> None:
    """Empty the customer's rows in every file that was ever read."""
    for file in sorted(settings.inputs.rglob("*")):
        if file.is_file() and file.suffix != ENDING and not file.name.startswith("."):
            # What was fetched from a database is merged by its key, so that no row of it may be empty.
            is_archived = file.parent == settings.inputs
            try:
                emptied = empty_rows(file, erasure.tombstones.are_of, in_place=is_archived)
            except duckdb.InvalidInputException as error:
                if MALFORMED not in str(error):
                    raise
                # A file that broke off was archived before it was refused. No run is built on it; whom it names nobody
                # can tell.
                file.unlink()
                emptied = 1
            if emptied:
                erasure.counts["inputs"] += emptied


def erase_history(settings: Settings, erasure: Erasure) -> None:
    """Write the Parquet files of old days anew, without the customer's rows."""
    with duckdb.connect() as connection:
        for file in sorted((settings.home / HISTORY).glob("*/*.parquet")):
            source = f"read_parquet({literal(file)}, hive_partitioning = false)"
            erasure.counts[HISTORY] += _erase_parquet(connection, file, file.parent.name, source, erasure)


def erase_policy_diffs(settings: Settings, erasure: Erasure) -> None:
    """Take the customer out of the comparisons of policies that the home holds."""
    with duckdb.connect() as connection:
        for file in sorted((settings.home / POLICY_DIFFS).rglob("*")):
            if file.suffix == ".parquet":
                source = f"read_parquet({literal(file)}, hive_partitioning = false)"
                erasure.counts[POLICY_DIFFS] += _erase_parquet(connection, file, file.stem, source, erasure)
            elif file.is_file() and file.suffix in TEXTS:
                erasure.counts[POLICY_DIFFS] += _without_names(file, erasure)


def _erase_parquet(connection: duckdb.DuckDBPyConnection, file: Path, table: str, source: str, erasure: Erasure) -> int:
    """Write a file anew without the customer's rows, and its texts without the names; return the rows changed."""
    columns = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    own = " OR ".join(own_rows(table, columns)) or "FALSE"
    texts = without_names(table) if table in TEXTS_OF_ROWS else {}
    names_them = " OR ".join([own, *(f"{column} IS DISTINCT FROM {text}" for column, text in texts.items())])
    rows = count(connection, f"{source} WHERE {names_them}", given_to(names_them, erasure))
    if rows:
        partial = file.with_suffix(PARTIAL)
        replaced = ", ".join(f"{text} AS {column}" for column, text in texts.items())
        selected = f"* REPLACE ({replaced})" if replaced else "*"
        query = f"SELECT {selected} FROM {source} WHERE NOT ({own})"
        connection.execute(f"COPY ({query}) TO {literal(partial)} (FORMAT parquet)", given_to(query, erasure))
        os.replace(partial, file)
    return rows


def erase_reports(settings: Settings, erasure: Erasure) -> None:
    """Take the customer's names out of the reports; figures stay, since they are of all customers."""
    for file in sorted(settings.reports.rglob("*")):
        if file.is_file() and file.suffix in TEXTS:
            erasure.counts["reports"] += _without_names(file, erasure)


def erase_instance(settings: Settings, erasure: Erasure) -> None:
    """Take the customer's names out of what Dagster keeps under the home: previews, findings of checks, output.

    Raises:
        WarehouseError: somebody holds a log for longer than a minute.
    """
    folder = settings.home / INSTANCE
    for file in sorted(folder.rglob("*.db")):
        try:
            with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
                changed = _erase_log(connection, erasure)
                if changed:
                    connection.execute("VACUUM")
                    # While somebody else holds the log open, the pages of before would stay beside it.
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    erasure.counts[INSTANCE] += changed
        except sqlite3.OperationalError as error:
            raise WarehouseError(
                f"Dagster's log {file} cannot be changed ({error}): stop `cjo ui` or the daemon, and erase again."
            ) from error
    for file in sorted((folder / "compute_logs").rglob("*")):
        if file.is_file():
            erasure.counts[INSTANCE] += _without_names(file, erasure)


def _erase_log(connection: sqlite3.Connection, erasure: Erasure) -> int:
    named = _named(erasure)
    connection.create_function("without_names", 1, lambda text: named.sub(NAME_OF_NOBODY, text), deterministic=True)
    connection.create_function("has_names", 1, lambda text: bool(named.search(text)), deterministic=True)
    before = connection.total_changes
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    with connection:
        for (table,) in tables:
            for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.upper() == "TEXT":
                    connection.execute(
                        f'UPDATE "{table}" SET "{column}" = without_names("{column}") '
                        f'WHERE typeof("{column}") = \'text\' AND has_names("{column}")'
                    )
    return connection.total_changes - before


def _without_names(file: Path, erasure: Erasure) -> int:
    text, changed = _named(erasure).subn(NAME_OF_NOBODY, file.read_text(encoding="utf-8", errors="replace"))
    if changed:
        _replace(file.with_name(f"{file.name}{PARTIAL}"), file, text)
    return changed


def _named(erasure: Erasure) -> re.Pattern[str]:
    names = sorted({erasure.customer_id, *erasure.interventions, *erasure.records}, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])")


def _replace(partial: Path, path: Path, text: str) -> None:
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
