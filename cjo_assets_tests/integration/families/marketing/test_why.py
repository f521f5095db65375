"""Tests of `cjo why` about campaigns, experiments, recommendations and budget actions."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from cjo_assets.cli.app import app
from cjo_assets.core.settings import Settings

KEYS = {
    "campaign_analysis": "campaign_id",
    "experiment_evaluations": "experiment_id",
    "recommendations": "recommendation_id",
    "budget_governance": "budget_action_id",
}
SNAKE_CASE = re.compile(r"\b[a-z]+_[a-z_]+\b")


def typed(settings: Settings, *arguments: str) -> Result:
    """Return the result of `cjo why` with arguments."""
    return CliRunner().invoke(app, ["why", *arguments, "--home", str(settings.home)], env={"COLUMNS": "300"})


def asked(settings: Settings, sql: str) -> list[Any]:
    """Return the rows of a query to the published database."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        return reader.execute(sql).fetchall()


@pytest.mark.parametrize("table", KEYS)
def test_a_paragraph_has_no_name_of_the_tables(sample_home: Settings, table: str) -> None:
    subjects = asked(sample_home, f"SELECT {KEYS[table]} FROM marketing.{table} ORDER BY ALL")
    assert len(subjects) > 3
    for (subject,) in subjects[:12]:
        done = typed(sample_home, subject)
        assert done.exit_code == 0, done.output
        paragraph, hint = done.output.splitlines()
        assert subject in paragraph
        assert hint.startswith("Every step")
        assert SNAKE_CASE.findall(paragraph) == [], paragraph
        assert "None" not in paragraph


def test_names_are_before_ids(sample_home: Settings) -> None:
    [(name,)] = asked(sample_home, "SELECT name FROM marketing.campaigns WHERE campaign_id = 'CAMP_001'")
    assert typed(sample_home, "CAMP_001").output.startswith(f"{name} (CAMP_001) is ")
    [(name,)] = asked(
        sample_home,
        "SELECT name FROM marketing.campaigns JOIN marketing.experiments USING (campaign_id) "
        "WHERE experiment_id = 'EXP_001'",
    )
    assert typed(sample_home, "EXP_001").output.startswith(f"{name}: EXP_001 compares ")


def test_an_experiment_has_its_counts_and_its_verdict(sample_home: Settings) -> None:
    [(verdict, rule, day)] = asked(
        sample_home, "SELECT verdict, rule, as_of FROM marketing.experiment_evaluations WHERE experiment_id = 'EXP_001'"
    )
    found = json.loads(typed(sample_home, "EXP_001", "--json").stdout)
    assert (found["row"]["verdict"], found["row"]["rule"]) == (verdict, rule)
    assert [arm["arm"] for arm in found["parts"]["arms"]] == ["control", "variant"]
    for arm in found["parts"]["arms"]:
        assert f"The {arm['arm']} has {arm['successes']:,} successes of {arm['exposures']:,} " in found["paragraph"]
    full = typed(sample_home, "EXP_001", "--full").output
    assert f"rule: {rule}" in full
    assert f"Experiment EXP_001 on {day}" in full


def test_a_recommendation_has_its_ledger_entries(sample_home: Settings, tmp_path: Path) -> None:
    settings = Settings(sample_home.data, None, tmp_path)
    shutil.copy(sample_home.published, settings.published)
    with duckdb.connect(str(settings.published)) as writer:
        [(subject,)] = writer.execute(
            "INSERT INTO audit.marketing_ledger BY NAME SELECT 7 AS entry, 'decided' AS kind, as_of, 1 AS version, "
            "recommendation_id, 'hash' AS entry_hash FROM marketing.recommendations ORDER BY as_of DESC, rank LIMIT 1 "
            "RETURNING recommendation_id"
        ).fetchall()
    found = json.loads(typed(settings, subject, "--json").stdout)
    assert [(row["entry"], row["entry_hash"]) for row in found["parts"]["ledger"]] == [(7, "hash")]
    assert "entry 7, kind decided, day " in typed(settings, subject, "--full").output
