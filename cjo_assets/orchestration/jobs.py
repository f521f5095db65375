"""Jobs of a family: computation of a day, and loading of files."""

from __future__ import annotations

import dagster as dg

from cjo_assets.core.family import Family
from cjo_assets.core.table import RAW
from cjo_assets.orchestration.keys import FAMILY_TAG, key_of_table, keys_of_day
from cjo_assets.orchestration.partitions import days


def job_name(family: str) -> str:
    """Return the name of the job that computes a day of a family."""
    return f"daily_{family}"


def daily_job(family: str) -> dg.UnresolvedAssetJobDefinition:
    """Return the job that computes a day of a family: its tables, its report, the records, the published database."""
    return dg.define_asset_job(
        job_name(family),
        selection=dg.AssetSelection.assets(*keys_of_day(family)),
        partitions_def=days,
        tags={FAMILY_TAG: family},
        description=f"Every table of one day of the family {family}, its report, and the published database.",
    )


def load_job(family: Family) -> dg.UnresolvedAssetJobDefinition:
    """Return the job that loads the files of a family; with declarative automation it triggers all other tables."""
    return dg.define_asset_job(
        f"load_{family.name}",
        selection=dg.AssetSelection.assets(*(key_of_table(RAW, dataset.name) for dataset in family.datasets)),
        tags={FAMILY_TAG: family.name},
        description=f"The files of the family {family.name} alone; with declarative automation all tables follow.",
    )
