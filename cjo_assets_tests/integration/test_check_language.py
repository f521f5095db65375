"""Tests of the language check and of CONTEXT.md, which it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_language import CONTEXT, avoided_words, main, vocabulary

WORDS = vocabulary(CONTEXT.read_text("utf-8"))
# Read from CONTEXT.md, because this file must not contain the words that the tests plant.
TERM = next(term for term in WORDS.terms if term.name == "rejected row")
FIRST, SECOND = TERM.avoid[0].split()

CLEAN = '''"""Rows of one day."""


def load(path: str) -> None:
    """Read the rows of a file."""
    # The header is not counted.
    if not path:
        raise ValueError(f"{path} is not a file")
'''


def planted(text: str) -> str:
    """Return a text with the two avoided words in the place of ONE and TWO."""
    return text.replace("ONE", FIRST).replace("TWO", SECOND)


def test_context_defines_at_least_fifty_terms() -> None:
    assert len(WORDS.terms) >= 50
    assert CONTEXT.read_text("utf-8").count("\n**") == len(WORDS.terms)
    for term in WORDS.terms:
        assert term.meaning.endswith("."), term.name
        assert term.avoid, term.name
        assert all(term.avoid), term.name


def test_each_avoided_word_belongs_to_one_term() -> None:
    avoided = [word for term in WORDS.terms for word in term.avoid]
    assert len(avoided) == len(set(avoided))


def test_the_definitions_avoid_the_words_themselves() -> None:
    for term in WORDS.terms:
        assert not WORDS.pattern().search(f"{term.name} {term.meaning}"), term.name


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.md", "# Quarantine\n\nRows that break a rule are\nONE TWO.\n", 4),
        ("page.md", "# Quarantine\n\nA row is ONE\nTWO.\n", 3),
        ("module.py", CLEAN.replace("Rows of one day.", "Rows of one day.\n\nSome are ONE TWO.\n"), 3),
        ("module.py", CLEAN.replace("Read the rows of a file.", "Read what was not ONE TWO."), 5),
        ("module.py", CLEAN.replace("is not a file", "was ONE TWO"), 8),
        ("module.py", CLEAN.replace('"""Rows of one day."""', 'f"{__name__} of ONE TWO of {__file__}"'), 1),
        ("page.md", "In `n` rows ONE TWO of `n`.\n", 1),
        ("module.py", CLEAN.replace("The header is not counted.", "Those ONE\n    # TWO are not counted."), 6),
        ("test_module.py", CLEAN.replace("def load", "def test_rows_are_ONE_TWO"), 4),
        ("settings.yaml", "limit: 5  # rows ONE TWO\n", 1),
        ("page.html", "<p>{{ count }} ONE TWO</p>\n", 1),
    ],
)
def test_an_avoided_word_is_reported_with_its_line_and_term(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, line: int
) -> None:
    path = tmp_path / name
    path.write_text(planted(text), "utf-8")
    assert main([str(tmp_path)]) == 1
    assert f"{path}:{line}: {FIRST} {SECOND} -> {TERM.name}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("module.py", CLEAN),
        ("module.py", CLEAN.replace("Rows of one day.", "Rows of `ONE TWO`.")),
        ("page.md", "Rows of ``ONE TWO``.\n\n```\nONE TWO\n```\n\n    ONE TWO\n"),
        ("page.md", "A return to the right-ONE TWO-team.\n"),
        ("page.html", "<p>{{ ONE TWO }}</p>\n"),
        ("CHANGELOG.md", "## Unreleased\n\n## 0.1.0\n\nRows are ONE TWO.\n"),
    ],
)
def test_code_and_released_changes_are_exempt(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(planted(text), "utf-8")
    assert main([str(path)]) == 0


def test_published_texts_are_exempt(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    text, word = "asked, or auto_approved", "asked"
    assert text in WORDS.published
    path.write_text(f"The status is {text}, or {word}.\n", "utf-8")
    assert list(avoided_words(path, WORDS)) == [(1, word)]
