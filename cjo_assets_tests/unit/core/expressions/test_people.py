"""Tests of the identity of people: equal spellings, different names, and texts that are not names."""

from collections.abc import Sequence

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjo_assets.core.expressions import people
from cjo_assets.policy import identity
from cjo_assets_tests.support.rows import POLICY, made_of, rows_of

NULL_WORDS = POLICY.vocabulary.null_words
# Each pair with the key that both must have, written out by hand.
ONE_PERSON = {
    "case and trailing blank": ("maria.keller", "Maria.Keller ", "maria.keller"),
    "no-break space": ("maria.keller", "maria.keller\u00a0", "maria.keller"),
    "ideographic and thin spaces": ("Maria  Keller", "\u2009maria\u3000keller\u2028", "maria keller"),
    "tab and line feed": ("Maria Keller", "maria\t\nkeller\r", "maria keller"),
    "zero-width space": ("maria.keller", "maria.keller\u200b", "maria.keller"),
    "zero-width space inside": ("maria.keller", "maria\u200b.keller", "maria.keller"),
    "soft hyphen inside": ("lee.park", "lee.p\u00adark", "lee.park"),
    "byte order mark": ("lee.park", "\ufefflee.park", "lee.park"),
    "direction mark": ("lee.park", "\u202elee.park\u202c", "lee.park"),
    "control characters": ("lee.park", "lee\x00.park\x1b", "lee.park"),
    "variation selector": ("lee.park", "lee.park\ufe0f", "lee.park"),
    "Hangul filler": ("lee.park", "lee.park\u3164", "lee.park"),
    "combining grapheme joiner": ("zo\u00eb", "zoe\u034f\u0308", "zo\u00eb"),
    "braille blank": ("lee.park", "lee.park\u2800", "lee.park"),
    "composed and decomposed": ("Zo\u00eb", "Zoe\u0308", "zo\u00eb"),
    "hidden between letter and accent": ("Zo\u00eb", "Zoe\u200d\u0308", "zo\u00eb"),
    "sharp s": ("STRASSE", "stra\u00dfe", "strasse"),
    "capital sharp s": ("strasse", "STRA\u1e9eE", "strasse"),
    "full width": ("lee.park", "\uff4cee.park", "lee.park"),
    "ligature": ("fiona", "\ufb01ona", "fiona"),
    "final sigma": (
        "\u039d\u0399\u039a\u039f\u03a3",
        "\u03bd\u03b9\u03ba\u03bf\u03c2",
        "\u03bd\u03b9\u03ba\u03bf\u03c3",
    ),
}
TWO_PEOPLE = [
    ("lee.park", "kim.ito"),
    ("maria.keller", "mariakeller"),
    ("maria.keller", "maria\u00adkeller"),
    ("Zo\u00eb", "Zoe"),
    ("ann smith", "annsmith"),
    ("ann", "\u0430nn"),
]
NOBODY = [
    "",
    " ",
    "\u00a0\u200b",
    "\u00ad",
    "\x00",
    "NULL",
    "null ",
    "N/A",
    "n/a",
    "-",
    "\uff0d",
    "none",
    "None\u200b",
    "\\N",
]
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def in_the_engine(names: Sequence[str | None], null_words: Sequence[str] = NULL_WORDS) -> list[str | None]:
    """Return what the expression makes of names, in their order."""
    rows = made_of(
        [{"place": place, "written": name} for place, name in enumerate(names)],
        ibis.schema({"place": "int64", "written": "string"}),
    )
    found = rows_of(rows.select("place", key=people.person(rows.written, null_words)))
    return [row["key"] for row in sorted(found, key=lambda row: row["place"])]


@pytest.mark.parametrize("case", ONE_PERSON)
def test_spellings_of_one_name_share_a_key(case: str) -> None:
    *spellings, key = ONE_PERSON[case]
    assert [identity.person(name, NULL_WORDS) for name in spellings] == [key, key]
    assert in_the_engine(spellings) == [key, key]


def test_different_names_have_different_keys() -> None:
    for pair in TWO_PEOPLE:
        one, other = (identity.person(name, NULL_WORDS) for name in pair)
        assert None not in (one, other)
        assert one != other
        assert len(set(in_the_engine(pair))) == 2


def test_null_words_and_invisible_texts_are_not_names() -> None:
    assert [identity.person(name, NULL_WORDS) for name in [None, *NOBODY]] == [None] * (1 + len(NOBODY))
    assert in_the_engine([None, *NOBODY]) == [None] * (1 + len(NOBODY))
    assert identity.person("nobody", ["Nobody"]) is None
    assert (identity.person("none", []), in_the_engine(["none"], [])) == ("none", ["none"])


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_commands_and_engine_agree_on_any_text(names: list[str]) -> None:
    assert in_the_engine(names) == [identity.person(name, NULL_WORDS) for name in names]


@settings(deadline=None, max_examples=300)
@given(TEXTS, TEXTS)
def test_a_key_is_its_own_key_and_ignores_what_is_hidden(start: str, end: str) -> None:
    key = identity.person_key(start + end)
    assert identity.person_key(key) == key
    assert identity.person_key(f"\u00a0{start}\u200b{end}\u00ad\n") == key
