"""Needs of the service: escalations, rollbacks, risky changes, and notices of incidents."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.families.lifecycle.decisions._needs import CONFIG_CHANGE, ESCALATION, INCIDENT_NOTICE, ROLLBACK, needs
from cjo_assets.families.lifecycle.inputs.lifecycle_events import CLIENT
from cjo_assets.families.lifecycle.operation._requests import PENDING
from cjo_assets.families.lifecycle.operation._rollback import ROLL_BACK
from cjo_assets.families.lifecycle.support.escalations import LATE, MISSED
from cjo_assets.policy.lifecycle import LifecyclePolicy

HIGH = "high"


def escalation_needs(escalations: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return a need per escalation that is late or was missed."""
    rows = escalations.filter(escalations.state.isin([LATE, MISSED]))
    what = (rows.state == MISSED).ifelse(
        sentence(
            "Follow up on the {} {}, which was closed before a person took it.", rows.subject_kind, rows.subject_id
        ),
        sentence("Take over the {} {}.", rows.subject_kind, rows.subject_id),
    )
    since = ibis.coalesce(rows.escalated_at, rows.first_trigger_at)
    return needs(
        rows,
        ESCALATION,
        rows.subject_id,
        what,
        [sentence("{}s:{}", rows.subject_kind, rows.subject_id)],
        rule="lifecycle.escalation.wait_minutes",
        due_at=since + ibis.interval(minutes=policy.escalation.wait_minutes),
    )


def rollback_needs(config_changes: ir.Table) -> ir.Table:
    """Return a need per live version that has to be rolled back; that of a client needs an approval."""
    rows = config_changes.filter(config_changes.decision == ROLL_BACK)
    of_client = (rows.saved_by_kind == CLIENT).ifelse("client_rollback", ibis.null("string"))
    return needs(
        rows,
        ROLLBACK,
        _version(rows),
        sentence("Roll {} back to version {}.", rows.config_id, rows.to_version),
        [_record(rows), sentence("config_changes:{}", _version(rows))],
        rule=sentence("lifecycle.rollback: {}", rows.rule),
        route=of_client,
    )


def change_needs(config_changes: ir.Table) -> ir.Table:
    """Return a need per version of high risk that is not deployed for lack of an approval."""
    rows = config_changes.filter(config_changes.risk == HIGH, config_changes.approval == PENDING)
    return needs(
        rows,
        CONFIG_CHANGE,
        _version(rows),
        sentence("Deploy version {} of {}, a change of high risk.", rows.config_version, rows.config_id),
        [_record(rows), sentence("config_changes:{}", _version(rows))],
        rule="lifecycle.config.risks",
        route="high_risk_change",
    )


def notice_needs(incidents: ir.Table) -> ir.Table:
    """Return a need per incident of which the client was not informed."""
    rows = incidents.filter(incidents.notice_sent_at.isnull())
    return needs(
        rows,
        INCIDENT_NOTICE,
        rows.incident_id,
        sentence("Inform the client about the incident {}.", rows.incident_id),
        [sentence("incidents:{}", rows.incident_id)],
        rule="incidents.notice_sent_at",
        due_at=rows.opened_at,
    )


def _version(rows: ir.Table) -> ir.StringValue:
    return sentence("{}@{}", rows.config_id, rows.config_version)


def _record(rows: ir.Table) -> ir.StringValue:
    return sentence("config_versions:{} | {}", rows.config_id, rows.config_version)
