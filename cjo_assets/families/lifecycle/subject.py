"""The customer as the subject of the lifecycle family."""

from collections.abc import Mapping

import ibis.expr.types as ir

from cjo_assets.core.answers import Subject


def _rows_of_customer(rows: ir.Table, customer_id: str, _: Mapping[str, ir.Table]) -> ir.Table:
    return rows.filter(rows.customer_id == customer_id)


SUBJECT = Subject(
    "customer",
    "organizations",
    _rows_of_customer,
    (
        "accounts",
        "lifecycle_stages",
        "health_scores",
        "health_contributions",
        "subscriptions",
        "mrr_movements",
        "invoices",
        "plan_usage",
        "client_pipeline",
        "ticket_sla",
        "escalations",
        "assignments",
        "assignment_decisions",
        "lifecycle_messages",
        "opportunities",
        "personalization",
        "crm_drift",
        "config_changes",
        "incidents",
        "sla_compliance",
        "model_costs",
        "outbox",
        "approval_queue",
        "action_plan",
        "quarterly_review",
        "journey_signals",
    ),
)
