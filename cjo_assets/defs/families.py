"""Assets of every family in the catalog, and the jobs that compute a day of one."""

import dagster as dg

from cjo_assets.catalog import all_families, data_families
from cjo_assets.orchestration.assets import family_definitions
from cjo_assets.orchestration.jobs import daily_job


@dg.definitions
def families() -> dg.Definitions:
    """Return the assets and the daily jobs of all families."""
    assets = [family_definitions(family) for family in all_families()]
    jobs = [daily_job(family.name) for family in data_families()]
    return dg.Definitions.merge(*assets, dg.Definitions(jobs=jobs))
