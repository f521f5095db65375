"""Tests of the deviation of forecasts: closed form, derivatives by small steps, draws."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from cjo_assets.families.journey.forecast._forecast_deviation import churn_deviations
from cjo_assets.families.journey.forecast._forecasting import forecasts_by_state, interval
from cjo_assets.families.journey.forecast.transition_model import TransitionModel, transition_model
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.forecast_reference import (
    BINS,
    LAST_WEEK,
    NEXT_STAGES,
    RULES,
    STAGES,
    churn,
    deviations,
    draws,
    posterior,
)
from cjo_assets_tests.support.journey.state_log import Simulation, true_probability
from cjo_assets_tests.support.rows import POLICY, Rows, as_of, by, kept, policy_with, rows_of, table_of

DRAWS = 3000
# Of customer-weeks that every stage begins with, how many are left when each bin begins.
LEFT = (1.0, 0.8, 0.6, 0.4, 0.2, 0.3)


def model_of(observed: int, policy: Policy = POLICY) -> Rows:
    """Return the model of a log that behaves as the simulated one does: expected moves, rounded up."""
    beliefs = policy.journey.forecast.prior_weekly_probabilities
    prior_weeks = policy.journey.forecast.prior_weeks
    rows: Rows = []
    for stage, (start, left), onward in product(STAGES, zip(BINS, LEFT, strict=True), NEXT_STAGES):
        weeks = int(observed * left)
        seen = min(int(np.ceil(weeks * true_probability(stage, start, onward))), weeks // len(NEXT_STAGES))
        believed = beliefs.get(stage, {}).get(onward, 0.0)
        rows.append(
            {"segment": "SMB", "journey_stage": stage, "from_week": start, "next_stage": onward, "transitions": seen}
            | {"observed_weeks": weeks, "prior_probability": believed}
            | {"weekly_probability": (seen + prior_weeks * believed) / (weeks + prior_weeks)}
        )
    return rows


def intervals_of(model: Rows, policy: Policy = POLICY) -> dict[tuple[str, int], dict[str, Any]]:
    """Return forecast, deviation and interval of the SMB segment by stage and day."""
    known = table_of(TransitionModel, model).mutate(origin=as_of())
    keys = ["origin", "segment", "journey_stage", "day"]
    rows = forecasts_by_state(known, policy).left_join(churn_deviations(known, policy), keys)
    low, high = interval(rows.churn, rows.deviation, policy.journey.forecast.interval_level)
    rows = rows.filter(rows.segment == "SMB")
    found = rows_of(rows.select("journey_stage", "day", "churn", "deviation", low=low, high=high))
    return by(("journey_stage", "day"), found)


def test_a_constant_hazard_has_a_closed_form() -> None:
    """1 - (1 - p)^13 has the derivative 13 (1 - p)^12; p itself is known from 20 weeks of belief."""
    beliefs = {"engagement": {"churned": 0.02}}
    policy = policy_with(journey__forecast__prior_weekly_probabilities=beliefs)
    row = intervals_of(model_of(0, policy), policy)["engagement", 7 * LAST_WEEK]
    expected = 13 * 0.98**12 * (0.02 * 0.98 / (20 + 1)) ** 0.5
    assert row["deviation"] == pytest.approx(expected, rel=1e-9)


def test_deviations_are_those_of_small_steps() -> None:
    model = model_of(40)
    found = intervals_of(model)
    expected = deviations(*posterior(model, "SMB"))
    for (place, stage), week in product(enumerate(STAGES), range(LAST_WEEK + 1)):
        assert found[stage, 7 * week]["deviation"] == pytest.approx(expected[place, week], rel=1e-4), (stage, week)
    # Three days of the second week are over: three sevenths of the way to the derivatives of the third.
    before, between, after = (found["support", day]["deviation"] for day in (7, 10, 14))
    assert min(before, after) * 0.9 < between < max(before, after) * 1.1


@pytest.mark.parametrize("observed", [0, 20, 300, 20_000])
def test_intervals_hold_the_stated_share_of_draws(observed: int) -> None:
    """From belief alone to a long log, in every stage and week; the draws share nothing with the delta method."""
    model = model_of(observed)
    found = intervals_of(model)
    drawn = churn(draws(*posterior(model, "SMB"), DRAWS, seed=observed + 1))
    covered = []
    for (place, stage), week in product(enumerate(STAGES), range(LAST_WEEK + 1)):
        row = found[stage, 7 * week]
        futures = drawn[:, place, week]
        inside = float(((row["low"] <= futures) & (futures <= row["high"])).mean())
        assert 0.86 <= inside <= 0.97, (stage, week, inside)
        covered.append(inside)
        if observed >= 300:
            width = np.quantile(futures, 0.95) - np.quantile(futures, 0.05)
            assert row["high"] - row["low"] < 1.3 * width, (stage, week)
    assert np.mean(covered) == pytest.approx(RULES.interval_level, abs=0.03)


def test_intervals_of_a_long_log_are_narrow(simulation: Simulation) -> None:
    """Of 1,000 customers a segment and 75 weeks."""
    model = kept(TransitionModel, transition_model(simulation.customers, simulation.state_entries, as_of(), POLICY))
    widths = [row["high"] - row["low"] for row in intervals_of(model).values()]
    assert np.mean(widths) < 0.08
