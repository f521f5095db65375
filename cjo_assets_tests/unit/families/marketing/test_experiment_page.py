"""The page of an experiment: metrics of people, one row per metric and arm, coloured where something is decided."""

from datetime import date
from typing import Any

from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.experiments.experiment_metric_effects import VERDICTS, ExperimentMetricEffects
from cjo_assets.families.marketing.report.pages import EXPERIMENT, experiment_profile
from cjo_assets.reporting.document import Grid, Section
from cjo_assets.reporting.palette import tone
from cjo_assets_tests.support.rows import Rows, default_row

DAY = date(2026, 3, 20)


def sections(effects: Rows) -> dict[str, Section]:
    """Return the sections of the page by their anchors."""
    rows: dict[str, Any] = {name: [] for name in EXPERIMENT}
    rows["experiment_evaluations"] = [default_row(ExperimentEvaluations, 1)]
    rows["experiment_metric_effects"] = effects
    return {section.anchor: section for section in experiment_profile(DAY, rows).sections}


def test_a_metric_has_values_effect_chance_and_verdict_in_one_row() -> None:
    decided = {"control_value": 2.0, "value": 2.5, "relative_effect": 0.25, "relative_effect_low": 0.05}
    decided |= {"relative_effect_high": 0.45, "chance_to_beat_control": 0.987, "adjusted_p_value": 0.02}
    made = default_row(ExperimentMetricEffects, 1) | decided
    made |= {"metric": "revenue_per_person", "verdict": "better_than_control", "control_people": 1_000, "people": 990}
    [block] = sections([made, default_row(ExperimentMetricEffects, 2)])["metrics"].blocks
    assert isinstance(block, Grid)
    shown = {column.title: cell.main.text for column, cell in zip(block.columns, block.rows[0], strict=True)}
    assert shown["control"] == "2"
    assert shown["value"] == "2.5"
    assert shown["effect, one look"] == "25 %"
    assert shown["chance to beat control"] == "98.7 %"
    assert shown["verdict"] == "better than the control"
    assert len(block.rows) == 2


def test_an_experiment_without_such_metrics_has_no_section() -> None:
    assert "metrics" not in sections([])


def test_only_what_is_decided_has_a_colour() -> None:
    tones = {verdict: tone(verdict) for verdict in VERDICTS}
    assert {verdict for verdict, colour in tones.items() if colour != "unknown"} == {
        "better_than_control",
        "worse_than_control",
        "invalid",
    }
