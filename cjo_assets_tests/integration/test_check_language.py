"""Tests of the language check and of CONTEXT.md, which it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_language import CONTEXT, NOT_YET, ROOT, avoided_words, main, vocabulary

WORDS = vocabulary(CONTEXT.read_text("utf-8"))

CLEAN = '''"""Rows of one day."""


def load(path: str) -> None:
    """Read the rows of a file."""
    # The header is not counted.
    if not path:
        raise ValueError(f"{path} is not a file")
'''


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
        ("page.md", "# Quarantine\n\nRows that break a rule are\nturned away.\n", 4),
        ("page.md", "# Quarantine\n\nA row is turned\naway.\n", 3),
        ("module.py", CLEAN.replace("Rows of one day.", "Rows of one day.\n\nSome are turned away.\n"), 3),
        ("module.py", CLEAN.replace("Read the rows of a file.", "Read what was not turned away."), 5),
        ("module.py", CLEAN.replace("is not a file", "was turned away"), 8),
        ("module.py", CLEAN.replace("The header is not counted.", "Those turned\n    # away are not counted."), 6),
        ("test_module.py", CLEAN.replace("def load", "def test_rows_are_turned_away"), 4),
        ("settings.yaml", "limit: 5  # rows turned away\n", 1),
        ("page.html", "<p>{{ count }} turned away</p>\n", 1),
    ],
)
def test_an_avoided_word_is_reported_with_its_line_and_term(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, line: int
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert main([str(tmp_path)]) == 1
    assert f"{path}:{line}: turned away -> rejected row\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("module.py", CLEAN),
        ("module.py", CLEAN.replace("Rows of one day.", "Rows of `turned away`.")),
        ("page.md", "Rows of ``turned away``.\n\n```\nturned away\n```\n\n    turned away\n"),
        ("page.md", "A return to the right-turned away-team.\n"),
        ("CHANGELOG.md", "## Unreleased\n\n## 0.1.0\n\nRows are turned away.\n"),
    ],
)
def test_code_and_released_changes_are_exempt(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert main([str(path)]) == 0


def test_published_texts_are_exempt(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("The status is asked, or auto_approved, or asked.\n", "utf-8")
    assert list(avoided_words(path, WORDS)) == [(1, "asked")]


def test_each_folder_that_is_still_to_be_rewritten_exists() -> None:
    assert [name for name in NOT_YET if not (ROOT / name).exists()] == []
