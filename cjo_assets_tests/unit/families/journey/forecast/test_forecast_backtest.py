"""Tests of the backtest: its cases, each measure by hand, no later record, and a known truth."""

import random
from datetime import date
from typing import Any

import ibis
import numpy
import pytest

from cjo_assets.families.journey.evaluation.journey_states import journey_states
from cjo_assets.families.journey.forecast.forecast_backtest import (
    ForecastBacktest,
    backtest_origins,
    forecast_backtest,
    records_from_the_future,
)
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts, journey_forecasts
from cjo_assets.families.journey.forecast.transition_model import TransitionModel, transition_model
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.state_log import Simulation
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

KEY = ("measure", "subset")
Measures = dict[tuple[str, str], Row]
# Customers at D - 91, and the day of leaving.
LEFT = {
    "first day": -90,
    "later": -50,
    "last day": 0,
    "tomorrow": 1,
    "never": None,
    "on the origin": -91,
    "before": -150,
}
# The prior only: 2 % a week over 13 weeks.
CHANCE = 1 - 0.98**13
BELIEFS = POLICY.journey.forecast.model_dump()["prior_weekly_probabilities"]


def rules(**changes: Any) -> Policy:
    """Return a policy of one origin with a prior of 2 % a week that counts every case."""
    usual = {
        "prior_weekly_probabilities": {"engagement": {"churned": 0.02}},
        "prior_weeks": 1e9,
        "backtest_origins": 1,
        "backtest_minimum_forecasts": 1,
    }
    return policy_with(**{f"journey__forecast__{name}": value for name, value in (usual | changes).items()})


def log_of(left: dict[str, int | None], since: int = -200) -> tuple[Rows, Rows]:
    """Return customers and their entries: into engagement, and out of it for good."""
    entries = [{"customer_id": name, "journey_stage": "engagement", "state_entered_at": day(since)} for name in left]
    entries += [
        {"customer_id": name, "journey_stage": "churned", "state_entered_at": day(offset)}
        for name, offset in left.items()
        if offset is not None
    ]
    return [{"customer_id": name, "segment": "SMB", "account_value": 1.0} for name in left], entries


def backtest_of(people: Rows, entries: Rows, policy: Policy) -> Measures:
    """Return the measures of a log."""
    table = forecast_backtest(table_of(Customers, people), table_of(StateEntries, entries), as_of(), policy)
    return by(KEY, kept(ForecastBacktest, table, policy=policy))


def origins_of(policy: Policy) -> list[date]:
    """Return the days forecast from."""
    origins = ibis.array(backtest_origins(as_of(), policy)).unnest().name("origin").as_table()
    return [row["origin"] for row in rows_of(origins)]


def test_every_measure_by_hand() -> None:
    people, entries = log_of(LEFT)
    people.append({"customer_id": "came later", "segment": "SMB"})
    entries.append({"customer_id": "came later", "journey_stage": "engagement", "state_entered_at": day(-80)})
    found = backtest_of(people, entries, rules())
    # Five were in the stage; three left from D - 90 to D. One that leaves on the origin or before it is not forecast.
    whole = found["brier_score", "all"]
    assert (whole["forecasts"], whole["churned"], whole["n"]) == (5, 3, 5)
    assert whole["mean_forecast"] == pytest.approx(CHANCE, abs=1e-6)
    assert whole["value"] == pytest.approx((3 * (1 - CHANCE) ** 2 + 2 * CHANCE**2) / 5, abs=1e-5)
    assert found["brier_score_of_base_rate", "all"]["value"] == pytest.approx(0.6 * 0.4)
    origin = found["churn_rate", str(day(-91))]
    assert (origin["value"], origin["first_origin"], origin["last_origin"]) == (0.6, day(-91), day(-91))
    # The week of a departure on the origin was under way and not counted.
    assert (origin["latest_record_at"], origin["first_outcome_at"]) == (day(-150), day(-90))
    assert origin["last_outcome_at"] == DAY
    # All have one chance: they stay together, in the middle.
    bins = {subset: row["forecasts"] for (measure, subset), row in found.items() if measure == "calibration"}
    assert bins == {f"{place} of 10": 5 if place == 6 else 0 for place in range(1, 11)}
    assert found["calibration_slope", "all"]["value"] is None
    assert found["integrated_calibration_index", "all"]["value"] == pytest.approx(0.6 - CHANCE, abs=1e-5)
    alarms = {
        (measure, subset): (row["value"], row["n"], row["status"])
        for (measure, subset), row in found.items()
        if measure in ("precision", "recall", "lift")
    }
    assert alarms == {
        ("precision", "0.05 and above"): (0.6, 5, "measured"),
        ("precision", "0.1 and above"): (0.6, 5, "measured"),
        ("precision", "0.25 and above"): (None, 0, "not_enough_history"),
        ("recall", "0.05 and above"): (1.0, 3, "measured"),
        ("recall", "0.1 and above"): (1.0, 3, "measured"),
        # No customer had a warning, and three left.
        ("recall", "0.25 and above"): (0.0, 3, "measured"),
        ("lift", "0.05 and above"): (1.0, 5, "measured"),
        ("lift", "0.1 and above"): (1.0, 5, "measured"),
        ("lift", "0.25 and above"): (None, 0, "not_enough_history"),
    }
    # Wilson's interval at 90 % of 3 out of 5.
    assert (origin["value_low"], origin["value_high"]) == pytest.approx((0.272483, 0.857294), abs=1e-6)
    assert all(
        row["value_low"] is None for row in found.values() if row["measure"] not in SHARES or row["value"] is None
    )


SHARES = ("churn_rate", "calibration", "precision", "recall")


def test_overlapping_horizons_count_a_departure_once() -> None:
    """Two origins 10 days apart see the same customers: ten forecasts, and the interval of five."""
    people, entries = log_of({"one": -50, "two": -40, "three": -30, "four": None, "five": None})
    once = backtest_of(people, entries, rules())["calibration", "6 of 10"]
    twice = backtest_of(people, entries, rules(backtest_origins=2, backtest_step_days=10))["calibration", "6 of 10"]
    assert (once["n"], twice["n"]) == (5, 10)
    assert (twice["value_low"], twice["value_high"]) == (once["value_low"], once["value_high"])


def test_too_few_cases_have_no_value() -> None:
    people, entries = log_of(LEFT)
    found = backtest_of(people, entries, rules(backtest_minimum_forecasts=6))
    assert {(row["status"], row["value"], row["value_low"]) for row in found.values()} == {
        ("not_enough_history", None, None)
    }
    assert found["brier_score", "all"]["forecasts"] == 5


def test_a_log_that_does_not_reach_back_has_every_row() -> None:
    """Begun 30 days ago, it holds no horizon."""
    people, entries = log_of({"one": -3, "two": None}, since=-30)
    found = backtest_of(people, entries, POLICY)
    rules = POLICY.journey.forecast
    assert len(found) == rules.backtest_origins + rules.calibration_bins + 4 + 3 * len(rules.cut_offs)
    assert {(row["status"], row["forecasts"]) for row in found.values()} == {("not_enough_history", 0)}


def test_origins_are_at_least_the_horizon_before_the_day() -> None:
    """90 days are 13 weeks."""
    assert origins_of(POLICY) == [day(-91 - 30 * number) for number in range(6)]
    assert origins_of(rules(horizon_days=7)) == [day(-7)]


def test_a_later_record_is_found() -> None:
    good = {"measure": "churn_rate", "first_origin": day(-91), "last_origin": day(-91), "latest_record_at": day(-91)}
    good |= {"first_outcome_at": day(-90), "last_outcome_at": DAY}
    rows = [
        good | {"subset": "good"},
        good | {"subset": "nothing known", "latest_record_at": None, "first_outcome_at": None, "last_outcome_at": None},
        good | {"subset": "record", "latest_record_at": day(-90)},
        good | {"subset": "early", "first_outcome_at": day(-91)},
        good | {"subset": "late", "last_outcome_at": day(1)},
    ]
    found = rows_of(records_from_the_future(table_of(ForecastBacktest, rows), POLICY))
    assert {row["subset"] for row in found} == {"record", "early", "late"}


@pytest.fixture(scope="module")
def measured(simulation: Simulation) -> Measures:
    """Return the backtest of the simulated log."""
    return by(
        KEY, kept(ForecastBacktest, forecast_backtest(simulation.customers, simulation.state_entries, as_of(), POLICY))
    )


def test_the_forecasts_are_those_of_the_day(simulation: Simulation, measured: Measures) -> None:
    """What the backtest has as the forecast of a day is what the chain forecasts on that day."""
    origin = origins_of(POLICY)[2]
    then = ibis.literal(origin, "date")
    customers, entries = simulation.customers, simulation.state_entries
    model = table_of(TransitionModel, kept(TransitionModel, transition_model(customers, entries, then, POLICY), origin))
    states = journey_states(customers, entries, then, POLICY)
    forecasts = kept(JourneyForecasts, journey_forecasts(customers, states, entries, model, then, POLICY), origin)
    chances = [row["churn_probability"] for row in forecasts if row["churn_probability"] is not None]
    row = measured["churn_rate", str(origin)]
    assert row["forecasts"] == len(chances)
    assert row["mean_forecast"] == pytest.approx(sum(chances) / len(chances), abs=1e-6)


def test_the_forecast_beats_the_base_rate(measured: Measures) -> None:
    """And alarms find more of those who leave than chance would."""
    assert measured["brier_score", "all"]["value"] < measured["brier_score_of_base_rate", "all"]["value"]
    assert measured["lift", "0.25 and above"]["value"] > 1.2
    assert measured["precision", "0.25 and above"]["value"] > measured["precision", "0.05 and above"]["value"]
    assert measured["recall", "0.25 and above"]["value"] < measured["recall", "0.05 and above"]["value"]


def test_without_a_wrong_belief_the_forecasts_are_calibrated(simulation: Simulation) -> None:
    """The average forecast is in the interval of what happened, of level 0.90 in each of ten bins."""
    unprejudiced = policy_with(journey__forecast__prior_weeks=0.5)
    table = forecast_backtest(simulation.customers, simulation.state_entries, as_of(), unprejudiced)
    rows = kept(ForecastBacktest, table)
    bins = [row for row in rows if row["measure"] == "calibration" and row["status"] == "measured"]
    assert len(bins) == POLICY.journey.forecast.calibration_bins
    holds = [row["value_low"] <= row["mean_forecast"] <= row["value_high"] for row in bins]
    # Of ten intervals that each hold in nine of ten cases, more than two fail in 7 % of cases.
    assert sum(holds) >= 8
    [slope] = [row["value"] for row in rows if row["measure"] == "calibration_slope"]
    assert slope == pytest.approx(1.0, abs=0.2)


def test_no_forecast_rests_on_a_later_record(simulation: Simulation, measured: Measures) -> None:
    rows = [row for row in measured.values() if row["measure"] == "churn_rate"]
    assert len(rows) == POLICY.journey.forecast.backtest_origins
    for row in rows:
        assert row["latest_record_at"] <= row["first_origin"] < row["first_outcome_at"]
        assert row["last_outcome_at"] <= row["first_origin"] + (DAY - day(-91))
    table = forecast_backtest(simulation.customers, simulation.state_entries, as_of(), POLICY)
    assert rows_of(records_from_the_future(table, POLICY)) == []


def test_neither_order_nor_the_future_changes_anything(simulation: Simulation, measured: Measures) -> None:
    rows = rows_of(simulation.state_entries)
    last = by("customer_id", sorted(rows, key=lambda row: row["state_entered_at"])[-5:])
    later = [row | {"journey_stage": "churned", "state_entered_at": day(3)} for row in last.values()]
    random.Random(1).shuffle(rows)
    table = forecast_backtest(simulation.customers, table_of(StateEntries, [*later, *rows]), as_of(), POLICY)
    assert by(KEY, kept(ForecastBacktest, table)) == measured


def test_calibration_by_quantiles_slope_and_index(simulation: Simulation) -> None:
    """Against the same measures by numpy, from the forecasts of one origin and the outcomes in the log."""
    policy = rules(prior_weekly_probabilities=BELIEFS, prior_weeks=20.0, backtest_minimum_forecasts=30)
    origin = origins_of(policy)[0]
    then = ibis.literal(origin, "date")
    table = forecast_backtest(simulation.customers, simulation.state_entries, as_of(), policy)
    found = by(KEY, kept(ForecastBacktest, table, policy=policy))
    model = table_of(
        TransitionModel,
        kept(TransitionModel, transition_model(simulation.customers, simulation.state_entries, then, policy), origin),
    )
    known = simulation.state_entries.filter(simulation.state_entries.state_entered_at <= then)
    states = journey_states(simulation.customers, known, then, policy)
    forecasts = journey_forecasts(simulation.customers, states, known, model, then, policy)
    gone = {row["customer_id"] for row in rows_of(simulation.state_entries) if row["journey_stage"] == "churned"}
    rows = [row for row in kept(JourneyForecasts, forecasts, origin) if row["churn_probability"] is not None]
    chance = numpy.array([row["churn_probability"] for row in rows])
    has_left = numpy.array([row["customer_id"] in gone for row in rows], dtype=float)

    slope, height = numpy.polyfit(chance, has_left, 1)
    assert found["calibration_slope", "all"]["value"] == pytest.approx(slope, abs=2e-3)
    index = numpy.abs(chance - numpy.clip(height + slope * chance, 0, 1)).mean()
    assert found["integrated_calibration_index", "all"]["value"] == pytest.approx(index, abs=1e-4)
    assert 0.7 < slope < 1.3, "the model knows the process"

    values, counts = numpy.unique(chance, return_counts=True)
    middle = (numpy.cumsum(counts) - counts / 2) / counts.sum()
    place = dict(zip(values, numpy.minimum((middle * 10).astype(int), 9) + 1, strict=True))
    bins = numpy.array([place[value] for value in chance])
    for number in range(1, 11):
        row = found["calibration", f"{number} of 10"]
        assert row["forecasts"] == (bins == number).sum()
        assert row["value"] == pytest.approx(has_left[bins == number].mean(), abs=1e-6)
        assert row["mean_forecast"] == pytest.approx(chance[bins == number].mean(), abs=1e-5)
        assert 0.05 < row["forecasts"] / len(rows) < 0.15
