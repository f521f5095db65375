"""The newest day as analysts see it: views that need no date."""

import dagster as dg

from cjo_assets.journey import customer_360
from cjo_assets.wiring.assets import family_definitions
from cjo_assets.wiring.tables import LATEST, Family, Table, given_inputs, inputs_of

FAMILY = Family(
    name=LATEST,
    datasets=(),
    tables=(
        Table(
            LATEST,
            "customer_360",
            customer_360.Customer360,
            given_inputs(customer_360.customer_360, inputs_of(customer_360.customer_360, "journey")),
            "overview",
            is_view=True,
        ),
    ),
)


@dg.definitions
def latest() -> dg.Definitions:
    """Return the assets of the newest day."""
    return family_definitions(FAMILY)
