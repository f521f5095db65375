"""Tests of the statement cache: one statement for all policies with equal values of what was read."""

import os
import subprocess
import sys
from typing import Any

from cjo_assets.engine.statements import Statements
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.rows import policy_with


class Author:
    """A transform that compiles a statement from a policy, and counts how often."""

    def __init__(self, asks: Any) -> None:
        """Initialize with the function that reads the policy."""
        self.asks, self.times = asks, 0

    def write(self, policy: Policy) -> str:
        """Write what the policy answers."""
        self.times += 1
        return repr(self.asks(policy))


def written_under(statements: Statements, author: Author, *policies: Policy) -> list[str]:
    """Return the statement under each policy, in turn."""
    return [statements.written("table", policy, author.write) for policy in policies]


FLOOR = policy_with(journey__signals__severity_floor=0.25)
NEW_VERSION = load_policy().model_copy(update={"version": "2"})


def test_a_statement_is_compiled_once_for_policies_with_equal_reads() -> None:
    author = Author(lambda policy: policy.journey.signals.severity_floor)
    statements = Statements(keep=10)
    assert written_under(statements, author, load_policy(), NEW_VERSION, FLOOR, load_policy(), FLOOR) == [
        "0.5",
        "0.5",
        "0.25",
        "0.5",
        "0.25",
    ]
    assert author.times == 2


def test_a_changed_value_is_detected_by_every_kind_of_read() -> None:
    ways = {
        "a value": lambda policy: policy.journey.signals.severity_floor,
        "a method": lambda policy: policy.journey.signals.model_dump(),
        "all of a section": lambda policy: list(policy.journey.signals),
        "a comparison": lambda policy: policy.journey.signals == load_policy().journey.signals,
        "the hash": lambda policy: policy.policy_hash,
        "a segment's value": lambda policy: [own.signals.severity_floor for own in policy.journey_by_segment.values()],
    }
    by_segment = policy_with(segment_overrides={"SMB": {"signals": {"severity_floor": 0.125}}})
    for way, asks in ways.items():
        author = Author(asks)
        changed = by_segment if way == "a segment's value" else FLOOR
        first, second = written_under(Statements(keep=10), author, load_policy(), changed)
        assert first != second, way
        assert author.times == 2, way


def test_a_segment_that_changes_something_else_changes_nothing() -> None:
    author = Author(
        lambda policy: {name: own.signals.severity_floor for name, own in policy.journey_by_segment.items()}
    )
    one = policy_with(segment_overrides={"SMB": {"signals": {"look_back_days": 30}}})
    other = policy_with(segment_overrides={"SMB": {"signals": {"look_back_days": 60}}})
    another = policy_with(segment_overrides={"Enterprise": {"signals": {"look_back_days": 60}}})
    written_under(Statements(keep=10), author, one, other, another)
    assert author.times == 2


def test_only_so_many_are_kept() -> None:
    author = Author(lambda policy: policy.journey.signals.severity_floor)
    statements = Statements(keep=1)
    written_under(statements, author, load_policy(), FLOOR, load_policy())
    assert author.times == 3
    nothing = Author(type)
    assert written_under(Statements(keep=0), nothing, FLOOR, FLOOR) == [repr(Policy)] * 2
    assert nothing.times == 2


WRITTEN = """
import sys
from datetime import date

import duckdb

from cjo_assets.policy import load_policy
from cjo_assets.catalog import families_about
from cjo_assets.engine.store import Store

for name, day in (("journey", date(2025, 1, 20)), ("marketing", date(2026, 3, 31))):
    store = Store(duckdb.connect(), families_about(name))
    store.days_of_run = (day,)
    for table in store.tables.values():
        if table.transform is not None and table.schema in ("quarantine", "marketing") or table.name == "visits":
            print(store.statement(table, day if table.is_dated else None, load_policy()).sql)
"""


def test_a_statement_is_the_same_whatever_the_hash_seed() -> None:
    """A text that differs from process to process could be neither compared nor kept."""
    written = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", WRITTEN],
            env=os.environ | {"PYTHONHASHSEED": seed, "CJO_COMPILED": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(written) == 1
    assert len(written.pop()) > 100_000
