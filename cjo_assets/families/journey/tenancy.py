"""Rows of the journey that belong to one customer."""

from cjo_assets.core.family import Tenancy

_OWN_INTERVENTIONS = """intervention_id IN (
    SELECT intervention_id FROM journey.interventions WHERE customer_id = $customer
    UNION ALL SELECT intervention_id FROM journey.recommended_interventions WHERE customer_id = $customer)"""

TENANCY = Tenancy(
    customers="SELECT customer_id AS id, NULL AS name FROM journey.customers",
    people="""
        SELECT unnest(entitled_approvers) AS id, approval_role AS role FROM journey.approval_requests
        UNION ALL SELECT decided_by, 'approver' FROM journey.approval_history WHERE person IS NOT NULL
        UNION ALL SELECT decided_by, 'approver' FROM journey.approval_decisions
        UNION ALL SELECT person, 'approver' FROM journey.approval_history
        UNION ALL SELECT requested_by, 'requester' FROM journey.interventions""",
    children={"approval_decisions": _OWN_INTERVENTIONS, "approval_history": _OWN_INTERVENTIONS},
    without_tenant=(
        "baseline_comparisons",
        "baseline_metrics",
        "conformance",
        "forecast_backtest",
        "journey_summary",
        "kpi_status",
        "kpis",
        "next_steps",
        "path_variants",
        "playbook_activity",
        "playbook_performance",
        "playbook_performance_log",
        "playbooks",
        "portfolio_by_segment",
        "portfolio_by_stage",
        "portfolio_cells",
        "portfolio_snapshots",
        "rejections_by_rule",
        "roi_breakdown",
        "roi_by_grade",
        "roi_estimate",
        "roi_sensitivity",
        "signal_effectiveness",
        "stage_flows",
        "stage_throughput",
        "threshold_advice",
        "transition_model",
        "treatment_effects",
    ),
)
