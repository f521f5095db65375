"""Words for a missing value in text, such as NULL or N/A, as an expression.

The policy lists the words (`vocabulary.null_words`), and `sources.yaml` may for one dataset.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import Column
from cjo_assets.core.quarantine.text_identity import TRIM, in_normal_form, is_id
from cjo_assets.policy import Vocabulary

BLANKS = " \t\n\r\v\f"


def folded(words: Iterable[str]) -> frozenset[str]:
    """Return words as they are compared: trimmed, and without case."""
    return frozenset(word.strip(BLANKS).lower() for word in words)


def null_where_word(text: ir.Value, words: Iterable[str]) -> ir.Value:
    """Return a text, or null where it is one of the words; a value that is no text stays."""
    compared = folded(words)
    if not compared or not text.type().is_string():
        return text
    # A pattern rejects nearly every text by its first character; trimming and lowering would copy each of them.
    return text.re_search(f"^{_pattern(compared)}$").ifelse(ibis.null("string"), text)


@functools.cache
def _pattern(compared: frozenset[str]) -> str:
    """Return a regular expression of the texts that are one of the words, between blanks and without case."""
    alternatives = "|".join("".join(map(_spellings, word)) for word in sorted(compared))
    return f"[{BLANKS}]*({alternatives})[{BLANKS}]*"


def _spellings(character: str) -> str:
    """Return a character and its capital, as part of a regular expression."""
    return "[" + "".join(re.escape(one) for one in sorted({character, character.upper()}) if len(one) == 1) + "]"


def given(text: ir.Value, spec: Column, vocabulary: Vocabulary) -> ir.Value:
    """Return the text of a column, or null where it is a word for a missing value.

    Where the contract has a value for what a source leaves out, it takes the place of null. The policy decides whether
    an id is brought into its normal form.

    Required prose and free objects stay as they are written. A word that the column may hold as a value is a value, and
    in a column of numbers NaN is one that breaks its contract.
    """
    if spec.free_object or (spec.free_text and not spec.nullable):
        return text
    values = folded(_values(spec, vocabulary))
    words = folded(vocabulary.null_words) - values
    if spec.type.is_numeric():
        words = frozenset(word for word in words if not _is_number(word))
    found = null_where_word(text, words)
    if vocabulary.unnormalized_ids == TRIM and is_id(spec) and found.type().is_string():
        return in_normal_form(found)
    return found.fill_null(spec.absent) if spec.absent else found


def _values(spec: Column, vocabulary: Vocabulary) -> list[str]:
    values = list(getattr(vocabulary, spec.words)) if spec.words else []
    for check in spec.checks:
        values += map(str, (check.statistics or {}).get("allowed_values", ()))
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
