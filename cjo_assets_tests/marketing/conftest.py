"""The sample month of marketing, computed once for all tests of the family."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.engine.store import Store
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets_tests.conftest import SAMPLE, STATEMENTS, Chain

LAST_DAY = date(2026, 3, 31)


def computed_marketing(data: Path, archive: Path, day: date, policy: Policy) -> Chain:
    """Compute a day of the family over a folder."""
    families = families_about("marketing")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, data, archive)
    return Chain(store, compute_day(store, families, day, policy))


@pytest.fixture(scope="session")
def marketing_sample(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Chain]:
    """The last day of the sample."""
    chain = computed_marketing(SAMPLE, tmp_path_factory.mktemp("archive"), LAST_DAY, policy)
    yield chain
    chain.store.connection.close()
