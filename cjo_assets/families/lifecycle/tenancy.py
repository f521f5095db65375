"""Rows of the lifecycle that belong to one customer."""

from cjo_assets.core.family import Tenancy

_OWN_DECISIONS = "decision_id IN (SELECT decision_id FROM lifecycle.approval_queue WHERE customer_id = $customer)"

TENANCY = Tenancy(
    customers="SELECT customer_id AS id, name FROM lifecycle.organizations",
    people="""
        SELECT person_id AS id, CASE WHEN customer_id IS NULL THEN coalesce(roles[1], 'staff') END AS role
        FROM lifecycle.people WHERE customer_id IS DISTINCT FROM $customer
        UNION ALL SELECT unnest(entitled_approvers), approval_role FROM lifecycle.approval_queue
        UNION ALL SELECT decided_by, 'approver' FROM lifecycle.lifecycle_approvals
        UNION ALL SELECT person, 'approver' FROM lifecycle.approval_answers""",
    children={"approval_answers": _OWN_DECISIONS, "lifecycle_approvals": _OWN_DECISIONS},
    without_tenant=(
        "agent_scorecard",
        "automation_rates",
        "health_backtest",
        "health_by_band",
        "kpi_status",
        "kpis",
        "lifecycle_summary",
        "mrr_bridge",
        "pipeline_funnel",
        "plans",
        "sla_by_priority",
        "variant_decisions",
        "variant_posteriors",
        "variant_results",
        "village_patterns",
    ),
)
