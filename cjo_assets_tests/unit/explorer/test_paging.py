"""Tests of pages: bounds by hand, and addresses that name no page."""

import duckdb
import pytest

from cjo_assets.explorer.paging import Paging, like


@pytest.mark.parametrize(
    ("page", "rows", "expected"),
    [(1, 0, (1, 1, 0, 0)), (1, 50, (1, 1, 1, 50)), (2, 51, (2, 2, 51, 51)), (9, 120, (3, 3, 101, 120))],
)
def test_a_page_has_fifty_rows_at_most(page: int, rows: int, expected: tuple[int, int, int, int]) -> None:
    found = Paging(page).of_rows(rows)
    assert (found.page, found.pages, found.first, found.last) == expected
    assert found.bounds == {"page_rows": 50, "page_start": (found.page - 1) * 50}


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "٣", "x", "99999999999999999999"])
def test_what_is_no_number_of_a_page_is_the_first(text: str) -> None:
    assert Paging.of({"page": text}).page == 1


@pytest.mark.parametrize("text", ["50%", "a_b", "a\\b", "'", "$1", "A"])
def test_a_searched_text_is_no_pattern(text: str) -> None:
    query = "SELECT value FROM (VALUES (?), ('50x'), ('axb'), ('other')) AS rows(value) WHERE value ILIKE ? ESCAPE '\\'"
    found = duckdb.execute(query, [f"x{text}y", like(text)]).fetchall()
    assert (f"x{text}y",) in found
    assert len(found) == 1 + (text == "A")
