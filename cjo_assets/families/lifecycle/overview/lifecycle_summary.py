"""Figures of a day of the lifecycle in one row, and its status against the targets of the policy.

One row per as-of date. Amounts and counts are those of tables of the same day; revenue is that of the running month of
`mrr_bridge`. A figure that is not measurable breaks no target.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, any_of, column, names_where
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, money_sum
from cjo_assets.families.lifecycle.money.plan_usage import NEAR, OVER
from cjo_assets.families.lifecycle.success.lifecycle_stages import AT_RISK, RENEWAL
from cjo_assets.families.lifecycle.success.opportunities import OPEN
from cjo_assets.families.lifecycle.support.escalations import LATE
from cjo_assets.families.lifecycle.support.ticket_sla import AT_RISK as CLOSE_TO_TARGET
from cjo_assets.families.lifecycle.support.ticket_sla import BREACHED
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_report import TargetRules

ON_TRACK, NEEDS_ATTENTION, CRITICAL = "on_track", "needs_attention", "critical"
STATUSES = [ON_TRACK, NEEDS_ATTENTION, CRITICAL, NOT_MEASURABLE]
REVENUE_LOST, REVENUE_AT_RISK = "revenue_lost", "revenue_at_risk"
SLA_MISSED, PAYMENTS_OVERDUE = "sla_missed", "payments_overdue"


class LifecycleSummary(DatedContract):
    """The day in one row. One row per as-of date."""

    status: str = column(
        "on_track: no target is missed; needs_attention; critical: a figure is beyond its critical limit; "
        "not_measurable: no figure with a target is known.",
        isin=STATUSES,
    )
    reasons: TextList = column(
        "Missed targets, sorted: payments_overdue (overdue_share), sla_missed (breached_share), revenue_at_risk "
        "(at_risk_share), revenue_lost (nrr); empty if none is missed."
    )
    month: date = column("First day of the running month.")
    mrr: float = column("Recurring revenue on the as-of date [currency per month].", ge=0, decimals=MONEY_DECIMALS)
    mrr_change: float = column(
        "The same less that at the end of the month before [currency per month], up = better.", decimals=MONEY_DECIMALS
    )
    customers: int = column("Paying customers [customers].", ge=0)
    customers_change: int = column("The same less those at the end of the month before [customers], up = better.")
    nrr: float = column(
        "Net revenue retention of the running month, up = better; null without revenue at its start.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    at_risk_customers: int = column("Customers in the stage at_risk [customers], up = worse.", ge=0)
    at_risk_mrr: float = column(
        "Their recurring revenue [currency per month], up = worse.", ge=0, decimals=MONEY_DECIMALS
    )
    at_risk_share: float = column(
        "at_risk_mrr over mrr, up = worse; null without recurring revenue.", ge=0, nullable=True, decimals=RATE_DECIMALS
    )
    renewal_customers: int = column("Customers in the stage renewal [customers].", ge=0)
    renewal_mrr: float = column("Their recurring revenue [currency per month].", ge=0, decimals=MONEY_DECIMALS)
    open_clocks: int = column("SLA clocks of tickets that have not stopped [clocks].", ge=0)
    breached_clocks: int = column("Of these, beyond their target [clocks], up = worse.", ge=0)
    clocks_at_risk: int = column("Of these, close to their target [clocks], up = worse.", ge=0)
    breached_share: float = column(
        "breached_clocks over open_clocks [0-1], up = worse; null without an open clock.",
        ge=0,
        le=1,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    late_escalations: int = column("Escalations in the state late [escalations], up = worse.", ge=0)
    offers: int = column("Indicated opportunities in the state open that nothing blocks [opportunities].", ge=0)
    offers_value: float = column("Their value, as far as known [currency per year].", ge=0, decimals=MONEY_DECIMALS)
    overdue_invoices: int = column("Overdue invoices [invoices], up = worse.", ge=0)
    overdue_amount: float = column("Open on overdue invoices [currency], up = worse.", ge=0, decimals=MONEY_DECIMALS)
    overdue_share: float = column(
        "overdue_amount over mrr, up = worse; null without recurring revenue.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    meters_at_limit: int = column("Meters of plans in the state near or over [meters].", ge=0)
    deals_open: int = column("Deals before their handover [deals].", ge=0)
    deals_overdue: int = column("Of these, longer in their step than the policy's patience [deals], up = worse.", ge=0)
    deals_to_review: int = column("Of these, with a volume to review or a price to approve [deals].", ge=0)


def lifecycle_summary(
    mrr_bridge: ir.Table,
    invoices: ir.Table,
    plan_usage: ir.Table,
    client_pipeline: ir.Table,
    lifecycle_stages: ir.Table,
    ticket_sla: ir.Table,
    escalations: ir.Table,
    opportunities: ir.Table,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the figures of the day and its status."""
    parts = [
        _revenue(mrr_bridge),
        _overdue(invoices),
        _usage(plan_usage),
        _deals(client_pipeline),
        _stages(lifecycle_stages),
        _clocks(ticket_sla),
        escalations.agg(late_escalations=escalations.count(where=escalations.state == LATE)),
        _offers(opportunities),
    ]
    day = parts[0].cross_join(*parts[1:])
    day = day.mutate(
        overdue_share=day.overdue_amount / day.mrr.nullif(0.0),
        at_risk_share=day.at_risk_mrr / day.mrr.nullif(0.0),
        breached_share=day.breached_clocks / day.open_clocks.nullif(0),
    )
    targets = policy.targets
    is_missed, is_critical = (
        {
            REVENUE_LOST: (day.nrr < limits["nrr"]).fill_null(False),
            REVENUE_AT_RISK: (day.at_risk_share > limits["at_risk_share"]).fill_null(False),
            SLA_MISSED: (day.breached_share > limits["breached_share"]).fill_null(False),
            PAYMENTS_OVERDUE: (day.overdue_share > limits["overdue_share"]).fill_null(False),
        }
        for limits in (targets.limits("target"), targets.limits("critical"))
    )
    is_known = any_of(day[name].notnull() for name in TargetRules.model_fields)
    return day.mutate(
        status=ibis.cases(
            (~is_known, NOT_MEASURABLE),
            (any_of(is_critical.values()), CRITICAL),
            (any_of(is_missed.values()), NEEDS_ATTENTION),
            else_=ON_TRACK,
        ),
        reasons=names_where(is_missed),
    )


def _revenue(bridge: ir.Table) -> ir.Table:
    running = bridge.filter(bridge.month == bridge.month.max())
    return running.select(
        "month",
        "nrr",
        mrr="end_mrr",
        mrr_change=running.end_mrr - running.start_mrr,
        customers="end_customers",
        customers_change=running.end_customers - running.start_customers,
    )


def _overdue(invoices: ir.Table) -> ir.Table:
    is_overdue = invoices.days_overdue > 0
    return invoices.agg(
        overdue_invoices=invoices.count(where=is_overdue),
        overdue_amount=money_sum(invoices.open, where=is_overdue).fill_null(0.0),
    )


def _usage(usage: ir.Table) -> ir.Table:
    return usage.agg(meters_at_limit=usage.count(where=usage.state.isin([NEAR, OVER])))


def _deals(deals: ir.Table) -> ir.Table:
    is_open = deals.step.notnull()
    is_questioned = deals.needs_review.fill_null(False) | deals.needs_approval.fill_null(False)
    return deals.agg(
        deals_open=deals.count(where=is_open),
        deals_overdue=deals.count(where=is_open & deals.is_overdue),
        deals_to_review=deals.count(where=is_open & is_questioned),
    )


def _stages(stages: ir.Table) -> ir.Table:
    is_at_risk, renews = stages.stage == AT_RISK, stages.stage == RENEWAL
    return stages.agg(
        at_risk_customers=stages.count(where=is_at_risk),
        at_risk_mrr=money_sum(stages.mrr, where=is_at_risk).fill_null(0.0),
        renewal_customers=stages.count(where=renews),
        renewal_mrr=money_sum(stages.mrr, where=renews).fill_null(0.0),
    )


def _clocks(clocks: ir.Table) -> ir.Table:
    is_open = clocks.stopped_at.isnull()
    return clocks.agg(
        open_clocks=clocks.count(where=is_open),
        breached_clocks=clocks.count(where=is_open & (clocks.state == BREACHED)),
        clocks_at_risk=clocks.count(where=is_open & (clocks.state == CLOSE_TO_TARGET)),
    )


def _offers(found: ir.Table) -> ir.Table:
    is_open = found.is_indicated & (found.state == OPEN) & (found.blocked_by.length() == 0)
    return found.agg(
        offers=found.count(where=is_open), offers_value=money_sum(found.value, where=is_open).fill_null(0.0)
    )


@check(blocking=True)
def status_without_reasons(lifecycle_summary: ir.Table) -> ir.Table:
    """Return the day if its status and its reasons disagree."""
    is_missed = lifecycle_summary.status.isin([NEEDS_ATTENTION, CRITICAL])
    return lifecycle_summary.filter(is_missed != (lifecycle_summary.reasons.length() > 0))
