"""Comparison of every number of a text with the figures that its author was given.

A number is right if it is a given figure: the same value, sign and unit. 4800 is 4,800.00, and 4,801 or 4.8 thousand
is not: rounding and arithmetic are done in tables, where they can be checked. What cannot be understood as a number
that was given counts as invented. The check is of numbers, not of sentences: a right number can be beside a wrong
word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from cjo_assets.language.number_words import NO_FIGURE, NOTHING_OF, NUMBER, value_of
from cjo_assets.reporting.summary import Figure

MONTHS = ["January", "February", "March", "April", "May", "June"]
MONTHS += ["July", "August", "September", "October", "November", "December"]
MONTH = "(?:" + "|".join(f"{month}|{month[:3]}" for month in MONTHS) + r")\b\.?"
DAY = "(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
ISO_DATE = re.compile(r"(?<![\w-])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-])")
WRITTEN_DATES = (
    re.compile(rf"(?<!\w){DAY}(?: of)? (?P<month>{MONTH}),? (?P<year>[0-9]{{4}})(?!\w)"),
    re.compile(rf"(?<!\w)(?P<month>{MONTH}) {DAY},? (?P<year>[0-9]{{4}})(?!\w)"),
)
PART_OF_A_DATE = re.compile(rf"(?<!\w)(?:{MONTH},? [0-9][\w,]*|[0-9]\w*(?: of)? {MONTH})")
# A run of signs that holds a digit: a number, or what only looks like one.
DIGITS = re.compile(r"[\w.,:/'\u2019\u2044^-]*[0-9][\w.,:/'\u2019\u2044^-]*")
PLAIN = re.compile(r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(?:-[A-Za-z]+)*")
# What is before or behind a number and makes it another one, or a guess.
SIGN = re.compile(r"(?:(?<![^\s(])[-\u2212\u2013\u2014+]|\b(?:minus|negative) )$", re.IGNORECASE)
GUESS = re.compile(r"[~\u2248<>\u2264\u2265\u00b1\u00d7*]\s?$")
PERCENT = re.compile(r"\s?(?:%|(?:per ?cent(?:age points?)?|pct)\b)", re.IGNORECASE)
SCALE = re.compile(
    r"\s?(?:‰|\+|(?:k|m|bn|mn|hundred|thousand|million|billion|trillion|dozen|fold|bps|basis points?|pp)\b)",
    re.IGNORECASE,
)
# The same as the second part of a word: a 5-percent cut, a 5-fold rise.
UNIT_PART = re.compile(
    r"-(?:percent|per|pct|fold|k|m|bn|mn|hundred|thousand|million|billion|trillion|dozen|bps|basis|pp)\b", re.IGNORECASE
)
CURRENCY = re.compile(
    r"(?<!per )\b(?:usd|eur|gbp|chf|jpy|cny|inr|dollars?|euros?|pounds?|francs?|yen|rupees?|cents?)\b", re.IGNORECASE
)
BLANK = "\0"


@dataclass(frozen=True)
class Checked:
    """A text compared with its figures.

    Attributes:
        passages: its words and its figures, in order.
        inventions: its numbers that were not given, in order; empty where every number is a figure.
    """

    passages: tuple[str | Figure, ...]
    inventions: tuple[str, ...]


@dataclass(frozen=True)
class _Claim:
    """A number in a text: its position, and the figure it is; None where it is none."""

    start: int
    end: int
    figure: Figure | None


def checked(text: str, figures: Iterable[Figure], names: Iterable[str] = ()) -> Checked:
    """Compare every number of a text with the figures.

    Args:
        text: what was written.
        figures: what was given. The figures of equal value are one: the first of them is named as the source.
        names: given words that may be repeated although they hold digits; only whole, and only those of one word.
    """
    given = _Given(figures)
    claims = sorted(_claims(text, given, names), key=lambda claim: claim.start)
    passages: list[str | Figure] = []
    place = 0
    for claim in claims:
        words = text[claim.start : claim.end]
        if claim.figure is None:
            continue
        # Digits are shown as the table shows them, words as they were written.
        shown = claim.figure if any(character.isdigit() for character in words) else replace(claim.figure, text=words)
        passages += [text[place : claim.start], shown]
        place = claim.end
    passages.append(text[place:])
    inventions = tuple(text[claim.start : claim.end].strip() for claim in claims if claim.figure is None)
    return Checked(tuple(passage for passage in passages if passage != ""), inventions)


class _Given:
    """The given figures by value and unit."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        """Read the figures."""
        self._numbers: dict[tuple[Decimal, bool], Figure] = {}
        self._dates: dict[date, Figure] = {}
        for figure in figures:
            number = figure.text.removesuffix("%").rstrip()
            if ISO_DATE.fullmatch(number):
                self._dates.setdefault(date.fromisoformat(number), figure)
            elif PLAIN.fullmatch(number.lstrip("-")):
                self._numbers.setdefault((Decimal(number.replace(",", "")), number != figure.text), figure)

    def number(self, value: Decimal | int, is_percent: bool) -> Figure | None:
        """Return the figure of this value and unit."""
        return self._numbers.get((Decimal(value), is_percent))

    def date(self, year: int, month: int, day: int) -> Figure | None:
        """Return the figure of this day."""
        try:
            return self._dates.get(date(year, month, day))
        except ValueError:
            return None


def _claims(text: str, given: _Given, names: Iterable[str]) -> Iterator[_Claim]:
    """Find every number; what has been understood is blanked, so that nothing is read twice."""
    text = _without(text, _names(text, names))
    for find in (_dates, _digits, _words):
        found = list(find(text, given))
        text = _without(text, [(claim.start, claim.end) for claim in found])
        yield from found
    for match in CURRENCY.finditer(text):
        yield _Claim(match.start(), match.end(), None)
    for place, character in enumerate(text):
        if unicodedata.numeric(character, None) is not None or unicodedata.category(character) == "Sc":
            yield _Claim(place, place + 1, None)


def _names(text: str, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Find given names of letters and digits; a name of digits alone is a number."""
    for name in names:
        if re.fullmatch(r"[\w.-]+", name) and not re.fullmatch(r"[\W\d_]+", name):
            for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                yield match.span()


def _dates(text: str, given: _Given) -> Iterator[_Claim]:
    for match in ISO_DATE.finditer(text):
        year, month, day = map(int, match.group().split("-"))
        yield _Claim(*match.span(), given.date(year, month, day))
    text = _without(text, [match.span() for match in ISO_DATE.finditer(text)])
    for pattern in WRITTEN_DATES:
        found = list(pattern.finditer(text))
        for match in found:
            month = next(place for place, name in enumerate(MONTHS, 1) if name.startswith(match["month"][:3]))
            yield _Claim(*match.span(), given.date(int(match["year"]), month, int(match["day"])))
        text = _without(text, [match.span() for match in found])
    for match in PART_OF_A_DATE.finditer(text):
        yield _Claim(*match.span(), None)


def _digits(text: str, given: _Given) -> Iterator[_Claim]:
    for match in DIGITS.finditer(text):
        run = match.group().rstrip(".,:/'\u2019^-")
        token = run.lstrip("'\u2019").removeprefix("-")
        start, end = match.start() + len(run) - len(token), match.start() + len(run)
        plain = PLAIN.fullmatch(token)
        if plain is None or GUESS.search(text[: match.start()]):
            yield _Claim(start, end, None)
            continue
        number = plain["number"]
        yield _number(
            text, Decimal(number.replace(",", "")), start, start + len(number), given, is_part=number != token
        )


def _words(text: str, given: _Given) -> Iterator[_Claim]:
    for match in NUMBER.finditer(text):
        value = value_of(match.group())
        if value is None:
            yield _Claim(*match.span(), None)
        else:
            yield _number(text, Decimal(value), *match.span(), given)
    for match in NOTHING_OF.finditer(text):
        yield _Claim(*match.span("no"), given.number(0, False))
    for match in NO_FIGURE.finditer(text):
        yield _Claim(*match.span(), None)


def _number(text: str, value: Decimal, start: int, end: int, given: _Given, *, is_part: bool = False) -> _Claim:
    """Return a number with the sign before it and the unit behind it; the first part of a word has no unit."""
    sign = SIGN.search(text[:start])
    if sign is not None:
        start = sign.start()
        value = value if sign.group() == "+" else -value
    if UNIT_PART.match(text, end):
        return _Claim(start, end, None)
    unit, scale = PERCENT.match(text, end), SCALE.match(text, end)
    if is_part or not (unit or scale):
        return _Claim(start, end, given.number(value, False))
    if unit is not None:
        return _Claim(start, unit.end(), given.number(value, True))
    return _Claim(start, scale.end() if scale else end, None)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with blanks of the same length in some places."""
    for start, end in spans:
        text = text[:start] + BLANK * (end - start) + text[end:]
    return text
