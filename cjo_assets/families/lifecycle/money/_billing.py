"""Invoices as events have them on a day: payments, what is open, and days overdue."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events

ISSUED, PAYMENT, FAILURE, VOID = "invoice_issued", "payment_received", "payment_failed", "invoice_voided"
OPEN, PAID, VOIDED = "open", "paid", "voided"


def billed(lifecycle_events: ir.Table, day: ir.DateScalar) -> ir.Table:
    """Return each invoice that was known by the end of a day.

    Returns:
        One row per invoice: invoice_id, customer_id, subscription_id, issued_at, due_on, amount, paid, open, status,
        days_overdue, failed_payments and last_failed_at.
    """
    events = known_events(lifecycle_events, day, ISSUED, PAYMENT, FAILURE, VOID).rename(invoice_id="subject_id")
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
    paid, is_voided = rows.paid.fill_null(0.0), rows.is_voided.fill_null(False)
    unpaid = ibis.greatest(rows.amount - paid, 0.0)
    status = ibis.cases((is_voided, VOIDED), (unpaid > 0, OPEN), else_=PAID)
    is_open = status == OPEN
    rows = rows.mutate(
        paid=paid,
        open=is_open.ifelse(unpaid, 0.0),
        status=status,
        days_overdue=is_open.ifelse(ibis.greatest(day.delta(rows.due_on, unit="day"), 0), 0),
        failed_payments=rows.failed_payments.fill_null(0),
    )
    return rows.drop("is_voided")


def _payments(events: ir.Table) -> ir.Table:
    is_failure = events.event_type == FAILURE
    return events.group_by("invoice_id").agg(
        paid=money_sum(events.amount, where=events.event_type == PAYMENT),
        is_voided=(events.event_type == VOID).any(),
        failed_payments=events.count(where=is_failure),
        last_failed_at=events.occurred_at.max(where=is_failure),
    )
