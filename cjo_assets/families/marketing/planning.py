"""Plan of an experiment that has not begun, as `cjo plan-experiment` prints it."""

from __future__ import annotations

import ibis.expr.types as ir

from cjo_assets.core.answers import Planning, PlanRequest
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.marketing.experiments._experiment_planning import with_plans
from cjo_assets.families.marketing.measurement.metric_definitions import DOWN
from cjo_assets.policy import Policy
from cjo_assets.reporting.text import number, percent

COLUMNS = {
    "lift": "lift",
    "variant_rate": "rate of the variant",
    "exposures_to_detect": "exposures per arm to detect it",
    "days_to_detect": "days",
    "exposures_to_scale": "exposures per arm to scale",
    "days_to_scale": "days",
}


def _plan(request: PlanRequest, policy: Policy) -> ir.Table:
    """Return the plan of an experiment at each lift."""
    metric = None if request.metric is None else policy.marketing.metric_definitions[request.metric]
    effect = policy.marketing.snapshots.people_design_effect if metric is None else metric.design_effect
    row = {
        "control_rate": request.rate,
        "goes_down": metric is not None and metric.direction == DOWN,
        "design_effect": effect,
        "exposures_per_day": request.exposures_per_day,
    }
    types = dict.fromkeys((*row, "exposures_per_arm"), "float64") | {"goes_down": "boolean"}
    lifts = request.lifts or policy.marketing.experiments.planned_lifts
    return with_plans(literal_rows([row], types), lifts, policy).select(*COLUMNS).order_by("lift")


def _assumptions(policy: Policy) -> str:
    rules = policy.marketing.experiments
    level, power = number(rules.statistical_significance_threshold), number(rules.power)
    return (
        f"One reading at the end, arms of equal size, level {level}, power {power}. To scale, the estimated lift must "
        f"also be {percent(rules.lift_threshold_for_scaling)} or more."
    )


PLANNING = Planning(
    metrics=lambda policy: tuple(policy.marketing.metric_definitions),
    columns=COLUMNS,
    plan=_plan,
    assumptions=_assumptions,
)
