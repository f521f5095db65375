"""Backtest of the health score: which clients of an earlier day have left since, by their band on that day.

One row per as-of date, horizon and band. The score of the earlier day is computed again from what was known on it, and
so are the customers who paid then. A customer has left if nothing is paid on the as-of date; one who returned by then
has not. With fewer departures than the policy's minimum_churned the rates are not measurable; the counts are shown.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import MEASURED, NOT_MEASURABLE, wilson_interval
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, money_sum
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.money.subscriptions import ACTIVE
from cjo_assets.families.lifecycle.success._health import BANDS, GREEN, RED, scores_on
from cjo_assets.policy.lifecycle import LifecyclePolicy

KEY = ["horizon_days", "band"]


class HealthBacktest(DatedContract):
    """Departures since an earlier day by the health of that day. One row per as-of date, horizon and band."""

    horizon_days: int = key("Days between the score and the as-of date [days].", ge=1)
    band: str = key("Band on the earlier day.", isin=BANDS)
    scored_on: date = column("Day of the score.")
    customers: int = column("Customers in the band who paid on that day [customers].", ge=0)
    churned: int = column("Of these, those who pay nothing on the as-of date [customers].", ge=0)
    mrr: float = column(
        "Recurring revenue of the customers on that day [currency per month].", ge=0, decimals=MONEY_DECIMALS
    )
    mrr_lost: float = column("Of this, that of the churned [currency per month].", ge=0, decimals=MONEY_DECIMALS)
    churn_rate: float = column(
        "churned over customers [0-1], up = worse; null where not measurable.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    rate_low: float = column(
        "Lower end of its Wilson interval, at the policy's interval_level.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    rate_high: float = column("Upper end of its interval.", ge=0, le=1, nullable=True, decimals=RATE_DECIMALS)
    recall: float = column(
        "Share of all churned customers who were in this band [0-1]; null where not measurable.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    lift: float = column(
        "churn_rate of the band over that of green, up = worse; null where not measurable, or where no green left.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    state: str = column(
        "measured, or not_measurable: fewer departures at this horizon than the policy requires.",
        isin=[MEASURED, NOT_MEASURABLE],
    )


def health_backtest(
    daily_metrics: ir.Table,
    lifecycle_events: ir.Table,
    subscriptions: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Compare the bands of earlier days with the departures since."""
    rules = policy.health.backtest
    active = subscriptions.filter(subscriptions.status == ACTIVE)
    scored = ibis.union(
        *(_scored(daily_metrics, lifecycle_events, days, as_of, policy) for days in sorted(rules.horizons))
    )
    scored = scored.mutate(has_left=scored.customer_id.notin(active.customer_id))
    counts = scored.group_by(KEY).agg(
        customers=scored.count(),
        churned=scored.count(where=scored.has_left),
        mrr=money_sum(scored.mrr),
        mrr_lost=money_sum(scored.mrr, where=scored.has_left),
    )
    rows = lookup(_bands(policy), counts, KEY)
    rows = rows.mutate(
        scored_on=days_after(as_of, -rows.horizon_days),
        customers=rows.customers.fill_null(0),
        churned=rows.churned.fill_null(0),
        mrr=rows.mrr.fill_null(0.0),
        mrr_lost=rows.mrr_lost.fill_null(0.0),
    )
    return _with_rates(rows, policy)


def _scored(
    daily_metrics: ir.Table, lifecycle_events: ir.Table, days: int, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the paying customers of an earlier day with their band and revenue of that day."""
    rows = scores_on(daily_metrics, lifecycle_events, days_after(as_of, -days), policy)
    return rows.filter(rows.is_paying).select("customer_id", "band", "mrr", horizon_days=ibis.literal(days, "int64"))


def _bands(policy: LifecyclePolicy) -> ir.Table:
    """Return every horizon and band."""
    rows = [{"horizon_days": days, "band": band} for days in sorted(policy.health.backtest.horizons) for band in BANDS]
    return literal_rows(rows, {"horizon_days": "int64", "band": "string"})


def _with_rates(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add the rates of horizons with enough departures."""
    rules = policy.health.backtest
    horizon = ibis.window(group_by="horizon_days")
    rows = rows.mutate(all_churned=rows.churned.sum().over(horizon))
    is_measured = rows.all_churned >= rules.minimum_churned
    churned = is_measured.ifelse(rows.churned, ibis.null("int64"))
    low, high = wilson_interval(churned, rows.customers, rules.interval_level)
    rows = rows.mutate(
        churn_rate=churned / rows.customers.nullif(0),
        rate_low=low,
        rate_high=high,
        recall=churned / rows.all_churned.nullif(0),
        state=is_measured.ifelse(MEASURED, NOT_MEASURABLE),
    )
    green_rate = rows.churn_rate.max(where=rows.band == GREEN).over(horizon)
    return rows.mutate(lift=rows.churn_rate / green_rate.nullif(0.0))


@check(blocking=True)
def customers_that_are_not_counted(health_backtest: ir.Table) -> ir.Table:
    """Return bands with more churned customers, or more lost revenue, than there were."""
    rows = health_backtest.filter(
        (health_backtest.churned > health_backtest.customers) | (health_backtest.mrr_lost > health_backtest.mrr)
    )
    return rows.select("horizon_days", "band", "customers", "churned", "mrr", "mrr_lost")


@check
def red_that_leaves_no_more_than_green(health_backtest: ir.Table) -> ir.Table:
    """Return horizons at which red customers left no more often than green ones: the score foretells nothing."""
    rows = health_backtest.filter(health_backtest.band == RED, health_backtest.lift <= 1)
    return rows.select("horizon_days", "churn_rate", "lift")
