"""Outbox: every decision that another system or a person has to carry out.

One row per as-of date and decision. The platform decides and measures; it sends, charges and deploys nothing. The id
of a decision is that of its kind, customer and subject, so an open need keeps it. `delivered` is what the other system
reported back. A decision with `requires_approval` must not be carried out before `approval_queue` shows its approval.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import LARGEST_AMOUNT, DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.ids import content_hash
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.decisions import _client_needs, _money_needs, _people_needs, _service_needs
from cjo_assets.families.lifecycle.decisions._ladders import role_of
from cjo_assets.families.lifecycle.decisions._needs import KINDS, SYSTEMS, decision_id
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy

DELIVERED_EVENT, FAILED = "outbox_delivered", "failed"


class Outbox(DatedContract):
    """Decisions that leave the platform. One row per as-of date and decision."""

    decision_id: str = key("Decision, L- and 12 digits: of kind, customer and subject.", personal="decision")
    kind: str = column("Kind of decision.", isin=[kind.name for kind in KINDS])
    customer_id: str = column("Customer; null of a decision about several.", nullable=True, personal="customer")
    subject_id: str = column("What it is about, with the occurrence where it recurs.")
    target_system: str = column("System that carries it out.", isin=SYSTEMS)
    topic: str = column("Topic of the event stream to which a bridge may write it.")
    what: str = column("What to do.")
    due_at: Instant = column("Instant at which it is or was due [UTC]; null without one.", nullable=True)
    amount: float = column(
        "Amount [currency]; null without one.", ge=0, le=LARGEST_AMOUNT, nullable=True, decimals=MONEY_DECIMALS
    )
    requires_approval: bool = column("Whether a person must approve it before it is carried out.")
    approval_role: str = column("Lowest role that may approve it; null without approval.", isin=ROLES, nullable=True)
    approval_rule: str = column("Rule of the policy that requires it; null without approval.", nullable=True)
    rule: str = column("Rule that decided: path of the policy, or the column that states it.")
    evidence: TextList = column("Records and rows behind it as table:key, sorted.")
    first_day: date = column("First published day of the decision.")
    content_since: date = column("First published day of its present content, to which an approval refers.")
    delivered: str = column("ok or failed, as last reported; null before.", isin=["ok", FAILED], nullable=True)
    delivered_at: Instant = column("Instant of that report [UTC]; null before.", nullable=True)
    decision_hash: str = column("Hash of the content that is approved: id, what, amount and role.")
    policy_hash: str = column("Policy that decided.")
    input_hash: str = column("Hash of the row that it was derived from.")


CONFIG = TableConfig(
    look_back_columns=("as_of", "decision_id", "decision_hash", "first_day", "content_since"), is_decision=True
)


def outbox(
    assignment_decisions: ir.Table,
    escalations: ir.Table,
    config_changes: ir.Table,
    incidents: ir.Table,
    sla_compliance: ir.Table,
    invoices: ir.Table,
    plan_usage: ir.Table,
    client_pipeline: ir.Table,
    lifecycle_messages: ir.Table,
    opportunities: ir.Table,
    lifecycle_stages: ir.Table,
    crm_drift: ir.Table,
    variant_decisions: ir.Table,
    lifecycle_events: ir.Table,
    earlier_outbox: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the decisions of all sources, each with its approval route, first day and delivery."""
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    rows = ibis.union(
        _people_needs.assignment_needs(assignment_decisions),
        _service_needs.escalation_needs(escalations, rules),
        _service_needs.rollback_needs(config_changes),
        _service_needs.change_needs(config_changes),
        _service_needs.notice_needs(incidents),
        _money_needs.credit_needs(sla_compliance),
        _money_needs.dunning_needs(invoices),
        _money_needs.suspension_needs(invoices),
        *_money_needs.budget_needs(plan_usage),
        _money_needs.price_needs(client_pipeline),
        *_client_needs.requirements_needs(client_pipeline, as_of),
        _client_needs.message_needs(lifecycle_messages),
        _client_needs.offer_needs(opportunities),
        _client_needs.stage_needs(lifecycle_stages),
        _client_needs.conflict_needs(crm_drift),
        _client_needs.promotion_needs(variant_decisions, rules),
    )
    rows = rows.mutate(decision_id=decision_id(rows), approval_role=role_of(rows.route, rows.amount, rules))
    rows = rows.mutate(
        requires_approval=rows.approval_role.notnull(),
        approval_rule=rows.route,
        decision_hash=content_hash(rows.decision_id, rows.what, rows.amount, rows.approval_role),
        policy_hash=ibis.literal(policy.policy_hash),
    )
    return _with_delivery(_with_first_day(rows, earlier_outbox, as_of), lifecycle_events, as_of)


def _with_first_day(rows: ir.Table, earlier: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Add the first day of each decision and of its content, from the last day that had the decision."""
    last = first_per(earlier, "decision_id", [ibis.desc("as_of")])
    rows = lookup(rows, last, "decision_id", last_hash="decision_hash", last_first="first_day", since="content_since")
    is_same = (rows.decision_hash == rows.last_hash).fill_null(False)
    return rows.mutate(
        first_day=ibis.coalesce(rows.last_first, as_of), content_since=is_same.ifelse(rows.since, as_of)
    ).drop("last_hash", "last_first", "since")


def _with_delivery(rows: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Add the last report of delivery."""
    reports = known_events(lifecycle_events, as_of, DELIVERED_EVENT)
    last = first_per(reports, "subject_id", [ibis.desc("occurred_at"), ibis.desc("event_id")])
    return lookup(rows, last, [("decision_id", "subject_id")], delivered="about", delivered_at="occurred_at")


@check(blocking=True)
def rows_of_no_organization(outbox: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return decisions whose organization is not in the file."""
    return without_organization(outbox, organizations)


@check
def failed_deliveries(outbox: ir.Table) -> ir.Table:
    """Return decisions that another system reported as failed."""
    failed = outbox.filter(outbox.delivered == FAILED)
    return failed.select("decision_id", "kind", "customer_id", "target_system", "delivered_at")


@check
def deliveries_of_unknown_decisions(outbox: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return reports of the as-of date about decisions that are not in the outbox of that day."""
    reports = known_events(lifecycle_events, as_of, DELIVERED_EVENT)
    reports = reports.filter(reports.occurred_at.date() == as_of, reports.subject_id.notin(outbox.decision_id))
    return reports.select("event_id", decision_id="subject_id")
