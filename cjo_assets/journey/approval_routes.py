"""Why a person must decide."""

import ibis.expr.types as ir

from cjo_assets.policy import Policy
from cjo_assets.shared.by_segment import by_segment
from cjo_assets.shared.contract import names_where


def approval_reasons(rows: ir.Table, policy: Policy) -> ir.ArrayValue:
    """Return why a person must decide, sorted; empty where nobody must."""
    valuable = by_segment(policy, rows.segment, lambda rules: rules.recommendation.high_value_customer_threshold)
    unsure = by_segment(policy, rows.segment, lambda rules: rules.approval.low_confidence)
    reasons = {
        "playbook_requires_approval": rows.approval_required,
        "high_risk_tier": (rows.risk_tier == "high").fill_null(False),
        "high_urgency": rows.urgency == "high",
        "high_value_customer": rows.account_value >= valuable,
        "low_confidence": rows.confidence < unsure,
    }
    return names_where(reasons)
