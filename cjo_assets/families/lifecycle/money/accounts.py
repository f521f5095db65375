"""Accounts: what each organization pays, on which plan, since when and until when.

One row per as-of date and organization that had signed up by then or has a subscription. Revenue is the sum over
active subscriptions; the plan is that of the subscription with the highest yearly price.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._event_types import ANNUAL
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.organizations import known_organizations
from cjo_assets.families.lifecycle.money._anniversaries import next_anniversary
from cjo_assets.families.lifecycle.money._subscription_terms import TRIAL_STARTED, trial_end
from cjo_assets.families.lifecycle.money.subscriptions import ACTIVE
from cjo_assets.policy.lifecycle import LifecyclePolicy

CUSTOMER = "customer_id"


class Accounts(DatedContract):
    """What each organization pays, and since when. One row per as-of date and organization."""

    customer_id: str = key("Customer.", personal="customer")
    mrr: float = column(
        "Recurring revenue [currency per month], the sum of its active subscriptions.", ge=0, decimals=2
    )
    arr: float = column("Recurring revenue [currency per year].", ge=0, decimals=2)
    subscriptions: int = column("Active subscriptions [subscriptions].", ge=0)
    plan_id: str = column("Plan of its dearest active subscription; null without one.", nullable=True)
    has_voice: bool = column("Whether that plan includes voice minutes; null where the plan is unknown.", nullable=True)
    trial_started_on: date = column("First day of its last trial; null without one.", nullable=True)
    trial_ends_on: date = column("Last day of that trial; null without one.", nullable=True)
    first_paid_on: date = column("First day it ever paid; null: it never did.", nullable=True)
    paid_since: date = column("First paid day of its oldest active subscription; null without one.", nullable=True)
    renewal_on: date = column(
        "Next anniversary of its oldest active annual subscription, the as-of date included; null without one.",
        nullable=True,
    )
    churned_on: date = column("Day its last subscription ended; null while it pays, or if it never did.", nullable=True)


def accounts(
    organizations: ir.Table,
    subscriptions: ir.Table,
    lifecycle_events: ir.Table,
    plans: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return every organization known on the as-of date with its revenue, plan and dates."""
    active = subscriptions.filter(subscriptions.status == ACTIVE)
    has_signed_up = organizations.customer_id.isin(known_organizations(organizations, as_of).customer_id)
    is_known = has_signed_up | organizations.customer_id.isin(subscriptions.customer_id)
    rows = organizations.filter(is_known).select(CUSTOMER)
    for part in (
        _revenue(active),
        _plan(active, plans),
        _renewal(active, as_of),
        _history(subscriptions),
        _trial(lifecycle_events, as_of, policy),
    ):
        rows = lookup(rows, part, CUSTOMER)
    has_left = rows.paid_since.isnull() & rows.first_paid_on.notnull()
    return rows.mutate(
        mrr=rows.mrr.fill_null(0.0),
        arr=rows.arr.fill_null(0.0),
        subscriptions=rows.subscriptions.fill_null(0),
        churned_on=has_left.ifelse(rows.last_ended_on, ibis.null("date")),
    )


def _revenue(active: ir.Table) -> ir.Table:
    return active.group_by(CUSTOMER).agg(
        mrr=money_sum(active.mrr),
        arr=money_sum(active.arr),
        subscriptions=active.count(),
        paid_since=active.started_on.min(),
    )


def _plan(active: ir.Table, plans: ir.Table) -> ir.Table:
    dearest = first_per(active, CUSTOMER, [ibis.desc("arr"), "subscription_id"]).select(CUSTOMER, "plan_id")
    minutes = plans.included_voice_minutes
    voice = plans.select("plan_id", has_voice=minutes.isnull() | (minutes > 0))
    return lookup(dearest, voice, "plan_id")


def _renewal(active: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    annual = active.filter(active.interval == ANNUAL)
    oldest = annual.group_by(CUSTOMER).agg(started_on=annual.started_on.min())
    return oldest.select(CUSTOMER, renewal_on=next_anniversary(oldest.started_on, as_of))


def _history(subscriptions: ir.Table) -> ir.Table:
    paid = subscriptions.filter(subscriptions.first_paid_on.notnull())
    return paid.group_by(CUSTOMER).agg(
        first_paid_on=paid.first_paid_on.min(),
        last_ended_on=paid.ended_on.max(),
    )


def _trial(lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    trials = known_events(lifecycle_events, as_of, TRIAL_STARTED)
    last = first_per(trials, CUSTOMER, [ibis.desc("occurred_at"), ibis.desc("event_id")])
    return last.select(CUSTOMER, trial_started_on=last.occurred_at.date(), trial_ends_on=trial_end(last, policy))


@check(blocking=True)
def rows_of_no_organization(accounts: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return accounts whose organization is not in the file."""
    return without_organization(accounts, organizations)


@check(blocking=True)
def revenue_without_account(accounts: ir.Table, subscriptions: ir.Table) -> ir.Table:
    """Return customers whose active subscriptions are not in the revenue of an account."""
    active = subscriptions.filter(subscriptions.status == ACTIVE)
    sums = active.group_by(CUSTOMER).agg(subscribed=money_sum(active.mrr))
    compared = lookup(sums, accounts, CUSTOMER, "mrr")
    return compared.filter(compared.mrr.fill_null(0.0) != compared.subscribed)
