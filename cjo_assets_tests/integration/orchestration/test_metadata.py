"""Tests of the metadata of materializations."""

import dagster as dg

from cjo_assets.orchestration.metadata import STATEMENT_CHARACTERS, statement


def text_of(sql: str) -> str:
    """Return the Markdown of a statement of journey.kpis."""
    value = statement(sql, "journey.kpis")
    assert isinstance(value, dg.MarkdownMetadataValue)
    return value.md_str


def test_a_short_statement_is_shown_whole() -> None:
    assert text_of("SELECT 1") == "```sql\nSELECT 1\n```"
    longest = "x" * STATEMENT_CHARACTERS
    assert text_of(longest) == f"```sql\n{longest}\n```"


def test_a_long_statement_is_cut_at_a_line_and_names_its_file() -> None:
    line = "SELECT 1,\n"
    shown = text_of(line * STATEMENT_CHARACTERS)
    assert shown.startswith("```sql\nSELECT 1,\n")
    assert shown.endswith("SELECT 1,\n-- The whole statement is in compiled/journey/kpis.sql of the home.\n```")
    assert len(shown) < STATEMENT_CHARACTERS + 100
    # One line that is too long is cut within.
    assert text_of("x" * (STATEMENT_CHARACTERS + 1)).count("x") == STATEMENT_CHARACTERS
