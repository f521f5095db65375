"""Clients of a day, and the values of the health measures of each.

A measure without data is null: of a dataset without any record nothing is known, and a rate over nothing is none.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import money_sum
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.money._billing import billed
from cjo_assets.families.lifecycle.money._subscription_terms import is_paid_on, subscription_terms
from cjo_assets.families.lifecycle.success._daily_sums import in_window, window_sums
from cjo_assets.policy.lifecycle import LifecyclePolicy

CUSTOMER = "customer_id"
CONVERSATIONS, RESOLVED, COMPLETED, CSAT = "conversations", "resolved", "completed", "csat"
TICKETS, COMPLEX_TICKETS = "tickets", "complex_tickets"
ACTIVE_DAYS, ACTIVE_USERS, FEATURES = "active_days", "active_users", "features"
METRICS = (
    CONVERSATIONS,
    RESOLVED,
    COMPLETED,
    CSAT,
    TICKETS,
    COMPLEX_TICKETS,
    ACTIVE_DAYS,
    ACTIVE_USERS,
    FEATURES,
)
# Numerator and denominator of a measure; the denominator of a figure that is no ratio is 1.
Ratio = tuple[ir.NumericValue, ir.NumericValue]


def clients_on(lifecycle_events: ir.Table, day: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the customers who paid or had a trial at the end of a day, as far as was known then.

    Returns:
        One row per customer: customer_id, mrr and is_paying.
    """
    terms = subscription_terms(lifecycle_events, day, policy)
    terms = terms.filter(is_paid_on(terms, day))
    is_paid = ~terms.is_trial
    clients = terms.group_by(CUSTOMER).agg(mrr=money_sum(terms.mrr, where=is_paid), is_paying=is_paid.any())
    return clients.mutate(mrr=clients.mrr.fill_null(0.0))


def measured_clients(
    daily_metrics: ir.Table, lifecycle_events: ir.Table, day: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the clients of a day with the sums that their measures are computed from."""
    window = policy.health.window_days
    rows = clients_on(lifecycle_events, day, policy)
    rows = lookup(rows, window_sums(daily_metrics, day, window, METRICS), CUSTOMER)
    before = window_sums(daily_metrics, days_after(day, -window), window, [CONVERSATIONS])
    rows = lookup(rows, before, CUSTOMER, conversations_before=CONVERSATIONS)
    rows = lookup(rows, _overdue(lifecycle_events, day), CUSTOMER)
    return rows.cross_join(_datasets_with_records(daily_metrics, day, window))


def ratios(rows: ir.Table, policy: LifecyclePolicy) -> dict[str, Ratio]:
    """Return the measures of each client by name; a part is null where nothing is known."""
    rules, one = policy.health, ibis.literal(1.0)

    def known(condition: ir.BooleanValue, value: ir.NumericValue) -> ir.NumericValue:
        return condition.fill_null(False).ifelse(value.cast("float64"), ibis.null("float64"))

    tickets, complex_tickets = rows[TICKETS].fill_null(0.0), rows[COMPLEX_TICKETS].fill_null(0.0)
    has_answers = rows[f"{CSAT}_of"] >= rules.minimum_csat
    return {
        "resolution_rate": (rows[RESOLVED], rows[f"{RESOLVED}_of"]),
        "completion_rate": (rows[COMPLETED], rows[f"{COMPLETED}_of"]),
        "volume_trend": (known(rows.has_conversations, rows[CONVERSATIONS].fill_null(0.0)), rows.conversations_before),
        "active_day_share": (
            known(rows.has_usage, rows[ACTIVE_DAYS].fill_null(0.0)),
            ibis.literal(float(rules.window_days)),
        ),
        "features_used": (known(rows.has_usage, rows[f"{FEATURES}_peak"].fill_null(0.0)), one),
        "tickets_per_user": (known(rows.has_tickets, tickets), rows[f"{ACTIVE_USERS}_peak"]),
        # A ticket of an earlier window may become complex in this one.
        "complex_ticket_share": (complex_tickets, ibis.greatest(tickets, complex_tickets)),
        "csat": (known(has_answers, rows[CSAT]), rows[f"{CSAT}_of"]),
        "days_overdue": (rows.days_overdue.cast("float64"), one),
    }


def _overdue(lifecycle_events: ir.Table, day: ir.DateScalar) -> ir.Table:
    """Return the longest delay of a customer's invoices; a customer without invoices has no row."""
    rows = billed(lifecycle_events, day)
    return rows.group_by(CUSTOMER).agg(days_overdue=rows.days_overdue.max())


def _datasets_with_records(daily_metrics: ir.Table, day: ir.DateScalar, window: int) -> ir.Table:
    """Return which datasets have records of any customer, as one row.

    Conversations and usage are daily; a window without any is one of which nothing was recorded. Tickets are rare: one
    on any earlier day shows that they are recorded.
    """
    recent = in_window(daily_metrics, day, window, CONVERSATIONS, ACTIVE_USERS)
    known = recent.agg(
        has_conversations=(recent.metric == CONVERSATIONS).any().fill_null(False),
        has_usage=(recent.metric == ACTIVE_USERS).any().fill_null(False),
    )
    tickets = daily_metrics.filter(daily_metrics.metric == TICKETS, daily_metrics.metric_day <= day)
    return known.cross_join(tickets.agg(has_tickets=tickets.count() > 0))
