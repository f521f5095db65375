"""Answers of a language model, and the tests that they must pass before they are shown.

An answer is plain text; the report that shows it escapes it. Numbers are tested in `number_check.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from cjo_assets.language.number_check import checked
from cjo_assets.language.requests import Request
from cjo_assets.reporting.summary import Figure

# The reasons for which the rules write a text instead; audit.language_model_calls has the details.
EMPTY = "the answer of the language model was empty"
TOO_LONG = "the answer of the language model was too long"
UNREADABLE = "the answer of the language model could not be read"
INVENTED = "the language model named numbers that no table holds"
ADDRESS = "the language model named an address"
SHOWN_INVENTIONS, SHOWN_CHARACTERS = 5, 40
SPACES = re.compile(r"\s+")
ADDRESSES = re.compile(r"://|\bwww\.|@|\b[\w-]+\.(?:com|org|net|io|example|info)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """The result of a call.

    Attributes:
        text: what the model wrote; None where nothing came back.
        problem: why there is no text, or why it cannot be used whatever its content; else None.
        detail: more about the problem, for the operator of the endpoint; else None.
        prompt_tokens: tokens sent, as the endpoint counts them [tokens].
        completion_tokens: tokens that came back [tokens].
    """

    text: str | None
    problem: str | None = None
    detail: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Judgement:
    """Whether an answer may be shown.

    Attributes:
        passages: its words and figures; empty where it may not.
        problem: why it may not; else None.
        detail: what exactly was wrong; else None.
    """

    passages: tuple[str | Figure, ...] = ()
    problem: str | None = None
    detail: str | None = None


def judged(text: str, request: Request, max_characters: int) -> Judgement:
    """Validate an answer against its request.

    Args:
        text: the answer as it came.
        request: the request, with the figures that were given.
        max_characters: longest answer that is taken [characters].
    """
    if len(text) > max_characters:
        return Judgement(problem=TOO_LONG, detail=f"{len(text)} characters")
    strange = next((character for character in text if _is_strange(character)), None)
    if strange is not None:
        return Judgement(problem=UNREADABLE, detail=f"the character U+{ord(strange):04X}")
    words = SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if not any(character.isalpha() for character in words):
        return Judgement(problem=EMPTY)
    if ADDRESSES.search(words):
        return Judgement(problem=ADDRESS)
    found = checked(words, request.figures, request.names)
    if found.inventions:
        named = [invention[:SHOWN_CHARACTERS] for invention in found.inventions[:SHOWN_INVENTIONS]]
        return Judgement(problem=INVENTED, detail=", ".join(named))
    return Judgement(found.passages)


def _is_strange(character: str) -> bool:
    """Return whether a character has no place in English prose: invisible ones, and letters that could hide numbers."""
    category = unicodedata.category(character)
    if category.startswith("C"):
        return character not in "\n\r\t"
    return category.startswith("L") and not unicodedata.name(character, "").startswith("LATIN")
