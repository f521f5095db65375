"""Advice in errors and notes about files with an unexpected format: the settings of `sources.yaml` for them.

Advice is information for users; it is never applied.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import duckdb

from cjo_assets.core.contract import Column, columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.lexical import DATE, INSTANT, NUMBER
from cjo_assets.engine.sql import literal, quoted

DELIMITERS = (",", ";", "\t", "|")
LINES_LOOKED_AT = 20
LINE_CHARACTERS = 1 << 16
ROWS_LOOKED_AT = 1000
BETWEEN_WORDS = re.compile(r"[\s_-]+")
DECIMAL_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+$"
OTHER_DATE = r"^\d{1,2}[./-]\d{1,2}[./-]\d{4}"


def encoding_hint(path: Path, dataset: str) -> str:
    """Return the setting that may read a text file that is not UTF-8."""
    with path.open("rb") as source:
        start = source.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"It begins like UTF-16: set `encoding: utf-16` for {dataset} in sources.yaml."
    return f"Set `encoding` for {dataset} in sources.yaml, for example `encoding: windows-1252`."


def column_hint(names: Collection[str], absent: Iterable[str], dataset: str) -> str:
    """Return the setting that finds required columns under names that differ in case or blanks; empty if none do."""
    found = _renames(names, absent)
    return _set({"columns": found}, dataset) if found else ""


def layout_hint(archived: Path, specs: Iterable[Column], dataset: str) -> str:
    """Return the settings under which a CSV has the required columns; empty if there are none."""
    required = [spec.name for spec in specs if spec.is_required]
    with archived.open(encoding="utf-8-sig", newline="") as source:
        lines = [line for _ in range(LINES_LOOKED_AT) if (line := source.readline(LINE_CHARACTERS))]
    for delimiter in DELIMITERS:
        for skipped in range(len(lines)):
            header = next(csv.reader(lines[skipped : skipped + 1], delimiter=delimiter), [])
            found = _renames(header, required)
            if found.keys() >= set(required) - set(header):
                settings = {"delimiter": delimiter, "skip_rows": skipped, "columns": found}
                plain = {"delimiter": ",", "skip_rows": 0, "columns": {}}
                return _set({name: value for name, value in settings.items() if value != plain[name]}, dataset)
    written = [line for line in lines if line.strip()]
    for delimiter in DELIMITERS[1:]:
        if written and "," not in written[0] and all(delimiter in line for line in written):
            where = f"1 column found, but {delimiter!r} appears in each of the first {len(written)} lines: "
            return where + _set({"delimiter": delimiter}, dataset)
    return ""


def value_hints(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, source_file: str, given: Collection[str]
) -> list[str]:
    """Return the settings that would parse the numbers and dates of a file in another format.

    Args:
        connection: the engine.
        dataset: the dataset.
        table: its raw table.
        source_file: the file, of which the first rows are examined.
        given: settings that the file was read with.
    """
    specs = columns_of(dataset.contract)
    numbers = [spec.name for spec in specs if spec.type.is_numeric() and "decimal" not in given]
    moments = [spec.name for spec in specs if spec.type.is_date() or spec.type.is_timestamp()]
    days = [] if "date_format" in given else moments
    asked: dict[str, tuple[list[str], str]] = dict.fromkeys(numbers, ([NUMBER], DECIMAL_COMMA))
    asked |= dict.fromkeys(days, ([DATE, INSTANT], OTHER_DATE))
    if not asked:
        return []
    counts = []
    for name, (fine, other) in asked.items():
        is_fine = " OR ".join(f"regexp_matches({quoted(name)}::VARCHAR, {literal(pattern)})" for pattern in fine)
        is_other = f"regexp_matches({quoted(name)}::VARCHAR, {literal(other)})"
        counts.append(f"count(*) FILTER (NOT ({is_fine}) AND {is_other})")
    rows = f"(FROM {table} WHERE source_file = $name LIMIT {ROWS_LOOKED_AT})"
    found = connection.execute(f"SELECT {', '.join(counts)} FROM {rows}", {"name": source_file}).fetchone() or ()
    odd = [name for name, count in zip(asked, found, strict=True) if count]
    with_comma, with_day_first = [name for name in odd if name in numbers], [name for name in odd if name in days]
    hints = []
    if with_comma:
        hints.append(
            f'{", ".join(with_comma)} written with a decimal comma: set `decimal: ","`, and `thousands` where digits '
            f"are grouped, for {dataset.name} in sources.yaml"
        )
    if with_day_first:
        hints.append(
            f"{', '.join(with_day_first)} not written as YYYY-MM-DD: set `date_format`, for example DD/MM/YYYY or "
            f"MM/DD/YYYY, for {dataset.name} in sources.yaml"
        )
    return hints


def _renames(names: Collection[str], wanted: Iterable[str]) -> dict[str, str]:
    """Map missing columns to the only name that differs in case or blanks alone."""
    found = {}
    for ours in wanted:
        similar = [name for name in names if _plain(name) == _plain(ours)]
        if ours not in names and len(similar) == 1:
            found[ours] = similar[0]
    return found


def _plain(name: str) -> str:
    return BETWEEN_WORDS.sub("_", name.strip().casefold())


def _set(settings: dict[str, object], dataset: str) -> str:
    written = [f"{name}: {_in_yaml(value)}" for name, value in settings.items()]
    return f"set `{', '.join(written)}` for {dataset} in sources.yaml"


def _in_yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {json.dumps(own, ensure_ascii=False)}" for name, own in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
