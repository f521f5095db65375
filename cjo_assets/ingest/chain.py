"""The chain without Dagster: the same tables, in order, in whatever connection the store has."""

from datetime import date
from pathlib import Path

from cjo_assets.core.family import Family
from cjo_assets.core.table import in_order
from cjo_assets.engine.store import Store, Stored
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy


def load_files(store: Store, families: tuple[Family, ...], data: Path, archive: Path, home: Path | None = None) -> None:
    """Read the files of all families, and the records of a home, into the raw tables.

    Raises:
        InputError: a file cannot be understood.
    """
    for family in families:
        for dataset in family.datasets:
            load_dataset(store.connection, dataset, data, family.name, archive, home)
    store.look_up_versions()


def compute_day(store: Store, families: tuple[Family, ...], as_of: date, policy: Policy) -> dict[str, Stored]:
    """Compute every table of a day and count the day among those decided on.

    Raises:
        ContractBreachError: a table does not keep its contract.
    """
    tables = [table for family in families for table in family.tables if table.transform is not None]
    store.days_of_run = (*store.days_of_run, as_of)
    return {table.full_name: store.replace(table, as_of, policy) for table in in_order(tables)}
