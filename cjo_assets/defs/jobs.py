"""Jobs: what a person or a schedule starts by name."""

import dagster as dg

from cjo_assets.wiring.partitions import days

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    partitions_def=days,
    description="Every table of one day, its report, and the published database.",
)
