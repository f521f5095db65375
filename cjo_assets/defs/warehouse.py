"""The warehouse that every asset writes to."""

import dagster as dg

from cjo_assets.core.settings import Settings
from cjo_assets.orchestration.resources import Warehouse


@dg.definitions
def warehouse() -> dg.Definitions:
    """Return the warehouse resource."""
    return dg.Definitions(resources={"warehouse": Warehouse(database=str(Settings.from_environment().build))})
