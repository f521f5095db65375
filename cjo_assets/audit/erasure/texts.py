"""Erasure of a person from texts and log entries: HTML pages, Markdown, JSON and CSV, with their escapes.

Values of marked columns, in cells or under keys, are compared as a whole. Other texts are searched for names.
"""

from __future__ import annotations

import csv
import functools
import html
import importlib
import importlib.util
import io
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from cjo_assets.core.person import ERASED_NAME, Person
from cjo_assets.core.personal import RECORD, TEXT, Personal
from cjo_assets.ingest.personal_columns import Marks, common_marks, marks_of, owners, record_is_about, row_is_about
from cjo_assets.ingest.tombstones import EMPTY_RECORD
from cjo_assets.reporting.document import Column

_SPAN = re.compile(r'<span data-source="(?P<source>[^"]*)"(?P<rest>[^>]*)>(?P<text>(?:[^<]|<wbr>)*)</span>')
# A page of policy differences: customer and segment are in one cell, followed by a cell with a number.
_PAIR = re.compile(r'(<tr>(?:<td>\d{4}-\d\d-\d\d</td>)?<td>)([^<]*)(, [^<,]*</td><td class="number">)')
_RULE_OF_TABLE = re.compile(r"^\|(?:\s*:?-+:?\s*\|)+$")
_CELL_BORDER = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_SMALL_PRINT = re.compile(r"(?<!\\) \(")


def without(text: str, ending: str, person: Person) -> str:
    """Return a text without the person; its format is that of the file extension."""
    if ending == ".html":
        text = _page_without(text, person)
    elif ending == ".md":
        text = markdown_without(text, person)
    elif ending == ".csv":
        text = _csv_without(text, person)
    elif ending in (".json", ".ndjson"):
        return "".join(json_without(line, person) for line in _documents(text))
    return person.words.without(text)


def json_without(text: str, person: Person) -> str:
    """Return JSON without the person; text that is not JSON is searched for names."""
    try:
        content = json.loads(text)
    except ValueError:
        return person.words.without(text)
    if not isinstance(content, (dict, list)):
        return person.words.without(text)
    changed = value_without(content, person)
    if changed == content:
        return text
    # Written as it was: with or without escapes.
    dumped = json.dumps(changed, ensure_ascii=text.isascii())
    return dumped + ("\n" if text.endswith("\n") else "")


def value_without(value: Any, person: Person) -> Any:
    """Return a JSON value without the person: fields by name, texts by search."""
    if isinstance(value, dict):
        marks = {name: mark for name, mark in common_marks().items() if name in value}
        if _is_about_another(value, marks, person):
            marks = {name: mark for name, mark in marks.items() if mark.is_example or not mark.is_identifier}
        return {
            person.words.without(name): _field_without(name, found, marks.get(name), value, person)
            for name, found in value.items()
        }
    if isinstance(value, list):
        return [value_without(item, person) for item in value]
    return _prose_without(value, person) if isinstance(value, str) else value


def markdown_without(text: str, person: Person) -> str:
    """Return Markdown without the person in table cells; a preview row about the person is empty."""
    lines = text.split("\n")
    header: list[str] | None = None
    for place, line in enumerate(lines):
        if not line.startswith("|"):
            header = None
        elif header is None and place + 1 < len(lines) and _RULE_OF_TABLE.match(lines[place + 1]):
            header = _cells(line)
        elif header is not None and not _RULE_OF_TABLE.match(line):
            lines[place] = _line_without(line, header, person)
    return "\n".join(lines)


def _is_about_another(fields: Mapping[str, Any], marks: Marks, person: Person) -> bool:
    """Return whether fields name only another person, so that their references belong to that person."""
    named = [name for name, _ in owners(marks, fields) if fields[name] not in (None, "")]
    return bool(named) and not row_is_about(person, marks, fields)


def _field_without(name: str, value: Any, mark: Personal | None, fields: Mapping[str, Any], person: Person) -> Any:
    if mark is None or isinstance(value, dict):
        return value_without(value, person)
    if mark.kind == RECORD and isinstance(value, str):
        return EMPTY_RECORD if record_is_about(person, value) else value
    kind = mark.kind or dict(mark.kinds).get(str(fields.get(mark.said_by)), "")
    if isinstance(value, list):
        return [_field_without(name, item, mark, fields, person) for item in value]
    if isinstance(value, (str, int)) and person.owns(kind, str(value)):
        return ERASED_NAME
    return _prose_without(value, person) if isinstance(value, str) and not kind else value


def _prose_without(text: str, person: Person) -> str:
    if text[:1] in ("{", "["):
        return json_without(text, person)
    if "\n|--" in text:
        text = markdown_without(text, person)
    return person.words.without(text)


def _cells(line: str) -> list[str]:
    parts = [part for part in _CELL_BORDER.split(line) if part is not None]
    # Between the borders; text captured by a border belongs to the cell before it.
    cells = ["".join(parts[place : place + 2]).strip() for place in range(0, len(parts), 2)]
    return cells[1:-1] if line.rstrip().endswith("|") else cells[1:]


def _line_without(line: str, header: list[str], person: Person) -> str:
    cells = _cells(line)
    if len(cells) != len(header):
        return line
    columns = _columns_of_report(tuple(header))
    if columns is not None:
        changed = _report_cells_without(cells, columns, person)
    else:
        marks = {name: mark for name, mark in common_marks().items() if name in header}
        row = {name: _preview_text(cell) for name, cell in zip(header, cells, strict=True)}
        if row_is_about(person, marks, row):
            changed = [ERASED_NAME, *[""] * (len(cells) - 1)]
        else:
            changed = [
                ERASED_NAME if _is_example_of(person, marks.get(name), row[name]) else cell
                for name, cell in zip(header, cells, strict=True)
            ]
    return line if changed == cells else f"| {' | '.join(changed)} |"


def _is_example_of(person: Person, mark: Personal | None, text: str) -> bool:
    return mark is not None and mark.is_example and person.owns(mark.kind, text)


def _preview_text(cell: str) -> str:
    return re.sub(r"\\([\\|])", r"\1", cell).replace("&lt;", "<")


def _report_cells_without(cells: list[str], columns: tuple[Column, ...], person: Person) -> list[str]:
    """Return the cells of a report row without the person; main part and small print of a cell are separate columns."""
    parts = [_SMALL_PRINT.split(cell, maxsplit=1) for cell in cells]
    fields = {column.name: part[0].replace("\\", "") for column, part in zip(columns, parts, strict=True)}
    changed = []
    for column, (main, *small) in zip(columns, parts, strict=True):
        kind = _kind_of(column.name, fields)
        found = [_entries_without(main, {kind}, person)]
        if small:
            kinds = {_kind_of(name, fields) for _, name, _ in column.below}
            found.append(_entries_without(small[0].removesuffix(")"), kinds, person) + ")")
        changed.append(" (".join(found))
    return changed


def _entries_without(text: str, kinds: set[str], person: Person) -> str:
    entries = text.split(", ")
    return ", ".join(
        ERASED_NAME if any(person.words.is_exactly(kind, entry) for kind in kinds if kind) else entry
        for entry in entries
    )


def _kind_of(name: str, fields: Mapping[str, str], marks: Marks | None = None) -> str:
    mark = (common_marks() if marks is None else marks).get(name)
    if mark is None:
        return ""
    return mark.kind or dict(mark.kinds).get(fields.get(mark.said_by, ""), "")


@functools.cache
def _columns_of_report(titles: tuple[str, ...]) -> tuple[Column, ...] | None:
    """Return the columns of the report table with these titles; None if no report has such a table."""
    return _report_tables().get(titles)


@functools.cache
def _report_tables() -> dict[tuple[str, ...], tuple[Column, ...]]:
    found = {}
    for name in _report_modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, (tuple, list)) and value and all(isinstance(item, Column) for item in value):
                found[tuple(column.title or "no." for column in value)] = tuple(value)
    return found


def _report_modules() -> list[str]:
    """Return the modules that may define columns of a report: the shared ones and those of each family."""
    from cjo_assets import families, reporting

    packages = [reporting.__name__]
    packages += [f"{families.__name__}.{family.name}.report" for family in pkgutil.iter_modules(families.__path__)]
    return [
        f"{package}.{module.name}"
        for package in packages
        if importlib.util.find_spec(package)
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
    ]


def _page_without(text: str, person: Person) -> str:
    """Return an HTML page without the person, by the columns that its figures and keys belong to."""
    fields: dict[str, dict[str, str]] = {}
    for match in _SPAN.finditer(text):
        row, _, column = html.unescape(match["source"]).rpartition("/")
        fields.setdefault(row, {})[column] = html.unescape(match["text"].replace("<wbr>", ""))

    def replaced(match: re.Match[str]) -> str:
        row, _, column = html.unescape(match["source"]).rpartition("/")
        table, _, key = row.partition("/")
        marks = marks_of(table)
        name = column.partition("[")[0]
        shown, mark = match["text"], marks.get(name)
        if mark is not None and mark.kind != TEXT:
            shown = _entries_without(shown, {_kind_of(name, fields[row], marks)}, person)
        kept = "&amp;".join(_pair_without(pair, marks, person) for pair in key.split("&"))
        source = "/".join(part for part in (html.escape(table), kept, html.escape(column)) if part)
        old = match["source"]
        unchanged = kept == "&amp;".join(key.split("&"))
        return f'<span data-source="{old if unchanged else source}"{match["rest"]}>{shown}</span>'

    text = _SPAN.sub(replaced, text)
    return _PAIR.sub(lambda match: match[1] + _entries_without(match[2], {"customer"}, person) + match[3], text)


def _pair_without(pair: str, marks: Marks, person: Person) -> str:
    name, _, value = pair.partition("=")
    mark = marks.get(name)
    is_own = mark is not None and mark.is_identifier and person.owns(mark.kind, unquote(value))
    return f"{name}={ERASED_NAME}" if is_own else pair


def _csv_without(text: str, person: Person) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        return text
    header = rows[0]
    marks = {name: mark for name, mark in common_marks().items() if name in header}
    kept = [row for row in rows[1:] if not row_is_about(person, marks, dict(zip(header, row, strict=False)))]
    if len(kept) == len(rows) - 1:
        return text
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *kept])
    return out.getvalue()


def _documents(text: str) -> Iterator[str]:
    """Yield the JSON documents of a text: the text itself, or its lines."""
    try:
        json.loads(text)
    except ValueError:
        yield from text.splitlines(keepends=True)
    else:
        yield text
