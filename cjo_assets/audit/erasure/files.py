"""Erasure of a customer from files: answers, archive, old days, reports, policy diffs and the event log of Dagster."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from urllib.parse import quote

import duckdb

from cjo_assets.audit.erasure.databases import PARTIAL, Erasure, count, replaced_values, text_functions
from cjo_assets.audit.erasure.instance import erase_database
from cjo_assets.audit.erasure.texts import without
from cjo_assets.core.family import registered_families
from cjo_assets.core.settings import REVIEWS, Settings
from cjo_assets.engine.sql import literal, quoted
from cjo_assets.ingest.personal_columns import about, given, identifiers_in, marks_of
from cjo_assets.ingest.records import Record, locked, records_in
from cjo_assets.ingest.tombstones import ENDING, empty_rows, rows_about
from cjo_assets.warehouse.retention import HISTORY, POLICY_DIFFS

TEXTS = {".md", ".html", ".svg", ".json", ".csv", ".txt"}
INSTANCE = "dagster"
# Error of the engine for text that is not JSON.
MALFORMED = "Malformed JSON"


def erase_records(settings: Settings, erasure: Erasure) -> None:
    """Remove the customer from the records of the home, and from the files that a family wrote for another."""
    datasets = [dataset for family in registered_families() for dataset in family.datasets]
    for dataset in datasets:
        if dataset.records:
            with locked(settings.home / dataset.records) as path:
                _erase_lines(path, erasure)
        if dataset.exchange:
            _erase_lines(settings.exchange / dataset.exchange, erasure)


def _erase_lines(path: Path, erasure: Erasure) -> None:
    """Rewrite a file of one JSON object per line without the records about the customer."""
    records = records_in(path)
    kept = [record for record in records if not _is_about(erasure, record)]
    if len(kept) < len(records):
        erasure.counts[path.name] += len(records) - len(kept)
        if not erasure.is_dry:
            lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            _replace(path.with_name(f"{path.name}{PARTIAL}"), path, lines)


def _is_about(erasure: Erasure, record: Record) -> bool:
    """Return whether a record is about the person."""
    return any(erasure.owns(*identifier) for identifier in identifiers_in(record))


def erase_archive(settings: Settings, erasure: Erasure) -> None:
    """Empty the customer's rows in every archived file."""
    for file in sorted(settings.inputs.rglob("*")):
        if file.is_file() and file.suffix != ENDING and not file.name.startswith("."):
            # Database extracts are merged by key, so their rows are deleted instead of emptied.
            is_archived = file.parent == settings.inputs
            try:
                if erasure.is_dry:
                    emptied = len(rows_about(file, erasure.owns))
                else:
                    emptied = empty_rows(file, erasure.owns, in_place=is_archived)
            except duckdb.InvalidInputException as error:
                if MALFORMED not in str(error):
                    raise
                # A truncated file was archived before it was refused. No run uses it, and the people in it cannot be
                # determined.
                if not erasure.is_dry:
                    file.unlink()
                emptied = 1
            if emptied:
                erasure.counts["inputs"] += emptied


def erase_history(settings: Settings, erasure: Erasure) -> None:
    """Rewrite the Parquet files of old days without the customer's rows."""
    with duckdb.connect() as connection, text_functions(connection, erasure.person):
        for file in sorted((settings.home / HISTORY).glob("*/*.parquet")):
            erasure.counts[HISTORY] += _erase_parquet(connection, file, file.parent.name, erasure)


def erase_policy_diffs(settings: Settings, erasure: Erasure) -> None:
    """Remove the customer from the policy comparisons in the home."""
    with duckdb.connect() as connection, text_functions(connection, erasure.person):
        for file in sorted((settings.home / POLICY_DIFFS).rglob("*")):
            if file.suffix == ".parquet":
                erasure.counts[POLICY_DIFFS] += _erase_parquet(connection, file, file.stem, erasure)
            elif file.is_file() and file.suffix in TEXTS:
                erasure.counts[POLICY_DIFFS] += _erase_text(file, erasure)


def _erase_parquet(connection: duckdb.DuckDBPyConnection, file: Path, table: str, erasure: Erasure) -> int:
    """Rewrite a file without the customer's rows and names; return the number of changed rows."""
    source = f"read_parquet({literal(file)}, hive_partitioning = false)"
    columns = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    own = about(marks_of(table), columns) or "FALSE"
    replaced = replaced_values(table, columns)
    names_them = " OR ".join([own, *(f"{quoted(name)} IS DISTINCT FROM {text}" for name, text in replaced.items())])
    rows = count(connection, f"{source} WHERE {names_them}", given(erasure.person, names_them))
    if rows and not erasure.is_dry:
        partial = file.with_suffix(PARTIAL)
        values = ", ".join(f"{text} AS {quoted(name)}" for name, text in replaced.items())
        query = f"SELECT {f'* REPLACE ({values})' if values else '*'} FROM {source} WHERE NOT ({own})"
        connection.execute(f"COPY ({query}) TO {literal(partial)} (FORMAT parquet)", given(erasure.person, query))
        os.replace(partial, file)
    return rows


def erase_reports(settings: Settings, erasure: Erasure) -> None:
    """Remove the customer's names from the reports, and pages on the customer alone; other figures remain."""
    for folder in sorted(settings.reports.glob(f"*/{REVIEWS}/*/{quote(erasure.person.customer_id, safe='')}")):
        if folder.is_dir():
            erasure.counts["reports"] += sum(file.is_file() for file in folder.rglob("*"))
            if not erasure.is_dry:
                shutil.rmtree(folder)
    for file in sorted(settings.reports.rglob("*")):
        if file.is_file() and file.suffix in TEXTS:
            erasure.counts["reports"] += _erase_text(file, erasure)


def erase_instance(settings: Settings, erasure: Erasure) -> None:
    """Remove the customer from the storage of Dagster: previews, check results and output.

    Raises:
        WarehouseError: another process has a log open for longer than a minute.
    """
    folder = settings.home / INSTANCE
    for file in sorted(folder.rglob("*.db")):
        erasure.counts[INSTANCE] += erase_database(file, erasure.person, is_dry=erasure.is_dry)
    for file in sorted((folder / "compute_logs").rglob("*")):
        if file.is_file():
            erasure.counts[INSTANCE] += _erase_text(file, erasure)


def _erase_text(file: Path, erasure: Erasure) -> int:
    """Rewrite a text file without the customer; return the number of changed lines."""
    before = file.read_text(encoding="utf-8", errors="replace")
    after = without(before, file.suffix, erasure.person)
    if after == before:
        return 0
    if not erasure.is_dry:
        _replace(file.with_name(f"{file.name}{PARTIAL}"), file, after)
    old, new = before.splitlines(), after.splitlines()
    return abs(len(old) - len(new)) or sum(was != now for was, now in zip(old, new, strict=True))


def _replace(partial: Path, path: Path, text: str) -> None:
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
