"""Lifecycle messages: which is due to whom, and which were sent, missed or are held.

One row per as-of date, account and message. Messages of a trial are due days after its start, those of a contract
months after the start of the current contract year. A message counts as sent if it was sent since that start. A message
that is due is held while an urgent ticket of the customer is breached and unresolved, and a selling one while the
customer is at risk. The platform sends nothing.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.tables import long_rows, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.tickets import URGENT
from cjo_assets.families.lifecycle.money._anniversaries import months_after, years_after
from cjo_assets.families.lifecycle.money._subscription_terms import MONTHS_PER_YEAR
from cjo_assets.families.lifecycle.success.lifecycle_stages import AT_RISK, PAYING_STAGES, TRIAL
from cjo_assets.families.lifecycle.support.ticket_sla import BREACHED
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_success import ContractMessages, TrialMessages

CUSTOMER = "customer_id"
TRIAL_MESSAGES, CONTRACT_MESSAGES = list(TrialMessages.model_fields), list(ContractMessages.model_fields)
MESSAGES = [*TRIAL_MESSAGES, *CONTRACT_MESSAGES]
SCHEDULED, UPCOMING, DUE, SENT, MISSED = "scheduled", "upcoming", "due", "sent", "missed"
HELD, NOT_APPLICABLE = "held", "not_applicable"
STATES = [SCHEDULED, UPCOMING, DUE, SENT, MISSED, HELD, NOT_APPLICABLE]
URGENT_TICKET_BREACHED = "urgent_ticket_breached"


class LifecycleMessages(DatedContract):
    """Lifecycle messages and their state. One row per as-of date, account and message."""

    customer_id: str = key("Customer.", personal="customer")
    message: str = key("Message, as the policy names it.", isin=MESSAGES)
    state: str = column(
        "scheduled; upcoming: within the policy's ahead_days; due; sent; missed: not sent within grace_days; held; "
        "not_applicable.",
        isin=STATES,
    )
    due_on: date = column("Day it is due; null without a trial or contract.", nullable=True)
    sent_on: date = column("Day it was last sent since the trial or contract year began; null if not.", nullable=True)
    held_by: TextList = column("Reasons to hold it, sorted: at_risk, urgent_ticket_breached.")


def lifecycle_messages(
    lifecycle_stages: ir.Table,
    accounts: ir.Table,
    tickets: ir.Table,
    ticket_sla: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the state of each message of each account."""
    rows = _planned(lookup(lifecycle_stages, accounts, CUSTOMER, "trial_started_on", "paid_since"), as_of, policy)
    rows = _with_sent(rows, known_events(lifecycle_events, as_of, "message_sent"))
    rows = rows.mutate(has_breach=rows.customer_id.isin(_with_breach(tickets, ticket_sla, as_of).customer_id))
    is_risky = rows.message.isin(list(policy.messages.selling)) & (rows.stage == AT_RISK)
    rows = rows.mutate(held_by=names_where({AT_RISK: is_risky, URGENT_TICKET_BREACHED: rows.has_breach}))
    return rows.mutate(state=_state(rows, as_of, policy))


def _planned(accounts: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return a row per account and message with the day it is due and the start of its trial or contract year."""
    rules = policy.messages
    years = as_of.year() - accounts.paid_since.year()
    years = (years_after(accounts.paid_since, years.cast("int64")) > as_of).ifelse(years - 1, years).cast("int64")
    accounts = accounts.mutate(years=years)
    trial, contract = accounts.stage == TRIAL, accounts.stage.isin(PAYING_STAGES)
    parts = [
        {
            "message": ibis.literal(name),
            "due_on": days_after(accounts.trial_started_on, days),
            "since": accounts.trial_started_on,
            "is_applicable": trial,
        }
        for name, days in rules.trial_days.model_dump().items()
    ]
    parts += [
        {
            "message": ibis.literal(name),
            "due_on": months_after(accounts.paid_since, accounts.years * MONTHS_PER_YEAR + months),
            "since": years_after(accounts.paid_since, accounts.years),
            "is_applicable": contract,
        }
        for name, months in rules.contract_months.model_dump().items()
    ]
    return long_rows(accounts, [CUSTOMER, "stage"], parts)


def _with_sent(rows: ir.Table, sent: ir.Table) -> ir.Table:
    """Add the last day on which each message was sent since its trial or contract year began."""
    sent = sent.select(CUSTOMER, message="about", day=sent.occurred_at.date())
    pairs = sent.join(rows.select(CUSTOMER, "message", "since"), [CUSTOMER, "message"])
    pairs = pairs.filter(pairs.day >= pairs.since)
    return lookup(rows, pairs.group_by(CUSTOMER, "message").agg(sent_on=pairs.day.max()), [CUSTOMER, "message"])


def _with_breach(tickets: ir.Table, ticket_sla: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the urgent tickets that are breached and unresolved."""
    breached = ticket_sla.filter(ticket_sla.state == BREACHED)
    is_open = tickets.resolved_at.isnull() | (tickets.resolved_at >= days_after(as_of, 1))
    return tickets.filter(tickets.priority == URGENT, is_open, tickets.ticket_id.isin(breached.ticket_id))


def _state(rows: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.StringValue:
    rules = policy.messages
    days_until = rows.due_on.delta(as_of, unit="day")
    return ibis.cases(
        (rows.sent_on.notnull(), SENT),
        (~rows.is_applicable | rows.due_on.isnull(), NOT_APPLICABLE),
        (days_until > rules.ahead_days, SCHEDULED),
        (days_until > 0, UPCOMING),
        (days_until < -rules.grace_days, MISSED),
        (rows.held_by.length() > 0, HELD),
        else_=DUE,
    )


@check(blocking=True)
def rows_of_no_organization(lifecycle_messages: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return messages whose organization is not in the file."""
    return without_organization(lifecycle_messages, organizations)


@check
def unknown_messages(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return messages that were sent and that the policy does not name."""
    sent = known_events(lifecycle_events, as_of, "message_sent")
    return sent.filter(sent.about.notin(MESSAGES)).select("event_id", CUSTOMER, message="about")
