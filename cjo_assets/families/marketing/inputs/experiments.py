"""Experiments: two assets of one campaign shown side by side.

One row per experiment. An experiment with an undefined metric is accepted, and a check reports it.
"""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.keys import is_key_in

RUNNING, COMPLETED, PLANNED, STOPPED = "running", "completed", "planned", "stopped"


class Experiments(Contract):
    """Experiments that passed their contract. One row per experiment."""

    experiment_id: str = key("Experiment.")
    campaign_id: str = column("Campaign it is part of.")
    start_date: date = column("First day.")
    end_date: date = column("Last day; null while it is open.", nullable=True)
    type: str = column("Design.", words="experiment_types")
    metric: str = column("Metric it is decided by, as the policy's metric_definitions name it.")
    control_asset: str = column("Asset of the control arm.")
    variant_asset: str = column("Asset of the treatment arm.")
    status: str = column("Status of the experiment.", isin=[RUNNING, COMPLETED, PLANNED, STOPPED])
    control_share: float = column(
        "Share of exposures planned for the control arm [0-1]; null where the plan is the policy's.",
        gt=0,
        lt=1,
        optional=True,
    )
    family: str = column(
        "Experiments that are read together, so that chance has as many tries; null: those of its campaign.",
        optional=True,
    )
    horizon_exposures: int = column(
        "Exposures of both arms at which it was planned to be read once [exposures]; null where nothing was planned.",
        ge=1,
        le=LARGEST_COUNT,
        optional=True,
    )


def relations(rows: ir.Table, campaigns: ir.Table, creative_assets: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the experiments on assets that are not there, are one, or belong to another campaign."""
    rules = {
        "campaign_id: unknown campaign": rows.campaign_id.notin(campaigns.campaign_id),
        "end_date: before start_date": rows.end_date < rows.start_date,
        "variant_asset: the control asset itself": rows.variant_asset == rows.control_asset,
    }
    for name in ("control_asset", "variant_asset"):
        is_owned = is_key_in([rows.campaign_id, rows[name]], creative_assets, ["campaign_id", "asset_id"])
        rules[f"{name}: no asset of the campaign"] = ~is_owned
    return rules


# Without one nothing that was measured could be read: snapshots are of experiments.
DATASET = Dataset(
    "experiments", Experiments, may_be_empty=False, relations=relations, record_date="start_date", is_history=False
)


@check
def unknown_metrics(experiments: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return experiments whose metric the policy does not define: they cannot be evaluated."""
    return experiments.filter(experiments.metric.notin(metric_definitions.metric)).select("experiment_id", "metric")
