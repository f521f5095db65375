"""Quoting of names and texts in SQL."""

from collections.abc import Iterable
from pathlib import Path


def quoted(name: str) -> str:
    """Quote a name."""
    return '"' + name.replace('"', '""') + '"'


def quoted_names(names: Iterable[str]) -> str:
    """Quote names, separated by commas."""
    return ", ".join(map(quoted, names))


def literal(text: str | Path) -> str:
    """Quote a text, or a path as text."""
    return "'" + str(text).replace("'", "''") + "'"
