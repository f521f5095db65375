"""The sample of the lifecycle: its experiment."""

import pytest

from cjo_assets_tests.support.chain import Chain


def test_the_experiment_collects(lifecycle_sample: Chain) -> None:
    """F26: 96 of 1,200, 127 of 1,150 and 84 of 990; the third has fewer than 1,000 and is not dropped."""
    variants = lifecycle_sample.by("variant_id", "lifecycle.variant_posteriors")
    assert {name: (row["successes"], row["exposures"]) for name, row in variants.items()} == {
        "plain": (96, 1200),
        "warm": (127, 1150),
        "brief": (84, 990),
    }
    assert {name: (row["p_best"], row["weight"]) for name, row in variants.items()} == {
        "plain": (0.005121, 0.014967),
        "warm": (0.971397, 0.952255),
        "brief": (0.023482, 0.032778),
    }
    # 127 / 1,150 - 96 / 1,200.
    assert variants["warm"]["lift"] == pytest.approx(0.030434783, abs=1e-9)
    [row] = lifecycle_sample.rows("FROM lifecycle.variant_decisions")
    assert (row["decision"], row["leader"], row["exposures_missing"], row["eta_days"]) == ("collect", "warm", 10, 1)


def test_the_trial_gets_a_variant_and_others_have_no_experiment(lifecycle_sample: Chain) -> None:
    rows = lifecycle_sample.by("customer_id", "lifecycle.personalization")
    trial = rows["C011"]
    assert (trial["cohort"], trial["tone"], trial["experiment_id"]) == ("new_trial", "enthusiastic_guide", "EXP-1")
    assert (trial["variant_id"], trial["assigned_by"], str(trial["expires_on"])) == ("warm", "drawn", "2025-01-27")
    assert rows["C005"]["tone"] == "empathetic_problem_solver"
    assert [name for name, row in rows.items() if row["variant_id"]] == ["C011"]
