"""Months of the revenue bridge as rows: their first and last days up to the as-of date."""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.lifecycle.money._anniversaries import months_after
from cjo_assets.families.lifecycle.money._subscription_terms import MONTHS_PER_YEAR


def months_shown(as_of: ir.DateScalar, months: int) -> ir.Table:
    """Return the last months up to that of the as-of date.

    Returns:
        One row per month: its first day (`month`), the last day before it (`before_on`), its last day or the as-of date
        (`until_on`), and the day twelve months before that (`year_before_on`), which is the last of its month where
        `until_on` is.
    """
    places = literal_rows([{"months_ago": place} for place in range(months)], {"months_ago": "int64"})
    rows = places.mutate(month=months_after(as_of.truncate("M").cast("date"), -places.months_ago))
    last_on = days_after(months_after(rows.month, 1), -1)
    is_whole = last_on <= as_of
    return rows.select(
        "month",
        before_on=days_after(rows.month, -1),
        until_on=is_whole.ifelse(last_on, as_of),
        year_before_on=is_whole.ifelse(
            days_after(months_after(rows.month, 1 - MONTHS_PER_YEAR), -1), months_after(as_of, -MONTHS_PER_YEAR)
        ),
    )
