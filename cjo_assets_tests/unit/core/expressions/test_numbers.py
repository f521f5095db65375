"""Rounding as a person would do it: half away from zero, at the number's decimal reading; null stays null."""

import ibis
import pytest

from cjo_assets.core.expressions.numbers import (
    CONTRIBUTION_DECIMALS,
    MONEY_DECIMALS,
    SCORE_DECIMALS,
    capped,
    money_sum,
    rounded,
)
from cjo_assets_tests.support.rows import made_of, rows_of

VALUES = ibis.schema({"value": "float64", "result": "float64"})

# value, decimals, result; the double nearest to each of the first is below the half, and would be rounded down
ROUNDED = [
    (0.575, 2, 0.58),
    (1.005, 2, 1.01),
    (2.675, 2, 2.68),
    (0.285, 2, 0.29),
    (1.115, 2, 1.12),
    (10.235, 2, 10.24),
    (0.1234565, 6, 0.123457),
    (0.0000005, 6, 0.000001),
    # Sums that binary floats miss.
    (0.1 + 0.2, 2, 0.30),
    (1.1 + 2.2, 6, 3.3),
    (0.1 * 3 / 2, 2, 0.15),
    # Half away from zero, not to even.
    (0.5, 0, 1.0),
    (1.5, 0, 2.0),
    (2.5, 0, 3.0),
    (0.125, 2, 0.13),
    (0.135, 2, 0.14),
    # Just under the half it goes down.
    (0.5749, 2, 0.57),
    (0.574999999, 2, 0.57),
    (0.0000004999, 6, 0.0),
    (0.0, 2, 0.0),
    (1.0, 6, 1.0),
    (123456789.125, 2, 123456789.13),
    (1e-30, 6, 0.0),
    (0.123456789012, 12, 0.123456789012),
]


@pytest.mark.parametrize("decimals", sorted({decimals for _, decimals, _ in ROUNDED}))
def test_half_goes_away_from_zero(decimals: int) -> None:
    cases = [(value, result) for value, digits, result in ROUNDED if digits == decimals]
    # What is true of a number is true of its opposite.
    cases += [(-value, -result) for value, result in cases]
    table = made_of([{"value": value, "result": result} for value, result in cases], VALUES)
    found = rows_of(table.mutate(found=rounded(table.value, decimals)))
    assert [(row["value"], row["found"]) for row in found] == [(row["value"], row["result"]) for row in found]


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ([0.004] * 480, 1.92),
        ([0.006] * 480, 2.88),
        ([0.575], 0.58),
        ([-0.004] * 3, -0.01),
        ([1e12, 0.004, 0.004, -1e12], 0.01),
        ([0.1] * 10 + [None], 1.0),
        ([None], None),
    ],
)
def test_a_sum_of_money_is_rounded_once(amounts: list[float | None], total: float | None) -> None:
    table = made_of([{"value": amount, "result": 0.0} for amount in amounts], VALUES)
    assert rows_of(table.agg(found=money_sum(table.value))) == [{"found": total}]


def test_null_stays_null_and_whole_numbers_become_floats() -> None:
    table = made_of([{"value": None, "result": 1.0}], VALUES)
    expression = table.select(
        nothing=rounded(table.value), whole=rounded(ibis.literal(7, "int64"), 2), flag=rounded(ibis.literal(1, "int8"))
    )
    assert rows_of(expression) == [{"nothing": None, "whole": 7.0, "flag": 1.0}]
    assert {column.type().is_float64() for column in (expression.nothing, expression.whole, expression.flag)} == {True}


def test_published_numbers_have_their_decimals() -> None:
    third = made_of([{"value": 1 / 3, "result": 0.0}], VALUES).value
    found = rows_of(
        third.as_table().select(
            score=rounded(third),
            contribution=rounded(third, CONTRIBUTION_DECIMALS),
            money=rounded(third, MONEY_DECIMALS),
        )
    )
    assert SCORE_DECIMALS == 6
    assert found == [{"score": 0.333333, "contribution": 0.333333333333, "money": 0.33}]


def test_a_number_too_large_for_the_decimals_is_itself() -> None:
    """A file may hold any finite number; beyond 2 ** 53 a double has no decimals to lose."""
    large = [1e16, 1e25, 1e26, 1e27, -1e27, 1e300]
    table = made_of([{"value": value, "result": value} for value in large], VALUES)
    assert [row["found"] for row in rows_of(table.select(found=rounded(table.value, MONEY_DECIMALS)))] == large


def test_capped_keeps_to_its_limit() -> None:
    cases = [(0.5, 0.5), (1.0, 1.0), (1.0000001, 1.0), (7.0, 1.0), (-3.0, -3.0), (None, None)]
    table = made_of([{"value": value, "result": result} for value, result in cases], VALUES)
    found = rows_of(table.mutate(found=capped(table.value), lower=capped(table.value, 0.25)))
    assert [row["found"] for row in found] == [result for _, result in cases]
    assert [row["lower"] for row in found] == [0.25, 0.25, 0.25, 0.25, -3.0, None]
