"""What is put into words, and the calls that it took."""

import dagster as dg

from cjo_assets.catalog import families_about
from cjo_assets.orchestration.phrasing_assets import phrasing_definitions


@dg.definitions
def language() -> dg.Definitions:
    """Return the assets of calls and texts."""
    return phrasing_definitions(families_about("journey"))
