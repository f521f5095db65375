"""Replay of, and a candidate policy on, published days of the families without decisions of their own."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.audit.policy_diff.compare import Request, compared, days_between
from cjo_assets.audit.policy_diff.page import FamilyDifference
from cjo_assets.audit.policy_diff.tables import changed_tables, is_affected, write_differences
from cjo_assets.audit.replay.differences import IDENTICAL
from cjo_assets.audit.replay.replay import replayed
from cjo_assets.audit.replay.scratch import scratch
from cjo_assets.catalog import all_families
from cjo_assets.core.errors import PastError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import Policy
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.chain import SAMPLE
from cjo_assets_tests.support.rows import policy_with
from cjo_assets_tests.support.warehouse import publish_family

DAYS = {"marketing": date(2025, 1, 20), "lifecycle": date(2025, 1, 20)}
# A setting of each family, its new value, and the changed rows by table.
CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    # The target of one KPI, which every value reaches.
    "marketing": ({"marketing__kpis__operational_kpi_targets__policy_violation_count": 1000.0}, {"marketing.kpis": 1}),
    # C001 has used 0.88 of its conversations and 0.895 of its budget.
    "lifecycle": ({"lifecycle__usage__near": 0.89}, {"lifecycle.plan_usage": 1}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Settings:
    """Return a home in which the samples of both families are published."""
    settings = Settings(SAMPLE, None, tmp_path_factory.mktemp("home"))
    with opened(settings, all_families()) as store:
        for family, day in DAYS.items():
            publish_family(store, settings, family, day, policy)
    return settings


@pytest.mark.parametrize("family", list(CASES))
def test_a_day_replays_and_a_candidate_changes_the_tables_that_read_its_setting(
    home: Settings, family: str, tmp_path: Path
) -> None:
    changes, expected = CASES[family]
    with scratch(home, statements=PAST_STATEMENTS, family=family) as past:
        [verdict] = replayed(past, [DAYS[family]])
        assert (verdict.state, verdict.reasons) == (IDENTICAL, ())
        assert f"{family}.kpis" in {table.table for table in verdict.tables}
        found = changed_tables(past, [DAYS[family]], policy_with(**changes))
        tables = {table.table: table for table in found.tables}
        assert found.compared > len(tables) >= 1
        for name, rows in expected.items():
            table = tables[name]
            assert (table.changed, table.added, table.removed, table.before) == (rows, 0, 0, table.after)
        path = write_differences(past, found, tmp_path, "csv")
    written = duckdb.sql(f"FROM '{path}'").fetchall()
    assert [row[0] for row in written] == sorted(tables)


def test_equal_policies_change_nothing(home: Settings, policy: Policy) -> None:
    """The hash of a policy is no difference of a table."""
    with scratch(home, statements=PAST_STATEMENTS, family="lifecycle") as past:
        other = policy_with(version="another")
        found = changed_tables(past, [DAYS["lifecycle"]], other, policy)
    assert isinstance(found, FamilyDifference)
    assert found.tables == ()


@pytest.mark.parametrize(
    ("path", "families"),
    [
        ("lifecycle.usage.near", {"lifecycle"}),
        ("vocabulary.people_roles", {"marketing", "lifecycle"}),
        ("journey.risk.horizon", set()),
        ("segment_overrides.Enterprise.evaluation", set()),
    ],
)
def test_families_are_compared_for_their_settings_and_the_shared_ones(path: str, families: set[str]) -> None:
    assert {family for family in CASES if is_affected(family, [path])} == families


def test_days_of_a_range() -> None:
    days = [date(2025, 1, day) for day in (6, 13, 20)]
    assert days_between(days, None, None) == days[-1:]
    assert days_between(days, days[1], None) == days[1:]
    assert days_between(days, days[0], days[1]) == days[:2]
    assert days_between(days, date(2025, 2, 1), None) == days_between([], None, None) == []


def test_a_home_without_days_of_the_journey(home: Settings, tmp_path: Path) -> None:
    """The other families are compared, and the page shows them alone."""
    candidate = policy_with(**CASES["marketing"][0])
    found = compared(home, Request(candidate, None, None, None, tmp_path, "csv"))
    assert found.preview is None
    assert [(family.family, family.days) for family in found.page.families] == [("marketing", (DAYS["marketing"],))]
    page, tables = found.files
    assert "marketing.kpis" in page.read_text(encoding="utf-8")
    assert tables == tmp_path / "policy_tables_marketing.csv"
    with pytest.raises(PastError, match="No day from 2024-12-24 to 2024-12-24 is published"):
        compared(home, Request(candidate, None, date(2024, 12, 24), date(2024, 12, 24), tmp_path, "csv"))
