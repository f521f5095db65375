"""Definition of each metric in the policy, as a table beside the figures.

One row per metric.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.policy import Policy

UP, DOWN = "up", "down"


class MetricDefinitions(Contract):
    """Metrics and their definitions. One row per metric."""

    metric: str = key("Metric.")
    numerator: str = column("Column of the performance metrics that is counted.")
    denominator: str = column("Column of the performance metrics it is divided by: the unit of analysis.")
    direction: str = column("up: more is better; down: less is.", isin=[UP, DOWN])
    design_effect: float = column(
        "How far impressions or clicks are from independent trials [x variance]: variance over that of as many.", ge=1
    )
    people_design_effect: float = column("The same of people, where snapshots count them [x variance].", ge=1)


def metric_definitions(policy: Policy) -> ir.Table:
    """Return the policy's definitions as rows."""
    of_people = {"people_design_effect": policy.marketing.snapshots.people_design_effect}
    definitions = policy.marketing.metric_definitions
    rows = [{"metric": name} | dict(definition) | of_people for name, definition in definitions.items()]
    return literal_rows(
        rows,
        {
            "metric": "string",
            "numerator": "string",
            "denominator": "string",
            "direction": "string",
            "design_effect": "float64",
            "people_design_effect": "float64",
        },
    )
