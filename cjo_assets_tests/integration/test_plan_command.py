"""Command `cjo plan-experiment`: its figures by statsmodels, its defaults from the policy, and its errors."""

import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize
from typer.testing import CliRunner

from cjo_assets.cli.app import app
from cjo_assets_tests.support.policy_leaves import DEFAULT

RULES = DEFAULT["marketing"]["experiments"]


def planned(*arguments: str) -> list[dict[str, Any]]:
    """Return the plan that the command prints."""
    result = CliRunner().invoke(app, ["plan-experiment", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def needed(rate: float, variant: float, effect: float = 1.0, power: float = 0.8) -> float:
    """Return the exposures per arm by statsmodels."""
    size = abs(proportion_effectsize(variant, rate))
    return float(effect * NormalIndPower().solve_power(size, alpha=0.05, power=power))


def test_lifts_and_power_are_those_of_the_policy() -> None:
    rows = planned("--rate", "0.03", "--per-day", "2000")
    assert [row["lift"] for row in rows] == RULES["planned_lifts"]
    for row in rows:
        assert row["exposures_to_detect"] == pytest.approx(needed(0.03, 0.03 * (1 + row["lift"])), rel=1e-4, abs=1)
        assert row["days_to_detect"] == ceil(2 * row["exposures_to_detect"] / 2000)
        is_worth_it = row["lift"] > RULES["lift_threshold_for_scaling"]
        assert (row["exposures_to_scale"] is not None) == (row["days_to_scale"] is not None) == is_worth_it


def test_a_metric_states_the_design_effect() -> None:
    effect = DEFAULT["marketing"]["metric_definitions"]["conversion_rate"]["design_effect"]
    [row] = planned("--rate", "0.03", "--metric", "conversion_rate", "--lift", "0.2")
    assert row["exposures_to_detect"] == pytest.approx(needed(0.03, 0.036, effect), rel=1e-4, abs=1)
    assert row["days_to_detect"] is None


def test_another_policy_is_another_plan(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("marketing: {experiments: {power: 0.9}}", encoding="utf-8")
    [row] = planned("--rate", "0.03", "--lift", "0.2", "--policy", str(policy))
    assert row["exposures_to_detect"] == pytest.approx(needed(0.03, 0.036, power=0.9), rel=1e-4, abs=1)


def test_the_plan_is_printed_with_its_assumptions() -> None:
    result = CliRunner().invoke(app, ["plan-experiment", "--rate", "0.03"], terminal_width=200)
    assert result.exit_code == 0
    assert "level 0.05, power 0.8" in result.stdout
    assert "n/a" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rate", "3"), "--rate 3.0 is not between 0 and 1."),
        (("--rate", "0.03", "--per-day", "0"), "--per-day 0.0 is not above 0."),
        (("--rate", "0.03", "--lift", "-0.1"), "--lift -0.1 is not above 0."),
        (("--rate", "0.03", "--metric", "love"), "The policy defines no metric love."),
    ],
)
def test_an_impossible_plan_is_an_error(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["plan-experiment", *arguments])
    assert result.exit_code == 1
    assert message in result.output
