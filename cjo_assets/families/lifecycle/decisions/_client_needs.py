"""Needs of clients: messages, offers, stages for the CRM, promoted variants, and requirements that are missing."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.lifecycle.decisions._needs import (
    CRM_CONFLICT,
    CRM_STAGE,
    MESSAGE,
    OPPORTUNITY,
    OUTREACH,
    PROMOTION,
    REQUIREMENTS_REMINDER,
    needs,
)
from cjo_assets.families.lifecycle.experiments.variant_decisions import PROMOTE, PROMOTE_PENDING
from cjo_assets.families.lifecycle.success.crm_drift import CRM, PLATFORM
from cjo_assets.families.lifecycle.success.lifecycle_messages import DUE
from cjo_assets.families.lifecycle.success.opportunities import OPEN
from cjo_assets.policy.lifecycle import LifecyclePolicy


def message_needs(lifecycle_messages: ir.Table) -> ir.Table:
    """Return a need per message that is due."""
    rows = lifecycle_messages.filter(lifecycle_messages.state == DUE)
    return needs(
        rows,
        MESSAGE,
        sentence("{} {}", rows.message, rows.due_on),
        sentence("Send the message {}.", rows.message),
        [sentence("lifecycle_messages:{}", rows.message)],
        rule="lifecycle.messages",
        due_at=rows.due_on,
    )


def offer_needs(opportunities: ir.Table) -> ir.Table:
    """Return a need per open opportunity that nothing blocks."""
    found = opportunities
    rows = found.filter(found.state == OPEN, found.is_indicated, found.blocked_by.length() == 0)
    return needs(
        rows,
        OPPORTUNITY,
        rows.kind,
        sentence("Offer {}.", rows.kind.replace("_", " ")),
        [sentence("opportunities:{}", rows.kind)],
        rule="lifecycle.opportunities",
        amount=rows.value,
    )


def stage_needs(lifecycle_stages: ir.Table) -> ir.Table:
    """Return a need per customer whose stage has changed since the first published day."""
    rows = lifecycle_stages.filter(lifecycle_stages.previous_stage.notnull())
    rows = rows.select("customer_id", "stage", "previous_stage", "seen_since")
    return needs(
        rows,
        CRM_STAGE,
        sentence("{} {}", rows.stage, rows.seen_since),
        sentence("Set the stage to {}; it was {}.", rows.stage, rows.previous_stage),
        [sentence("lifecycle_stages:{}", rows.customer_id)],
        rule="lifecycle.stages",
        due_at=rows.seen_since,
    )


def conflict_needs(crm_drift: ir.Table) -> ir.Table:
    """Return a need per CRM whose stage of a customer differs from ours."""
    rows = crm_drift.filter(crm_drift.is_drifting.fill_null(False))
    provider, theirs, ours = rows.provider, rows.crm_stage, rows.stage.replace("_", " ")
    what = rows.resolution.cases(
        (PLATFORM, sentence("Set the stage in {} to {}; it is {}.", provider, rows.expected_crm_stage, theirs)),
        (CRM, sentence("Correct the records: {} has {}, which is newer than {}.", provider, theirs, ours)),
        else_=sentence("Decide which stage is right: {} has {}, the records {}.", provider, theirs, ours),
    )
    return needs(
        rows,
        CRM_CONFLICT,
        sentence("{} {} {}", rows.provider, rows.stage, rows.crm_stage),
        what,
        [sentence("crm_drift:{}", rows.provider)],
        rule="lifecycle.crm.conflict",
    )


def promotion_needs(variant_decisions: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return a need per experiment with a winner; one that may not be promoted automatically needs an approval."""
    rows = variant_decisions.filter(variant_decisions.decision.isin([PROMOTE, PROMOTE_PENDING]))
    needs_approval = (rows.decision == PROMOTE_PENDING) | (not policy.experiments.auto_promote)
    return needs(
        rows,
        PROMOTION,
        sentence("{} {}", rows.experiment_id, rows.leader),
        sentence("Promote the variant {} of the experiment {}.", rows.leader, rows.experiment_id),
        [sentence("variant_decisions:{}", rows.experiment_id)],
        rule="lifecycle.experiments.confidence",
        route=needs_approval.ifelse("promotion", ibis.null("string")),
    )


def requirements_needs(client_pipeline: ir.Table, as_of: ir.DateScalar) -> tuple[ir.Table, ir.Table]:
    """Return the reminders of a requirements form that are due, and the calls after the last of them."""
    due = client_pipeline.filter(client_pipeline.reminder_due)
    reminders = needs(
        due,
        REQUIREMENTS_REMINDER,
        sentence("{} {}", due.deal_id, as_of.cast("string")),
        sentence("Remind the client of the requirements form of the deal {}.", due.deal_id),
        [sentence("client_pipeline:{}", due.deal_id)],
        rule="lifecycle.pipeline.reminder_days",
        due_at=as_of,
    )
    late = client_pipeline.filter(client_pipeline.needs_outreach)
    calls = needs(
        late,
        OUTREACH,
        sentence("{} {}", late.deal_id, late.requirements_sent_at.date()),
        sentence("Call the client about the requirements form of the deal {}.", late.deal_id),
        [sentence("client_pipeline:{}", late.deal_id)],
        rule="lifecycle.pipeline.reminder_days",
    )
    return reminders, calls
