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
    ("accounts", "subscriptions", "mrr_movements", "invoices", "plan_usage", "client_pipeline"),
)
