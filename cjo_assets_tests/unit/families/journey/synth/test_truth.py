"""Tests of the recorded truth: shares in the data, and the recursion against a plain simulation."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cjo_assets.families.journey.synth.default_world import default_world
from cjo_assets.families.journey.synth.model import Model
from cjo_assets.families.journey.synth.truth import churn_by_days, churn_by_weeks, truth_document
from cjo_assets.families.journey.synth.world import Chances, chances_of
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import day_number
from cjo_assets_tests.support.journey.markets import DAYS_PER_WEEK, UNTIL, Market, Spells, market_of, request_of

# Among some 250 shares the largest of the deviations that chance makes is about 3 standard deviations.
DEVIATIONS = 4.0


def is_near(hits: float, n: float, chance: float) -> bool:
    """Return whether so many hits are what so many trials with this chance give."""
    return abs(hits - n * chance) <= DEVIATIONS * np.sqrt(n * chance * (1 - chance)) + 1


def weekly(truth: dict[str, Any]) -> dict[tuple[str, str, int, str], float]:
    """Return the true weekly chances by segment, stage, band and next stage."""
    return {
        (row["segment"], row["journey_stage"], row["from_week"], row["next_stage"]): row["probability"]
        for row in truth["weekly_probabilities"]
    }


def cells(market: Market) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Return segment, stage and band of the weeks in the log, and where each of these weeks led."""
    spells = Spells.of(market)
    weeks = spells.weeks()
    starts = [band["from_week"] for band in market.truth["bands"]]
    band = np.searchsorted(starts, weeks["week"], side="right") - 1
    for segment in np.unique(spells.segment):
        for stage in np.unique(spells.stage):
            here = (spells.segment == segment) & (spells.stage == stage)
            for number, start in enumerate(starts):
                yield segment, stage, start, weeks["led_to"][here[weeks["spell"]] & (band == number)]


def test_weekly_shares_in_the_log_are_the_true_ones(idle_market: Market) -> None:
    chances = weekly(idle_market.truth)
    tested = 0
    for segment, stage, start, led_to in cells(idle_market):
        ends = {end for (*cell, end) in chances if cell == [segment, stage, start]}
        assert set(led_to) - {""} <= ends, "no move that the truth does not have"
        for end in ends:
            chance = chances[segment, stage, start, end]
            assert is_near((led_to == end).sum(), led_to.size, chance), (segment, stage, start, end)
            tested += led_to.size >= 100
    assert tested > 150


def treatments(market: Market, spells: Spells, weeks: dict[str, np.ndarray]) -> tuple[np.ndarray, list[int]]:
    """Return the playbook that treats in each week, "" for none, and the first untreated week after each treatment."""
    acts, answers = market.columns("interventions"), market.columns("approval_decisions")
    approved = set(answers["intervention_id"][answers["decision"] == "approved"])
    done = ~acts["requires_human_approval"] | np.array([one in approved for one in acts["intervention_id"]])
    playbooks = market.columns("playbooks")
    actions = {one[0]: name for name, one in zip(playbooks["playbook_id"], playbooks["default_actions"], strict=True)}
    spells_of: dict[str, list[int]] = {}
    for number, customer in enumerate(spells.customer):
        spells_of.setdefault(customer, []).append(number)
    treated_by = np.full(weeks["spell"].size, "", dtype=object)
    first_week = np.searchsorted(weeks["spell"], np.arange(spells.customer.size + 1))
    after = []
    for customer, day, action in zip(
        *(acts[name][done] for name in ("customer_id", "generated_at", "recommended_action")), strict=True
    ):
        spell = next(number for number in reversed(spells_of[customer]) if spells.entered[number] <= day)
        begin = first_week[spell] + (day - spells.entered[spell]) // DAYS_PER_WEEK + 1
        end = begin + market.truth["treatment"]["effect_weeks"]
        treated_by[begin : min(end, first_week[spell + 1])] = actions[action]
        # The week after the treatment, or the first of the next stage where the stage ended under it.
        stays = end < first_week[spell + 1]
        is_next = spell + 1 < spells.customer.size and spells.customer[spell + 1] == customer
        if stays or (is_next and first_week[spell + 1] < first_week[spell + 2]):
            after.append(end if stays else first_week[spell + 1])
    return treated_by, [week for week in after if treated_by[week] == ""]


def plain_chances(market: Market, spells: Spells, weeks: dict[str, np.ndarray], ends: list[str]) -> np.ndarray:
    """Return the true chance of each week to lead to one of these stages, without treatment."""
    chances = weekly(market.truth)
    starts = np.array([band["from_week"] for band in market.truth["bands"]])
    start = starts[np.searchsorted(starts, weeks["week"], side="right") - 1]
    cell = zip(spells.segment[weeks["spell"]], spells.stage[weeks["spell"]], start, strict=True)
    total = {key[:3]: sum(chances.get((*key[:3], end), 0.0) for end in ends) for key in chances}
    return np.array([total[key] for key in cell])


def test_treated_weeks_differ_by_the_factors(market: Market) -> None:
    spells = Spells.of(market)
    weeks = spells.weeks()
    treated_by, _ = treatments(market, spells, weeks)
    told_apart = 0
    for kind in ("recovery", "trouble"):
        ends = market.truth["treatment"][f"{kind}_stages"]
        plain = plain_chances(market, spells, weeks, ends)
        for playbook in market.truth["playbooks"]:
            treated = treated_by == playbook["playbook_id"]
            hits, without = np.isin(weeks["led_to"][treated], ends).sum(), plain[treated].mean()
            chance = without * playbook[f"{kind}_factor"]
            assert is_near(hits, treated.sum(), chance), (playbook["playbook_id"], kind, hits / treated.sum(), chance)
            told_apart += not is_near(hits, treated.sum(), without)
    assert told_apart >= 5, "an effect that exists can be distinguished from none"


def test_a_treatment_works_for_its_weeks_and_no_longer(policy: Policy) -> None:
    world = default_world()
    stunning = tuple(replace(playbook, recovery_factor=0.0, trouble_factor=0.0) for playbook in world.playbooks)
    market = market_of(request_of(10_000), policy, replace(world, playbooks=stunning))
    spells = Spells.of(market)
    weeks = spells.weeks()
    treated_by, after = treatments(market, spells, weeks)
    ends = market.truth["treatment"]["recovery_stages"] + market.truth["treatment"]["trouble_stages"]
    moved = np.isin(weeks["led_to"], ends)
    assert not moved[treated_by != ""].any()
    plain = plain_chances(market, spells, weeks, ends)
    is_new_stage = weeks["week"][after] == 0
    for which in (is_new_stage, ~is_new_stage):
        chosen = np.array(after)[which]
        assert chosen.size > 300
        assert is_near(moved[chosen].sum(), chosen.size, plain[chosen].mean())
    untreated = treated_by == ""
    assert is_near(moved[untreated].sum(), untreated.sum(), plain[untreated].mean())


def test_recursion_by_weeks_by_hand() -> None:
    # One segment; from the stage 10 % go for good in the first week and 20 % in any later one.
    chances = Chances(("A",), ("here", "gone"), np.array([[[[0.0, 0.1], [0.0, 0.2]]]]), np.zeros(2), np.ones(2))
    assert churn_by_weeks(chances, 1)[0, 0].tolist() == [0.1, 0.2]
    # First week, then a later one: 0.1 + 0.9 x 0.2; two later ones: 0.2 + 0.8 x 0.2.
    assert churn_by_weeks(chances, 2)[0, 0] == pytest.approx([0.28, 0.36])
    # In whole weeks there is at most one move a week, and the days add up to the same.
    assert churn_by_days(chances, 13)[0, 0, 0] == pytest.approx(0.1 + 0.9 * 0.2)
    assert churn_by_days(chances, 7)[0, 0, 1] == pytest.approx(0.2)
    # Half-way through the first week: 3 of the 6 days on which it can end.
    assert churn_by_days(chances, 3)[0, 0, 0] == pytest.approx(0.05)


@pytest.mark.parametrize("stage", ["onboarding", "support", "retention", "escalation"])
def test_recursion_is_what_a_plain_simulation_gives(stage: str, policy: Policy) -> None:
    world = default_world()
    chances = chances_of(world, policy)
    truth = truth_document(Model(world, chances, 0.1), policy)
    n, segment, week = 40_000, "SMB", 2
    dice = np.random.default_rng(5)
    place = np.full(n, chances.stages.index(stage))
    age = np.full(n, week)
    for _ in range(truth["churn"]["horizon_weeks"]):
        drawn = dice.random(n)
        alive = place < len(world.stages)
        rows = chances.weekly[0, np.where(alive, place, 0), np.minimum(age, chances.weekly.shape[2] - 1)]
        moved = alive & (drawn < rows.sum(axis=1))
        place = np.where(moved, (drawn[:, None] >= np.cumsum(rows, axis=1)).sum(axis=1), place)
        age = np.where(moved, 0, age + 1)
    (row,) = [
        row
        for row in truth["churn"]["probabilities"]
        if (row["segment"], row["journey_stage"], row["week_in_stage"]) == (segment, stage, week)
    ]
    assert is_near((place >= len(world.stages)).sum(), n, row["by_weeks"])


def test_churn_by_days_is_that_of_the_data(idle_market: Market) -> None:
    truth = idle_market.truth["churn"]
    by_days = {
        (row["segment"], row["journey_stage"], row["week_in_stage"]): row["by_days"] for row in truth["probabilities"]
    }
    spells = Spells.of(idle_market)
    origin = day_number(UNTIL) - truth["horizon_days"]
    gone_at = dict(
        zip(spells.customer[spells.stage == "churned"], spells.entered[spells.stage == "churned"], strict=True)
    )
    here = (spells.entered <= origin) & (spells.left > origin) & (spells.stage != "churned")
    # The truth is recorded for the days on which a week is over, and for the day of entry.
    days = origin - spells.entered
    here &= (days == 0) | ((days + 1) % DAYS_PER_WEEK == 0)
    last_week = max(week for *_, week in by_days)
    expected: dict[str, list[tuple[float, bool]]] = {}
    for number in np.flatnonzero(here):
        week = min((days[number] + 1) // DAYS_PER_WEEK, last_week)
        chance = by_days[spells.segment[number], spells.stage[number], week]
        expected.setdefault(spells.stage[number], []).append((chance, spells.customer[number] in gone_at))
    assert len(expected) == 5
    for stage, cases in expected.items():
        chances, gone = np.array(cases).T
        spread = np.sqrt((chances * (1 - chances)).sum())
        assert abs(gone.sum() - chances.sum()) <= DEVIATIONS * spread, (stage, gone.mean(), chances.mean())


def test_success_shares_are_the_true_ones(market: Market, idle_market: Market) -> None:
    for each in (market, idle_market):
        shares = {}
        playbooks = each.columns("playbooks")
        actions = dict(zip((one[0] for one in playbooks["default_actions"]), playbooks["playbook_id"], strict=True))
        acts, people = each.columns("interventions"), each.columns("customers")
        segment_of = dict(zip(people["customer_id"], people["segment"], strict=True))
        playbook_of = {
            one: actions[action]
            for one, action in zip(acts["intervention_id"], acts["recommended_action"], strict=True)
        }
        for one, customer, outcome in zip(
            *(each.columns("outcomes")[name] for name in ("intervention_id", "customer_id", "outcome")), strict=True
        ):
            shares.setdefault((playbook_of[one], segment_of[customer]), []).append(
                outcome in ("resolved", "improved_engagement")
            )
        true = {
            (playbook["playbook_id"], segment): chance
            for playbook in each.truth["playbooks"]
            for segment, chance in playbook["success_probability"].items()
        }
        assert shares.keys() == true.keys(), "every playbook is used for every segment it is for, and for no other"
        for key, chance in true.items():
            assert is_near(sum(shares[key]), len(shares[key]), chance), key
    better, worse = (market.truth["playbooks"][number]["success_probability"] for number in (5, 4))
    assert all(better[segment] > worse[segment] + 0.2 for segment in worse), "two rivals, and one is better"
    assert {chance for (_, _), chance in true.items()} == {idle_market.truth["treatment"]["spontaneous_success"]}
