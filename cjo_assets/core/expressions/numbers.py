"""Reproducible rounding and null-safe arithmetic, as expressions."""

import ibis
import ibis.expr.types as ir

SCORE_DECIMALS = 6
CONTRIBUTION_DECIMALS = 12
# A rate of one in ten thousand still has five digits.
RATE_DECIMALS = 9
MONEY_DECIMALS = 2
# Amounts that differ by less are printed alike.
HALF_A_CENT = 10.0**-MONEY_DECIMALS / 2
SHORT_DECIMAL, LONG_DECIMAL = "decimal(18, 12)", "decimal(38, 12)"
# Amounts are added in billionths, which leaves 29 digits before the point.
ADDED_AMOUNT = "decimal(38, 9)"


def rounded(value: ir.NumericValue, decimals: int = SCORE_DECIMALS) -> ir.FloatingValue:
    """Round half away from zero, as a person would read the number.

    The decimal in between removes the noise of binary floats: 0.575 is stored as 0.57499999999999996 and would
    otherwise round to 0.57. The engine rounds a short decimal thirty times as fast as a long one, to the same number;
    the long one is for numbers that the short one cannot hold. One too large for both has no decimals worth rounding
    and stays as it is.
    """
    number = value.cast("float64")
    short, long = (number.try_cast(kind).round(decimals).cast("float64") for kind in (SHORT_DECIMAL, LONG_DECIMAL))
    return ibis.coalesce(short, long, number)


def money_sum(value: ir.NumericValue, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """Add up amounts and round the sum once, to the cent; null where there is none.

    Decimals are added, not binary floats: the sum does not depend on the order of the rows. The rows themselves are
    not rounded to cents, so that many amounts below a cent add up to what they are.
    """
    return value.cast(ADDED_AMOUNT).sum(where=where).round(MONEY_DECIMALS).cast("float64")


def exact_sum(value: ir.NumericValue, where: ir.BooleanValue | None = None) -> ir.FloatingScalar:
    """Return the sum of numbers, which does not depend on the order of the rows."""
    # Sums of whole numbers are exact; decimals make the others so.
    exact = value if value.type().is_integer() else value.cast(ADDED_AMOUNT)
    return exact.sum(where=where).cast("float64")


def exact_mean(value: ir.NumericValue) -> ir.FloatingScalar:
    """Return the mean of numbers, which does not depend on the order of the rows; null without any."""
    return exact_sum(value) / value.count()


def whole(total: ir.NumericValue) -> ir.IntegerValue:
    """Return a sum of whole numbers as int64."""
    # DuckDB adds up to HUGEINT, and ibis drops a cast to the type it infers.
    return total.cast("decimal(38, 0)").cast("int64")


def same_money(one: ir.NumericValue, other: ir.NumericValue) -> ir.BooleanValue:
    """Return whether two amounts are equal, up to the precision of a binary float of their size."""
    return (one - other).abs() < HALF_A_CENT + other.abs() * 10.0**-CONTRIBUTION_DECIMALS


def capped(value: ir.NumericValue, limit: float = 1.0) -> ir.NumericValue:
    """Return the value, or the limit where the value exceeds it; null stays null."""
    return (value > limit).ifelse(limit, value)
