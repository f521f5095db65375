"""Performance metrics: snapshots of the counts of an asset in an experiment.

One row per asset, experiment and instant. Campaign, segment and channel come from the asset. The policy's
`snapshots_are` states whether a snapshot counts since the one before it or since the start.
"""

import ibis.expr.types as ir

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, Instant, column, key
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.keys import is_key_in


class PerformanceMetrics(Contract):
    """Performance snapshots that passed their contract. One row per asset, experiment and instant."""

    asset_id: str = key("Creative asset.")
    experiment_id: str = key("Experiment it was shown in.")
    timestamp: Instant = key("Instant of the snapshot [UTC].")
    impressions: int = column("Times it was shown [impressions].", ge=0, le=LARGEST_COUNT)
    clicks: int = column("Times it was clicked [clicks].", ge=0, le=LARGEST_COUNT)
    conversions: int = column("Conversions [conversions].", ge=0, le=LARGEST_COUNT)
    conversion_rate: float = column("Conversion rate as the source states it [0-1], up = better.", ge=0, le=1)
    cost: float = column("Media cost [currency].", ge=0, le=LARGEST_AMOUNT)
    revenue_proxy: float = column(
        "Value of the conversions, as the source estimates it [currency].", ge=0, le=LARGEST_AMOUNT
    )
    exposed_people: int = column(
        "People who were shown it at least once [people]; null where the source counts impressions alone.",
        ge=0,
        le=LARGEST_COUNT,
        optional=True,
    )


def relations(rows: ir.Table, experiments: ir.Table) -> dict[str, ir.BooleanValue]:
    """Name the snapshots of an experiment that is not there, or has no such arm, and counts that cannot be."""
    shown = [rows.experiment_id, rows.asset_id]
    is_arm = is_key_in(shown, experiments, ["experiment_id", "control_asset"]) | is_key_in(
        shown, experiments, ["experiment_id", "variant_asset"]
    )
    return {
        "asset_id: no arm of the experiment": ~is_arm,
        "clicks: more than impressions": rows.clicks > rows.impressions,
        "conversions: more than impressions": rows.conversions > rows.impressions,
        "exposed_people: more than impressions": rows.exposed_people > rows.impressions,
        "experiment_id: unknown experiment": rows.experiment_id.notin(experiments.experiment_id),
    }


DATASET = Dataset(
    "performance_metrics", PerformanceMetrics, may_be_empty=False, relations=relations, record_date="timestamp"
)
