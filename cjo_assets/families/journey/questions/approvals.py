"""Approval requests of the journey and their answers."""

from cjo_assets.core.expressions.approval_answers import NOT_YET
from cjo_assets.core.questions import Approvals
from cjo_assets.families.journey.inputs.approval_decisions import RECORDS

APPROVALS = Approvals(
    records=RECORDS,
    key="intervention_id",
    requests="journey.approval_requests",
    pending="journey.pending_approvals",
    history="journey.approval_history",
    interventions="journey.outcome_analyses",
    days="journey.journey_summary",
    not_yet=NOT_YET,
    categories=lambda policy: policy.journey.approval.rejection_categories,
    effect=", taken as carried out,",
)
