"""Sums of daily metrics over windows of days, one row per customer."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import exact_sum


def in_window(daily_metrics: ir.Table, day: ir.DateValue, days: int, *metrics: str) -> ir.Table:
    """Return metrics of the last days up to a day."""
    is_wanted = daily_metrics.metric.isin(list(metrics))
    return daily_metrics.filter(is_wanted, daily_metrics.metric_day.between(days_after(day, 1 - days), day))


def window_sums(daily_metrics: ir.Table, day: ir.DateValue, days: int, metrics: Sequence[str]) -> ir.Table:
    """Return the sums of metrics over the last days up to a day.

    Returns:
        One row per customer with any of them in the window: customer_id, and per metric its numerator (its name), its
        denominator (`<metric>_of`) and the largest numerator of a day (`<metric>_peak`).
    """
    rows = in_window(daily_metrics, day, days, *metrics)
    return rows.group_by("customer_id").agg(**_sums(rows, metrics))


def sums_by(rows: ir.Table, keys: Sequence[str], metrics: Sequence[str]) -> ir.Table:
    """Return the sums of daily metrics by keys, named as `window_sums` names them, with records as `<metric>_n`."""
    counts = {f"{name}_n": rows.n.sum(where=rows.metric == name) for name in metrics}
    return rows.group_by(list(keys)).agg(**_sums(rows, metrics), **counts)


def totals(sums: ir.Table, metrics: Sequence[str], where: ir.BooleanValue | None = None) -> ir.Table:
    """Return one row with numerators and denominators of customers added up, as `window_sums` names them."""
    names = [name for metric in metrics for name in (metric, f"{metric}_of")]
    return sums.agg(**{name: exact_sum(sums[name], where) for name in names})


def _sums(rows: ir.Table, metrics: Sequence[str]) -> dict[str, ir.NumericScalar]:
    sums: dict[str, ir.NumericScalar] = {}
    for name in metrics:
        is_metric = rows.metric == name
        sums[name] = exact_sum(rows.numerator, is_metric)
        sums[f"{name}_of"] = exact_sum(rows.denominator, is_metric)
        sums[f"{name}_peak"] = rows.numerator.max(where=is_metric)
    return sums
