"""Tests of rows of a table: tests of columns of each type, order, and hostile addresses."""

import pytest

from cjo_assets.explorer.database import Reader
from cjo_assets.explorer.paging import Paging
from cjo_assets.explorer.tables import Column, TableRequest, requested, rows_of_page
from cjo_assets_tests.support.explorer import published_in_memory

MADE = """
    CREATE TABLE published.shop.items AS FROM (VALUES
        (1, 'ink', DATE '2025-01-01', TRUE, ['a', 'b'], 1.5),
        (2, 'pen_%', DATE '2025-01-02', FALSE, [], 2.5),
        (3, NULL, NULL, NULL, NULL, NULL)
    ) AS items(id, name, day, is_sold, labels, price)"""


@pytest.fixture
def reader() -> Reader:
    """Return a database with one table."""
    return published_in_memory("CREATE SCHEMA published.shop", MADE)


def ids(reader: Reader, *parameters: tuple[str, str]) -> list[int]:
    """Return the ids of the rows that an address selects."""
    request = requested(reader, "shop.items", None, parameters)
    assert request is not None
    return [row["id"] for row in rows_of_page(reader, request)[0]]


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("is.id", "2", [2]),
        ("is.id", "two", []),
        ("is.name", "ink", [1]),
        ("is.name", "ink' OR TRUE --", []),
        ("has.name", "N", [1, 2]),
        ("has.name", "%", [2]),
        ("is.day", "2025-01-02", [2]),
        ("from.day", "2025-01-02", [2]),
        ("to.day", "2025-01-01", [1]),
        ("is.is_sold", "false", [2]),
        ("is.labels", "b", [1]),
        ("from.price", "1.5", [1, 2]),
        ("empty.name", "1", [3]),
        ("is.nothing", "1", [1, 2, 3]),
        ('is.id" OR 1=1 --', "1", [1, 2, 3]),
        ("like.name", "x", [1, 2, 3]),
    ],
)
def test_a_test_selects_rows(reader: Reader, parameter: str, value: str, expected: list[int]) -> None:
    assert sorted(ids(reader, (parameter, value))) == expected


def test_rows_are_sorted_by_a_column_of_the_table_only(reader: Reader) -> None:
    assert ids(reader, ("sort", "-id")) == [3, 2, 1]
    assert ids(reader, ("sort", "name")) == [1, 2, 3]
    assert sorted(ids(reader, ("sort", "id; DROP TABLE shop.items"))) == [1, 2, 3]


def test_a_table_that_is_not_published_is_none(reader: Reader) -> None:
    assert requested(reader, "shop.other", None, []) is None
    assert requested(reader, "information_schema.tables", None, []) is None


def test_names_are_quoted() -> None:
    odd = Column('a"b', "BIGINT", "")
    request = TableRequest('s"c.t"t', "", (odd,), ('a"b',), (), 'a"b', True, Paging(1))
    assert request.query("*")[0] == 'SELECT * FROM "s""c"."t""t"'
    assert request.sorting == ' ORDER BY "a""b" DESC NULLS LAST, "a""b"'
