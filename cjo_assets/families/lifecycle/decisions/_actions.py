"""Actions of people: what each source leads to, with the role that acts, in the columns that all sources share."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import CSM
from cjo_assets.core.approval_status import APPROVED, PENDING
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.ids import content_id
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.people._assignment_events import HANDOFF, REQUESTED
from cjo_assets.families.lifecycle.success._health import RED, UNKNOWN
from cjo_assets.families.lifecycle.support.ticket_sla import AT_RISK, BREACHED
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.policy.lifecycle_decisions import ActionKinds

KINDS = list(ActionKinds.model_fields)
SUPPORT, SUCCESS, SALES = "support_specialist", "success_manager", "sales_agent"
MANAGER = "manager"
# Kind of action and role by kind of decision; other systems carry out the other decisions.
OF_DECISIONS = {
    "escalation": ("escalation", SUPPORT),
    "rollback": ("rollback", MANAGER),
    "incident_notice": ("incident_notice", SUPPORT),
    "outreach": ("overdue_step", SALES),
    "dunning": ("dunning", SUCCESS),
    "suspension": ("dunning", SUCCESS),
    "message": ("message", SUCCESS),
    "requirements_reminder": ("message", SALES),
    "opportunity": ("opportunity", SUCCESS),
    "budget_alert": ("budget_alert", SUCCESS),
    "crm_conflict": ("crm_conflict", SUCCESS),
}
DELIVERED = "ok"
REVIEW_HELD = "qbr_held"


def _actions(
    rows: ir.Table,
    kind: ir.StringValue | str,
    role: ir.StringValue | str,
    subject: ir.StringValue,
    what: ir.StringValue,
    why: ir.StringValue | str,
    evidence: ir.ArrayValue,
    due_at: ir.Value | None = None,
) -> ir.Table:
    """Return the rows of a table as actions."""
    rows = rows.select(
        "customer_id",
        kind=_text(kind),
        role=_text(role),
        subject_id=subject,
        what=what,
        why=_text(why),
        evidence=evidence,
        due_at=ibis.null("timestamp(6)") if due_at is None else due_at.cast("timestamp(6)"),
    )
    digits = content_id("", rows.kind, rows.customer_id, rows.subject_id)
    return rows.mutate(action_id=sentence("{}:{}", rows.kind, digits.substr(1)))


def clock_actions(ticket_sla: ir.Table) -> ir.Table:
    """Return an action per running clock that is broken or close to its target."""
    rows = ticket_sla.filter(ticket_sla.stopped_at.isnull(), ticket_sla.state.isin([BREACHED, AT_RISK]))
    clock = rows.clock.replace("_", " ")
    return _actions(
        rows,
        "sla",
        SUPPORT,
        sentence("{} {}", rows.ticket_id, rows.clock),
        sentence("Give the ticket {} its {}.", rows.ticket_id, clock),
        sentence("The {} clock of a ticket of priority {} is {}.", clock, rows.priority, rows.state.replace("_", " ")),
        ibis.array([sentence("tickets:{}", rows.ticket_id)]),
        ibis.coalesce(rows.breached_at, rows.due_at),
    )


def decision_actions(outbox: ir.Table, approval_queue: ir.Table) -> ir.Table:
    """Return the decisions that people carry out: approved where they need it, and not reported as delivered."""
    rows = outbox.filter(outbox.kind.isin(list(OF_DECISIONS)), (outbox.delivered != DELIVERED).fill_null(True))
    rows = lookup(rows, approval_queue, "decision_id", "status")
    rows = rows.filter(~rows.requires_approval | (rows.status == APPROVED).fill_null(False))
    kind = rows.kind.cases(*((name, found) for name, (found, _) in OF_DECISIONS.items()), else_="message")
    role = rows.kind.cases(*((name, found) for name, (_, found) in OF_DECISIONS.items()), else_=MANAGER)
    return _actions(rows, kind, role, rows.decision_id, rows.what, rows.rule, rows.evidence, rows.due_at)


def approval_actions(approval_queue: ir.Table) -> ir.Table:
    """Return an action per pending approval; that of a csm is the success manager's."""
    rows = approval_queue.filter(approval_queue.status == PENDING)
    role = (rows.waits_with == CSM).ifelse(SUCCESS, rows.waits_with)
    return _actions(
        rows,
        "approval",
        role,
        rows.decision_id,
        sentence("Decide: {}", rows.what),
        sentence("lifecycle.approvals: {}", rows.approval_rule.fill_null("no rule")),
        ibis.array([sentence("approval_queue:{}", rows.decision_id)]),
        rows.due_at,
    )


def health_actions(health_scores: ir.Table) -> ir.Table:
    """Return an action per customer whose health is red."""
    rows = health_scores.filter(health_scores.band == RED)
    return _actions(
        rows,
        "red_health",
        SUCCESS,
        rows.customer_id,
        sentence("Call {} about its health.", rows.customer_id),
        "lifecycle.health.bands.red_below",
        ibis.array([sentence("health_scores:{}", rows.customer_id)]),
    )


def handoff_actions(assignments: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return an action per leg of a handoff that is not accepted."""
    rows = assignments.filter(assignments.kind == HANDOFF, assignments.state == REQUESTED)
    return _actions(
        rows,
        "handoff",
        rows.role,
        sentence("{} {}", rows.assignment_id, rows.role),
        sentence("Accept the handoff {} as {}.", rows.assignment_id, rows.role.replace("_", " ")),
        "lifecycle.people.accept_hours",
        ibis.array([sentence("assignments:{}", rows.assignment_id)]),
        rows.requested_at + ibis.interval(hours=policy.people.accept_hours),
    )


def deal_actions(client_pipeline: ir.Table) -> ir.Table:
    """Return an action per deal that waits too long in its step."""
    rows = client_pipeline.filter(client_pipeline.is_overdue)
    return _actions(
        rows,
        "overdue_step",
        SALES,
        rows.deal_id,
        sentence("Move the deal {} to {}.", rows.deal_id, rows.step.replace("_", " ")),
        "lifecycle.pipeline.patience_hours",
        ibis.array([sentence("client_pipeline:{}", rows.deal_id)]),
    )


def renewal_actions(accounts: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return an action per contract whose anniversary is near."""
    until = days_after(as_of, policy.stages.renewal_days)
    rows = accounts.filter(accounts.renewal_on.between(as_of, until))
    return _actions(
        rows,
        "renewal",
        SUCCESS,
        rows.renewal_on.cast("string"),
        sentence("Renew the contract of {}.", rows.customer_id),
        "lifecycle.stages.renewal_days",
        ibis.array([sentence("accounts:{}", rows.customer_id)]),
        rows.renewal_on,
    )


def review_actions(
    accounts: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return an action per paying customer whose last quarterly review, or first payment, is too long ago."""
    events = known_events(lifecycle_events, as_of, REVIEW_HELD)
    held = events.group_by("customer_id").agg(held_at=events.occurred_at.max())
    rows = lookup(accounts.filter(accounts.subscriptions > 0), held, "customer_id", "held_at")
    since = ibis.coalesce(rows.held_at.date(), rows.paid_since)
    rows = rows.mutate(due_on=days_after(since, policy.actions.review_days))
    rows = rows.filter(rows.due_on <= as_of)
    return _actions(
        rows,
        "quarterly_review",
        SUCCESS,
        rows.due_on.cast("string"),
        sentence("Hold the quarterly review with {}.", rows.customer_id),
        "lifecycle.actions.review_days",
        ibis.array([sentence("accounts:{}", rows.customer_id)]),
        rows.due_on,
    )


def coverage_actions(health_scores: ir.Table) -> ir.Table:
    """Return an action per paying customer whose health cannot be scored for lack of data."""
    rows = health_scores.filter(health_scores.band == UNKNOWN, health_scores.mrr > 0)
    return _actions(
        rows,
        "data_gap",
        SUCCESS,
        rows.customer_id,
        sentence("Supply the missing data of {}: {}.", rows.customer_id, _listed(rows.not_measurable)),
        "lifecycle.health.minimum_coverage",
        ibis.array([sentence("health_scores:{}", rows.customer_id)]),
    )


def synchronization_actions(crm_drift: ir.Table) -> ir.Table:
    """Return an action per record of a CRM whose synchronization has no retries left."""
    rows = crm_drift.filter(crm_drift.retries_left == 0)
    return _actions(
        rows,
        "data_gap",
        SUCCESS,
        sentence("{} {}", rows.provider, rows.record_id),
        sentence("Repair the synchronization of {} with {}.", rows.record_id, rows.provider),
        "lifecycle.crm.retries",
        ibis.array([sentence("crm_drift:{}", rows.provider)]),
    )


def _listed(names: ir.ArrayValue) -> ir.StringValue:
    return names.join(", ").replace("_", " ")


def _text(value: ir.StringValue | str) -> ir.StringValue:
    return value if isinstance(value, ir.Value) else ibis.literal(value)
