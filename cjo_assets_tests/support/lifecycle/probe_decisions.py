"""Rows and other values for the policy of decisions, for what does not happen in the sample."""

from typing import Any

from cjo_assets_tests.support.lifecycle.probe_rows import day_of, event
from cjo_assets_tests.support.policy_leaves import DEFAULT
from cjo_assets_tests.support.rows import Rows

DECISION_ROWS: dict[str, Rows] = {
    "lifecycle_events": [
        event("invoice_issued", 60, "C001", "I_LONG", amount=1.0, due_at=day_of(45)),
        # A margin of a tenth.
        event("pricing_proposed", 3, "P_WAITS", "D_DEAR", amount=100.0, quantity=90.0),
        # With the two of the sample beyond the retries.
        *(event("crm_sync_failed", day, "C007", "CRM-7", related_id="hubspot") for day in (1, 2, 3)),
    ],
}

# Each of these leads to the manager in the packaged policy.
DECISION_VALUES: dict[str, Any] = {
    f"lifecycle.approvals.always.{name}": "executive"
    for name in ("suspension", "high_risk_change", "client_rollback", "low_margin", "promotion")
} | {
    # A discount of 0.1 is requested.
    "lifecycle.approvals.ladders.discount.manager": 0.15,
    # The credit of C008 is 816.67.
    "lifecycle.approvals.ladders.credit.manager": 800,
    "lifecycle.approvals.ladders.credit.executive": 800,
}
LATE_KINDS = ("renewal", "incident_notice", "message", "opportunity", "budget_alert", "crm_conflict")
LATE_KINDS += ("quarterly_review", "data_gap")
DECISION_VALUES |= {
    # Kinds that are among the last of an owner become the first, the others the last.
    f"lifecycle.actions.kinds.{name}.place": 1 if name in LATE_KINDS else 99
    for name in DEFAULT["lifecycle"]["actions"]["kinds"]
} | {"lifecycle.actions.day_minutes": 60}
DECISION_STARTING_FROM: dict[str, dict[str, Any]] = {
    "lifecycle.approvals.always.promotion": {"lifecycle.experiments.auto_promote": False},
    "lifecycle.approvals.ladders.credit.executive": {"lifecycle.approvals.ladders.credit.manager": 500},
}
