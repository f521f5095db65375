"""Definitions of the daily metrics, and the rows of which they are summed.

`docs/reference/daily_metrics.md` shows the definitions. A metric is a sum, or a rate or mean: its numerator over its
denominator. Both are added over customers and days before they are divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import exact_sum, whole
from cjo_assets.core.expressions.tables import long_rows


@dataclass(frozen=True)
class Metric:
    """A daily metric.

    Attributes:
        name: value of `metric`.
        numerator: what is added up, with its unit.
        day: the day on which it is known.
        denominator: what it is divided by; empty for a sum.
    """

    name: str
    numerator: str
    day: str
    denominator: str = ""


TALK, TALK_DAY = "conversations that ended", "end"
CALL = "calls of voicebots by known users"
METRICS = (
    Metric("conversations", "conversations", "start"),
    Metric("completed", "completed; escalated ones too if the policy has it so", TALK_DAY, TALK),
    Metric("resolved", "solved the user's problem", TALK_DAY, f"{TALK} of which that is known"),
    Metric(
        "first_contact",
        "no further conversation of the user within the policy's contact_days of the end",
        "end and contact_days",
        f"{TALK} of known users",
    ),
    Metric("escalated", "escalated to a person", TALK_DAY, TALK),
    Metric("flagged", "found to have an invented answer", TALK_DAY, f"{TALK} and were examined"),
    Metric(
        "pinned_ok",
        "ended with the version they began with, which was live propagation_seconds before the start",
        TALK_DAY,
        f"{TALK} of which the versions are known",
    ),
    Metric(
        "in_time", "95th percentile of response times within the policy's latency_ms", TALK_DAY, f"{TALK}, measured"
    ),
    Metric("csat", "satisfaction [1-5], up = better", "answer, or end of the conversation", "answers"),
    Metric("tool_ok", "calls of tools without error", TALK_DAY, "calls of tools"),
    Metric("silent_ok", "no reply of a chatbot to the user during the call", TALK_DAY, CALL),
    Metric("tickets", "tickets", "creation"),
    Metric("resolved_tickets", "tickets that were solved, once each", "first solution"),
    Metric("resolved_by_ai", "solved by the AI in the end", "first solution", "solved tickets of which that is known"),
    Metric("reopened", "tickets that were reopened, once each", "first reopening", "tickets, on their first solution"),
    Metric("complex_tickets", "tickets that were broken, reopened or escalated, once each", "the first of these"),
    Metric("sla_met", "clocks that stopped in time", "stop or breach", "clocks that stopped or broke their target"),
    Metric("logins", "logins", "usage"),
    Metric("active_days", "days with a login or an active user", "usage"),
    Metric("active_users", "active users of the day", "usage"),
    Metric("features", "different features used on the day", "usage"),
    Metric("api_calls", "API calls", "usage"),
    Metric("voice_minutes", "minutes of voice calls", "usage"),
    Metric("searches", "searches of the knowledge base", "search"),
    Metric("search_hits", "found a document with the policy's confidence", "search", "searches"),
    Metric("search_helpful", "found a document that helped", "search", "searches with an answer to that"),
    Metric("search_ms", "duration [ms], up = worse", "search", "searches"),
    Metric("model_cost", "cost of language models by the policy's prices [currency], up = worse", "call"),
    Metric("cost_avoided", "the same of calls that the cache answered [currency], up = better", "call"),
)
NAMES = [metric.name for metric in METRICS]
# What is added up, and what it is divided by or None for a sum; a row with a null in the first does not count.
Measure = tuple[ir.NumericValue | int, ir.NumericValue | int | None]


def metrics_page() -> str:
    """Return the table of definitions as Markdown."""
    head = ["| metric | numerator | denominator | day |", "|---|---|---|---|"]
    lines = [
        f"| `{metric.name}` | {metric.numerator} | {metric.denominator or 'none: a sum'} | {metric.day} |"
        for metric in METRICS
    ]
    return "\n".join([*head, *lines]) + "\n"


def summed(rows: ir.Table, day: ir.DateValue, measures: Mapping[str, Measure]) -> ir.Table:
    """Add up measures of rows by customer and day.

    Args:
        rows: the rows, with `customer_id`.
        day: the day on which a row is known.
        measures: numerator and denominator by metric.

    Returns:
        One row per customer, day and metric that has any: customer_id, metric_day, metric, numerator, denominator and
        n.
    """
    values: dict[str, ir.Value] = {"metric_day": day}
    for name, (numerator, denominator) in measures.items():
        divisor = ibis.null("int64") if denominator is None else denominator
        values |= {f"{name}_numerator": numerator, f"{name}_denominator": divisor}
    found = rows.select("customer_id", **values)
    sums: dict[str, ir.Value] = {}
    for name in measures:
        numerator, divisor = found[f"{name}_numerator"], found[f"{name}_denominator"]
        sums |= {
            f"{name}_numerator": exact_sum(numerator),
            f"{name}_denominator": exact_sum(numerator.notnull().ifelse(divisor, ibis.null(divisor.type()))),
            f"{name}_n": numerator.count(),
        }
    found = found.group_by("customer_id", "metric_day").agg(**sums)
    parts = [
        {
            "metric": ibis.literal(name),
            **{part: found[f"{name}_{part}"] for part in ("numerator", "denominator", "n")},
        }
        for name in measures
    ]
    return long_rows(found, ["customer_id", "metric_day"], parts).filter(lambda row: row.n > 0)


def correction(rows: ir.Table, metric: str, day: ir.DateValue, change: ir.NumericValue | float) -> ir.Table:
    """Return rows that change the numerator of an earlier day on the day on which that became known."""
    return rows.select(
        "customer_id",
        metric_day=day,
        metric=ibis.literal(metric),
        numerator=ibis.literal(change, "float64") if isinstance(change, float) else change,
        denominator=ibis.literal(0.0),
        n=ibis.literal(0, "int64"),
    )


def combined(*facts: ir.Table) -> ir.Table:
    """Return facts with one row per customer, metric and day, where several sources have the same metric."""
    rows = ibis.union(*facts)
    return rows.group_by("customer_id", "metric_day", "metric").agg(
        numerator=exact_sum(rows.numerator), denominator=exact_sum(rows.denominator), n=whole(rows.n.sum())
    )


def share_of(condition: ir.BooleanValue) -> Measure:
    """Return the measure of a share: rows for which a condition holds, of those for which it is known."""
    return ibis.cases((condition, 1), (~condition, 0)), 1
