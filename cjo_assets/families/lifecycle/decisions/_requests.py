"""Approval requests of a day: decisions of the outbox that need a person, and requests that people recorded.

A decision is requested from the end of the first day that has its content. A recorded request is requested from its
instant, and needs no decision of ours.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.approval_answers import entitled_approvers
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.ids import content_hash
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import first_per
from cjo_assets.families.lifecycle.decisions._ladders import LADDERS, REFUND, RULES, role_of
from cjo_assets.families.lifecycle.decisions._needs import decision_id
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy

DECISION, REQUEST = "decision", "request"
SOURCES = [DECISION, REQUEST]
REQUESTED_EVENT = "approval_requested"
SHARED = (
    "decision_id",
    "source",
    "kind",
    "customer_id",
    "subject_id",
    "what",
    "amount",
    "share",
    "approval_rule",
    "approval_role",
    "requested_by",
    "decision_hash",
    "answers_from",
    "requested_at",
)


def requests_of_day(outbox: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the approval requests that are known on the as-of date, with the people who may answer.

    An answer counts from `answers_from` on: decisions of a day may be answered on that day.
    """
    rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
    rows = ibis.union(_decisions(outbox), _recorded(known_events(lifecycle_events, as_of, REQUESTED_EVENT), rules))
    return rows.mutate(
        entitled_approvers=entitled_approvers(rows.approval_role, policy.journey.approval.approvers.items())
    )


def _decisions(outbox: ir.Table) -> ir.Table:
    rows = outbox.filter(outbox.requires_approval)
    rows = rows.mutate(
        source=ibis.literal(DECISION),
        share=ibis.null("float64"),
        requested_by=ibis.null("string"),
        answers_from=rows.content_since.cast("timestamp(6)"),
        requested_at=days_after(rows.content_since, 1).cast("timestamp(6)"),
    )
    return rows.select(*SHARED)


def _recorded(events: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the first event of each recorded request, with the role that its kind and size lead to."""
    rows = first_per(events, ["customer_id", "subject_id"], ["occurred_at", "event_id"])
    rule = (rows.about == REFUND).ifelse("credit", rows.about)
    measure = (rule == "discount").ifelse(rows.quantity, rows.amount)
    rows = rows.select(
        "customer_id",
        "subject_id",
        "about",
        "amount",
        source=ibis.literal(REQUEST),
        kind=ibis.literal(REQUESTED_EVENT),
        what=sentence("Approve the {} {}.", rows.about.replace("_", " "), rows.subject_id),
        share=rows.quantity,
        approval_rule=rule.isin([*LADDERS, *RULES]).ifelse(rule, ibis.null("string")),
        approval_role=role_of(rule, measure, policy),
        requested_by=rows.actor_id,
        answers_from=rows.occurred_at,
        requested_at=rows.occurred_at,
    )
    rows = rows.mutate(decision_id=decision_id(rows))
    content = content_hash(rows.decision_id, rows.what, rows.amount, rows.share)
    return rows.mutate(decision_hash=content).select(*SHARED)
