"""Figures of a day of the lifecycle in one row, and its status against the targets of the policy.

One row per as-of date. Amounts and counts are those of tables of the same day; revenue is that of the running month of
`mrr_bridge`. A figure that is not measurable breaks no target.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, any_of, column, names_where
from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, RATE_DECIMALS, money_sum
from cjo_assets.families.lifecycle.money.plan_usage import NEAR, OVER
from cjo_assets.policy.lifecycle import LifecyclePolicy

ON_TRACK, NEEDS_ATTENTION, CRITICAL = "on_track", "needs_attention", "critical"
STATUSES = [ON_TRACK, NEEDS_ATTENTION, CRITICAL, NOT_MEASURABLE]
REVENUE_LOST, PAYMENTS_OVERDUE = "revenue_lost", "payments_overdue"


class LifecycleSummary(DatedContract):
    """The day in one row. One row per as-of date."""

    status: str = column(
        "on_track: no target is missed; needs_attention; critical: a figure is beyond its critical limit; "
        "not_measurable: no figure with a target is known.",
        isin=STATUSES,
    )
    reasons: TextList = column(
        "Missed targets, sorted: payments_overdue (overdue_share), revenue_lost (nrr); empty if on_track."
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


@dataclass(frozen=True)
class _Measure:
    """A figure with a target: whether it is known, misses its target, and is beyond its critical limit."""

    is_known: ir.BooleanValue
    is_missed: ir.BooleanValue
    is_critical: ir.BooleanValue


def lifecycle_summary(
    mrr_bridge: ir.Table,
    invoices: ir.Table,
    plan_usage: ir.Table,
    client_pipeline: ir.Table,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the figures of the day and its status."""
    parts = [_revenue(mrr_bridge), _overdue(invoices), _usage(plan_usage), _deals(client_pipeline)]
    day = parts[0].cross_join(*parts[1:])
    day = day.mutate(overdue_share=day.overdue_amount / day.mrr.nullif(0.0))
    measures = _measures(day, policy)
    return day.mutate(
        status=ibis.cases(
            (~any_of(measure.is_known for measure in measures.values()), NOT_MEASURABLE),
            (any_of(measure.is_critical for measure in measures.values()), CRITICAL),
            (any_of(measure.is_missed for measure in measures.values()), NEEDS_ATTENTION),
            else_=ON_TRACK,
        ),
        reasons=names_where({name: measure.is_missed for name, measure in measures.items()}),
    )


def _measures(day: ir.Table, policy: LifecyclePolicy) -> dict[str, _Measure]:
    """Return the figures that decide the status, by the reason that each gives."""
    targets = policy.targets
    return {
        PAYMENTS_OVERDUE: _Measure(
            day.overdue_share.notnull(),
            (day.overdue_share > targets.overdue_share.target).fill_null(False),
            (day.overdue_share > targets.overdue_share.critical).fill_null(False),
        ),
        REVENUE_LOST: _Measure(
            day.nrr.notnull(),
            (day.nrr < targets.nrr.target).fill_null(False),
            (day.nrr < targets.nrr.critical).fill_null(False),
        ),
    }


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


@check(blocking=True)
def status_without_reasons(lifecycle_summary: ir.Table) -> ir.Table:
    """Return the day if its status and its reasons disagree."""
    is_missed = lifecycle_summary.status.isin([NEEDS_ATTENTION, CRITICAL])
    return lifecycle_summary.filter(is_missed != (lifecycle_summary.reasons.length() > 0))
