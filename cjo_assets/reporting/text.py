"""Values as a person reads them, and customers' text made harmless.

Belongs here: how a number, a list or a stranger's text looks in a report. Does not belong here: what is shown.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cjo_assets.core.expressions.intervals import NEGATIVE, NOT_DISTINGUISHABLE, NOT_MEASURABLE, POSITIVE

NOTHING = "n/a"
# As many as the tables hold.
MOST_DECIMALS = 6
# Targets are ceilings where these stand, and more arrivals than departures are a fault of the counts.
WORDS = {"above_target": "worse than target", "exceeds": "more arrived than left"}
_MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]()#+!|~>"} | {"<": "&lt;", "&": "&amp;"}
)
# Characters without a shape that set the reading direction of what follows, beyond the end of the text they stand in.
_DIRECTION_MARKS = {
    code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def visible(text: str) -> str:
    """Return text with direction marks as their codes: a name must not reorder the words that surround it."""
    return text.translate(_DIRECTION_MARKS)


def against_zero(status: str) -> str:
    """Say on which side of zero a compared value lies, as the end of a sentence; empty where nothing was compared."""
    return {
        POSITIVE: "the value that was compared is above zero",
        NEGATIVE: "the value that was compared is below zero",
        NOT_DISTINGUISHABLE: "the value that was compared is not distinguishable from zero",
        NOT_MEASURABLE: "",
    }[status]


def shown(value: Any) -> str:
    """Return a value as plain text: whoever writes Markdown or HTML escapes it."""
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
    return " ".join(str(value).split())


def words(value: Any) -> str:
    """Return a name of the tables as words; one that would read as something else has words of its own."""
    text = shown(value)
    return WORDS.get(text, text.replace("_", " "))


def number(value: float | None, decimals: int = 3) -> str:
    """Return a number with at most so many decimals and no trailing zeros; more where it would read as nothing."""
    if value is None:
        return NOTHING
    found = _rounded(value, decimals)
    while value and not found and decimals < MOST_DECIMALS:
        decimals += 1
        found = _rounded(value, decimals)
    text = f"{found:,f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def money(value: float | None) -> str:
    """Return an amount with two decimals."""
    return NOTHING if value is None else f"{_rounded(value, 2):,f}"


def percent(value: float | None) -> str:
    """Return a share as percent with at most one decimal."""
    return NOTHING if value is None else f"{number(float(Decimal(str(value)) * 100), 1)} %"


def rate(value: float | None) -> str:
    """Return a small share as percent with at most three decimals: conversions are few per thousand."""
    return NOTHING if value is None else f"{number(float(Decimal(str(value)) * 100))} %"


def chance(value: float | None) -> str:
    """Return a probability; one that would read as nothing is small, not nothing."""
    least = Decimal(1).scaleb(-MOST_DECIMALS)
    return f"below {least}" if value is not None and value < least else number(value)


def names(value: list[str] | None) -> str:
    """Return names of the tables as words; a list that is known to be empty is no list that is not known."""
    return "none" if value == [] else words(value)


# How a cell is written, by the name a report gives to it.
STYLES: dict[str, Callable[[Any], str]] = {
    "plain": shown,
    "words": words,
    "count": shown,
    "day": shown,
    "number": number,
    "tenth": lambda value: number(value, 1),
    "whole": lambda value: number(value, 0),
    "money": money,
    "percent": percent,
    "rate": rate,
    "chance": chance,
    "names": names,
    "sentences": lambda value: " ".join(value) if value else NOTHING,
}


def _rounded(value: float, decimals: int) -> Decimal:
    """Round half away from zero the number a person reads, not its binary neighbour; nothing has no sign."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0


def harmless(text: str) -> str:
    """Return text that Markdown, HTML and a table cell take as nothing but text."""
    return " ".join(visible(text).split()).translate(_MARKUP).replace("://", "&#58;//")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of cells that are safe already."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
