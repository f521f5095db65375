"""English number words, and quantity words that no cell of a table can be."""

from __future__ import annotations

import re

UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
HUNDRED = "hundred"
MAGNITUDES = {"thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
VALUES = (
    {word: number for number, word in enumerate(UNITS)}
    | {word: number for number, word in zip(range(20, 100, 10), TENS, strict=True)}
    | {"nil": 0, "none": 0, "nobody": 0}
)

_WORD = "|".join([*VALUES, HUNDRED, *MAGNITUDES])
NUMBER = re.compile(rf"(?<![\w])(?:{_WORD})(?:(?:[ -]| and )(?:{_WORD}))*(?![\w])", re.I)
# "No customer" is a count as well.
NOTHING_OF = re.compile(
    r"(?<!\w)(?P<no>no) (?:[a-z-]+ )?(?:customers?|decisions?|interventions?|approvals?|signals?|days?)(?!\w)", re.I
)
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teenth|(?:twen|thir|for|fif|six|seven|eigh|nine)tieth"
    "|hundredth|thousandth|millionth|billionth"
)
_VAGUE = (
    r"dozens?|hundreds|thousands|millions|billions|trillions|half|halves|halved|quarters?|\w*thirds|twice|thrice"
    r"|doubled?|doubling|tripled?|tripling|quadrupled?|couple|pair|\w+fold"
)
NO_FIGURE = re.compile(rf"(?<!\w)(?:(?:\w+-)?(?:{_ORDINALS})s?|{_VAGUE})(?!\w)", re.I)


def value_of(text: str) -> int | None:
    """Return the number that words denote, or None where they are several numbers in a row."""
    words = [word for word in re.split("[ -]", text.lower()) if word != "and"]
    total, below = 0, 10**15
    while words:
        group = _below_a_thousand(words)
        size = MAGNITUDES.get(words[0], 1) if words else 1
        if (group is None and size == 1) or size >= below:
            return None
        total += (1 if group is None else group) * size
        if size == 1:
            return None if words else total
        words.pop(0)
        below = size
    return total


def _below_a_thousand(words: list[str]) -> int | None:
    """Take a number of up to three digits off the front; None where there is none."""
    number = _below_a_hundred(words)
    if words and words[0] == HUNDRED:
        words.pop(0)
        number = (1 if number is None else number) * 100 + (_below_a_hundred(words) or 0)
    return number


def _below_a_hundred(words: list[str]) -> int | None:
    if not words or words[0] not in VALUES:
        return None
    number = VALUES[words.pop(0)]
    if number >= 20 and words and 0 < VALUES.get(words[0], 0) < 10:
        number += VALUES[words.pop(0)]
    return number
