"""Days computed in memory, over the sample data or a folder, and the fixtures that hold them."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import all_families, families_about
from cjo_assets.core.settings import PROJECT, Settings
from cjo_assets.engine.store import Store, Stored
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy, load_policy
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.rows import Rows
from cjo_assets_tests.support.warehouse import Home, publish_family, toured

SAMPLE = PROJECT / "data"
LAST_DAY = date(2026, 3, 31)
# Day of each family in a home with all samples, in the order of its runs.
SAMPLE_DAYS = {"lifecycle": date(2025, 1, 20), "journey": date(2025, 1, 20), "marketing": LAST_DAY}


class Chain:
    """Computed tables in memory."""

    def __init__(self, store: Store, stored: dict[str, Stored] | None = None) -> None:
        """Initialize with a store and the results of each table of the last day."""
        self.store = store
        self.stored = stored or {}

    def rows(self, sql: str, *parameters: Any) -> Rows:
        """Return the rows of a query as dictionaries."""
        found = self.store.connection.execute(sql, list(parameters))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def by(self, key: str, table: str) -> dict[Any, dict[str, Any]]:
        """Return the rows of a table by one of its columns."""
        return {row[key]: row for row in self.rows(f"FROM {table}")}


def computed(data: Path, archive: Path, days: list[date], policy: Policy) -> Chain:
    """Compute days over a folder, in order, in one store."""
    families = families_about("journey")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, data, archive)
    stored: dict[str, Stored] = {}
    for day in days:
        stored = compute_day(store, families, day, policy)
    return Chain(store, stored)


def computed_marketing(data: Path, archive: Path, day: date, policy: Policy) -> Chain:
    """Compute a day of the family over a folder."""
    families = families_about("marketing")
    store = Store(duckdb.connect(), families, STATEMENTS)
    load_files(store, families, data, archive)
    return Chain(store, compute_day(store, families, day, policy))


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Return the packaged policy."""
    return load_policy()


@pytest.fixture
def chain_of(tmp_path: Path, policy: Policy) -> Callable[..., Chain]:
    """Return a function that computes the chain over a folder."""

    def compute(data: Path, *days: date, rules: Policy = policy) -> Chain:
        return computed(data, tmp_path / "archive", list(days), rules)

    return compute


@pytest.fixture
def sample_copy(tmp_path: Path) -> Path:
    """Return a copy of the sample data that a test may change."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "data"))


@pytest.fixture(scope="session")
def sample_day(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Callable[[date], Chain]]:
    """Return a function that computes a day of the sample, once for all tests."""
    days: dict[date, Chain] = {}

    def day(as_of: date) -> Chain:
        if as_of not in days:
            days[as_of] = computed(SAMPLE, tmp_path_factory.mktemp("archive"), [as_of], policy)
        return days[as_of]

    yield day
    for chain in days.values():
        chain.store.connection.close()


@pytest.fixture(scope="session")
def tour_home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Home]:
    """Return the three days of the tour, each computed and published in its turn."""
    home = toured(tmp_path_factory.mktemp("tour"), policy, STATEMENTS)
    yield home
    home.store.connection.close()


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Settings:
    """Return a home in which the samples of all families are published; tests change copies of it only."""
    settings = Settings(SAMPLE, None, tmp_path_factory.mktemp("home"))
    with opened(settings, all_families()) as store:
        for family, day in SAMPLE_DAYS.items():
            publish_family(store, settings, family, day, policy)
    return settings


@pytest.fixture(scope="session")
def marketing_sample(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Chain]:
    """Return the last day of the sample."""
    chain = computed_marketing(SAMPLE, tmp_path_factory.mktemp("archive"), LAST_DAY, policy)
    yield chain
    chain.store.connection.close()


def write_rows(folder: Path, dataset: str, rows: Rows) -> Path:
    """Write a dataset as a JSON array."""
    path = folder / f"{dataset}.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def read_rows(folder: Path, dataset: str) -> Rows:
    """Read a dataset written as a JSON array."""
    rows: Rows = json.loads((folder / f"{dataset}.json").read_text(encoding="utf-8"))
    return rows
