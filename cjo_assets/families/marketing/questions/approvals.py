"""Approval requests of marketing and their answers, in the columns that all families share."""

from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.expressions.approval_answers import NOT_YET
from cjo_assets.core.questions import Approvals
from cjo_assets.families.marketing.inputs.marketing_approvals import RECORDS
from cjo_assets.families.marketing.recommendations._recommending import (
    CREATIVE,
    EXPERIMENT,
    FREEZE,
    MEASUREMENT,
    REJECT,
)

_DAYS = "marketing.performance_assessment"
_NEWEST = f"WHERE as_of = (SELECT max(as_of) FROM {_DAYS})"
# Requests do not lapse, and one person answers them. A pause, a start or a segment moves money without an amount.
_REQUESTS = f"""
    SELECT * EXCLUDE (as_of, request_id, what, amount, category_of_recommendation), request_id AS intervention_id,
        what AS recommended_action, amount AS expected_cost, FALSE AS needs_two_people, NULL::TIMESTAMP AS expires_at,
        NULL::VARCHAR AS stale_reason, amount IS NULL AND (
            action IN ('{FREEZE}', '{REJECT}')
            OR coalesce(category_of_recommendation IN ('{EXPERIMENT}', '{CREATIVE}', '{MEASUREMENT}'), FALSE)
        ) AS moves_no_money
    FROM marketing.approval_queue
    LEFT JOIN (
        SELECT as_of, recommendation_id AS request_id, category AS category_of_recommendation
        FROM marketing.recommendations
    ) USING (as_of, request_id)
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
