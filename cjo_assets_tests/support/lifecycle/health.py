"""Daily metrics of clients by hand, and their health."""

from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.types as ir

from cjo_assets.families.lifecycle.success.health_contributions import HealthContributions, health_contributions
from cjo_assets.families.lifecycle.success.health_scores import HealthScores, health_scores
from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, started
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, kept, table_of


def metric(name: str, offset: int, numerator: float, denominator: float = 1.0, customer: str = "C1") -> Row:
    """Return a metric of a day, counted from the as-of date."""
    return {
        "customer_id": customer,
        "metric": name,
        "metric_day": day(offset),
        "numerator": float(numerator),
        "denominator": float(denominator),
        "n": 1,
    }


def metrics_of(rows: Iterable[Row]) -> ir.Table:
    """Return metrics as a table."""
    return table_of(DailyMetrics, list(rows))


def paying(customer: str = "C1", since: str = "2023-01-01", amount: float = 100.0) -> Row:
    """Return the start of a subscription."""
    return started(since, amount, customer, f"S-{customer}")


def invoice(customer: str, due: str, issued: str = "2024-01-01") -> Row:
    """Return an invoice that is not paid."""
    return event("invoice_issued", issued, customer, f"I-{customer}", amount=10.0, due_at=due)


def contributions_of(metrics: Rows, events: Rows, offset: int = 0, rules: Any = RULES) -> dict[tuple[str, str], Row]:
    """Return the contributions of a day, by customer and measure."""
    table = health_contributions(metrics_of(metrics), events_of(*events), as_of(offset), rules)
    return by(("customer_id", "measure"), kept(HealthContributions, table, day(offset)))


def scores_of(metrics: Rows, events: Rows, offset: int = 0, rules: Any = RULES) -> dict[str, Row]:
    """Return the scores of a day, by customer."""
    daily, log = metrics_of(metrics), events_of(*events)
    return by("customer_id", kept(HealthScores, scores_table(daily, log, offset, rules), day(offset)))


def scores_table(daily: ir.Table, log: ir.Table, offset: int = 0, rules: Any = RULES) -> ir.Table:
    """Return the scores of a day as a table."""
    parts = health_contributions(daily, log, as_of(offset), rules)
    customers = log.select("customer_id").distinct()
    return health_scores(parts, daily, log, customers.mutate(mrr=ibis.literal(100.0)), as_of(offset), rules)
