"""Customers across families: the newest day of the lifecycle beside that of the journey.

One row per customer of either family, each family on its own newest day. Nothing is decided here; each value comes from
the table of its stage, and `yearly_mrr` is there to be compared with `account_value`. The columns of a family that has
not run, or that does not have the customer, are null.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import APPROVED, EXPIRED, PENDING, REJECTED, STALE
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, TextList, column, key
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.tables import first_per, lookup, merged
from cjo_assets.core.table import LATEST
from cjo_assets.families.lifecycle.money._subscription_terms import MONTHS_PER_YEAR
from cjo_assets.families.lifecycle.success._health import BANDS
from cjo_assets.families.lifecycle.success.lifecycle_messages import DUE, HELD, MESSAGES, SCHEDULED, UPCOMING
from cjo_assets.families.lifecycle.success.lifecycle_stages import STAGES
from cjo_assets.families.lifecycle.success.opportunities import INVITED, KINDS, OPEN
from cjo_assets.families.lifecycle.support.ticket_sla import AT_RISK, BREACHED

CUSTOMER = "customer_id"
JOURNEY, LIFECYCLE = "journey", "lifecycle"
NOT_SENT = [DUE, HELD, UPCOMING, SCHEDULED]
TIERS = ["high", "medium", "low"]
REQUEST_STATUSES = [PENDING, APPROVED, REJECTED, EXPIRED, STALE]
# Counts of a customer that has an account are 0 where there is nothing to count.
COUNTS = ("open_breaches", "tickets_at_risk", "open_invoices")


class Account360(Contract):
    """A customer across families, each on its newest day. One row per customer."""

    customer_id: str = key("Customer.", personal="customer")
    organization: str = column("Name of the organization; null without an account.", nullable=True)
    lifecycle_as_of: date = column("Newest published day of the lifecycle; null without one.", nullable=True)
    lifecycle_stage: str = column("Lifecycle stage; null without an account.", isin=STAGES, nullable=True)
    lifecycle_reasons: TextList = column("Reasons of that stage, sorted; null without an account.", nullable=True)
    mrr: float = column("Recurring revenue [currency per month]; null without an account.", ge=0, nullable=True)
    yearly_mrr: float = column(
        "mrr of twelve months [currency per year], beside account_value; null without an account.",
        ge=0,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    health_score: float = column("Health score [0-100, up = better]; null without one.", nullable=True)
    health_band: str = column("Band of that score; null for customers that are not scored.", isin=BANDS, nullable=True)
    open_breaches: int = column(
        "Broken SLA clocks that still run [clocks], up = worse; null without an account.", ge=0, nullable=True
    )
    tickets_at_risk: int = column(
        "Tickets with a running clock close to its target [tickets], up = worse; null without an account.",
        ge=0,
        nullable=True,
    )
    open_invoices: int = column("Invoices with an open amount; null without an account.", ge=0, nullable=True)
    open_amount: float = column(
        "That amount [currency], up = worse; null without an open invoice.",
        ge=0,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    days_overdue: int = column("Days of the most overdue of them [days]; null without one.", ge=0, nullable=True)
    next_message: str = column("First message that is not sent; null without one.", isin=MESSAGES, nullable=True)
    next_message_state: str = column("Its state: due, held, upcoming or scheduled.", isin=NOT_SENT, nullable=True)
    next_message_on: date = column("Day it is due.", nullable=True)
    offer: str = column(
        "Open opportunity of the highest value: nothing blocks it, or a specialist was invited; null without one.",
        isin=KINDS,
        nullable=True,
    )
    offer_value: float = column("Its value [currency per year]; null where unknown.", ge=0, nullable=True)
    journey_as_of: date = column("Newest published day of the journey; null without one.", nullable=True)
    journey_stage: str = column("Stage of the journey; null without one.", words="stages", nullable=True)
    account_value: float = column(
        "Yearly value in the customer file [currency]; null for a customer that is not in it.", ge=0, nullable=True
    )
    risk_tier: str = column("Tier of the risk in the journey; null without one.", isin=TIERS, nullable=True)
    intervention_id: str = column("Decision of the journey; null without one.", nullable=True, personal="intervention")
    recommended_action: str = column("Action of that decision; null without one.", nullable=True)
    approval_status: str = column(
        "Status of the approval of the decision; null without a request.", isin=REQUEST_STATUSES, nullable=True
    )


CONFIG = TableConfig(
    schema=LATEST,
    is_view=True,
    others={
        name: f"{JOURNEY}.{name}"
        for name in ("customers", "journey_states", "risk_scores", "recommended_interventions", "approval_requests")
    },
)


def account_360(
    organizations: ir.Table,
    accounts: ir.Table,
    lifecycle_stages: ir.Table,
    health_scores: ir.Table,
    ticket_sla: ir.Table,
    invoices: ir.Table,
    lifecycle_messages: ir.Table,
    opportunities: ir.Table,
    customers: ir.Table,
    journey_states: ir.Table,
    risk_scores: ir.Table,
    recommended_interventions: ir.Table,
    approval_requests: ir.Table,
    earlier_audit_runs: ir.Table,
) -> ir.Table:
    """Join the tables of both families by customer."""
    known = lookup(
        accounts.select(CUSTOMER, "mrr", has_account=ibis.literal(True)), organizations, CUSTOMER, organization="name"
    )
    rows = merged([known, customers.select(CUSTOMER, "account_value")], CUSTOMER)
    decisions = recommended_interventions.select(CUSTOMER, "intervention_id", "recommended_action")
    for part in (
        lifecycle_stages.select(CUSTOMER, lifecycle_stage="stage", lifecycle_reasons="reasons"),
        health_scores.select(CUSTOMER, health_score="score", health_band="band"),
        _clocks(ticket_sla),
        _open_invoices(invoices),
        _next_messages(lifecycle_messages),
        _offers(opportunities),
        journey_states.select(CUSTOMER, "journey_stage"),
        risk_scores.select(CUSTOMER, "risk_tier"),
        lookup(decisions, approval_requests, "intervention_id", approval_status="status"),
    ):
        rows = lookup(rows, part, CUSTOMER)
    counts = {name: rows.has_account.ifelse(rows[name].fill_null(0), ibis.null("int64")) for name in COUNTS}
    rows = rows.mutate(yearly_mrr=rounded(rows.mrr * MONTHS_PER_YEAR, MONEY_DECIMALS), **counts)
    return rows.cross_join(_newest_days(earlier_audit_runs))


def _clocks(ticket_sla: ir.Table) -> ir.Table:
    """Count the broken clocks that still run, and the tickets with one close to its target."""
    running = ticket_sla.filter(ticket_sla.stopped_at.isnull())
    return running.group_by(CUSTOMER).agg(
        open_breaches=running.count(where=running.state == BREACHED),
        tickets_at_risk=running.ticket_id.nunique(where=running.state == AT_RISK),
    )


def _open_invoices(invoices: ir.Table) -> ir.Table:
    unpaid = invoices.filter(invoices.open > 0)
    return unpaid.group_by(CUSTOMER).agg(
        open_invoices=unpaid.count(), open_amount=money_sum(unpaid.open), days_overdue=unpaid.days_overdue.max()
    )


def _next_messages(messages: ir.Table) -> ir.Table:
    waiting = messages.filter(messages.state.isin(NOT_SENT), messages.due_on.notnull())
    first = first_per(waiting, CUSTOMER, ["due_on", "message"])
    return first.select(CUSTOMER, next_message="message", next_message_state="state", next_message_on="due_on")


def _offers(opportunities: ir.Table) -> ir.Table:
    """Return the open opportunity of the highest value of each customer."""
    is_free = opportunities.is_indicated & (opportunities.state == OPEN) & (opportunities.blocked_by.length() == 0)
    offered = opportunities.filter(is_free | (opportunities.state == INVITED))
    best = first_per(offered, CUSTOMER, [ibis.desc(offered.value.fill_null(0.0)), "kind"])
    return best.select(CUSTOMER, offer="kind", offer_value="value")


def _newest_days(audit_runs: ir.Table) -> ir.Table:
    """Return the newest published day of each family, as one row."""
    runs = audit_runs.filter(audit_runs.is_published)
    return runs.agg(
        lifecycle_as_of=runs.as_of.max(where=runs.family == LIFECYCLE),
        journey_as_of=runs.as_of.max(where=runs.family == JOURNEY),
    )
