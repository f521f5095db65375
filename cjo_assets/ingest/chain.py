"""Loading of files and computation of a day without Dagster, in the connection of any store."""

from datetime import date
from pathlib import Path

from cjo_assets.core.family import Family
from cjo_assets.core.table import in_order
from cjo_assets.engine.store import Store, Stored
from cjo_assets.ingest.loading import load_dataset
from cjo_assets.policy import Policy


def load_files(store: Store, families: tuple[Family, ...], data: Path, archive: Path, home: Path | None = None) -> None:
    """Load the files of all families, and the records of a home, into the raw tables.

    Raises:
        InputError: a file cannot be read.
    """
    for family in families:
        for dataset in family.datasets:
            load_dataset(store.connection, dataset, data, family.name, archive, home)
    store.look_up_versions()


def compute_day(store: Store, families: tuple[Family, ...], as_of: date, policy: Policy) -> dict[str, Stored]:
    """Compute all tables of a day and record the day as computed.

    Raises:
        ContractBreachError: a table breaks its contract.
    """
    tables = [table for family in families for table in family.tables if table.transform is not None]
    store.days_of_run = (*store.days_of_run, as_of)
    return {table.full_name: store.replace(table, as_of, policy) for table in in_order(tables)}
