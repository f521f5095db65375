"""Values as text for readers, and text from input data escaped for Markdown and HTML."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cjo_assets.core.expressions.intervals import NEGATIVE, NOT_DISTINGUISHABLE, NOT_MEASURABLE, POSITIVE

NOTHING = "n/a"
# Decimal places of the tables.
MOST_DECIMALS = 6
# Longer durations are shown in days.
MOST_HOURS = 48
# A larger lift is no measurement: there was next to nothing to compare with.
MOST_LIFT = 10.0
# One in a thousand, the last digit that a percentage shows.
LEAST_LIKELIHOOD = 0.001
_NAME = re.compile(r"(?<![\w-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w-])")
_DATE = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])")
_MARKUP = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]()#+!|~>"} | {"<": "&lt;", "&": "&amp;"}
)
# Invisible characters that set the reading direction of the following text, beyond the end of their own text.
_DIRECTION_MARKS = {
    code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def visible(text: str) -> str:
    """Return text with direction marks as codes, so that a name cannot reorder the words around it."""
    return text.translate(_DIRECTION_MARKS)


def against_zero(status: str) -> str:
    """Return the sign of the compared value as the end of a sentence; empty without a comparison."""
    return {
        POSITIVE: "the value that was compared is above zero",
        NEGATIVE: "the value that was compared is below zero",
        NOT_DISTINGUISHABLE: "the value that was compared is not distinguishable from zero",
        NOT_MEASURABLE: "",
    }[status]


def shown(value: Any) -> str:
    """Return a value as plain text, to be escaped by the output format."""
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
    """Return a name of the tables as words."""
    return shown(value).replace("_", " ")


def number(value: float | None, decimals: int = 3) -> str:
    """Return a number with at most these decimals and no trailing zeros; more where it would round to 0."""
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


def signed(value: float | None) -> str:
    """Return a change without decimals, with its sign."""
    if value is None:
        return NOTHING
    text = number(value, 0)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def percent(value: float | None) -> str:
    """Return a share as percent with at most one decimal."""
    return NOTHING if value is None else f"{number(float(Decimal(str(value)) * 100), 1)} %"


def rate(value: float | None) -> str:
    """Return a small share as percent with at most three decimals: conversions are few per thousand."""
    return NOTHING if value is None else f"{number(float(Decimal(str(value)) * 100))} %"


def chance(value: float | None) -> str:
    """Return a probability; one that would round to 0 is shown as a bound."""
    least = Decimal(1).scaleb(-MOST_DECIMALS)
    return f"below {least}" if value is not None and value < least else number(value)


def likelihood(value: float | None) -> str:
    """Return a probability as percent; one that would round to 0 or 100 is shown as a bound: nothing is certain."""
    if value is None:
        return NOTHING
    if value < LEAST_LIKELIHOOD:
        return f"below {percent(LEAST_LIKELIHOOD)}"
    return f"above {percent(1 - LEAST_LIKELIHOOD)}" if value > 1 - LEAST_LIKELIHOOD else percent(value)


def names(value: list[str] | None) -> str:
    """Return names of the tables as words; an empty list differs from an unknown one."""
    return "none" if value == [] else words(value)


def day(value: date | None) -> str:
    """Return a day, for example 20 Jan 2025."""
    return NOTHING if value is None else f"{value:%-d %b %Y}"


def instant(value: datetime | None) -> str:
    """Return an instant of UTC to the minute."""
    return NOTHING if value is None else f"{value:%-d %b %Y %H:%M}"


def month(value: date | None) -> str:
    """Return the month of a day, for example Jan 2025."""
    return NOTHING if value is None else f"{value:%b %Y}"


def prose(value: Any, label: Callable[[str], str] | None = None) -> str:
    """Return a sentence of the rules with the names of columns and values as words, and dates as people read them."""
    return with_dates(_NAME.sub(lambda name: (label or words)(name[0]), shown(value)))


def with_dates(text: str) -> str:
    """Return a text with its ISO dates as people read them."""
    return _DATE.sub(_as_day, text)


def _as_day(found: re.Match[str]) -> str:
    try:
        return day(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def lift(value: float | None) -> str:
    """Return a relative effect as percent; one beyond tenfold is shown as a bound: few events allow any ratio."""
    return percent(value) if value is None or value <= MOST_LIFT else f"above {percent(MOST_LIFT)}"


def duration(hours: float | None) -> str:
    """Return hours as such up to two days, and as whole days beyond."""
    if hours is None:
        return NOTHING
    return f"{number(hours, 0)} hours" if hours <= MOST_HOURS else f"{number(hours / 24, 0)} days"


# Styles of cells by name.
STYLES: dict[str, Callable[[Any], str]] = {
    "plain": shown,
    "words": words,
    "count": shown,
    "name": shown,
    "prose": prose,
    "lift": lift,
    "day": day,
    "month": month,
    "instant": instant,
    "number": number,
    "tenth": lambda value: number(value, 1),
    "whole": lambda value: number(value, 0),
    "money": money,
    "duration": duration,
    "signed": signed,
    "percent": percent,
    "rate": rate,
    "chance": chance,
    "likelihood": likelihood,
    "names": names,
    "sentences": lambda value: prose(" ".join(value)) if value else NOTHING,
}


def _rounded(value: float, decimals: int) -> Decimal:
    """Round the decimal text of a number half away from zero; zero has no sign."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0


def harmless(text: str) -> str:
    """Return text escaped for Markdown, HTML and table cells."""
    return " ".join(visible(text).split()).translate(_MARKUP).replace("://", "&#58;//")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of escaped cells."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
