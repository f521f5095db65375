"""Words for a missing value: compared without the blanks around them and without case, and nothing else is one."""

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjo_assets.core.quarantine.null_words import BLANKS, folded, null_where_word
from cjo_assets.policy import load_policy
from cjo_assets_tests.support.rows import rows_of

WORDS = load_policy().vocabulary.null_words
OWN_WORDS = ("n.v.", "(leer)", "keine Angabe", "?", "[]^$|", "ä")


def nulls(texts: list[str], words: tuple[str, ...]) -> list[bool]:
    """Return which of the texts become null."""
    rows = ibis.memtable({"place": list(range(len(texts))), "text": texts}, schema={"place": "int64", "text": "string"})
    found = rows.mutate(text=null_where_word(rows.text, words)).order_by("place")
    return [row["text"] is None for row in rows_of(found)]


@pytest.mark.parametrize(
    ("text", "is_null"),
    [
        ("NULL", True),
        ("\tNull \n", True),
        ("null.", False),
        ("nullable", False),
        ("NU LL", False),
        ("-", True),
        ("--", False),
        ("\\N", True),
        ("\\n", True),
        ("\nN", False),
        ("#n/a", True),
        ("", False),
        (" ", False),
    ],
)
def test_words_are_compared_without_case_and_blanks(text: str, is_null: bool) -> None:
    assert nulls([text], tuple(WORDS)) == [is_null]


@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda before, word, after, turn: before + (word.upper() if turn else word) + after,
                st.text(BLANKS, max_size=2),
                st.sampled_from([*WORDS, *OWN_WORDS]),
                st.text(BLANKS + "x", max_size=2),
                st.booleans(),
            ),
            st.text("nulNAV/#-.()[]^$|?\\ä \t", max_size=6),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([tuple(WORDS), OWN_WORDS]),
)
@settings(max_examples=60, deadline=None)
def test_a_text_is_null_where_python_finds_a_word(texts: list[str], words: tuple[str, ...]) -> None:
    known = folded(words)
    assert nulls(texts, words) == [text.strip(BLANKS).lower() in known for text in texts]
