"""Power of detecting and of scaling: published sample sizes, simulation, and what must hold of any rates.

Covers the functions of `core/expressions/power.py` in the engine.
"""

from typing import Any

import ibis
import numpy
import pyarrow
import pytest
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from cjo_assets.core.expressions.power import power_of_scaling, trials_for_power, trials_for_scaling
from cjo_assets_tests.support.rows import BACKEND

Z, POWER_Z = float(norm.ppf(0.975)), float(norm.ppf(0.8))


def answered(columns: dict[str, list[float]], **figures: Any) -> list[dict[str, Any]]:
    """Return figures of columns as the engine computes them; each is a function of the table."""
    table = pyarrow.table({name: numpy.array(values, dtype=float) for name, values in columns.items()})
    rows = BACKEND.create_table(ibis.util.gen_name("plans"), table, temp=True)
    found: list[dict[str, Any]] = BACKEND.to_pyarrow(
        rows.select(**{name: figure(rows) for name, figure in figures.items()})
    ).to_pylist()
    return found


def power_at(share: float, variant: float, trials: float, threshold: float) -> float:
    """Return the power of scaling at a level of 5 %."""
    columns = {"share": [share], "variant": [variant], "trials": [trials]}
    [row] = answered(
        columns,
        power=lambda rows: power_of_scaling(
            rows.share, rows.variant, rows.trials, ibis.literal(threshold), ibis.literal(Z)
        ),
    )
    return float(row["power"])


def trials_at(share: float, variant: float, threshold: float, power: float = 0.8) -> float:
    """Return the trials per arm that give scaling a power."""
    [row] = answered(
        {"share": [share], "variant": [variant]},
        trials=lambda rows: trials_for_scaling(
            rows.share, rows.variant, ibis.literal(threshold), ibis.literal(Z), ibis.literal(power)
        ),
    )
    return float(row["trials"])


def test_trials_are_those_of_the_textbook_and_of_statsmodels() -> None:
    """Cohen 1988, table 6.4.1, two-sided at 0.05 with power 0.80: 392 per arm for h 0.20, 63 for 0.50, 25 for 0.80."""
    sizes = [0.2, 0.5, 0.8]
    found = answered({"size": sizes}, trials=lambda rows: trials_for_power(rows.size, Z, POWER_Z))
    trials = [row["trials"] for row in found]
    assert [round(number) for number in trials] == [392, 63, 25]
    solved = [NormalIndPower().solve_power(size, alpha=0.05, power=0.8) for size in sizes]
    assert trials == pytest.approx(solved, rel=1e-4)


def test_no_effect_takes_no_number_of_trials() -> None:
    [row] = answered({"size": [0.0]}, trials=lambda rows: trials_for_power(rows.size, Z, POWER_Z))
    assert row["trials"] is None


@pytest.mark.parametrize(("share", "variant"), [(0.05, 0.06), (0.05, 0.04), (0.4, 0.44)])
def test_without_a_minimum_lift_scaling_is_detecting_on_one_side(share: float, variant: float) -> None:
    size = abs(proportion_effectsize(variant, share))
    expected = NormalIndPower().power(size, 5_000, 0.025, alternative="larger")
    assert power_at(share, variant, 5_000, 0.0) == pytest.approx(expected, abs=1e-6)
    trials = trials_at(share, variant, 0.0)
    assert trials == pytest.approx(
        NormalIndPower().solve_power(size, alpha=0.025, power=0.8, alternative="larger"), rel=1e-4
    )


def test_a_lift_of_the_minimum_is_scaled_half_the_time() -> None:
    """The estimate is below the threshold as often as above, however many trials there are."""
    assert power_at(0.05, 0.055, 5e7, 0.10) == pytest.approx(0.5, abs=1e-3)
    assert numpy.isnan(trials_at(0.05, 0.055, 0.10))
    assert numpy.isnan(trials_at(0.05, 0.05, 0.0))


@pytest.mark.parametrize(
    ("share", "variant", "trials", "threshold"),
    [(0.05, 0.06, 8_000, 0.10), (0.05, 0.06, 8_000, 0.18), (0.10, 0.085, 6_000, 0.10), (0.3, 0.33, 3_000, 0.05)],
)
def test_power_of_scaling_is_that_of_simulated_experiments(
    share: float, variant: float, trials: int, threshold: float
) -> None:
    """200,000 experiments read once: the pooled test finds the variant better, and the estimate reaches the minimum."""
    chance = numpy.random.default_rng(12)
    rate0, rate = (chance.binomial(trials, true, 200_000) / trials for true in (share, variant))
    pooled = (rate0 + rate) / 2
    z = (rate - rate0) / numpy.sqrt(2 * pooled * (1 - pooled) / trials)
    sign = 1 if variant > share else -1
    scaled = (sign * z > Z) & (sign * (rate / rate0 - 1) >= threshold)
    assert power_at(share, variant, trials, threshold) == pytest.approx(scaled.mean(), abs=0.01)


def test_trials_for_scaling_have_the_stated_power() -> None:
    for share, variant, threshold in ((0.05, 0.06, 0.10), (0.05, 0.04, 0.10), (0.003, 0.0045, 0.10)):
        trials = trials_at(share, variant, threshold)
        assert power_at(share, variant, trials, threshold) == pytest.approx(0.8, abs=1e-6)
        detecting = NormalIndPower().solve_power(abs(proportion_effectsize(variant, share)), alpha=0.05, power=0.8)
        assert trials >= detecting * 0.9999
