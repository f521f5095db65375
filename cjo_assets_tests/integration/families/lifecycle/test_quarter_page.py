"""The page on one quarter of one client, from the sample: its figures, its sections, and no other client."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.erasure.databases import Erasure
from cjo_assets.audit.erasure.files import erase_reports
from cjo_assets.audit.review.write import quarter_of, write_review
from cjo_assets.catalog import data_families
from cjo_assets.core.errors import InputError, WarehouseError
from cjo_assets.core.person import Person
from cjo_assets.core.settings import Settings
from cjo_assets.families.lifecycle.report.quarter import QUERIES, quarter_page
from cjo_assets.ingest.tombstones import Tombstones
from cjo_assets.reporting.document import Document, Grid
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets.reporting.page import as_page
from cjo_assets_tests.integration.families.lifecycle.conftest import LAST_DAY
from cjo_assets_tests.support.chain import SAMPLE, Chain
from cjo_assets_tests.support.rows import POLICY, Rows

LAST_QUARTER, RUNNING = date(2024, 10, 1), date(2025, 1, 1)


def rows_for(sample: Chain, customer: str, quarter: date) -> dict[str, Rows]:
    """Return the rows of a page from the last day of the sample."""
    end = RUNNING if quarter == LAST_QUARTER else date(2025, 4, 1)
    given: dict[str, Any] = {"subject": customer, "day": LAST_DAY, "first": quarter, "end": end}
    found = {}
    for name, query in QUERIES.items():
        used = {key: value for key, value in given.items() if f"${key}" in query}
        cursor = sample.store.connection.execute(query, used)
        columns = [column[0] for column in cursor.description]
        found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return found


def page_of(sample: Chain, customer: str, quarter: date = LAST_QUARTER) -> Document:
    """Return the page of a client."""
    return quarter_page(customer, quarter, LAST_DAY, rows_for(sample, customer, quarter), POLICY)


def grids(page: Document) -> dict[str, Grid]:
    """Return the grids of a page by section and caption."""
    return {
        f"{section.anchor}: {block.caption}": block
        for section in page.sections
        for block in section.blocks
        if isinstance(block, Grid)
    }


def test_the_quarter_before_is_shown_first(lifecycle_sample: Chain) -> None:
    page = page_of(lifecycle_sample, "C004")
    table = grids(page)["usage: Sums per day, and satisfaction"]
    assert [column.title for column in table.columns] == [
        "metric",
        "2024 Q4",
        "n",
        "2025 Q1 to 20 Jan 2025",
        "n",
        "first: 2023 Q4",
        "n",
    ]
    [conversations] = [row for row in table.rows if row[0].main.value == "conversations_per_day"]
    # 44 in 92 days; 15 in 20 days.
    assert [cell.main.text for cell in conversations[1:5]] == ["0.478", "44", "0.75", "15"]
    running = grids(page_of(lifecycle_sample, "C004", RUNNING))["usage: Sums per day, and satisfaction"]
    assert [column.title for column in running.columns] == [
        "metric",
        "2025 Q1 to 20 Jan 2025",
        "n",
        "2024 Q4",
        "n",
        "first: 2023 Q4",
        "n",
    ]


def test_amounts_have_the_currency_of_the_policy(lifecycle_sample: Chain) -> None:
    # C001 pays 1,000 a month; a larger plan is worth 30,000 a year.
    text = as_markdown(page_of(lifecycle_sample, "C001", RUNNING), {})
    assert "USD 1,000" in text
    assert "In USD. Minutes of people per ticket" in text
    offers = grids(page_of(lifecycle_sample, "C001", RUNNING))["what-to-do: To offer"]
    assert [part if isinstance(part, str) else part.text for part in offers.note] == ["In ", "USD", "."]


def test_five_parts_and_the_mark_for_review(lifecycle_sample: Chain) -> None:
    page = page_of(lifecycle_sample, "C004", RUNNING)
    assert [section.anchor for section in page.sections] == ["performance", "changes", "usage", "costs", "what-to-do"]
    text = as_markdown(page, {})
    assert text.startswith("# Quarterly review 2025 Q1 of ")
    assert "Draft for review by the success manager." in text
    # The version of 2025-01-15, which the quarter before does not have.
    assert "cfg-01" in text
    assert "cfg-01" not in as_markdown(page_of(lifecycle_sample, "C004"), {})


@pytest.mark.parametrize("customer", ["C001", "C004", "C005", "C011", "C012"])
def test_no_other_client_is_on_the_page(lifecycle_sample: Chain, customer: str) -> None:
    organizations = json.loads((SAMPLE / "lifecycle/organizations.json").read_text(encoding="utf-8"))
    html = as_page(page_of(lifecycle_sample, customer), {})
    others = {
        value for row in organizations if row["customer_id"] != customer for value in (row["customer_id"], row["name"])
    }
    assert {name for name in others if re.search(rf"\b{re.escape(name)}\b", html)} == set()
    assert customer in html
    assert not re.search(r'(src|href)="(?!#)', html)


def test_every_figure_of_the_page_is_one_of_its_rows(lifecycle_sample: Chain) -> None:
    rows = rows_for(lifecycle_sample, "C004", LAST_QUARTER)
    page = quarter_page("C004", LAST_QUARTER, LAST_DAY, rows, POLICY)
    for grid in grids(page).values():
        for row in grid.rows:
            for cell in row:
                table = cell.main.source.split("/")[0].removeprefix("lifecycle.")
                column = cell.main.source.rpartition("/")[2]
                assert cell.main.value in [found[column] for found in rows[table]]


def test_what_is_a_quarter() -> None:
    assert quarter_of("2024Q4") == quarter_of("2024-q4") == LAST_QUARTER
    for text in ("2024", "2024Q5", "Q4 2024", ""):
        with pytest.raises(InputError, match="Write it as 2024Q4"):
            quarter_of(text)


@pytest.fixture
def home(lifecycle_sample: Chain, tmp_path: Path) -> Settings:
    """Return a home with the tables of the page published for the last day of the sample."""
    settings = Settings(home=tmp_path, data=tmp_path, policy=None)
    with duckdb.connect(settings.published) as published:
        published.execute("CREATE SCHEMA lifecycle; CREATE SCHEMA audit")
        columns = "is_published BOOLEAN, family VARCHAR, as_of DATE, ended_at TIMESTAMP, policy_hash VARCHAR"
        published.execute(f"CREATE TABLE audit.runs ({columns})")
        published.execute(
            "INSERT INTO audit.runs VALUES (true, 'lifecycle', ?, now()::TIMESTAMP, ?)", [LAST_DAY, POLICY.policy_hash]
        )
        published.execute("CREATE TABLE audit.policies (policy_hash VARCHAR, content VARCHAR)")
        published.execute("INSERT INTO audit.policies VALUES (?, ?)", [POLICY.policy_hash, POLICY.content])
        for name in QUERIES:
            table = lifecycle_sample.store.connection.execute(f"FROM lifecycle.{name}").to_arrow_table()
            published.register("found", table)
            published.execute(f"CREATE TABLE lifecycle.{name} AS FROM found")
            published.unregister("found")
    return settings


def test_a_page_is_written_beside_the_reports_and_erased_with_its_client(home: Settings) -> None:
    pages = {name: write_review(home, data_families(), name, LAST_QUARTER) for name in ("C004", "C005")}
    assert pages["C004"] == home.reports / "lifecycle/reviews/2024Q4/C004/quarterly_review.html"
    assert {file.name for file in pages["C004"].parent.iterdir()} == {"quarterly_review.html", "quarterly_review.md"}
    erasure = Erasure("E1", Person("C004", {"customer": frozenset({"C004"})}), Tombstones("salt", frozenset()))
    erase_reports(home, erasure)
    assert not pages["C004"].parent.exists()
    assert pages["C005"].exists()
    assert erasure.counts["reports"] == 2


def test_a_quarter_without_a_published_day_and_an_unknown_client_are_refused(home: Settings) -> None:
    with pytest.raises(WarehouseError, match=r"No day from 2024-07-01 to 2024-12-31 .*--as-of 2024-09-30"):
        write_review(home, data_families(), "C004", date(2024, 7, 1))
    with pytest.raises(WarehouseError, match="no customer C099"):
        write_review(home, data_families(), "C099", LAST_QUARTER)
