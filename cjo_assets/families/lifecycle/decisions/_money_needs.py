"""Needs of billing: credits, dunning, suspensions, budgets of language models, and prices with a low margin."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.lifecycle.decisions._needs import (
    BUDGET_ALERT,
    CREDIT,
    DUNNING,
    PRICE,
    SUSPENSION,
    THROTTLE,
    needs,
)
from cjo_assets.families.lifecycle.money.invoices import NONE, SUSPEND
from cjo_assets.families.lifecycle.money.plan_usage import MODEL_COST, NEAR, OVER
from cjo_assets.families.lifecycle.operation.sla_compliance import BREACHED


def credit_needs(sla_compliance: ir.Table) -> ir.Table:
    """Return a need per credit that is due for a missed target."""
    rows = sla_compliance.filter(sla_compliance.state == BREACHED, sla_compliance.credit > 0)
    month = _month(rows.month)
    return needs(
        rows,
        CREDIT,
        sentence("{} {}", rows.metric, month),
        sentence("Credit {} for {}: the agreed target of {} is missed.", rows.credit, month, rows.metric),
        [sentence("sla_compliance:{}", rows.metric)],
        rule="sla_terms.credit_share",
        route="credit",
        amount=rows.credit,
    )


def dunning_needs(invoices: ir.Table) -> ir.Table:
    """Return a need per step of dunning that is due before a suspension."""
    rows = invoices.filter(invoices.dunning.notin([NONE, SUSPEND]))
    return needs(
        rows,
        DUNNING,
        sentence("{} {}", rows.invoice_id, rows.dunning),
        sentence("Send the {} for the invoice {}.", rows.dunning.replace("_", " "), rows.invoice_id),
        [sentence("invoices:{}", rows.invoice_id)],
        rule=sentence("lifecycle.billing.dunning_days.{}", rows.dunning),
        amount=rows.open,
        due_at=rows.due_on,
    )


def suspension_needs(invoices: ir.Table) -> ir.Table:
    """Return a need per invoice for which the service has to be suspended."""
    rows = invoices.filter(invoices.dunning == SUSPEND)
    return needs(
        rows,
        SUSPENSION,
        rows.invoice_id,
        sentence("Suspend the service until the invoice {} is paid.", rows.invoice_id),
        [sentence("invoices:{}", rows.invoice_id)],
        rule="lifecycle.billing.dunning_days.suspend",
        route="suspension",
        amount=rows.open,
        due_at=rows.due_on,
    )


def budget_needs(plan_usage: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Return the alerts of customers close to the model budget of their plan, and the throttling of those beyond it."""
    rows = plan_usage.filter(plan_usage.meter == MODEL_COST)
    rows = rows.mutate(named_month=_month(rows.month))
    near, over = rows.filter(rows.state == NEAR), rows.filter(rows.state == OVER)
    alerts = needs(
        near,
        BUDGET_ALERT,
        near.named_month,
        sentence("Review the use of language models: the budget of {} is nearly spent.", near.named_month),
        [sentence("plans:{}", near.plan_id), ibis.literal(f"plan_usage:{MODEL_COST}")],
        rule="lifecycle.usage.near",
        amount=near.included,
    )
    throttled = needs(
        over,
        THROTTLE,
        over.named_month,
        sentence("Throttle language models: the budget of {} is spent.", over.named_month),
        [sentence("plans:{}", over.plan_id), ibis.literal(f"plan_usage:{MODEL_COST}")],
        rule="plans.model_cost_budget",
        amount=over.included,
    )
    return alerts, throttled


def price_needs(client_pipeline: ir.Table) -> ir.Table:
    """Return a need per proposed price whose margin is too low and that is not approved."""
    deals = client_pipeline
    rows = deals.filter(deals.needs_approval, deals.pricing_approved_at.isnull(), deals.proposal_signed_at.isnull())
    return needs(
        rows,
        PRICE,
        rows.deal_id,
        sentence("Propose {} a month for the deal {}, a price with a low margin.", rows.price, rows.deal_id),
        [sentence("client_pipeline:{}", rows.deal_id)],
        rule="lifecycle.pipeline.minimum_margin",
        route="low_margin",
        amount=ibis.coalesce(rows.price, 0.0),
    )


def _month(day: ir.DateValue) -> ir.StringValue:
    """Return the month of a day, for example 2025-01."""
    return day.cast("string").substr(0, 7)
