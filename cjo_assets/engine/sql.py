"""Names and texts as SQL writes them."""

from collections.abc import Iterable
from pathlib import Path


def quoted(name: str) -> str:
    """Return a name."""
    return '"' + name.replace('"', '""') + '"'


def quoted_names(names: Iterable[str]) -> str:
    """Return names, apart by commas."""
    return ", ".join(map(quoted, names))


def literal(text: str | Path) -> str:
    """Return a text, or a path as text."""
    return "'" + str(text).replace("'", "''") + "'"
