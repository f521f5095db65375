"""Order of the tests, and the fixtures that all of them share."""

import gc
import shutil

import pytest

from cjo_assets_tests.support.catalog import IS_OURS, KEPT_IN

pytest_plugins = (
    "cjo_assets_tests.support.chain",
    "cjo_assets_tests.support.journey.markets",
    "cjo_assets_tests.support.journey.state_log",
)

# Statements are made of millions of small objects: looking for garbage among them less often saves processor time.
gc.set_threshold(200_000, 50, 50)


# The files that take longest go first: what is left for the end is short, and no process waits for the others.
LONGEST = (
    "test_demo.py",
    "test_policy_is_consumed.py",
    "test_declared_contracts.py",
    "test_cli.py",
    "test_concurrency.py",
    "test_ui.py",
    "test_operations.py",
    "test_segment_overrides.py",
    "test_properties.py",
    "test_traps.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take away the statements that the session kept, once all its processes are done."""
    if IS_OURS and not hasattr(config, "workerinput"):
        shutil.rmtree(KEPT_IN)
