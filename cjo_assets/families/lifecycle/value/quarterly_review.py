"""Quarters of each client: the running one so far, the one before, and the first whole one after go-live.

One row per as-of date, customer and metric, of customers with a record in one of these quarters. Rates are those of
`daily_metrics`, added up over the quarter before they are divided; sums are shown per day, so that a running quarter
can be compared with a whole one. Costs rest on the policy's minutes of people and on its baseline: an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.kpi import HIGHER, LOWER
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS, whole
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.money._anniversaries import months_after
from cjo_assets.families.lifecycle.success._daily_sums import sums_by
from cjo_assets.families.lifecycle.value._costs import COST_METRICS, handling
from cjo_assets.policy.lifecycle import LifecyclePolicy

MONTHS = 3
KEY = ["customer_id", "metric"]


@dataclass(frozen=True)
class Figure:
    """A metric of the review.

    Attributes:
        daily: its daily metric.
        unit: its unit.
        direction: whether higher or lower is better.
        is_per_day: whether it is a sum, shown per day of the quarter; otherwise a rate or mean.
    """

    daily: str
    unit: str = "share"
    direction: str = HIGHER
    is_per_day: bool = False


FIGURES = {
    "conversations_per_day": Figure("conversations", "conversations per day", is_per_day=True),
    "resolution_rate": Figure("resolved"),
    "completion_rate": Figure("completed"),
    "first_contact": Figure("first_contact"),
    "escalation_rate": Figure("escalated", direction=LOWER),
    "in_time": Figure("in_time"),
    "csat": Figure("csat", "satisfaction [1-5]"),
    "active_day_share": Figure("active_days", is_per_day=True),
    "tickets_per_day": Figure("tickets", "tickets per day", LOWER, is_per_day=True),
    "ticket_autonomy": Figure("resolved_by_ai"),
    "sla_met": Figure("sla_met"),
}
COST_PER_INTERACTION, COST_REDUCTION = "cost_per_interaction", "cost_reduction"
METRICS = [*FIGURES, COST_PER_INTERACTION, COST_REDUCTION]
DAILY = tuple(dict.fromkeys([*(figure.daily for figure in FIGURES.values()), *COST_METRICS]))


class QuarterlyReview(DatedContract):
    """Quarters of each client by metric. One row per as-of date, customer and metric."""

    customer_id: str = key("Customer.", personal="customer")
    metric: str = key("Metric.", isin=METRICS)
    unit: str = column("Unit of the values.")
    direction: str = column("Which way is better.", isin=[HIGHER, LOWER])
    grade: str = column(
        "measured, or assumption: it rests on costs that the policy assumes.", isin=[MEASURED, ASSUMPTION]
    )
    quarter: date = column("First day of the running quarter.")
    baseline_quarter: date = column(
        "First day of the first whole quarter after go-live; null before it has ended.", nullable=True
    )
    value: float = column("Quarter to date; null without a record.", nullable=True, decimals=SCORE_DECIMALS)
    before: float = column("Quarter before; null without a record.", nullable=True, decimals=SCORE_DECIMALS)
    baseline: float = column(
        "Baseline quarter; null without one or without a record.", nullable=True, decimals=SCORE_DECIMALS
    )
    change: float = column("value less before; null where one is missing.", nullable=True, decimals=SCORE_DECIMALS)
    change_since_baseline: float = column(
        "value less baseline; null where one is missing.", nullable=True, decimals=SCORE_DECIMALS
    )
    n: int = column("Records behind value; 0 without any.", ge=0)
    n_before: int = column("Records behind before; 0 without any.", ge=0)
    n_baseline: int = column("Records behind baseline; 0 without any.", ge=0)


def quarterly_review(
    daily_metrics: ir.Table, config_changes: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the metrics of each client in the three quarters."""
    current = as_of.truncate("Q").cast("date")
    before = months_after(current, -MONTHS)
    quarters = _baseline_quarters(config_changes, current)
    rows = daily_metrics.filter(daily_metrics.metric_day <= as_of, daily_metrics.metric.isin(list(DAILY)))
    rows = rows.mutate(quarter=rows.metric_day.truncate("Q").cast("date"))
    rows = lookup(rows, quarters, "customer_id")
    rows = rows.filter((rows.quarter >= before) | (rows.quarter == rows.baseline_quarter).fill_null(False))
    values = _values(sums_by(rows, ["customer_id", "quarter"], DAILY), as_of, current, policy)
    found = values.select(*KEY, "unit", "direction", "grade").distinct()
    found = lookup(found, quarters, "customer_id").mutate(quarter=current, before_quarter=before)
    for own, name, n in (
        ("quarter", "value", "n"),
        ("before_quarter", "before", "n_before"),
        ("baseline_quarter", "baseline", "n_baseline"),
    ):
        chosen = values.select(*KEY, **{own: "quarter", name: "figure", n: "records"})
        found = lookup(found, chosen, [*KEY, own])
    counts = {name: found[name].fill_null(0) for name in ("n", "n_before", "n_baseline")}
    return found.mutate(
        change=found["value"] - found.before, change_since_baseline=found["value"] - found.baseline, **counts
    )


def _baseline_quarters(config_changes: ir.Table, current: ir.DateValue) -> ir.Table:
    """Return the first whole quarter after the first deployment of each customer, if it has ended."""
    live = config_changes.filter(config_changes.deployed_at.notnull())
    live = live.group_by("customer_id").agg(live_on=live.deployed_at.min().date())
    first = live.live_on.truncate("Q").cast("date")
    first = (first == live.live_on).ifelse(first, months_after(first, MONTHS))
    return live.select("customer_id", baseline_quarter=(first < current).ifelse(first, ibis.null("date")))


def _values(sums: ir.Table, as_of: ir.DateScalar, current: ir.DateValue, policy: LifecyclePolicy) -> ir.Table:
    """Return the figure of each customer, quarter and metric with a record, and the number of records."""
    end = (sums.quarter == current).ifelse(days_after(as_of, 1), months_after(sums.quarter, MONTHS))
    days = end.delta(sums.quarter, unit="day")
    cost, interactions = handling(sums, policy)
    per_interaction = cost / interactions.nullif(0.0)
    base = ibis.literal(policy.baselines.cost_per_interaction, "float64")
    parts = [
        _part(
            name,
            figure.unit,
            figure.direction,
            sums[figure.daily] / (days if figure.is_per_day else sums[f"{figure.daily}_of"].nullif(0.0)),
            sums[f"{figure.daily}_n"],
        )
        for name, figure in FIGURES.items()
    ]
    parts += [
        _part(COST_PER_INTERACTION, "currency", LOWER, per_interaction, interactions, ASSUMPTION),
        _part(COST_REDUCTION, "share", HIGHER, 1 - per_interaction / base, interactions, ASSUMPTION),
    ]
    rows = long_rows(sums, ["customer_id", "quarter"], parts)
    return rows.mutate(records=rows.figure.isnull().ifelse(0, rows.records))


def _part(
    name: str,
    unit: str,
    direction: str,
    figure: ir.NumericValue,
    records: ir.NumericValue,
    grade: str = MEASURED,
) -> dict[str, ir.Value]:
    texts = {"metric": name, "unit": unit, "direction": direction, "grade": grade}
    return {column_name: ibis.literal(text) for column_name, text in texts.items()} | {
        "figure": figure.cast("float64"),
        "records": whole(records.fill_null(0)),
    }


@check(blocking=True)
def rows_of_no_organization(quarterly_review: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return rows whose organization is not in the file."""
    return without_organization(quarterly_review, organizations)


@check(blocking=True)
def values_without_records(quarterly_review: ir.Table) -> ir.Table:
    """Return rows with a value and no record behind it, or records and no value."""
    rows = quarterly_review
    is_wrong = (
        (rows["value"].notnull() != (rows.n > 0))
        | (rows.before.notnull() != (rows.n_before > 0))
        | (rows.baseline.notnull() != (rows.n_baseline > 0))
    )
    return rows.filter(is_wrong).select(*KEY, "value", "n", "before", "n_before", "baseline", "n_baseline")
