"""Tables that `cjo run --customer` shows of a customer of the lifecycle."""

from cjo_assets.families.lifecycle.family import FAMILY
from cjo_assets.families.lifecycle.subject import SUBJECT
from cjo_assets.warehouse.customer_export import tables_of_customers

# Hundreds of rows: one for each metric and day.
TOO_LONG = {"daily_metrics"}


def test_every_computed_table_of_customers_is_shown() -> None:
    lookups = {dataset.lookup for dataset in FAMILY.datasets}
    views = {table.name for table in FAMILY.tables if table.is_view}
    children = set(FAMILY.tenancy.children) if FAMILY.tenancy else set()
    expected = set(tables_of_customers(FAMILY)) - lookups - views - children - TOO_LONG
    assert set(SUBJECT.tables) == expected
    assert len(SUBJECT.tables) == len(expected) == 26
