"""Approval requests of marketing and their answers, in the columns that all families share."""

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.expressions.approval_answers import NOT_YET
from cjo_assets.core.questions import Approvals
from cjo_assets.families.marketing.inputs.marketing_approvals import RECORDS

_DAYS = "marketing.performance_assessment"
_NEWEST = f"WHERE as_of = (SELECT max(as_of) FROM {_DAYS})"
# Requests do not lapse, and one person answers them.
_REQUESTS = """
    SELECT * EXCLUDE (as_of, request_id, what, amount), request_id AS intervention_id, what AS recommended_action,
        amount AS expected_cost, FALSE AS needs_two_people, NULL::TIMESTAMP AS expires_at,
        NULL::VARCHAR AS stale_reason
    FROM marketing.approval_queue
"""

APPROVALS = Approvals(
    records=RECORDS,
    key="request_id",
    requests=f"({_REQUESTS} {_NEWEST})",
    pending=f"({_REQUESTS} {_NEWEST} AND status = '{PENDING}')",
    history=f"(SELECT *, request_id AS intervention_id FROM marketing.approval_answers {_NEWEST})",
    interventions=f"""(
        SELECT recommendation_id AS intervention_id FROM marketing.recommendations {_NEWEST}
        UNION ALL SELECT budget_action_id FROM marketing.budget_governance {_NEWEST}
    )""",
    days=_DAYS,
    not_yet=NOT_YET,
    categories=lambda policy: policy.journey.approval.rejection_categories,
    effect=", to be carried out,",
    subject="campaign",
)
