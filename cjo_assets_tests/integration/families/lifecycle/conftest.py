"""The sample of the lifecycle, computed once for all tests."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from cjo_assets.catalog import all_families, families_about
from cjo_assets.core.settings import Settings
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE, Chain
from cjo_assets_tests.support.warehouse import publish_family

LAST_DAY = date(2025, 1, 20)
PUBLISHED_DAYS = {"lifecycle": LAST_DAY, "journey": date(2025, 1, 16)}
Compute = Callable[..., Chain]
# From names of families to a home in which they are published in that order, and its build database.
Publish = Callable[..., tuple[Settings, Store]]


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


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Publish]:
    """Return a function that publishes the sample of families, each combination once."""
    homes: dict[tuple[str, ...], tuple[Settings, Store]] = {}

    def publish(*families: str) -> tuple[Settings, Store]:
        if families not in homes:
            settings = Settings(SAMPLE, None, tmp_path_factory.mktemp("home"))
            store = Store(duckdb.connect(), all_families(), STATEMENTS)
            homes[families] = settings, store
            for family in families:
                publish_family(store, settings, family, PUBLISHED_DAYS[family], policy)
        return homes[families]

    yield publish
    for _, store in homes.values():
        store.connection.close()
