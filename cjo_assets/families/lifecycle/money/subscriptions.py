"""Subscriptions with their status and yearly price.

One row per as-of date and subscription. Prices are those of the events, not of invoices or of the list. A subscription
that was cancelled and started again is active since its new start; one whose trial lapsed is cancelled.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._event_types import INTERVALS
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.money._subscription_terms import (
    CANCELLED as CANCELLATION,
)
from cjo_assets.families.lifecycle.money._subscription_terms import (
    CHANGED,
    STARTED,
    TRIAL_STARTED,
    paid_terms,
    subscription_terms,
    with_runs,
)
from cjo_assets.policy.lifecycle import LifecyclePolicy

TRIAL, ACTIVE, CANCELLED = "trial", "active", "cancelled"


class Subscriptions(DatedContract):
    """Subscriptions with their status and yearly price. One row per as-of date and subscription."""

    subscription_id: str = key("Subscription.")
    customer_id: str = column("Customer.", personal="customer")
    status: str = column("trial, active or cancelled; a lapsed trial is cancelled.", isin=[TRIAL, ACTIVE, CANCELLED])
    plan_id: str = column("Plan of the last term; null: a trial.", nullable=True)
    interval: str = column(
        "Billing interval of the last term: monthly or annual; null: a trial.", isin=list(INTERVALS), nullable=True
    )
    arr: float = column(
        "Recurring revenue [currency per year], 12 times a monthly price; 0 unless active.", ge=0, decimals=2
    )
    mrr: float = column("Recurring revenue [currency per month], arr / 12; 0 unless active.", ge=0, decimals=2)
    started_on: date = column("First paid day since the last start, or first day of the trial.")
    first_paid_on: date = column("First paid day ever; null: a trial.", nullable=True)
    ended_on: date = column("Day from which it was no longer paid; null unless cancelled.", nullable=True)
    cancels_on: date = column("Day on which an announced cancellation takes effect; null without one.", nullable=True)


def subscriptions(lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the last term of each subscription, and whether it is paid on the as-of date."""
    terms = subscription_terms(lifecycle_events, as_of, policy)
    last = first_per(terms, "subscription_id", [ibis.desc("started_at"), ibis.desc("event_id")])
    runs = terms.group_by("subscription_id", "run").agg(started_on=terms.starts_on.min())
    paid = paid_terms(terms)
    firsts = paid.group_by("subscription_id").agg(first_paid_on=paid.starts_on.min())
    rows = lookup(lookup(last, runs, ["subscription_id", "run"]), firsts, "subscription_id")
    has_ended = (rows.run_ends_on <= as_of).fill_null(False)
    status = ibis.cases((has_ended, CANCELLED), (rows.is_trial, TRIAL), else_=ACTIVE)
    is_active = status == ACTIVE
    return rows.mutate(
        status=status,
        arr=is_active.ifelse(rows.arr, 0.0),
        mrr=is_active.ifelse(rows.mrr, 0.0),
        ended_on=has_ended.ifelse(rows.run_ends_on, ibis.null("date")),
        cancels_on=is_active.ifelse(rows.run_ends_on, ibis.null("date")),
    )


@check(blocking=True)
def rows_of_no_organization(subscriptions: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return subscriptions whose organization is not in the file."""
    return without_organization(subscriptions, organizations)


@check
def events_without_start(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return changes and cancellations of subscriptions that no start precedes, which therefore have no effect."""
    events = with_runs(known_events(lifecycle_events, as_of, TRIAL_STARTED, STARTED, CHANGED, CANCELLATION))
    return events.filter(events.run == 0).select("event_id", "event_type", "customer_id", subscription_id="subject_id")


@check
def unknown_plans(subscriptions: ir.Table, plans: ir.Table) -> ir.Table:
    """Return subscriptions whose plan is not in the file, so that their usage cannot be compared with it."""
    rows = subscriptions.filter(subscriptions.plan_id.notin(plans.plan_id))
    return rows.select("subscription_id", "customer_id", "plan_id")
