"""Quoting of names and texts in SQL, and expressions that several queries share."""

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


def newest_day_of(family: str) -> str:
    """Return the SQL expression for the latest published day of a family, given as an SQL expression."""
    return f"(SELECT max(as_of) FROM audit.runs WHERE is_published AND family = {family})"
