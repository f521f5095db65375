"""Jobs of a family, and which families a run is about."""

from __future__ import annotations

import dagster as dg

from cjo_assets.catalog import data_families, families_about
from cjo_assets.core.family import Family
from cjo_assets.core.table import RAW
from cjo_assets.orchestration.assets import key_of_table
from cjo_assets.orchestration.end_of_day import PUBLISHED, RECORDS, reports_of
from cjo_assets.orchestration.partitions import days
from cjo_assets.orchestration.phrasing_assets import PHRASED

FAMILY_TAG = "cjo/family"
# Its value names the command; the command reports the failure of its run on the terminal.
COMMAND_TAG = "cjo/command"


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
    """Return the job that reads the files of a family; where automation is declarative everything else follows."""
    return dg.define_asset_job(
        f"load_{family.name}",
        selection=dg.AssetSelection.assets(*(key_of_table(RAW, dataset.name) for dataset in family.datasets)),
        tags={FAMILY_TAG: family.name},
        description=f"The files of the family {family.name} alone; where automation is declarative everything follows.",
    )


def keys_of_day(family: str) -> list[dg.AssetKey]:
    """Return the assets of a day of a family."""
    families = families_about(family)
    raw = [key_of_table(RAW, dataset.name) for found in families for dataset in found.datasets]
    tables = [
        key_of_table(table.schema, table.name)
        for found in families
        for table in found.tables
        if table.transform is not None or table.group == RECORDS
    ]
    phrased = PHRASED if any(key.path[0] == family for key in PHRASED) else ()
    return [*raw, *tables, *phrased, *reports_of(family), PUBLISHED]


def families_of_run(run: dg.DagsterRun) -> tuple[str, ...]:
    """Return the families that a run computes: the one its job is for, else those it was asked for, else all."""
    names = tuple(family.name for family in data_families())
    if FAMILY_TAG in run.tags:
        return (run.tags[FAMILY_TAG],)
    asked = run.asset_selection or set()
    return tuple(name for name in names if asked & set(keys_of_day(name)) - _shared_keys()) or names


def _shared_keys() -> set[dg.AssetKey]:
    keys = [set(keys_of_day(family.name)) for family in data_families()]
    return set.intersection(*keys) if len(keys) > 1 else set()
