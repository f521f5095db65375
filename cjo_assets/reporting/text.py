"""Values as a person reads them, and customers' text made harmless.

Belongs here: how a number, a list or a stranger's text looks in a report. Does not belong here: what is shown.
"""

from collections.abc import Sequence
from typing import Any

NOTHING = "n/a"
_MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]()#+!|~>"} | {"<": "&lt;", "&": "&amp;"}
)


def shown(value: Any) -> str:
    """Return a value as text, safe inside a Markdown table."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value) or NOTHING
    return harmless(str(value))


def number(value: float | None, decimals: int = 3) -> str:
    """Return a number with at most so many decimals and no trailing zeros."""
    if value is None:
        return NOTHING
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:,.0f}"


def money(value: float | None) -> str:
    """Return an amount with two decimals."""
    return NOTHING if value is None else f"{value:,.2f}"


def harmless(text: str) -> str:
    """Return text that Markdown, HTML and a table cell take as nothing but text."""
    return " ".join(text.split()).translate(_MARKUP)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of cells that are safe already."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
