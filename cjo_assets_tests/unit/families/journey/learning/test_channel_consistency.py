"""Consistency of the channels: against an independent computation, unbiased by noise, with an interval that holds."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm

from cjo_assets.families.journey.learning._channel_consistency import channel_facts
from cjo_assets.families.journey.outcome.outcome_analyses import OutcomeAnalyses
from cjo_assets_tests.support.rows import POLICY, Row, Rows, rows_of, table_of

LEVEL = POLICY.journey.kpis.interval_level
TARGET = POLICY.journey.kpis.effectiveness_kpi_targets.experience_consistency_score
ENOUGH = POLICY.journey.learning.established_runs
Counts = list[tuple[int, int]]


def facts_of(channels: Counts) -> Row:
    """Return the facts about channels of so many successes and runs."""
    runs: Rows = [
        {"intervention_id": f"{place} {number}", "is_executed": True, "channel": f"channel {place}"}
        | {"outcome": "resolved" if number < successes else "no_response"}
        for place, (successes, count) in enumerate(channels)
        for number in range(count)
    ]
    (row,) = rows_of(channel_facts(table_of(OutcomeAnalyses, runs), POLICY))
    return row


def estimates(successes: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Return the shrunk ratio of the lowest to the highest rate, by the textbook; one world a row."""
    rates = successes / runs
    pooled = successes.sum(axis=1, keepdims=True) / runs.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (runs * (rates - pooled) ** 2).sum(axis=1, keepdims=True) / (pooled * (1 - pooled))
        kept = np.nan_to_num(1 - (len(runs) - 1) / statistic, nan=0.0, neginf=0.0)
    shrunk = pooled + np.maximum(kept, 0.0) * (rates - pooled)
    return np.asarray(shrunk.min(axis=1) / shrunk.max(axis=1))


def scanned_bounds(channels: Counts, steps: int = 600_001) -> tuple[float, float]:
    """Return the least bounds of all ratios: those that a score test does not reject, tried one by one."""
    pairs = list(permutations(channels, 2))
    quantile = norm.ppf(1 - (1 - LEVEL) / len(pairs))
    ratios = np.geomspace(1e-3, 1e3, steps)
    lows, highs = [], []
    for (x, n), (x0, n0) in pairs:
        # The likeliest rate of the other where the ratio is given.
        square, linear = (n + n0) * ratios, -(n * ratios + x + n0 + x0 * ratios)
        rate0 = (-linear - np.sqrt(linear**2 - 4 * square * (x + x0))) / (2 * square)
        rate = rate0 * ratios
        variance = rate * (1 - rate) / n + ratios**2 * rate0 * (1 - rate0) / n0
        kept = ratios[(x / n - ratios * x0 / n0) ** 2 <= quantile**2 * variance]
        lows.append(kept.min())
        highs.append(kept.max())
    return float(min(lows)), float(min(*highs, 1.0))


@pytest.mark.parametrize(
    "channels",
    [
        [(24, 30), (12, 30)],
        [(20, 30), (18, 40), (70, 100)],
        [(18, 30), (19, 31), (17, 30), (21, 33)],
        [(21, 30)] * 9 + [(6, 30)],
    ],
)
def test_score_and_interval_match_the_textbook(channels: Counts) -> None:
    facts = facts_of(channels)
    successes, runs = (np.array(cells, dtype=float) for cells in zip(*channels, strict=True))
    low, high = scanned_bounds(channels)
    assert facts["lowest_rate"] / facts["highest_rate"] == pytest.approx(min(estimates(successes[None], runs)[0], high))
    assert (facts["ratio_low"], facts["ratio_high"]) == pytest.approx((low, high), rel=1e-4)
    assert (facts["channels"], facts["channel_runs"]) == (len(channels), runs.sum())


def test_two_channels_by_hand() -> None:
    """0.8 and 0.4 about 0.6: the statistic is 2 x 30 x 0.04 / 0.24 = 10, of which 1 is chance: 9 tenths remain."""
    facts = facts_of([(24, 30), (12, 30)])
    assert (facts["lowest_rate"], facts["highest_rate"]) == pytest.approx((0.6 - 0.18, 0.6 + 0.18))
    assert facts["ratio_high"] < TARGET, "a difference of this size is no chance"


@pytest.mark.parametrize("number", [2, 3, 4, 6])
def test_alike_channels_are_consistent_on_average(number: int) -> None:
    """The raw ratio published 0.85, 0.78, 0.74 and 0.69, and missed the target in 44 to 96 of 100 worlds."""
    runs = np.full(number, float(ENOUGH))
    found = estimates(np.random.default_rng(number).binomial(ENOUGH, 0.6, size=(20_000, number)), runs)
    assert found.mean() > 0.93
    assert (found < TARGET).mean() < 0.2


@pytest.mark.parametrize(("rates", "found_at_least"), [((0.8, 0.4), 0.9), ((0.7, 0.7, 0.7, 0.3), 0.85)])
def test_a_real_difference_is_found(rates: tuple[float, ...], found_at_least: float) -> None:
    """The estimate misses the target nearly always, and is near the true ratio."""
    runs = np.full(len(rates), float(ENOUGH))
    found = estimates(np.random.default_rng(1).binomial(ENOUGH, rates, size=(20_000, len(rates))), runs)
    assert (found < TARGET).mean() > found_at_least
    assert found.mean() == pytest.approx(min(rates) / max(rates), abs=0.08)


@pytest.mark.parametrize("rates", [(0.6, 0.6), (0.6,) * 4, (0.8, 0.5), (0.7, 0.6, 0.5)])
def test_the_interval_holds_the_true_ratio(rates: tuple[float, ...]) -> None:
    """In at least nine of ten worlds, whether their channels differ or not."""
    worlds = np.random.default_rng(2).binomial(60, rates, size=(400, len(rates)))
    truth = min(rates) / max(rates)
    bounds = [scanned_bounds([(int(successes), 60) for successes in world], 4001) for world in worlds]
    holds = [low <= truth <= high for low, high in bounds]
    assert sum(holds) / len(holds) > LEVEL - 0.03, "within what 400 worlds can show"


def test_channels_without_any_success_have_no_ratio() -> None:
    facts = facts_of([(0, 30), (0, 30)])
    assert (facts["lowest_rate"], facts["highest_rate"]) == (0.0, 0.0)
    assert (facts["ratio_low"], facts["ratio_high"]) == (0.0, 1.0)
