"""Identifiers of an erased person by kind, and how they are recognised in text.

A structured field holds an identifier of a known kind, so any value counts. Prose holds words of all sorts: there an
identifier counts where it is delimited on both sides and distinctive, that is, neither a short number nor an everyday
word nor another record's identifier. An identifier that is not distinctive counts only after its label: "customer 5",
"customer_id: 5".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.entities import codepoint2name

from cjo_assets.core.personal import KINDS
from cjo_assets.core.quarantine.text_identity import normalized

ERASED_NAME = "erased"
# A shorter number in prose may be any figure.
TELLING_DIGITS = 7
TELLING_CHARACTERS = 3
WHITE_SPACE = " \t\r\n"

_BEFORE = r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf]))(?<!\d[.,])(?<!_<wbr>)"
_AFTER = r"(?!<wbr>)(?!\\*[_-])(?!\w)(?![.,]\d)"
_NAMES = {code: [name] for code, name in codepoint2name.items()} | {39: ["apos"]}
_TOKEN = r"\w(?:[\w.,-]*\w)?"


@dataclass(frozen=True)
class Person:
    """An erased person.

    Attributes:
        customer_id: the customer.
        identifiers: by kind, of the customer and of their records.
        others: identifiers of others of which one of these is a delimited part.
        untelling: identifiers of these that are not distinctive in prose: words, or identifiers of other records too.
        is_normalized: whether the policy takes identifiers that differ in blanks or composition alone for the same.
    """

    customer_id: str
    identifiers: dict[str, frozenset[str]]
    others: frozenset[str] = frozenset()
    untelling: frozenset[str] = field(default_factory=frozenset)
    is_normalized: bool = False

    def owns(self, kind: str, value: str | None) -> bool:
        """Return whether a value is an identifier of that kind of the person."""
        names = self.identifiers.get(kind, frozenset())
        return value is not None and (value in names or (self.is_normalized and normalized(value) in names))

    @property
    def telling(self) -> list[str]:
        """The identifiers that are evidence wherever they are delimited."""
        found = {name for names in self.identifiers.values() for name in names}
        return sorted(name for name in found - self.untelling if is_telling(name))

    @functools.cached_property
    def words(self) -> Words:
        """Return what finds the person in prose."""
        return Words(self)


class Words:
    """Finds a person's identifiers in prose, in any spelling, and takes them out."""

    def __init__(self, person: Person) -> None:
        """Prepare the patterns."""
        self.person = person
        own, others = person.telling, sorted(person.others)
        self._named = (
            re.compile(f"(?P<other>{_delimited(others)})|(?P<own>{_delimited(own)})" if others else _delimited(own))
            if own
            else None
        )
        self._labelled = [
            (kind, re.compile(rf"((?<![^\W_])(?i:{kind})(?:\\*_id)?[\s:='\"\\`*]+)({_TOKEN}(?:, {_TOKEN})*)"))
            for kind in KINDS
            if person.identifiers.get(kind)
        ]
        self._exact = {
            kind: re.compile("|".join(map(spelt, sorted(names)))) for kind, names in person.identifiers.items() if names
        }

    def without(self, text: str) -> str:
        """Return a text without the person's identifiers."""
        if self._named is not None:
            text = self._named.sub(_kept_or_erased, text)
        for kind, pattern in self._labelled:
            text = pattern.sub(functools.partial(self._without_labelled, kind), text)
        return text

    def found_in(self, text: str) -> bool:
        """Return whether a text names the person."""
        return self.without(text) != text

    def names(self, text: str) -> bool:
        """Return whether a distinctive identifier of the person is in a text."""
        if self._named is None:
            return False
        return any(_kept_or_erased(match) == ERASED_NAME for match in self._named.finditer(text))

    def is_exactly(self, kind: str, text: str) -> bool:
        """Return whether a cell, however escaped, is one identifier of a kind."""
        pattern = self._exact.get(kind)
        return pattern is not None and pattern.fullmatch(text.strip(WHITE_SPACE)) is not None

    def _without_labelled(self, kind: str, match: re.Match[str]) -> str:
        names = [ERASED_NAME if self.person.owns(kind, name) else name for name in match[2].split(", ")]
        return match[1] + ", ".join(names)


def is_telling(identifier: str) -> bool:
    """Return whether an identifier is evidence wherever it is delimited: no short number, nor a letter or two."""
    if re.fullmatch(r"[\d.,+/\s-]*", identifier):
        return sum(character.isdigit() for character in identifier) >= TELLING_DIGITS
    return len(identifier) >= TELLING_CHARACTERS


def is_part_of(identifier: str, other: str) -> bool:
    """Return whether an identifier is a delimited part of another, longer one."""
    return identifier != other and re.search(_delimited([identifier]), other) is not None


@functools.cache
def spelt(identifier: str) -> str:
    """Return a pattern for an identifier in any spelling: plain, or escaped for HTML, JSON, URLs or Markdown."""
    return r"(?:<wbr>)?".join(_character(character) for character in identifier)


def _delimited(identifiers: Iterable[str]) -> str:
    longest_first = sorted(identifiers, key=lambda name: (-len(name), name))
    return f"{_BEFORE}(?:{'|'.join(map(spelt, longest_first))}){_AFTER}"


def _kept_or_erased(match: re.Match[str]) -> str:
    return match[0] if "other" in match.re.groupindex and match["other"] is not None else ERASED_NAME


@functools.cache
def _character(character: str) -> str:
    """Return a pattern for a character in any spelling; letters and digits of ASCII have but one."""
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    units = character.encode("utf-16-be").hex()
    json_escape = "".join(rf"\\+u(?i:{units[place : place + 4]})" for place in range(0, len(units), 4))
    url_escape = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in character.encode())
    names = "".join(f"|{name}" for name in _NAMES.get(code, ()))
    entity = f"&(?:amp;)*(?:#0*{code}|#[xX]0*(?i:{code:x}){names});"
    spellings = [json_escape, url_escape, entity]
    if character == "&":
        spellings.append(r"\\*&(?:amp;)*")
    elif character.isspace():
        spellings.append(r"(?:\s|\+|&nbsp;)+")
    else:
        spellings.append(rf"\\*{re.escape(character)}")
    return f"(?:{'|'.join(spellings)})"
