"""Invoices with their payments, days overdue and next step of dunning.

One row per as-of date and invoice that was known by then. Payments, failed payments and a void are events of the
invoice. A suspension is a step that a person approves; this table contains only that it is due.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy.lifecycle import LifecyclePolicy

ISSUED, PAYMENT, FAILURE, VOID = "invoice_issued", "payment_received", "payment_failed", "invoice_voided"
OPEN, PAID, VOIDED = "open", "paid", "voided"
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
    events = known_events(lifecycle_events, as_of, ISSUED, PAYMENT, FAILURE, VOID).rename(invoice_id="subject_id")
    issued = first_per(events.filter(events.event_type == ISSUED), "invoice_id", ["occurred_at", "event_id"])
    rows = issued.select(
        "invoice_id",
        "customer_id",
        subscription_id="related_id",
        issued_at="occurred_at",
        due_on=issued.due_at.date(),
        amount=rounded(issued.amount, MONEY_DECIMALS),
    )
    rows = lookup(rows, _payments(events), "invoice_id")
    rows = lookup(rows, subscriptions, "subscription_id", "plan_id")
    paid, is_voided = rows.paid.fill_null(0.0), rows.is_voided.fill_null(False)
    unpaid = ibis.greatest(rows.amount - paid, 0.0)
    status = ibis.cases((is_voided, VOIDED), (unpaid > 0, OPEN), else_=PAID)
    is_open = status == OPEN
    overdue = is_open.ifelse(ibis.greatest(as_of.delta(rows.due_on, unit="day"), 0), 0)
    failures = rows.failed_payments.fill_null(0)
    return rows.mutate(
        paid=paid,
        open=is_open.ifelse(unpaid, 0.0),
        status=status,
        days_overdue=overdue,
        dunning=_dunning(overdue, policy),
        failed_payments=failures,
        next_retry_at=is_open.ifelse(_retry(rows.last_failed_at, failures, policy), ibis.null("timestamp")),
    )


def _payments(events: ir.Table) -> ir.Table:
    is_failure = events.event_type == FAILURE
    return events.group_by("invoice_id").agg(
        paid=money_sum(events.amount, where=events.event_type == PAYMENT),
        is_voided=(events.event_type == VOID).any(),
        failed_payments=events.count(where=is_failure),
        last_failed_at=events.occurred_at.max(where=is_failure),
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
