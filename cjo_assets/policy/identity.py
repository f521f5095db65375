"""Identity of people: which spellings of a name are one person, and which texts name no person.

Standard library only: commands call these functions directly, and both engines register `person_key` as a function. The
words that name no person are in `vocabulary.null_words` of the policy.

Characters of different scripts that only look alike (Latin and Cyrillic a) stay different. Where that matters, name the
approvers in the policy: names that it does not list are refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Characters that Unicode marks Default_Ignorable_Code_Point beside those of the categories Cf and Cc.
IGNORABLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2065, 0x2065),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)
# The name of a person in the examples of the documentation.
PLACEHOLDER = "NAME"
BRAILLE_BLANK = "\u2800"


def person_key(name: str) -> str:
    """Return the key that all spellings of a name share; empty if nothing of the name is visible.

    Compatibility forms are normalized (NFKC), case is folded, control, format and other ignorable characters are
    removed, and blanks of any kind are trimmed and collapsed.
    """
    # Decomposed first: characters that are removed between others must not change what is composed.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    visible = "".join(" " if _is_blank(mark) else mark for mark in folded if _is_blank(mark) or not _is_hidden(mark))
    return " ".join(unicodedata.normalize("NFKC", visible).split())


def person(name: str | None, null_words: Iterable[str]) -> str | None:
    """Return the key of a person; None if the name is missing, has nothing visible, or is a word for "nothing"."""
    key = person_key(name or "")
    return None if key in nobody_keys(null_words) else key


def is_placeholder(name: str) -> bool:
    """Return whether a name is the placeholder of the documentation, `NAME`."""
    return name.strip() == PLACEHOLDER


def nobody_keys(null_words: Iterable[str]) -> frozenset[str]:
    """Return the keys that name no person."""
    return frozenset({"", *map(person_key, null_words)})


def _is_blank(mark: str) -> bool:
    return mark.isspace() or mark == BRAILLE_BLANK


def _is_hidden(mark: str) -> bool:
    return mark in IGNORABLE or unicodedata.category(mark) in ("Cc", "Cf")
