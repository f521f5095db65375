"""Recovery of effects that were planted in generated data."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pytest

from cjo_assets.engine.store import Store
from cjo_assets.families.marketing import family as marketing
from cjo_assets.families.marketing.synth.datasets import MarketingRequest, generated_marketing
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets.synth.writer import write
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import LAST_DAY, Chain

CAMPAIGNS = 700
# What evaluations are made of; every other table of the family may be left out.
COMPUTED = {"metric_definitions", "asset_performance", "experiment_arms", "experiment_evaluations"}
NEEDED = {table.name for table in marketing.FAMILY.tables if table.group == "inputs"} | COMPUTED


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[list[dict[str, Any]]]:
    """Return evaluations of generated experiments that were shown, each with what is true of it."""
    folder = tmp_path_factory.mktemp("planted")
    made = generated_marketing(MarketingRequest(CAMPAIGNS, 20260331, LAST_DAY), policy)
    for _ in write(made, folder, "parquet"):
        pass
    truth = made.truth()
    assert {kind: effect for kind, effect in truth["design_effects"].items() if kind != "meaning"} == {
        definition.numerator: definition.design_effect for definition in policy.marketing.metric_definitions.values()
    }, "the market varies as the policy assumes"
    tables = tuple(replace(table, checks=()) for table in marketing.FAMILY.tables if table.name in NEEDED)
    family = replace(marketing.FAMILY, tables=tables)
    store = Store(duckdb.connect(), (family,), STATEMENTS)
    load_files(store, (family,), folder, folder / "archive")
    compute_day(store, (family,), LAST_DAY, policy)
    found = Chain(store).by("experiment_id", "marketing.experiment_evaluations")
    yield [
        found[true["experiment_id"]] | {"true": true}
        for true in truth["experiments"]
        if found[true["experiment_id"]]["relative_effect"] is not None
    ]
    store.connection.close()


def covered(rows: list[dict[str, Any]], low: str, high: str, effect: str) -> float:
    """Return the share of intervals that hold the true effect."""
    holds = [
        row[low] <= row["true"][effect] and (row[high] is None or row["true"][effect] <= row[high]) for row in rows
    ]
    return float(np.mean(holds))


@pytest.mark.parametrize("is_of_clicks", [True, False])
@pytest.mark.parametrize("effect", ["absolute_effect", "relative_effect"])
def test_fixed_intervals_have_their_stated_coverage(
    judged: list[dict[str, Any]], policy: Policy, is_of_clicks: bool, effect: str
) -> None:
    of_kind = [row for row in judged if ("click" in row["metric"]) == is_of_clicks]
    rows = [row for row in of_kind if row[f"{effect}_low"] is not None]
    stated = 1 - policy.marketing.experiments.statistical_significance_threshold
    tolerance = 3.5 * np.sqrt(stated * (1 - stated) / len(rows))
    assert len(rows) > 300
    assert abs(covered(rows, f"{effect}_low", f"{effect}_high", effect) - stated) < tolerance


def test_always_valid_intervals_hold_it_at_least_as_often(judged: list[dict[str, Any]], policy: Policy) -> None:
    rows = [row for row in judged if row["always_valid_low"] is not None]
    stated = 1 - policy.marketing.experiments.statistical_significance_threshold
    assert covered(rows, "always_valid_low", "always_valid_high", "absolute_effect") >= stated
    assert covered(rows, "always_valid_relative_low", "always_valid_relative_high", "relative_effect") >= stated


def test_verdicts_follow_the_truth_but_for_chance(judged: list[dict[str, Any]], policy: Policy) -> None:
    alpha = policy.marketing.experiments.statistical_significance_threshold
    effects = np.array([round(row["true"]["relative_effect"], 2) for row in judged])
    verdicts = np.array([row["verdict"] for row in judged])
    assert (verdicts[effects == 0] == "scale_variant").mean() < alpha
    assert (verdicts[effects < 0] == "scale_variant").sum() == 0
    assert (verdicts[effects >= 0.25] == "stop").sum() == 0
    assert (verdicts[effects >= 0.25] == "scale_variant").mean() > 0.4
    assert (verdicts[effects == -0.15] == "stop").mean() > 0.2


def test_broken_sample_ratios_are_found_and_no_others(judged: list[dict[str, Any]], policy: Policy) -> None:
    broken = np.array([row["true"]["control_share"] != 0.5 for row in judged])
    found = np.array([bool(row["has_sample_ratio_mismatch"]) for row in judged])
    assert broken.sum() > 30
    assert found[broken].mean() > 0.9
    assert found[~broken].mean() <= policy.marketing.experiments.sample_ratio_threshold
    assert {row["verdict"] for row, is_found in zip(judged, found, strict=True) if is_found} == {"invalid"}
