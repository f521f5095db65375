"""Lookup, first row per key, wide to long and sentences, on rows made by hand."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup, merged
from cjo_assets_tests.support.rows import Rows, made_of, rows_of

ORDERS = ibis.schema({"order_id": "int64", "customer": "string", "day": "int64"})
PEOPLE = ibis.schema({"customer": "string", "day": "int64", "city": "string"})


def orders(*rows: tuple[int, str | None, int | None]) -> ir.Table:
    """Return orders by number, customer and day."""
    return made_of([dict(zip(ORDERS, row, strict=True)) for row in rows], ORDERS)


def people(*rows: tuple[str | None, int | None, str | None]) -> ir.Table:
    """Return people by name, day and city."""
    return made_of([dict(zip(PEOPLE, row, strict=True)) for row in rows], PEOPLE)


def in_order(table: ir.Table, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows as tuples of these columns, sorted, nulls first."""
    found: Rows = rows_of(table.select(*(names or table.columns)))
    return sorted((tuple(row.values()) for row in found), key=lambda row: [(x is not None, x) for x in row])


def test_lookup_keeps_unmatched_rows_and_adds_no_key() -> None:
    joined = lookup(orders((1, "a", 1), (2, "b", 1)), people(("a", 9, "Bern")).drop("day"), "customer")
    assert joined.columns == ("order_id", "customer", "day", "city")
    assert in_order(joined, "order_id", "city") == [(1, "Bern"), (2, None)]


def test_lookup_matches_no_null_key() -> None:
    joined = lookup(orders((1, None, 1)), people((None, 1, "Bern")).drop("day"), "customer")
    assert in_order(joined, "order_id", "customer", "city") == [(1, None, None)]


def test_lookup_compares_all_keys() -> None:
    cities = people(("a", 1, "Bern"), ("a", 2, "Genf"), ("b", None, "Basel"))
    joined = lookup(orders((1, "a", 1), (2, "a", 2), (3, "a", 3), (4, "b", None)), cities, ["customer", "day"])
    assert in_order(joined, "order_id", "city") == [(1, "Bern"), (2, "Genf"), (3, None), (4, None)]


def test_lookup_takes_keys_of_other_names_and_chosen_columns() -> None:
    cities = people(("a", 7, "Bern")).rename(name="customer")
    joined = lookup(orders((1, "a", 1)), cities, [("customer", "name")], "city", moved_in="day")
    assert joined.columns == ("order_id", "customer", "day", "city", "moved_in")
    assert rows_of(joined) == [{"order_id": 1, "customer": "a", "day": 1, "city": "Bern", "moved_in": 7}]


def test_lookup_repeats_a_row_for_each_match() -> None:
    joined = lookup(orders((1, "a", 1)), people(("a", 1, "Bern"), ("a", 2, "Genf")), "customer", "city")
    assert in_order(joined, "order_id", "city") == [(1, "Bern"), (1, "Genf")]


def test_lookup_may_add_the_other_key_under_a_new_name() -> None:
    joined = lookup(orders((1, "a", 1), (2, "b", 1)), people(("a", 1, "Bern")), "customer", known_as="customer")
    assert in_order(joined, "order_id", "known_as") == [(1, "a"), (2, None)]


def test_lookup_refuses_a_name_that_exists() -> None:
    with pytest.raises(ValueError, match="day exist already"):
        lookup(orders((1, "a", 1)), people(("a", 1, "Bern")), "customer")


def test_merged_has_the_keys_of_every_table() -> None:
    cities = people(("a", 1, "Bern"), ("b", 1, "Genf"))
    rows = merged([orders((1, "a", 1), (2, "a", 2)), cities], ["customer", "day"])
    assert rows.columns == ("customer", "day", "order_id", "city")
    assert in_order(rows) == [("a", 1, 1, "Bern"), ("a", 2, 2, None), ("b", 1, None, "Genf")]


def test_first_per_takes_the_first_of_each_key() -> None:
    rows = orders((1, "a", 3), (2, "a", 5), (3, "b", 4))
    assert in_order(first_per(rows, "customer", ibis.desc("day"))) == [(2, "a", 5), (3, "b", 4)]
    assert in_order(first_per(rows, ["customer"], "day")) == [(1, "a", 3), (3, "b", 4)]


def test_first_per_breaks_ties_by_what_follows() -> None:
    rows = orders((2, "a", 5), (1, "a", 5), (3, "a", 4))
    assert in_order(first_per(rows, "customer", [rows.day.desc(), rows.order_id])) == [(1, "a", 5)]
    assert in_order(first_per(rows, "customer", [rows.day.desc(), rows.order_id.desc()])) == [(2, "a", 5)]


def test_first_per_holds_null_keys_for_one_key() -> None:
    rows = orders((1, None, 2), (2, None, 1), (3, "a", 9))
    assert in_order(first_per(rows, "customer", "day")) == [(2, None, 1), (3, "a", 9)]


def test_first_per_without_keys_takes_one_row_and_of_none_none() -> None:
    rows = orders((1, "a", 3), (2, "b", 5))
    assert in_order(first_per(rows, (), ibis.desc("day"))) == [(2, "b", 5)]
    assert in_order(first_per(rows.filter(rows.day > 9), (), "day")) == []


def test_long_rows_returns_a_row_per_part() -> None:
    rows = orders((1, "a", 3), (2, None, None))
    parts = [
        {"what": ibis.literal("customer"), "text": rows.customer, "twice": rows.day * 2},
        {"what": ibis.literal("day"), "text": rows.day.cast("string"), "twice": rows.day + rows.day},
    ]
    assert in_order(long_rows(rows, "order_id", parts)) == [
        (1, "customer", "a", 6),
        (1, "day", "3", 6),
        (2, "customer", None, None),
        (2, "day", None, None),
    ]
    assert long_rows(rows, ["order_id", "customer"], parts).columns == ("order_id", "customer", "what", "text", "twice")


def test_long_rows_refuses_parts_of_other_columns() -> None:
    rows = orders((1, "a", 3))
    with pytest.raises(ValueError, match="Every part must have the columns"):
        long_rows(rows, "order_id", [{"one": rows.day}, {"other": rows.day}])


def test_sentence_puts_values_in_their_places() -> None:
    rows = orders((7, "Ann", 3))
    said = sentence("{} ordered no. {} on day {} of {}.", rows.customer, rows.order_id, rows.day, 5)
    assert rows_of(rows.select(said=said)) == [{"said": "Ann ordered no. 7 on day 3 of 5."}]
    assert rows_of(rows.select(said=sentence("{}{}", rows.customer, rows.day))) == [{"said": "Ann3"}]


def test_sentence_is_null_where_a_value_is() -> None:
    rows = orders((1, None, 3))
    assert rows_of(rows.select(said=sentence("{} came on day {}", rows.customer, rows.day))) == [{"said": None}]


def test_sentence_needs_a_value_per_place() -> None:
    with pytest.raises(ValueError, match="has 2 places for 1 values"):
        sentence("{} and {}", "one")
