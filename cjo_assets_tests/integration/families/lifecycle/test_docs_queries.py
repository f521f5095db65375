"""Queries of the documentation, executed on a published database with both families that share customers."""

import re

import duckdb
import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets_tests.integration.families.lifecycle.conftest import Publish

BLOCK = re.compile(r"^ *```sql\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
# Loads exports of other systems into a database of its own, with a test of its own.
OTHER_DATABASE = {"load_exports.md"}
# Days that retention moved to files, of which the sample has none.
FILES = "warehouse/history"


def statements(page: str) -> list[str]:
    """Return the statements of a page that read the published database."""
    blocks = BLOCK.findall((PROJECT / page).read_text(encoding="utf-8"))
    texts = [statement for block in blocks for statement in duckdb.extract_statements(block)]
    return [text.query for text in texts if FILES not in text.query]


PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for path in (PROJECT / "docs").rglob("*.md")
    if path.name not in OTHER_DATABASE and statements(path.relative_to(PROJECT).as_posix())
)


@pytest.mark.parametrize("page", PAGES)
def test_every_query_of_a_page_is_answered(published_home: Publish, page: str) -> None:
    settings, _ = published_home("lifecycle", "journey")
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        for statement in statements(page):
            assert reader.execute(statement).description, statement


def test_the_pages_for_analysts_have_queries(published_home: Publish) -> None:
    assert {"docs/how-to/query_the_tables.md", "docs/how-to/investigate_a_decision.md"} <= set(PAGES)
    settings, _ = published_home("lifecycle", "journey")
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        # 19 KPIs of the journey; marketing is not published here.
        families = reader.execute("SELECT family, count(*), min(day) FROM latest.kpis_all GROUP BY ALL ORDER BY ALL")
        found = {family: (kpis, str(day)) for family, kpis, day in families.fetchall()}
        assert found["journey"] == (19, "2025-01-16")
        assert set(found) == {"journey", "lifecycle"}
        assert reader.execute("SELECT family, day::VARCHAR FROM latest.roi_all").fetchall() == [
            ("journey", "2025-01-16")
        ]
