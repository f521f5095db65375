"""Experiments by their counts: what tests of evaluations put in."""

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow

from cjo_assets.core.contract import schema_of
from cjo_assets.families.marketing.experiments.experiment_arms import ExperimentArms
from cjo_assets.families.marketing.experiments.experiment_evaluations import experiment_evaluations
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.measurement.metric_definitions import MetricDefinitions
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import BACKEND, Row, Rows, default_row, policy_with, table_of

DAY = date(2026, 3, 20)
AS_OF = ibis.literal(DAY, "date")
START = date(2026, 3, 1)
METRICS = [
    {"metric": "signup_rate", "numerator": "conversions", "denominator": "impressions", "direction": "up"},
    {"metric": "click_rate", "numerator": "clicks", "denominator": "impressions", "direction": "up"},
    {"metric": "leave_rate", "numerator": "clicks", "denominator": "impressions", "direction": "down"},
    {
        "metric": "clumped_rate",
        "numerator": "clicks",
        "denominator": "impressions",
        "direction": "up",
        "design_effect": 4.0,
    },
]
EFFECTS = {metric["metric"]: metric.get("design_effect", 1.0) for metric in METRICS}
# The packaged numbers, but for what would make hand-made examples long.
RULES = {
    "marketing__experiments__minimum_sample_size": 100,
    "marketing__experiments__minimum_successes": 20,
    "marketing__experiments__lift_threshold_for_scaling": 0.10,
    "marketing__experiments__sequential_tightest_at": 20_000,
}
UNGUARDED = policy_with(**RULES, marketing__experiments__guardrails={})
GUARDED = policy_with(**RULES)


def experiment(name: str, control: tuple[int, int], variant: tuple[int, int], **values: Any) -> Row:
    """Return an experiment by the successes and the exposures of its arms; `arm_` values are those of one arm."""
    return {"experiment_id": name, "control": control, "variant": variant, "family": name} | values


def frames(experiments: Rows, policy: Policy) -> dict[str, Any]:
    """Return what the transform takes."""
    plans, arms = [], []
    names = set(schema_of(Experiments))
    for row in experiments:
        plan = {"campaign_id": "CAMP", "metric": "click_rate", "status": "running", "start_date": START}
        plans.append(plan | {name: value for name, value in row.items() if name in names})
        for arm in ("control", "variant"):
            successes, exposures = row[arm]
            counts = {
                "successes": successes,
                "exposures": exposures,
                "rate": successes / exposures if exposures else None,
            }
            shown = {"impressions": exposures, "assigned": exposures, "clicks": successes, "conversions": 100}
            effect = EFFECTS.get(row.get("metric", "click_rate"))
            own = {"experiment_id": row["experiment_id"], "arm": arm, "unit": "impressions", "cost": 100.0}
            own |= {"design_effect": effect, "assigned_design_effect": effect, "assigned_unit": "impressions"}
            given = {name.removeprefix(f"{arm}_"): value for name, value in row.items() if name.startswith(f"{arm}_")}
            known = {name: value for name, value in given.items() if name in schema_of(ExperimentArms)}
            arms.append(own | counts | shown | {"horizon_reached_on": row.get("horizon_reached_on")} | known)
    campaigns = [{"campaign_id": "CAMP", "status": "active"}, {"campaign_id": "IDLE", "status": "paused"}]
    return {
        "experiment_arms": table_of(ExperimentArms, arms),
        "experiments": table_of(Experiments, plans),
        "campaigns": table_of(Campaigns, campaigns),
        "metric_definitions": definitions(),
        "as_of": AS_OF,
        "policy": policy,
    }


def definitions() -> ir.Table:
    """Return the metrics of these tests; exposures are independent by default."""
    return table_of(MetricDefinitions, [{"design_effect": 1.0} | metric for metric in METRICS])


def many(columns: dict[str, Any], policy: Policy) -> ir.Table:
    """Return the evaluations of many experiments of one metric, given as arrays.

    Args:
        columns: experiment_id, control_successes, control_exposures, variant_successes, variant_exposures, and whatever
            an experiment has beside.
        policy: the policy.
    """
    size = len(columns["experiment_id"])
    plan = default_row(Experiments, 1) | {
        "campaign_id": "CAMP",
        "metric": "click_rate",
        "status": "running",
        "start_date": START,
        "control_asset": "A",
        "variant_asset": "B",
    }
    own = {name: columns[name] for name in schema_of(Experiments) if name in columns}
    plans = _filled(Experiments, plan, own | {"family": columns["experiment_id"]}, size)
    sides = []
    for arm in ("control", "variant"):
        exposures, successes = columns[f"{arm}_exposures"], columns[f"{arm}_successes"]
        row = default_row(ExperimentArms, 1) | {"arm": arm, "unit": "impressions", "as_of": DAY, "conversions": 100}
        row |= {"design_effect": 1.0, "assigned_design_effect": 1.0, "assigned_unit": "impressions"}
        values = {
            "experiment_id": columns["experiment_id"],
            "exposures": exposures,
            "successes": successes,
            "impressions": exposures,
            "assigned": exposures,
            "clicks": successes,
            "rate": successes / exposures,
        }
        if "metric" in columns:
            effects = [EFFECTS[metric] for metric in columns["metric"]]
            values |= {"design_effect": effects, "assigned_design_effect": effects}
        if "horizon_reached_on" in columns:
            values["horizon_reached_on"] = columns["horizon_reached_on"]
        sides.append(_filled(ExperimentArms, row | {"cost": 100.0}, values, size))
    return experiment_evaluations(
        BACKEND.create_table(ibis.util.gen_name("arms"), pyarrow.concat_tables(sides), temp=True).drop("as_of"),
        BACKEND.create_table(ibis.util.gen_name("plans"), plans, temp=True),
        table_of(Campaigns, [{"campaign_id": "CAMP", "status": "active"}]),
        definitions(),
        AS_OF,
        policy,
    )


def _filled(contract: Any, row: Row, columns: dict[str, Any], size: int) -> pyarrow.Table:
    schema = schema_of(contract).to_pyarrow()
    return pyarrow.table(
        {
            field.name: pyarrow.array(columns[field.name]).cast(field.type)
            if field.name in columns
            else pyarrow.array([row[field.name]] * size, field.type)
            for field in schema
        }
    )
