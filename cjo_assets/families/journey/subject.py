"""The customer as the subject of the journey family."""

from collections.abc import Mapping

import ibis.expr.types as ir

from cjo_assets.core.answers import Subject


def _rows_of_customer(rows: ir.Table, customer_id: str, _: Mapping[str, ir.Table]) -> ir.Table:
    return rows.filter(rows.customer_id == customer_id)


SUBJECT = Subject(
    "customer",
    "customers",
    _rows_of_customer,
    (
        "signals",
        "state_entries",
        "journey_states",
        "aggregated_signals",
        "fused_signals",
        "journey_evaluations",
        "journey_forecasts",
        "risk_contributions",
        "risk_scores",
        "intervention_ledger",
        "customer_needs",
        "playbook_candidates",
        "recommended_interventions",
        "coverage_gaps",
        "outcome_analyses",
        "kpi_evidence",
    ),
)
