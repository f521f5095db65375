"""The end of a day: its report, its record, and the database that analysts open."""

import dagster as dg

from cjo_assets.wiring.end_of_day import end_of_day_definitions
from cjo_assets.wiring.families import all_families


@dg.definitions
def published() -> dg.Definitions:
    """Return the assets that end a day."""
    return end_of_day_definitions(all_families())
