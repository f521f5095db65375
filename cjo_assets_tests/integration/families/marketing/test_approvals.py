"""Approval of recommendations and budget moves of marketing: requests, answers, and the day on which they count."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from cjo_assets.catalog import all_families
from cjo_assets.cli.app import app
from cjo_assets.core.settings import Settings
from cjo_assets.defs.approvals import approval_job
from cjo_assets.policy import Policy
from cjo_assets.reporting.text import harmless
from cjo_assets.warehouse.build import opened
from cjo_assets_tests.support.chain import LAST_DAY
from cjo_assets_tests.support.warehouse import publish_family

NEXT_DAY = LAST_DAY + timedelta(days=1)
# Recommendations of the sample that a person must approve, those of them that move no money, and two whose content is
# the same on the next day.
NEEDED = 10
FREE = ["Leave ASSET_", "Move no budg", "Show ASSET_0", "Stop showing"]
STEADY = ("REC-503fad719b9e", "REC-11f6af5131e0")
AT = ("--at", f"{LAST_DAY}T23:59:00Z")


@pytest.fixture
def home(sample_home: Settings, tmp_path: Path) -> Settings:
    """Return a home with the published samples that a test may change."""
    return Settings(sample_home.data, None, Path(shutil.copytree(sample_home.home, tmp_path / "home")))


def typed(settings: Settings, *arguments: str) -> Result:
    """Return the result of a command."""
    return CliRunner().invoke(app, [*arguments, "--home", str(settings.home)], env={"COLUMNS": "300"})


def asked(settings: Settings, sql: str) -> list[Any]:
    """Return the rows of a query to the published database."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        return reader.execute(sql).fetchall()


def pending(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the pending requests of marketing by id."""
    listed = json.loads(typed(settings, "pending", "--json").stdout)
    return {row["intervention_id"]: row for row in listed if row["family"] == "marketing"}


def test_every_decision_that_needs_a_person_is_pending(sample_home: Settings) -> None:
    needed = asked(sample_home, "SELECT recommendation_id FROM marketing.recommendations WHERE requires_human_approval")
    proposed = asked(
        sample_home,
        "SELECT budget_action_id FROM marketing.budget_governance WHERE approval_state = 'pending' AND NOT is_refused",
    )
    listed = pending(sample_home)
    assert (len(needed), set(listed)) == (NEEDED, {name for (name,) in [*needed, *proposed]})
    for row in listed.values():
        assert row["recommended_action"]
        assert row["evidence"]
        assert row["approval_reasons"]
        assert (row["subject"], row["subject_id"], row["approval_role"]) == ("campaign", row["campaign_id"], "manager")
    printed = typed(sample_home, "pending").output
    for name, row in listed.items():
        assert f"{name}  {row['campaign_id']}  {row['recommended_action']}" in printed


def test_a_request_that_moves_no_money_names_no_cost(sample_home: Settings) -> None:
    lines = [line for line in typed(sample_home, "pending").output.splitlines() if line.startswith("REC-")]
    free = {line.split("  ")[0] for line in lines if "  no money moves  " in line}
    listed = pending(sample_home)
    assert free == {name for name, row in listed.items() if row["moves_no_money"]}
    # Two variants, a creative without approval and a freeze; to stop, start or roll back moves an unnamed amount.
    assert sorted(listed[name]["recommended_action"][:12] for name in free) == FREE
    assert sum("  cost unknown  " in line for line in lines) == NEEDED - len(FREE)


def test_the_job_of_dagster_lists_the_requests(sample_home: Settings) -> None:
    rows = list(pending(sample_home).values())
    description = approval_job(rows).description or ""
    assert all(f"- `{row['intervention_id']}` {harmless(row['campaign_id'])}: " in description for row in rows)


def test_an_answer_counts_on_the_next_day(home: Settings, policy: Policy) -> None:
    approved, rejected = STEADY
    assert typed(home, "approve", approved, "--by", "Ann", *AT).exit_code == 0
    category = policy.journey.approval.rejection_categories[0]
    assert typed(home, "reject", rejected, "--by", "Bea", "--reason", category, *AT).exit_code == 0
    assert "was approved already" in typed(home, "approve", approved, "--by", "Bea", *AT).output
    assert "Unknown intervention REC-none" in typed(home, "approve", "REC-none", "--by", "Ann", *AT).output
    assert {approved, rejected}.isdisjoint(pending(home))
    assert len((home.home / "marketing_approvals.ndjson").read_text().splitlines()) == 2
    with opened(home, all_families()) as store:
        publish_family(store, home, "marketing", NEXT_DAY, policy)
    answered = asked(
        home, "SELECT request_id, status, decided_by FROM latest_marketing.approval_queue WHERE decided_by NOT NULL"
    )
    assert sorted(answered) == sorted([(approved, "approved", "Ann"), (rejected, "rejected", "Bea")])
    assert "It was approved by Ann at 31 Mar 2026 23:59." in typed(home, "why", approved).output


def test_a_person_of_a_lower_role_is_refused(home: Settings) -> None:
    with duckdb.connect(str(home.published)) as writer:
        writer.execute("UPDATE marketing.approval_queue SET entitled_approvers = ['Mia']")
    name = next(iter(pending(home)))
    refused = typed(home, "approve", name, "--by", "Carl", *AT)
    assert refused.exit_code == 1
    assert f"Carl is not entitled to approve {name} as manager. Approvers: Mia." in refused.output
    assert typed(home, "approve", name, "--by", "mia", *AT).exit_code == 0


def test_a_database_of_an_earlier_version_has_no_requests(home: Settings) -> None:
    with duckdb.connect(str(home.published)) as writer:
        writer.execute("DROP VIEW latest_marketing.approval_queue; DROP TABLE marketing.approval_queue")
    assert typed(home, "pending").exit_code == 0
    assert pending(home) == {}


def test_campaign_360_is_each_campaign_in_one_row(sample_home: Settings) -> None:
    found = asked(
        sample_home,
        "SELECT campaign_id, open_risks, recommendations, pending_approvals, experiments_to_scale, experiments_to_stop "
        "FROM latest.campaign_360 ORDER BY campaign_id",
    )
    assert [row[0] for row in found] == ["CAMP_001", "CAMP_002", "CAMP_003", "CAMP_004"]
    rows = (
        "risk_register WHERE is_open",
        "recommendations",
        "approval_queue WHERE status = 'pending'",
        "experiment_evaluations WHERE verdict = 'scale_variant'",
        "experiment_evaluations WHERE verdict = 'stop'",
    )
    for place, counted in enumerate(rows, start=1):
        assert asked(sample_home, f"SELECT count(*) FROM latest_marketing.{counted}") == [
            (sum(row[place] for row in found),)
        ], counted
    firsts = asked(
        sample_home,
        "SELECT campaign_id, arg_min(recommendation_id, rank) FROM latest_marketing.recommendations "
        "GROUP BY campaign_id ORDER BY campaign_id",
    )
    assert firsts == asked(
        sample_home,
        "SELECT campaign_id, recommendation_id FROM latest.campaign_360 WHERE recommendation_id NOT NULL "
        "ORDER BY campaign_id",
    )
