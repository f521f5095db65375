"""Compliance with the agreed service levels of the running month, and the credits that are due.

One row per as-of date, metric, and customer that pays or was measured. Each metric counts what was missed, and what may
be missed: minutes without an answer of all minutes of the month, late requests of all requests, and SLA clocks beyond
their target of all that ended or exceeded it. The target is that of the contract that is valid on the first of the
month, or that begins first within it, otherwise the policy's. Windows of maintenance do not count. Uptime is that of
the customer's service with the most downtime.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, SCORE_DECIMALS, rounded, whole
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.families.lifecycle.inputs import sla_terms as terms_file
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.money._anniversaries import months_after
from cjo_assets.families.lifecycle.operation._windows import SERVICE, known_windows, latency_limit
from cjo_assets.families.lifecycle.support._status_changes import FIRST_RESPONSE, RESOLUTION
from cjo_assets.families.lifecycle.support._targets import METRIC_OF
from cjo_assets.families.lifecycle.support.ticket_sla import BREACHED as CLOCK_BREACHED
from cjo_assets.families.lifecycle.support.ticket_sla import MET as CLOCK_MET
from cjo_assets.policy.lifecycle import LifecyclePolicy

UPTIME, IN_TIME = "uptime", "in_time"
# Metric of this table by metric of the terms.
METRIC_OF_TERM = {terms_file.UPTIME: UPTIME, terms_file.P95: IN_TIME} | {term: name for name, term in METRIC_OF.items()}
METRICS = [UPTIME, IN_TIME, FIRST_RESPONSE, RESOLUTION]
MET, AT_RISK, BREACHED = "met", "at_risk", "breached"
MINUTES_PER_DAY = 1440
KEY = ["customer_id", "metric"]


class SlaCompliance(DatedContract):
    """Compliance with agreed service levels in the running month. One row per as-of date, customer and metric."""

    customer_id: str = key("Customer.", personal="customer")
    metric: str = key("uptime, in_time (response times), first_response or resolution.", isin=METRICS)
    month: date = column("First day of the month.")
    target: float = column("Agreed share [0-1].", ge=0, le=1)
    is_contracted: bool = column("Whether a contract has a target for the metric; otherwise the policy's applies.")
    service: str = column(
        "uptime: service with the most downtime, which is measured; null for other metrics.", nullable=True
    )
    measured: int = column(
        "What was measured in the month so far [minutes, requests or clocks]; 0: not measurable.", ge=0
    )
    missed: int = column("Of these, down, late or beyond the target [same unit], up = worse.", ge=0)
    attained: float = column(
        "Share that was not missed [0-1], up = better; null where not measurable.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    coverage: float = column(
        "uptime: measured share of the minutes of the month so far [0-1]; null for other metrics.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    allowed: float = column(
        "What may be missed [same unit]: of the whole month for uptime, otherwise of what was measured; null where not "
        "measurable.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    used: float = column(
        "missed over allowed, up = worse; null where nothing is allowed.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    state: str = column(
        "met; at_risk: from the policy's budget_at_risk of what is allowed; breached: more than allowed; "
        "not_measurable: no record of the month.",
        isin=[MET, AT_RISK, BREACHED, NOT_MEASURABLE],
    )
    credit_share: float = column(
        "Agreed credit [share of the monthly recurring revenue]; null: none was agreed.", ge=0, le=1, nullable=True
    )
    credit: float = column("Credit that is due [currency], 0 unless breached.", ge=0, decimals=MONEY_DECIMALS)


def sla_compliance(
    service_windows: ir.Table,
    sla_terms: ir.Table,
    ticket_sla: ir.Table,
    accounts: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Compare what was missed in the month so far with what may be missed."""
    month = as_of.truncate("M").cast("date")
    terms = _terms_of_month(sla_terms, month, as_of)
    windows = known_windows(service_windows, as_of)
    windows = windows.filter(windows.window_ended_at > month.cast("timestamp"))
    minutes = (as_of.delta(month, unit="day") + 1) * MINUTES_PER_DAY
    measures = ibis.union(
        _uptime(windows, minutes), _in_time(windows, terms, policy), _clocks(ticket_sla, month.cast("timestamp"))
    )
    rows = _with_rows_of_payers(accounts, measures, policy)
    rows = lookup(rows, _by_metric(terms), KEY)
    rows = rows.mutate(target=ibis.coalesce(rows.contracted, rows.policy_target))
    month_minutes = months_after(month, 1).delta(month, unit="day") * MINUTES_PER_DAY
    base = (rows.metric == UPTIME).ifelse(month_minutes, rows.measured)
    is_measured = rows.measured > 0
    # Rounded, so that a share of exactly what is allowed is not more because of binary floats.
    allowed = is_measured.ifelse(rounded(base * (1 - rows.target)), ibis.null("float64"))
    rows = rows.mutate(allowed=allowed, used=rows.missed / allowed.nullif(0.0))
    state = ibis.cases(
        (~is_measured, NOT_MEASURABLE),
        (rows.missed > rows.allowed, BREACHED),
        ((rows.used >= policy.sla.budget_at_risk).fill_null(False), AT_RISK),
        else_=MET,
    )
    has_credit = (state == BREACHED) & rows.credit_share.notnull() & (rows.missed_contracted > 0)
    return rows.mutate(
        month=month,
        is_contracted=rows.is_contracted.fill_null(False),
        attained=1 - rows.missed / rows.measured.nullif(0),
        state=state,
        credit=has_credit.ifelse(rows.credit_share * rows.mrr, 0.0),
    )


def _terms_of_month(sla_terms: ir.Table, month: ir.DateValue, as_of: ir.DateScalar) -> ir.Table:
    """Return the term of each customer, metric and priority that applies to the month."""
    terms = sla_terms.filter(sla_terms.valid_from <= as_of)
    terms = terms.mutate(
        metric=terms.metric.cases(*METRIC_OF_TERM.items(), else_=None),
        days_before=month.delta(terms.valid_from, unit="day"),
    )
    order = [terms.valid_from > month, terms.days_before.abs()]
    return first_per(terms, [*KEY, "priority"], order)


def _by_metric(terms: ir.Table) -> ir.Table:
    """Return the agreed share and the credit of each customer and metric; the strictest of its priorities."""
    is_uptime = terms.metric == UPTIME
    return terms.group_by(KEY).agg(
        contracted=terms.target.max(where=is_uptime),
        credit_share=terms.credit_share.max(),
        is_contracted=terms.count() > 0,
    )


def _uptime(windows: ir.Table, minutes: ir.IntegerValue) -> ir.Table:
    sums = windows.group_by(SERVICE).agg(
        measured=whole(windows.minutes.sum()), missed=whole(windows.down_minutes.sum())
    )
    worst = first_per(sums, "customer_id", [ibis.desc("missed"), "measured", "service"])
    coverage = ibis.least(worst.measured / minutes, 1.0)
    return _measure(worst, UPTIME, worst.measured, worst.missed, worst.missed, worst.service, coverage)


def _in_time(windows: ir.Table, terms: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    limits = terms.filter(terms.metric == IN_TIME)
    limits = limits.group_by("customer_id").agg(contracted_ms=limits.target.min())
    rows = lookup(windows, limits, "customer_id")
    limit = ibis.coalesce(rows.contracted_ms, latency_limit(rows.service, policy))
    is_late = rows.p95_ms > limit
    rows = rows.mutate(
        counted=is_late.notnull().ifelse(rows.requests, 0), late=is_late.fill_null(False).ifelse(rows.requests, 0)
    )
    sums = rows.group_by("customer_id").agg(measured=whole(rows.counted.sum()), missed=whole(rows.late.sum()))
    return _measure(sums, IN_TIME, sums.measured, sums.missed, sums.missed)


def _clocks(ticket_sla: ir.Table, since: ir.TimestampValue) -> ir.Table:
    is_met = (ticket_sla.state == CLOCK_MET) & (ticket_sla.stopped_at >= since)
    is_missed = (ticket_sla.state == CLOCK_BREACHED) & (ticket_sla.breached_at >= since)
    rows = ticket_sla.filter(is_met | is_missed)
    is_missed = rows.state == CLOCK_BREACHED
    sums = rows.group_by("customer_id", metric=rows.clock).agg(
        measured=rows.count(),
        missed=rows.count(where=is_missed),
        missed_contracted=rows.count(where=is_missed & rows.is_contracted),
    )
    return _measure(sums, sums.metric, sums.measured, sums.missed, sums.missed_contracted)


def _measure(
    rows: ir.Table,
    metric: ir.StringValue | str,
    measured: ir.IntegerValue,
    missed: ir.IntegerValue,
    missed_contracted: ir.IntegerValue,
    service: ir.StringValue | None = None,
    coverage: ir.FloatingValue | None = None,
) -> ir.Table:
    return rows.select(
        "customer_id",
        metric=ibis.literal(metric) if isinstance(metric, str) else metric,
        measured=measured,
        missed=missed,
        missed_contracted=missed_contracted,
        service=ibis.null("string") if service is None else service,
        coverage=ibis.null("float64") if coverage is None else coverage,
    )


def _with_rows_of_payers(accounts: ir.Table, measures: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return a row per metric for each customer that pays or was measured, with the target of the policy."""
    targets = {
        UPTIME: policy.sla.uptime,
        IN_TIME: policy.sla.in_time_share,
        FIRST_RESPONSE: policy.sla.met_share,
        RESOLUTION: policy.sla.met_share,
    }
    known = accounts.filter((accounts.subscriptions > 0) | accounts.customer_id.isin(measures.customer_id))
    parts = [
        {"metric": ibis.literal(metric), "policy_target": ibis.literal(target, "float64")}
        for metric, target in targets.items()
    ]
    rows = lookup(long_rows(known, ["customer_id", "mrr"], parts), measures, KEY)
    counts = {name: rows[name].fill_null(0) for name in ("measured", "missed", "missed_contracted")}
    return rows.mutate(**counts)


@check(blocking=True)
def rows_of_no_organization(sla_compliance: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return rows whose organization is not in the file."""
    return without_organization(sla_compliance, organizations)


@check(blocking=True)
def customers_without_four_metrics(sla_compliance: ir.Table) -> ir.Table:
    """Return customers that lack a metric."""
    counted = sla_compliance.group_by("customer_id").agg(metrics=sla_compliance.count())
    return counted.filter(counted.metrics != len(METRICS))


@check
def overlapping_windows(service_windows: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return windows that begin before an earlier one of the same service ended, whose minutes count twice."""
    rows = known_windows(service_windows, as_of)
    month = as_of.truncate("M").cast("date")
    rows = rows.filter(rows.window_ended_at > month.cast("timestamp"))
    earlier = ibis.window(group_by=SERVICE, order_by=["started_at", "window_id"], preceding=(None, 1))
    rows = rows.mutate(earlier_ended_at=rows.window_ended_at.max().over(earlier))
    rows = rows.filter(rows.started_at < rows.earlier_ended_at)
    return rows.select("window_id", "customer_id", "service", "started_at", "earlier_ended_at")
