"""Upgrade of a home that commit 2691c95 published, by a run of the next day."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cjo_assets.audit.replay.differences import DIFFERS, IDENTICAL
from cjo_assets.audit.replay.replay import replayed
from cjo_assets.audit.replay.scratch import scratch
from cjo_assets.audit.verify.verify import verify
from cjo_assets.cli.app import app
from cjo_assets.core.settings import PROJECT, Settings

ARCHIVE = Path(__file__).parents[2] / "support" / "homes" / "2691c95.tar.xz"
NEXT_DAY = date(2025, 1, 21)
JOURNEY_DAYS, MARKETING_DAY = (date(2025, 1, 6), date(2025, 1, 13), date(2025, 1, 20)), date(2026, 3, 31)
DECISIONS = (
    "journey.recommended_interventions",
    "journey.holdout_assignments",
    "marketing.recommendations",
    "marketing.budget_proposals",
)
RECORDS = (
    "audit.decision_ledger",
    "audit.runs",
    "audit.policies",
    "audit.checks",
    "audit.rejected_records",
    "audit.erasures",
    "audit.language_model_calls",
)
Rows = list[tuple[Any, ...]]
OF_2691C95 = [
    ("C001", "I-d327590e8aae", "proactive_outreach", JOURNEY_DAYS[-1]),
    ("C002", "I-892bffe0f884", "onboarding_nudge_email", NEXT_DAY),
    ("C004", "I-2e22f05ed96f", "usage_review_checkin", JOURNEY_DAYS[-1]),
    ("C005", "I-c96feff08e6c", "support_manager_followup", JOURNEY_DAYS[-1]),
    ("C006", "I-d970b89392a9", "proactive_outreach", JOURNEY_DAYS[-1]),
    ("C008", "I-3d2afd589eff", "executive_escalation_call", JOURNEY_DAYS[-1]),
]


@dataclass(frozen=True)
class Upgraded:
    """A home before and after its upgrade.

    Attributes:
        settings: the places of the upgraded home.
        before: the published database of the earlier version.
        output: what the run printed.
    """

    settings: Settings
    before: Path
    output: str


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    """Run the next day of the journey on a home that commit 2691c95 published."""
    home, data = tmp_path_factory.mktemp("home"), PROJECT / "data" / "tour"
    with tarfile.open(ARCHIVE, "r:xz") as archive:
        archive.extractall(home, filter="data")
    before = tmp_path_factory.mktemp("before") / "cjo.duckdb"
    before.write_bytes((home / "cjo.duckdb").read_bytes())
    command = ["run", "--data", str(data), "--family", "journey", "--as-of", NEXT_DAY.isoformat(), "--home", str(home)]
    with pytest.MonkeyPatch.context() as environment:
        for name in ("CJO_DATA", "CJO_HOME", "CJO_POLICY", "DAGSTER_HOME"):
            environment.setenv(name, "")
            environment.delenv(name)
        done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return Upgraded(Settings(data=data, policy=None, home=home), before, done.output)


def rows(path: Path, name: str, columns: str = "*", where: str = "TRUE") -> Rows:
    """Return rows of a published table."""
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute(f"SELECT {columns} FROM {name} WHERE {where} ORDER BY ALL").fetchall()


def test_all_decisions_are_found_again(upgraded: Upgraded) -> None:
    for name in DECISIONS:
        with duckdb.connect(str(upgraded.before), read_only=True) as reader:
            columns = ", ".join(column for column, *_ in reader.execute(f"DESCRIBE {name}").fetchall())
        before = rows(upgraded.before, name, columns)
        earlier = f"as_of <> DATE '{NEXT_DAY}'"
        assert rows(upgraded.settings.published, name, columns, earlier) == before, name
    assert len(rows(upgraded.before, DECISIONS[0])) == 11
    assert len(rows(upgraded.before, DECISIONS[2])) == 37


def test_all_records_are_found_again(upgraded: Upgraded) -> None:
    for name in RECORDS:
        before = rows(upgraded.before, name)
        after = rows(upgraded.settings.published, name)
        assert [row for row in before if row not in after] == [], name
    entries = rows(upgraded.before, "audit.decision_ledger")
    assert len(entries) == 12
    assert rows(upgraded.settings.published, "audit.decision_ledger", where="entry <= 12") == entries, "byte by byte"


def test_all_approvals_are_found_again(upgraded: Upgraded) -> None:
    names = "intervention_id, decision, decided_at, decided_by, category, reason"
    before = rows(upgraded.before, "journey.approval_history", names)
    after = rows(upgraded.settings.published, "journey.approval_history", names)
    assert len(before) == 5
    assert [row for row in before if row not in after] == []
    answered = {row[0] for row in after} - {row[0] for row in before}
    assert answered == {"I-c96feff08e6c"}, "the answer that the earlier version had recorded and not read"
    statuses = dict(rows(upgraded.before, "journey.approval_requests", "intervention_id, status"))
    now = dict(rows(upgraded.settings.published, "journey.approval_requests", "intervention_id, status"))
    assert statuses.keys() <= now.keys()
    settled = {key for key, status in statuses.items() if status != "pending"}
    assert {key: now[key] for key in settled} == {key: statuses[key] for key in settled}


def test_the_next_day_is_decided_as_by_the_earlier_version(upgraded: Upgraded) -> None:
    """The expected rows are those that commit 2691c95 itself publishes for the next day of this home."""
    columns = "customer_id, intervention_id, recommended_action, generated_at"
    found = rows(upgraded.settings.published, DECISIONS[0], columns, f"as_of = DATE '{NEXT_DAY}'")
    assert found == OF_2691C95
    newest = f"as_of = DATE '{JOURNEY_DAYS[-1]}'"
    before = {row[0] for row in rows(upgraded.before, DECISIONS[0], "intervention_id", newest)}
    assert {row[1] for row in found} - before == {"I-892bffe0f884"}, "an open need keeps its id"


def test_the_ledger_verifies(upgraded: Upgraded) -> None:
    verdict = verify(upgraded.settings, "a49e3328d10780bde13d02c53d5685d922cef95f295cd1b4a51807dc41e38d3f")
    assert (verdict.found, verdict.findings) == (0, [])
    journey, marketing, lifecycle = verdict.ledgers
    assert (journey.days, journey.entries > 12) == (4, True)
    assert (marketing.days, marketing.entries) == (1, 37), "decisions published before there was a ledger are chained"
    assert (lifecycle.days, lifecycle.entries) == (0, 0)


def test_changed_tables_have_values_in_their_added_columns(upgraded: Upgraded) -> None:
    added = {
        "journey.kpis": "is_estimate",
        "journey.kpi_status": "not_distinguishable",
        "journey.playbook_performance": "prior_runs",
        "marketing.experiment_arms": "design_effect",
        "marketing.performance_assessment": "measured_spend",
    }
    for name, column in added.items():
        days = {day for (day,) in rows(upgraded.before, name, "as_of")}
        found = rows(upgraded.settings.published, name, f"as_of, count({column}) > 0", "TRUE GROUP BY as_of")
        assert {day for day, has_values in found if has_values} >= days, name
        assert f"{name}: added " in upgraded.output


def test_unchanged_tables_are_as_published(upgraded: Upgraded) -> None:
    for name in (
        "journey.risk_scores",
        "journey.intervention_ledger",
        "marketing.risk_register",
        "marketing.campaigns",
    ):
        where = f"as_of <> DATE '{NEXT_DAY}'" if name != "marketing.campaigns" else "TRUE"
        before = rows(upgraded.before, name)
        assert rows(upgraded.settings.published, name, where=where) == before, name


def test_the_run_reports_each_changed_table_and_records_it(upgraded: Upgraded) -> None:
    lines = [line for line in upgraded.output.splitlines() if ": added " in line]
    assert len(lines) == 25
    assert "journey.kpis: added is_estimate; 3 days recomputed from the archived inputs." in lines
    assert "marketing.kpis: added is_estimate; 1 day recomputed from the archived inputs." in lines
    plan = "run_id, plan", f"as_of = DATE '{NEXT_DAY}' AND is_published"
    [(_, text)] = rows(upgraded.settings.published, "audit.runs", *plan)
    step = json.loads(text)[0]
    assert step["name"] == "upgrade"
    assert {f"{line.partition(':')[0]}" for line in lines} <= step["tables"].keys()


@pytest.mark.parametrize(("family", "day"), [("journey", JOURNEY_DAYS[0]), ("marketing", MARKETING_DAY)])
def test_a_day_is_replayed_and_a_difference_names_the_code(upgraded: Upgraded, family: str, day: date) -> None:
    with scratch(upgraded.settings, family=family) as past:
        verdict = next(replayed(past, [day]))
    assert verdict.filled_fields, "its policy was recorded before fields were added"
    assert verdict.tables
    if verdict.state != IDENTICAL:
        assert verdict.state == DIFFERS
        assert any("the code has changed: 0d1c3e121adb then" in reason for reason in verdict.reasons)
        assert not [reason for reason in verdict.reasons if "was changed after run" in reason], (
            "the upgrade is recorded"
        )
