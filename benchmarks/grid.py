"""Markdown tables and spreads of measured values."""

from __future__ import annotations

import statistics
from collections.abc import Iterable


def grid(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Iterable[float], decimals: int) -> str:
    """Return the median and, of several values, the smallest and the largest in brackets."""
    found = list(values)
    if not found:
        return ""
    middle = f"{statistics.median(found):.{decimals}f}"
    return f"{middle} ({min(found):.{decimals}f}-{max(found):.{decimals}f})" if len(found) > 1 else middle
