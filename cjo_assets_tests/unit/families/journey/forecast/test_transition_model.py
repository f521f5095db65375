"""Tests of the transition model: counted weeks, edges of bins, and the weights of prior and counts."""

import random

import pytest

from cjo_assets.families.journey.forecast.transition_model import (
    TransitionModel,
    cells_beyond_certainty,
    transition_model,
)
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.state_log import Simulation, true_probability
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

KEY = ("segment", "journey_stage", "from_week", "next_stage")


def entry(customer: str, stage: str, offset: int) -> Row:
    """Return an entry into a stage, so many days from D."""
    return {"customer_id": customer, "journey_stage": stage, "state_entered_at": day(offset)}


def model_of(entries: Rows, policy: Policy = POLICY) -> dict[tuple[str, str, int, str], Row]:
    """Return the model of SMB customers."""
    people = [{"customer_id": name, "segment": "SMB"} for name in sorted({row["customer_id"] for row in entries})]
    tables = table_of(Customers, people), table_of(StateEntries, entries)
    return by(KEY, kept(TransitionModel, transition_model(*tables, as_of(), policy), policy=policy))


# The entries of one customer; then, of onboarding, the bins with their observed and censored weeks; then the move.
SPELLS = {
    # Days 0 to 21 are known: weeks 0, 1 and 2 are over, week 3 is under way.
    "continues": ([("onboarding", -21)], {0: (1, 0), 1: (1, 0), 2: (1, 1)}, None),
    "a week over today": ([("onboarding", -6)], {0: (1, 0)}, None),
    "begun today": ([("onboarding", 0)], {0: (0, 1)}, None),
    "left on day 6": ([("onboarding", -40), ("engagement", -34)], {0: (1, 0)}, (0, "engagement")),
    "left on day 7": ([("onboarding", -40), ("engagement", -33)], {0: (1, 0), 1: (1, 0)}, (1, "engagement")),
    # Week 13 begins the last bin; from day 0 to day 104 there are 15 weeks.
    "in the last bin": (
        [("onboarding", -200), ("churned", -96)],
        {0: (1, 0), 1: (1, 0), 2: (2, 0), 4: (4, 0), 8: (5, 0), 13: (2, 0)},
        (13, "churned"),
    ),
    # The later stage of the day names the earlier one: a spell of 0 days.
    "two on one day": ([("onboarding", -30), ("support", -30)], {0: (1, 0)}, (0, "support")),
    # That the spell has ended is known; that others of its age will end before the week is over is not.
    "left in the week under way": ([("onboarding", -3), ("engagement", -1)], {0: (0, 1)}, None),
    "that week over": ([("onboarding", -6), ("engagement", -1)], {0: (1, 0)}, (0, "engagement")),
    "entered again": ([("onboarding", -20), ("onboarding", -10)], {0: (2, 0), 1: (1, 1)}, (1, "onboarding")),
    "later entries are unknown": ([("onboarding", -6), ("churned", 1)], {0: (1, 0)}, None),
}


@pytest.mark.parametrize("case", SPELLS)
def test_a_spell_is_counted_in_weeks_that_are_over(case: str) -> None:
    entries, weeks, move = SPELLS[case]
    rows = model_of([entry("one", stage, offset) for stage, offset in entries])
    for start in POLICY.journey.forecast.time_bins_weeks:
        cell = {
            name: row for (segment, stage, week, name), row in rows.items() if (segment, stage, week) == cell_of(start)
        }
        for name, row in cell.items():
            assert (row["observed_weeks"], row["censored_weeks"]) == weeks.get(start, (0, 0)), start
            assert row["transitions"] == (1 if (start, name) == move else 0), (start, name)


def cell_of(start: int) -> tuple[str, str, int]:
    """Return the key of an onboarding bin."""
    return ("SMB", "onboarding", start)


def test_counts_and_belief_mix_by_their_weight() -> None:
    """Four of ten left in week 0, one of them by churn; the belief is 20 weeks at 0.20 and 0.005."""
    left = [
        row
        for number in range(3)
        for row in (entry(f"M{number}", "onboarding", -50), entry(f"M{number}", "engagement", -48))
    ]
    left += [entry("gone", "onboarding", -50), entry("gone", "churned", -49)]
    stayed = [row for number in range(6) for row in (entry(f"S{number}", "onboarding", -9),)]
    rows = model_of(left + stayed)
    moved = rows["SMB", "onboarding", 0, "engagement"]
    assert (moved["observed_weeks"], moved["transitions"], moved["prior_probability"]) == (10, 3, 0.2)
    assert moved["weekly_probability"] == pytest.approx((3 + 20 * 0.2) / 30)
    assert rows["SMB", "onboarding", 0, "churned"]["weekly_probability"] == pytest.approx((1 + 20 * 0.005) / 30)
    assert moved["prior_weight"] == pytest.approx(20 / 30, abs=1e-6)
    assert moved["probability_low"] < moved["weekly_probability"] < moved["probability_high"]
    # Nothing is known of other segments: there the prior alone counts.
    other = rows["Enterprise", "onboarding", 0, "engagement"]
    assert (other["weekly_probability"], other["prior_weight"], other["observed_weeks"]) == (0.2, 1.0, 0)


def test_every_cell_has_a_row_for_every_next_stage() -> None:
    rows = model_of([entry("one", "onboarding", -9)])
    words, bins = POLICY.vocabulary, POLICY.journey.forecast.time_bins_weeks
    assert len(rows) == len(words.segments) * 5 * len(bins) * len(words.stages)
    assert {key[1] for key in rows} == set(words.stages) - {"churned"}
    assert {(row["from_week"], row["until_week"]) for row in rows.values()} == {
        *zip(bins, [*bins[1:], None], strict=True)
    }


def test_more_belief_or_another_level_is_heard() -> None:
    entries = [entry("one", "onboarding", -50), entry("one", "engagement", -48)]
    key = ("SMB", "onboarding", 0, "engagement")
    usual = model_of(entries)[key]
    stubborn = model_of(entries, policy=policy_with(journey__forecast__prior_weeks=2000.0))[key]
    assert usual["weekly_probability"] == pytest.approx(5 / 21)
    assert stubborn["weekly_probability"] == pytest.approx(401 / 2001)
    assert stubborn["probability_high"] - stubborn["probability_low"] < 0.1 * (
        usual["probability_high"] - usual["probability_low"]
    )
    surer = model_of(entries, policy=policy_with(journey__forecast__interval_level=0.99))[key]
    assert surer["probability_low"] < usual["probability_low"] < usual["probability_high"] < surer["probability_high"]


def test_an_impossible_cell_is_found() -> None:
    good = {
        "segment": "SMB",
        "journey_stage": "support",
        "observed_weeks": 5,
        "weekly_probability": 0.5,
        "transitions": 2,
    }
    rows = [
        good | {"from_week": 0, "next_stage": "retention"},
        good | {"from_week": 0, "next_stage": "churned"},
        good | {"from_week": 1, "next_stage": "retention", "weekly_probability": 0.50001},
        good | {"from_week": 1, "next_stage": "churned"},
        good | {"from_week": 2, "next_stage": "retention", "transitions": 4},
        good | {"from_week": 2, "next_stage": "churned"},
    ]
    found = rows_of(cells_beyond_certainty(table_of(TransitionModel, rows)))
    assert {row["from_week"] for row in found} == {1, 2}


@pytest.fixture(scope="module")
def learned(simulation: Simulation) -> Rows:
    """Return the model of the simulated log."""
    return kept(TransitionModel, transition_model(simulation.customers, simulation.state_entries, as_of(), POLICY))


def test_the_intervals_hold_the_truth_as_often_as_their_level(learned: Rows) -> None:
    """Of the moves that can happen; the truth is none of the policy's beliefs."""
    level = POLICY.journey.forecast.interval_level
    moves = [
        (row, true_probability(row["journey_stage"], row["from_week"], row["next_stage"]))
        for row in learned
        if true_probability(row["journey_stage"], row["from_week"], row["next_stage"]) > 0 and row["prior_weight"] < 0.5
    ]
    holds = [row["probability_low"] <= truth <= row["probability_high"] for row, truth in moves]
    assert len(moves) > 150
    assert sum(holds) / len(holds) >= level - 2 * (level * (1 - level) / len(holds)) ** 0.5
    # They are informative, too: many exclude the policy's prior.
    wrong = [
        row for row, _ in moves if not row["probability_low"] <= row["prior_probability"] <= row["probability_high"]
    ]
    assert len(wrong) > len(moves) / 5


def test_the_order_of_rows_changes_nothing(simulation: Simulation, learned: Rows) -> None:
    shuffled = rows_of(simulation.state_entries)
    random.Random(1).shuffle(shuffled)
    table = transition_model(simulation.customers, table_of(StateEntries, shuffled), as_of(), POLICY)
    found = kept(TransitionModel, table)
    assert by(KEY, found) == by(KEY, learned)


def test_what_is_entered_later_changes_nothing(simulation: Simulation) -> None:
    """On a day in the middle of the log, with and without what followed."""
    middle, entries = as_of(-100), simulation.state_entries
    until = entries.filter(entries.state_entered_at <= middle)
    found = [transition_model(simulation.customers, known, middle, POLICY) for known in (entries, until)]
    whole, cut = (by(KEY, kept(TransitionModel, table, day(-100))) for table in found)
    assert whole == cut
