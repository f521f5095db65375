"""The newest day as analysts see it: views that need no date."""

import dagster as dg

from cjo_assets.catalog import data_families
from cjo_assets.core.table import LATEST, Family, Table, given_inputs, inputs_of
from cjo_assets.families.journey.portfolio import customer_360
from cjo_assets.orchestration.assets import family_definitions

VIEWS = (
    Table(
        LATEST,
        "customer_360",
        customer_360.Customer360,
        given_inputs(customer_360.customer_360, inputs_of(customer_360.customer_360, "journey")),
        "overview",
        is_view=True,
    ),
)


def latest_family(families: tuple[Family, ...]) -> Family:
    """Return the views that read nothing but these families."""
    names = {family.name for family in families}
    views = [view for view in VIEWS if {reference.schema for reference in view.inputs().values()} <= names]
    return Family(name=LATEST, datasets=(), tables=tuple(views))


@dg.definitions
def latest() -> dg.Definitions:
    """Return the assets of the newest day."""
    return family_definitions(latest_family(data_families()))
