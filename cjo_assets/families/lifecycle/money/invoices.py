"""Invoices with their payments, days overdue and next step of dunning.

One row per as-of date and invoice that was known by then. Payments, failed payments and a void are events of the
invoice. A suspension is a step that a person approves; this table contains only that it is due.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.money._billing import FAILURE, OPEN, PAID, PAYMENT, VOID, VOIDED, billed
from cjo_assets.policy.lifecycle import LifecyclePolicy

NONE, REMINDER, WARNING, SUSPENSION_NOTICE, SUSPEND = "none", "reminder", "warning", "suspension_notice", "suspend"
DUNNING = [NONE, REMINDER, WARNING, SUSPENSION_NOTICE, SUSPEND]


class Invoices(DatedContract):
    """Invoices with payments and dunning. One row per as-of date and invoice."""

    invoice_id: str = key("Invoice.")
    customer_id: str = column("Customer.", personal="customer")
    subscription_id: str = column("Subscription that is billed; null where none is named.", nullable=True)
    plan_id: str = column("Plan of that subscription; null where it is unknown.", nullable=True)
    issued_at: Instant = column("Instant of issue [UTC].")
    due_on: date = column("Day it is due.")
    amount: float = column("Amount [currency].", ge=0, decimals=MONEY_DECIMALS)
    paid: float = column("Paid so far [currency].", ge=0, decimals=MONEY_DECIMALS)
    open: float = column("Still to be paid [currency]; 0 where voided.", ge=0, decimals=MONEY_DECIMALS)
    status: str = column("open, paid or voided.", isin=[OPEN, PAID, VOIDED])
    days_overdue: int = column("Days since due_on while something is open [days], up = worse; 0 before.", ge=0)
    dunning: str = column("Step of dunning that is due, by the policy's dunning_days.", isin=DUNNING)
    failed_payments: int = column("Failed payments [payments].", ge=0)
    next_retry_at: Instant = column(
        "Instant of the next attempt, by the policy's retry_hours [UTC]; null without a failure or an attempt left.",
        nullable=True,
    )


def invoices(
    lifecycle_events: ir.Table, subscriptions: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return each invoice with what was paid, what is open and which step is due."""
    rows = billed(lifecycle_events, as_of)
    rows = lookup(rows, subscriptions, "subscription_id", "plan_id")
    is_open = rows.status == OPEN
    return rows.mutate(
        dunning=_dunning(rows.days_overdue, policy),
        next_retry_at=is_open.ifelse(_retry(rows.last_failed_at, rows.failed_payments, policy), ibis.null("timestamp")),
    )


def _dunning(overdue: ir.IntegerValue, policy: LifecyclePolicy) -> ir.StringValue:
    days = policy.billing.dunning_days
    return ibis.cases(
        (overdue > days.suspend, SUSPEND),
        (overdue >= days.suspension_notice, SUSPENSION_NOTICE),
        (overdue >= days.warning, WARNING),
        (overdue >= days.reminder, REMINDER),
        else_=NONE,
    )


def _retry(failed_at: ir.TimestampValue, failures: ir.IntegerValue, policy: LifecyclePolicy) -> ir.TimestampValue:
    planned = [(count, hours) for count, hours in enumerate(policy.billing.retry_hours, start=1)]
    return failed_at + failures.cases(*planned, else_=ibis.null("int64")).as_interval("h")


@check(blocking=True)
def rows_of_no_organization(invoices: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return invoices whose organization is not in the file."""
    return without_organization(invoices, organizations)


@check
def overpaid_invoices(invoices: ir.Table) -> ir.Table:
    """Return invoices with more payments than their amount."""
    return invoices.filter(invoices.paid > invoices.amount).select("invoice_id", "customer_id", "amount", "paid")


@check
def payments_before_issue(lifecycle_events: ir.Table, invoices: ir.Table) -> ir.Table:
    """Return payments that were received before their invoice was issued."""
    payments = lifecycle_events.filter(lifecycle_events.event_type == PAYMENT)
    paid = payments.join(invoices.select("invoice_id", "issued_at"), payments.subject_id == invoices.invoice_id)
    early = paid.filter(paid.occurred_at < paid.issued_at)
    return early.select("event_id", "invoice_id", "customer_id", "occurred_at", "issued_at")


@check
def events_of_no_invoice(lifecycle_events: ir.Table, invoices: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return payments, failures and voids of invoices that were never issued."""
    events = known_events(lifecycle_events, as_of, PAYMENT, FAILURE, VOID)
    rows = events.filter(events.subject_id.notin(invoices.invoice_id))
    return rows.select("event_id", "event_type", "customer_id", invoice_id="subject_id")


@check
def invoices_without_plan(invoices: ir.Table) -> ir.Table:
    """Return invoices that name no known subscription, so that their plan is unknown."""
    return invoices.filter(invoices.plan_id.isnull()).select("invoice_id", "customer_id", "subscription_id", "amount")
