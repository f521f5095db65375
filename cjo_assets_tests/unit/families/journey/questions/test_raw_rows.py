"""Queries for the raw rows about a customer."""

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.families.journey.questions._raw_rows import DATASETS


def test_every_dataset_that_names_customers_is_queried() -> None:
    named = {
        dataset.name
        for family in families_about("journey")
        for dataset in family.datasets
        if {"customer_id", "intervention_id"} & {spec.name for spec in columns_of(dataset.contract)}
    }
    assert named == {dataset.name for dataset in DATASETS} - {"playbooks"}
