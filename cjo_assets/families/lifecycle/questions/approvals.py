"""Approval requests of the lifecycle and their answers, in the columns that all families share."""

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.expressions.approval_answers import NOT_YET
from cjo_assets.core.questions import Approvals
from cjo_assets.families.lifecycle.inputs.lifecycle_approvals import RECORDS

_DAYS = "lifecycle.lifecycle_summary"
_NEWEST = f"WHERE as_of = (SELECT max(as_of) FROM {_DAYS})"
# Requests do not lapse, and one person answers them. A configuration or a variant is no payment.
_REQUESTS = """
    SELECT decision_id AS intervention_id, customer_id, what AS recommended_action, amount AS expected_cost,
        approval_role, waits_with, entitled_approvers, requested_by, decision_hash, answers_from, requested_at, due_at,
        is_overdue, status, decided_at, decided_by, FALSE AS needs_two_people, NULL::TIMESTAMP AS expires_at,
        NULL::VARCHAR AS stale_reason, list_filter(
            [kind, nullif(approval_rule, kind)], lambda word: word IS NOT NULL) AS approval_reasons, evidence,
        amount IS NULL AND coalesce(
            approval_rule IN ('high_risk_change', 'client_rollback', 'promotion'), FALSE
        ) AS moves_no_money
    FROM lifecycle.approval_queue
    LEFT JOIN (SELECT as_of, decision_id, evidence FROM lifecycle.outbox) USING (as_of, decision_id)
"""

APPROVALS = Approvals(
    records=RECORDS,
    key="decision_id",
    requests=f"({_REQUESTS} {_NEWEST})",
    pending=f"({_REQUESTS} {_NEWEST} AND status = '{PENDING}')",
    history=f"(SELECT *, decision_id AS intervention_id FROM lifecycle.approval_answers {_NEWEST})",
    interventions=f"(SELECT decision_id AS intervention_id FROM lifecycle.outbox {_NEWEST})",
    days=_DAYS,
    not_yet=NOT_YET,
    categories=lambda policy: policy.journey.approval.rejection_categories,
    effect=", to be carried out,",
)
