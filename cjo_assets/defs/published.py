"""The end of a day: its report, its record, and the database that analysts open."""

import dagster as dg

from cjo_assets.catalog import all_families
from cjo_assets.orchestration.end_of_day import end_of_day_definitions


@dg.definitions
def published() -> dg.Definitions:
    """Return the assets that end a day."""
    return end_of_day_definitions(all_families())
