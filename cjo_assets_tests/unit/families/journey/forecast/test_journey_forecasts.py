"""Tests of forecasts: closed forms, time in the stage, paths through the stages, and evidence."""

from collections.abc import Sequence
from itertools import product

import pytest

from cjo_assets.families.journey.evaluation.journey_states import journey_states
from cjo_assets.families.journey.forecast.journey_forecasts import (
    JourneyForecasts,
    forecasts_outside_their_interval,
    journey_forecasts,
)
from cjo_assets.families.journey.forecast.transition_model import TransitionModel, transition_model
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.state_log import TRUTH, Simulation, true_churn
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

WEEKS = 13
Found = dict[str, Row]


def forecasts_of(people: dict[str, tuple[str | None, int]], past: Sequence[Row] = (), policy: Policy = POLICY) -> Found:
    """Return the forecasts of SMB customers worth 1,000 each, by stage and days in it, given what others did."""
    entries = [
        {"customer_id": name, "journey_stage": stage, "state_entered_at": day(-days)}
        for name, (stage, days) in people.items()
        if stage is not None
    ]
    names = [*people, *sorted({row["customer_id"] for row in past} - people.keys())]
    customers = table_of(
        Customers, [{"customer_id": name, "segment": "SMB", "account_value": 1000.0} for name in names]
    )
    log = table_of(StateEntries, [*entries, *past])
    model = transition_model(customers, log, as_of(), policy)
    model = table_of(TransitionModel, kept(TransitionModel, model, policy=policy))
    states = journey_states(customers, log, as_of(), policy)
    found = by(
        "customer_id",
        kept(JourneyForecasts, journey_forecasts(customers, states, log, model, as_of(), policy), policy=policy),
    )
    return {name: row for name, row in found.items() if name in people}


def believing(**beliefs: dict[str, float]) -> Policy:
    """Return a policy with this prior only, which a few customers do not change."""
    return policy_with(journey__forecast__prior_weekly_probabilities=beliefs, journey__forecast__prior_weeks=1e9)


def test_a_constant_hazard_has_a_closed_form() -> None:
    """Where only churn can happen, 13 weeks at 2 % leave 0.98 to the 13th."""
    row = forecasts_of({"one": ("engagement", 40)}, policy=believing(engagement={"churned": 0.02}))["one"]
    assert row["churn_probability"] == pytest.approx(1 - 0.98**WEEKS, abs=1e-6)
    assert row["stagnation_probability"] == pytest.approx(0.98**WEEKS, abs=1e-6)
    assert (row["recovery_probability"], row["escalation_probability"]) == (0.0, 0.0)
    assert row["revenue_at_risk"] == pytest.approx(1000 * (1 - 0.98**WEEKS), abs=0.01)
    assert row["predicted_path"] == ["engagement"]


def test_churn_is_counted_over_all_ways() -> None:
    """Support for a week, then escalation, then gone: with certain moves everything happens."""
    certain = believing(
        support={"escalation": 1.0}, escalation={"retention": 0.5, "churned": 0.5}, retention={"support": 1.0}
    )
    row = forecasts_of({"one": ("support", 0)}, policy=certain)["one"]
    # A round has three moves, each in the middle of its week at the latest: at least four rounds and at most eight,
    # in each of which half of those still there churn.
    assert 1 - 0.5**4 < row["churn_probability"] < 1 - 0.5**8
    assert (row["escalation_probability"], row["stagnation_probability"]) == (1.0, 0.0)
    # Recovered are customers who entered retention once: half of all do, at once; the others have churned.
    assert row["recovery_probability"] == pytest.approx(0.5, abs=1e-6)
    # Of two equally likely stages the first by name.
    assert row["predicted_path"] == ["support", "escalation", "churned"]


def test_path_ends_where_staying_is_likelier() -> None:
    slow = believing(onboarding={"engagement": 0.5}, engagement={"retention": 0.5}, retention={"support": 0.01})
    found = forecasts_of({"one": ("onboarding", 0), "two": ("retention", 3)}, policy=slow)
    assert found["one"]["predicted_path"] == ["onboarding", "engagement", "retention"]
    assert found["two"]["predicted_path"] == ["retention"]
    circle = {"support": {"retention": 1.0}, "retention": {"support": 1.0}}
    found = forecasts_of({"one": ("support", 0)}, policy=believing(**circle))
    assert found["one"]["predicted_path"] == ["support", "retention", "support", "retention"]


def left_early(count: int, stayed: int) -> Rows:
    """Return customers who churned in their first week of support, and others who stayed half a year."""
    rows: Rows = []
    for number in range(count):
        name = f"gone {number}"
        rows.append({"customer_id": name, "journey_stage": "support", "state_entered_at": day(-200)})
        rows.append({"customer_id": name, "journey_stage": "churned", "state_entered_at": day(-197)})
    return rows + [
        {"customer_id": f"there {number}", "journey_stage": "support", "state_entered_at": day(-200)}
        for number in range(stayed)
    ]


def test_the_time_already_spent_counts() -> None:
    """Half leave in the first week and none later: a customer past it is safe."""
    light = policy_with(journey__forecast__prior_weeks=0.001)
    found = forecasts_of(
        {"new": ("support", 0), "sixth day": ("support", 6), "old": ("support", 90)}, left_early(40, 40), light
    )
    # The new one and the old one saw week 0 or not: 40 of 82 observed first weeks ended.
    # Of the new one's first week a seventh is over, and with it a seventh of the danger.
    assert found["new"]["churn_probability"] == pytest.approx(6 / 7 * 40 / 82, abs=1e-3)
    # Six days after the entry the seventh day is over, and with it the first week.
    assert found["sixth day"]["churn_probability"] < 1e-3
    assert found["old"]["churn_probability"] < 1e-3
    assert found["old"]["stagnation_probability"] > 0.99


def test_churned_customer_has_no_forecast_and_unknown_an_empty_one() -> None:
    found = forecasts_of({"gone": ("churned", 5), "nowhere": (None, 0), "here": ("retention", 5)})
    assert found.keys() == {"nowhere", "here"}
    nowhere = found["nowhere"]
    assert (nowhere["model_type"], nowhere["predicted_path"], nowhere["n_observations"]) == ("no_stage", [], 0)
    empty = [name for name, value in nowhere.items() if value is None]
    assert len(empty) == 8, empty


def test_a_forecast_names_its_evidence() -> None:
    """Nothing observed there; observed, without departures; observed, with departures."""
    unseen = forecasts_of({"one": ("support", 0)})["one"]
    assert (unseen["model_type"], unseen["n_observations"], unseen["prior_weight"]) == ("prior_only", 0, 1.0)
    loyal = forecasts_of({"one": ("support", 0)}, left_early(0, 10))["one"]
    # 201 days are 28 weeks for each of ten; the prior weighs 20 weeks in each of six bins.
    assert (loyal["model_type"], loyal["n_observations"]) == ("churn_from_prior", 280)
    assert loyal["prior_weight"] == pytest.approx(120 / 400)
    assert loyal["churn_probability"] > 0
    known = forecasts_of({"one": ("support", 0)}, left_early(1, 10))["one"]
    assert (known["model_type"], known["n_observations"]) == ("smoothed", 281)


def test_ten_customers_hear_the_belief_and_many_hear_the_log() -> None:
    """In truth half leave in the first week; the prior is 1 % a week."""
    believed = forecasts_of({"one": ("support", 0)})["one"]["churn_probability"]
    few, more, many = (forecasts_of({"one": ("support", 0)}, left_early(count, count))["one"] for count in (1, 10, 400))
    chances = [row["churn_probability"] for row in (few, more, many)]
    assert believed < chances[0] < chances[1] < chances[2]
    assert chances[0] - believed < 0.2 * (0.5 - believed)
    assert chances[2] == pytest.approx(6 / 7 * 0.5, abs=0.06)
    widths = [row["churn_probability_high"] - row["churn_probability_low"] for row in (few, more, many)]
    assert widths == sorted(widths, reverse=True)
    assert few["prior_weight"] > more["prior_weight"] > many["prior_weight"]


def test_a_forecast_outside_its_interval_is_found() -> None:
    rows = [
        {"customer_id": name, "churn_probability": chance, "churn_probability_low": 0.1, "churn_probability_high": 0.2}
        for name, chance in (("good", 0.2), ("low", 0.09), ("high", 0.21))
    ]
    rows.append({"customer_id": "nowhere"})
    found = rows_of(forecasts_outside_their_interval(table_of(JourneyForecasts, rows)))
    assert {row["customer_id"] for row in found} == {"low", "high"}


@pytest.fixture(scope="module")
def learned(simulation: Simulation) -> list[tuple[float, Row]]:
    """Return the true chance of churn and the forecast, for every segment, stage and week, from the simulated log."""
    model = table_of(
        TransitionModel,
        kept(TransitionModel, transition_model(simulation.customers, simulation.state_entries, as_of(), POLICY)),
    )
    truth = true_churn()
    cases = [(segment, *state) for segment, state in product(POLICY.vocabulary.segments, truth)]
    people = [{"customer_id": repr(case), "segment": case[0], "account_value": 1.0} for case in cases]
    entered = [
        {"customer_id": repr(case), "journey_stage": case[1], "state_entered_at": day(-7 * case[2])} for case in cases
    ]
    customers, log = table_of(Customers, people), table_of(StateEntries, entered)
    states = journey_states(customers, log, as_of(), POLICY)
    found = journey_forecasts(customers, states, simulation.state_entries, model, as_of(), POLICY)
    rows = by("customer_id", kept(JourneyForecasts, found))
    return [(truth[case[1], case[2]], rows[repr(case)]) for case in cases]


def test_the_intervals_hold_the_true_chance_of_churn(learned: list[tuple[float, Row]]) -> None:
    """At least as often as stated, in all stages and weeks of one log together."""
    holds = [row["churn_probability_low"] <= truth <= row["churn_probability_high"] for truth, row in learned]
    level = POLICY.journey.forecast.interval_level
    assert len(holds) == 3 * len(TRUTH) * 14
    assert sum(holds) / len(holds) >= level
    assert {row["model_type"] for _, row in learned} == {"smoothed"}


def test_the_log_and_not_the_belief_decides(learned: list[tuple[float, Row]]) -> None:
    """Each forecast is nearer to the truth than the belief alone was, almost everywhere and on the whole."""
    beliefs = forecasts_of({stage: (stage, 0) for stage in TRUTH})
    believed = {stage: row["churn_probability"] for stage, row in beliefs.items()}
    errors = [
        (abs(row["churn_probability"] - truth), abs(believed[row["predicted_path"][0]] - truth))
        for truth, row in learned
    ]
    nearer = [ours < theirs for ours, theirs in errors]
    assert sum(nearer) / len(nearer) > 0.85
    assert sum(ours for ours, _ in errors) < 0.35 * sum(theirs for _, theirs in errors)


def test_a_year_is_no_harder_than_a_quarter() -> None:
    """Queries nested 52 deep would exceed what the compiler can hold."""
    year = policy_with(
        journey__forecast__prior_weekly_probabilities={"engagement": {"churned": 0.02}},
        journey__forecast__prior_weeks=1e9,
        journey__forecast__horizon_days=364,
    )
    row = forecasts_of({"one": ("engagement", 40)}, policy=year)["one"]
    assert row["churn_probability"] == pytest.approx(1 - 0.98**52, abs=1e-6)
