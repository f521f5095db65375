"""Metrics of the time before the programme, as measured by the business.

One row per metric. Optional; it serves where neither a control group nor a state log of that time exists. Metrics,
units and definitions are those of `baseline_comparisons`.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset

CHURN_RATE, VALUE_CHURN_RATE = "churn_rate", "value_churn_rate"
ESCALATION_RATE, ESCALATION_DAYS = "escalation_rate", "escalation_days"
UNRESOLVED_SHARE, DAYS_PER_CASE, SUPPORT_DAYS = "unresolved_issue_share", "days_per_support_case", "support_days"
# Metric and unit. A month has 30 days; a customer is one who has not left.
METRICS = {
    CHURN_RATE: "departures per customer and month",
    VALUE_CHURN_RATE: "share of account value lost per month",
    ESCALATION_RATE: "escalations per customer and month",
    ESCALATION_DAYS: "days in escalation per customer and month",
    UNRESOLVED_SHARE: "share of issues",
    DAYS_PER_CASE: "days in support per case",
    SUPPORT_DAYS: "days in support per customer and month",
}


class BaselineMetrics(Contract):
    """Metrics of the time before. One row per metric."""

    metric: str = key("Metric, as `baseline_comparisons` defines it.", isin=list(METRICS))
    value: float = column("Value in the unit of the metric, down = better.", ge=0, le=LARGEST_AMOUNT)
    records: int = column("Events or cases behind the value; without them it has no interval.", optional=True, ge=1)
    measured_from: date = column("First day of the time it was measured in.")
    measured_until: date = column("Last day of that time.")


def relations(rows: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rule on the period of a measurement."""
    return {"measured_until: before measured_from": rows.measured_until < rows.measured_from}


DATASET = Dataset(
    "baseline_metrics",
    BaselineMetrics,
    is_optional=True,
    relations=relations,
    record_date="measured_until",
)
