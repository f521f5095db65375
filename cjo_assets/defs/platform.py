"""Assets that every family shares: texts, reports and the published database, with the warehouse they write to."""

import dagster as dg

from cjo_assets.catalog import all_families, data_families, families_about
from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.end_of_day import end_of_day_definitions
from cjo_assets.orchestration.resources import Warehouse
from cjo_assets.orchestration.texts import texts_definitions


@dg.definitions
def platform() -> dg.Definitions:
    """Return the shared assets and the warehouse resource."""
    texts = [texts_definitions(family, families_about(family.name)) for family in data_families() if family.texts]
    return dg.Definitions.merge(
        *texts,
        end_of_day_definitions(all_families()),
        dg.Definitions(resources={"warehouse": Warehouse(database=str(Settings.from_environment().build))}),
    )
