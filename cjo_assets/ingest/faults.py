"""Faults of unreadable files with their line numbers, found without loading the whole file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

CHUNK_CHARACTERS = 1 << 20
# The engine refuses longer records too.
RECORD_CHARACTERS = 1 << 24
CHARACTERS_SHOWN = 200
LINE_FEED = "\n"
HALF_A_PAIR = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
BLANK = " \t\n\r"
DECODER = json.JSONDecoder(object_pairs_hook=len, parse_int=str, parse_float=str)


def fault_in(kind: str, archived: Path) -> str | None:
    """Return the fault of a file and its line; None if Python finds none."""
    find = {"json": _json_fault, "ndjson": _json_fault, "csv": _csv_fault}.get(kind)
    try:
        return find(archived) if find else None
    except RecursionError:
        return None


def reason_of(error: Exception) -> str:
    """Return the first line of an engine error, without its hints on options that users cannot set."""
    first_line = (str(error) or repr(error)).splitlines()[0]
    reason = first_line.partition("Error: ")[2] or first_line
    return reason[:CHARACTERS_SHOWN].rstrip(". ")


def _json_fault(archived: Path) -> str | None:
    with archived.open(encoding="utf-8-sig") as source:
        start = source.read(CHUNK_CHARACTERS)
        source.seek(0)
        fault = _array_fault(source) if start.lstrip().startswith("[") else _lines_fault(source)
    return fault or _half_a_pair(archived)


def _lines_fault(source: TextIO) -> str | None:
    read_as = "it is no JSON array, and read as one record a line it fails in "
    number = 0
    while line := source.readline(RECORD_CHARACTERS):
        number += 1
        if len(line) == RECORD_CHARACTERS and not line.endswith(LINE_FEED):
            return f"{read_as}line {number}: it is longer than {RECORD_CHARACTERS:,} characters"
        text = line.removesuffix(LINE_FEED)
        try:
            DECODER.decode(text if text.strip() else "{}")
        except json.JSONDecodeError as error:
            return f"{read_as}line {number}, column {error.colno}: {error.msg}"
    return None


@dataclass
class _Window:
    """A part of a text, and its position in it.

    Attributes:
        source: the text.
        text: the part.
        line: number of its first line.
        column: number of characters of that line before it.
        is_end: whether the text ends here.
    """

    source: TextIO
    text: str = ""
    line: int = 1
    column: int = 0
    is_end: bool = False

    def grow(self) -> None:
        """Read more text, as much as there is, so that a long value is not parsed too often."""
        more = self.source.read(max(CHUNK_CHARACTERS, len(self.text)))
        self.text += more
        self.is_end = not more

    def drop(self, until: int) -> None:
        """Drop the text before a position."""
        self.line, self.column = self.place(until)
        self.column -= 1
        self.text = self.text[until:]

    def place(self, position: int) -> tuple[int, int]:
        """Return the line and the column of a position, from 1."""
        breaks = self.text.count(LINE_FEED, 0, position)
        before = self.column if breaks == 0 else -self.text.rindex(LINE_FEED, 0, position) - 1
        return self.line + breaks, before + position + 1

    def skip_blanks(self) -> str:
        """Skip blanks and return the next character without consuming it; empty at the end."""
        while True:
            rest = self.text.lstrip(BLANK)
            self.drop(len(self.text) - len(rest))
            if self.text or self.is_end:
                return self.text[:1]
            self.grow()

    def take_value(self) -> str | None:
        """Consume a JSON value; return its fault, if any."""
        while True:
            try:
                _, end = DECODER.raw_decode(self.text)
            except json.JSONDecodeError as error:
                if self.is_end or len(self.text) > RECORD_CHARACTERS:
                    return self.fault(error.pos, error.msg)
                self.grow()
                continue
            # A number may continue beyond the window.
            if end < len(self.text) or self.is_end:
                self.drop(end)
                return None
            self.grow()

    def fault(self, position: int, message: str) -> str:
        """Describe a fault at a position."""
        line, column = self.place(position)
        return f"line {line}, column {column}: {message}"


def _array_fault(source: TextIO) -> str | None:
    window = _Window(source)
    window.skip_blanks()
    window.drop(1)
    is_first = True
    while (character := window.skip_blanks()) != "]" or not is_first:
        if not is_first:
            if character == "]":
                break
            if character != ",":
                return window.fault(0, "Expecting ',' delimiter")
            window.drop(1)
            window.skip_blanks()
        fault = window.take_value()
        if fault is not None:
            return fault
        is_first = False
    window.drop(1)
    return window.fault(0, "Extra data") if window.skip_blanks() else None


def _half_a_pair(archived: Path) -> str | None:
    with archived.open(encoding="utf-8-sig") as source:
        for line, text in _overlapping(source):
            half = HALF_A_PAIR.search(text)
            if half is not None:
                return f"line {line + text.count(LINE_FEED, 0, half.start())}: half a surrogate pair"
    return None


def _overlapping(source: TextIO) -> Iterator[tuple[int, str]]:
    """Yield a text in pieces that never split an escape, with the number of the first line of each."""
    line, text = 1, ""
    while chunk := source.read(CHUNK_CHARACTERS):
        text += chunk
        # Escapes that form a pair are adjacent: end a piece where none is near.
        end = max(text.rfind(mark) for mark in (LINE_FEED, '"', ",", " "))
        if end < 0:
            continue
        yield line, text[: end + 1]
        line += text.count(LINE_FEED, 0, end + 1)
        text = text[end + 1 :]
    yield line, text


def _csv_fault(archived: Path) -> str | None:
    with archived.open(encoding="utf-8-sig", newline="") as source:
        rows = csv.reader(source, strict=True)
        first_line = 1
        try:
            header = next(rows)
            first_line = rows.line_num + 1
            for row in rows:
                if row and len(row) != len(header):
                    return f"line {first_line}: {len(row)} cell(s), where the header has {len(header)}"
                first_line = rows.line_num + 1
        except csv.Error as error:
            return f"line {first_line}: {error}"
    return None
