"""The sample of the lifecycle, computed once for all tests."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, Chain

LAST_DAY = date(2025, 1, 20)
Compute = Callable[..., Chain]


@pytest.fixture(scope="session")
def lifecycle_of(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Compute]:
    """Return a function that computes a day of the lifecycle over a data folder, the sample unless given."""
    stores: list[Store] = []

    def compute(data: Path = SAMPLE, day: date = LAST_DAY, rules: Policy = policy) -> Chain:
        families = families_about("lifecycle")
        store = Store(duckdb.connect(), families, STATEMENTS)
        stores.append(store)
        load_files(store, families, data, tmp_path_factory.mktemp("archive"))
        return Chain(store, compute_day(store, families, day, rules))

    yield compute
    for store in stores:
        store.connection.close()


@pytest.fixture(scope="session")
def lifecycle_sample(lifecycle_of: Compute) -> Chain:
    """Return the last day of the sample."""
    return lifecycle_of()
