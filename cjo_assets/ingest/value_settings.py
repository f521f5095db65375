"""SQL for the value settings of `sources.yaml`, from texts of a file to texts in the default format.

Nothing is guessed. A value in the format of the settings is rewritten; all others are unchanged and validated like any
text. A value that would be valid although it is not in that format is irregular: 12.50 with a decimal comma.
"""

from __future__ import annotations

import re

from cjo_assets.core.contract import Column
from cjo_assets.core.quarantine.lexical import DATE, INSTANT, NUMBER
from cjo_assets.core.quarantine.null_words import BLANKS, folded
from cjo_assets.engine.sql import literal
from cjo_assets.ingest.input_settings import FileSettings, TableSettings, date_pattern

VERSION_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
REST = r"([T ].*)?"


def settled(
    texts: dict[str, str], specs: tuple[Column, ...], settings: TableSettings, are_texts: dict[str, str]
) -> tuple[dict[str, str], str, dict[str, str]]:
    """Return expressions for the values and the version of a row, and its possible faults by their conditions.

    Args:
        texts: the expression for each column of the file as text, by contract name.
        specs: the contract.
        settings: the format of values.
        are_texts: the condition that the file has a value as text, if it is not always one.
    """
    if not settings.given():
        return texts, "NULL::VARCHAR", {}
    known = {spec.name: spec for spec in specs}
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    for name in texts.keys() & {*known, settings.newest_by}:
        is_text = are_texts.get(name, "TRUE")
        values[name], found = as_every_dataset_writes(texts[name], name, known.get(name), settings, is_text)
        faults |= found
    if settings.newest_by is None:
        return values, "NULL::VARCHAR", faults
    version, found = version_of(values[settings.newest_by], settings.newest_by)
    return values, version, faults | found


def as_every_dataset_writes(
    text: str, name: str, spec: Column | None, settings: TableSettings, is_text: str = "TRUE"
) -> tuple[str, dict[str, str]]:
    """Return the expression for a value rewritten by settings, and its possible faults by their conditions.

    Args:
        text: the expression for the value as text.
        name: the column.
        spec: its contract; a column that only orders versions has none.
        settings: the format of values.
        is_text: the condition that the file has the value as text; typed values need no format.
    """
    value = text
    faults: dict[str, str] = {}
    if isinstance(settings, FileSettings):
        is_moment = spec is None or spec.type.is_date() or spec.type.is_timestamp()
        if spec is not None and spec.type.is_numeric() and (settings.decimal == "," or settings.thousands):
            value, faults = _number(text, name, settings, is_text)
        elif is_moment and settings.date_format:
            value, faults = _date(text, name, settings.date_format, is_text)
    if settings.null_words:
        words = ", ".join(map(literal, sorted(folded(settings.null_words))))
        is_null = f"{is_text} AND lower(trim({text}, {literal(BLANKS)})) IN ({words})"
        value = f"CASE WHEN {is_null} THEN NULL ELSE {value} END"
        faults = {f"NOT ({is_null}) AND {condition}": fault for condition, fault in faults.items()}
    return value, {f"coalesce({condition}, FALSE)": fault for condition, fault in faults.items()}


def version_of(text: str, name: str) -> tuple[str, dict[str, str]]:
    """Return the expression that orders versions of a row, as text that sorts by time, and its possible faults.

    Args:
        text: the expression for the value of the version column, in the default format.
        name: the column.
    """
    is_written = f"(regexp_matches({text}, {literal(DATE)}) OR regexp_matches({text}, {literal(INSTANT)}))"
    instant = f"TRY_CAST({text} AS TIMESTAMPTZ)::TIMESTAMP"
    version = f"CASE WHEN {is_written} THEN strftime({instant}, {literal(VERSION_FORMAT)}) END"
    return version, {f"({version}) IS NULL": f"{name}: no date or instant that orders versions of the row"}


def _number(text: str, name: str, settings: FileSettings, is_text: str) -> tuple[str, dict[str, str]]:
    decimal = settings.decimal or "."
    digits, plain = r"\d+", text
    if settings.thousands:
        digits = rf"(\d{{1,3}}({re.escape(settings.thousands)}\d{{3}})+|\d+)"
        plain = f"replace({plain}, {literal(settings.thousands)}, '')"
    sign = re.escape(decimal)
    pattern = rf"[+-]?({digits}({sign}\d*)?|{sign}\d+)([eE][+-]?\d{{1,3}})?"
    is_so = f"{is_text} AND regexp_full_match({text}, {literal(pattern)})"
    written = f"decimal {decimal}" + (f" and thousands {settings.thousands}" if settings.thousands else "")
    fault = f"{name}: a number, but not written with {written}"
    value = f"CASE WHEN {is_so} THEN replace({plain}, {literal(decimal)}, '.') ELSE {text} END"
    return value, {f"{is_text} AND NOT ({is_so}) AND regexp_matches({text}, {literal(NUMBER)})": fault}


def _date(text: str, name: str, date_format: str, is_text: str) -> tuple[str, dict[str, str]]:
    pattern, parts = date_pattern(date_format)
    is_so = f"{is_text} AND regexp_full_match({text}, {literal(pattern + REST)})"
    groups = {part[0]: f"regexp_extract({text}, {literal(pattern)}, {place})" for place, part in enumerate(parts, 1)}
    rest = f"regexp_extract({text}, {literal(pattern + REST)}, {len(parts) + 1})"
    month, day = f"lpad({groups['M']}, 2, '0')", f"lpad({groups['D']}, 2, '0')"
    value = f"CASE WHEN {is_so} THEN concat({groups['Y']}, '-', {month}, '-', {day}, {rest}) ELSE {text} END"
    passes = f"(regexp_matches({text}, {literal(DATE)}) OR regexp_matches({text}, {literal(INSTANT)}))"
    fault = f"{name}: a date, but not written as {date_format}"
    return value, {f"{is_text} AND NOT ({is_so}) AND {passes}": fault}
