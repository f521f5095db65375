"""Summary of a run: rows of the quarantine."""

from typing import Any

from cjo_assets.catalog import data_families
from cjo_assets.cli.summary import quarantine_of


def load(dataset: str, read: int, rejected: int) -> dict[str, Any]:
    """Return a load of a dataset."""
    return {"dataset": dataset, "rows_read": read, "rows_rejected": rejected}


def test_rows_that_another_family_wrote_are_not_of_the_quarantine() -> None:
    journey = next(family for family in data_families() if family.name == "journey")
    loads = [load("customers", 1_040, 0), load("signals", 12, 1), load("signals", 7, 2), load("derived_signals", 6, 1)]
    assert quarantine_of(journey, loads) == "3 of 1,059 rows"
    assert quarantine_of(journey, []) == "0 of 0 rows"
