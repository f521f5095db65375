"""Tests of generated rows: every reference exists, and cause comes before effect."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

from cjo_assets.families.journey.synth.datasets import CHUNK_CUSTOMERS, Request
from cjo_assets.families.journey.synth.default_world import default_world
from cjo_assets.families.journey.synth.tables import PERFORMANCE_LOG
from cjo_assets.families.journey.synth.world import chances_of, require_words
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import day_number
from cjo_assets.synth.made import WorldError
from cjo_assets_tests.support.journey.markets import DAYS_PER_WEEK, UNTIL, Market, Spells, market_of, request_of
from cjo_assets_tests.support.rows import policy_with


def test_first_customers_are_the_same_however_many_follow(policy: Policy) -> None:
    few = market_of(request_of(300), policy)
    many = market_of(request_of(CHUNK_CUSTOMERS + 300), policy)
    assert few.tables["customers"].equals(many.tables["customers"].slice(0, 300))
    known = few.tables["customers"]["customer_id"]
    for name in ("journey_state_log", "signals", "interventions", "outcomes"):
        same = many.tables[name].filter(pc.is_in(many.tables[name]["customer_id"], known.combine_chunks()))
        assert few.tables[name].equals(same.combine_chunks()), name
        assert few.tables[name].num_rows > 100
    later = many.tables["customers"].slice(CHUNK_CUSTOMERS)
    first = few.tables["customers"]
    assert not later["account_value"].equals(first["account_value"]), "chunks have seeds of their own"


def test_there_are_as_many_signals_as_requested(market: Market, policy: Policy) -> None:
    n = market.tables["customers"].num_rows
    assert market.tables["signals"].num_rows == pytest.approx(10 * n, rel=0.03)
    short = market_of(request_of(5_000, weeks=20, signals_per_customer=3.0), policy)
    assert short.tables["signals"].num_rows == pytest.approx(15_000, rel=0.05)
    assert market_of(request_of(50, signals_per_customer=0.0), policy).tables["signals"].num_rows == 0


def test_no_signal_type_and_no_entry_occurs_twice_a_day(market: Market) -> None:
    for name, key in {
        "signals": ["customer_id", "signal_type", "detected_at"],
        "journey_state_log": ["customer_id", "state_entered_at"],
        "customers": ["customer_id"],
        "interventions": ["intervention_id"],
        "outcomes": ["intervention_id"],
    }.items():
        table = market.tables[name]
        assert table.group_by(key).aggregate([]).num_rows == table.num_rows, name
    ids = [set(market.columns(name)[key]) for name, key in (("signals", "signal_id"), ("outcomes", "outcome_id"))]
    assert not ids[0] & ids[1]


def test_days_and_stages_of_the_log_agree(market: Market, policy: Policy) -> None:
    log, spells = market.columns("journey_state_log"), Spells.of(market)
    is_first = np.append(True, log["customer_id"][1:] != log["customer_id"][:-1])
    before = np.where(is_first, None, np.append("", log["journey_stage"][:-1]))
    assert (before == log["previous_stage"]).all()
    until = np.where(spells.next_stage == "", day_number(UNTIL), spells.left)
    assert (until - log["state_entered_at"] == log["days_in_state"]).all()
    rules = policy.journey.evaluation
    allowed = {(start, end) for each in (rules.transitions, rules.re_entries) for start in each for end in each[start]}
    assert set(zip(log["previous_stage"][~is_first], log["journey_stage"][~is_first], strict=True)) <= allowed
    assert set(log["journey_stage"][is_first]) == {"onboarding"}
    assert set(log["journey_stage"]) == set(policy.vocabulary.stages)
    weekdays, counts = np.unique(log["state_entered_at"][is_first] % DAYS_PER_WEEK, return_counts=True)
    assert weekdays.size == DAYS_PER_WEEK
    assert counts.min() > 0.9 * counts.mean(), "customers begin on any day of the week"


def test_signals_come_in_their_stage_and_before_the_trouble(market: Market, policy: Policy) -> None:
    spells, signals = Spells.of(market), market.columns("signals")
    number = {customer: place for place, customer in enumerate(market.columns("customers")["customer_id"])}
    moment = np.array([number[one] for one in spells.customer]) * 100_000 + spells.entered
    seen = np.array([number[one] for one in signals["customer_id"]]) * 100_000 + signals["detected_at"]
    spell = np.searchsorted(moment, seen, side="right") - 1
    assert (spells.customer[spell] == signals["customer_id"]).all()
    assert (spells.stage[spell] == signals["journey_stage"]).all()
    negative = np.isin(signals["signal_type"], list(policy.journey.signals.signal_aggregation_weights))
    rates = {}
    # Of the customers who leave support: the signals of the last three days, by where they then went.
    for end in ("churned", "escalation", "retention"):
        chosen = (spells.stage == "support") & (spells.next_stage == end) & (spells.left - spells.entered >= 3)
        last_days = chosen[spell] & (spells.left[spell] - signals["detected_at"] <= 3)
        rates[end] = (last_days & negative).sum() / chosen.sum()
    assert rates["churned"] > 1.5 * rates["retention"]
    assert rates["escalation"] > 1.5 * rates["retention"]


def test_interventions_answer_signals_of_their_playbook(market: Market) -> None:
    acts, signals = market.columns("interventions"), market.columns("signals")
    playbooks = {row["default_actions"][0]: row for row in market.tables["playbooks"].to_pylist()}
    assert len(playbooks) == market.tables["playbooks"].num_rows >= 8
    place = {one: number for number, one in enumerate(signals["signal_id"])}
    segments = dict(zip(*(market.columns("customers")[name] for name in ("customer_id", "segment")), strict=True))
    for act in market.tables["interventions"].slice(0, 3_000).to_pylist():
        playbook = playbooks[act["recommended_action"]]
        assert act["journey_stage"] == playbook["journey_stage"]
        assert {"All", segments[act["customer_id"]]} & set(playbook["eligible_segments"])
        assert act["requires_human_approval"] == playbook["approval_required"]
        assert act["triggered_by_signals"]
        for one in act["triggered_by_signals"]:
            assert signals["customer_id"][place[one]] == act["customer_id"]
            assert signals["signal_type"][place[one]] in playbook["trigger_signals"]
            assert 0 <= day_number(act["generated_at"]) - signals["detected_at"][place[one]] < DAYS_PER_WEEK
    generated = dict(zip(acts["intervention_id"], acts["generated_at"], strict=True))
    outcomes = market.columns("outcomes")
    delays = outcomes["measured_at"] - np.array([generated[one] for one in outcomes["intervention_id"]])
    assert delays.min() >= 1
    assert outcomes["measured_at"].max() <= day_number(UNTIL)
    assert 0.7 < outcomes["measured_at"].size / acts["intervention_id"].size < 0.95


def test_the_unapproved_has_no_outcome(market: Market, policy: Policy) -> None:
    acts, answers = market.columns("interventions"), market.columns("approval_decisions")
    asked = set(acts["intervention_id"][acts["requires_human_approval"]])
    said = dict(zip(answers["intervention_id"], answers["decision"], strict=True))
    assert said.keys() < asked, "some requests lapse"
    refused = asked - {one for one, decision in said.items() if decision == "approved"}
    assert len(refused) > 100
    assert not refused & set(market.columns("outcomes")["intervention_id"])
    generated = {row["intervention_id"]: row["generated_at"] for row in market.tables["interventions"].to_pylist()}
    for row in market.tables["approval_decisions"].slice(0, 1_000).to_pylist():
        assert row["decided_at"][:10] == generated[row["intervention_id"]].isoformat(), "answered on the day"
        assert (row["category"] is None) == (row["decision"] == "approved")
    said_why = set(market.tables["approval_decisions"]["category"].drop_null().to_pylist())
    assert said_why == set(policy.journey.approval.rejection_categories)


def test_the_log_of_an_earlier_system(market: Market, idle_market: Market) -> None:
    assert PERFORMANCE_LOG not in idle_market.tables
    rows = market.tables[PERFORMANCE_LOG].to_pylist()
    true = {one["playbook_id"]: one["success_probability"] for one in market.truth["playbooks"]}
    assert {(row["playbook_id"], row["segment"]) for row in rows} == {(one, name) for one in true for name in true[one]}
    for row in rows:
        chance = true[row["playbook_id"]][row["segment"]]
        assert abs(row["success_rate"] - chance) < 4 * np.sqrt(chance * (1 - chance) / row["runs"])
        assert row["last_updated"].isoformat() < market.truth["request"]["from"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customers": 0}, "1 to 9,999,999 for customers, not 0"),
        ({"weeks": 0}, "for weeks"),
        ({"signals_per_customer": -1.0}, "for signals per customer"),
        ({"signals_per_customer": float("nan")}, "for signals per customer"),
        ({"dirty": 1.5}, "the dirty share"),
        ({"seed": -1}, "A seed is 0 or above"),
    ],
)
def test_a_senseless_request_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(WorldError, match=message):
        replace(Request(10, 1, UNTIL), **changes).require_sense()


def test_a_policy_without_words_for_the_world_is_refused() -> None:
    with pytest.raises(WorldError, match="transitions: retention to support"):
        require_words(
            default_world(),
            policy_with(
                journey__evaluation__transitions={
                    "none": ["onboarding"],
                    "onboarding": ["engagement"],
                    "engagement": ["support", "retention", "churned"],
                    "support": ["retention", "escalation", "churned"],
                    "retention": ["churned"],
                    "escalation": ["support", "retention", "churned"],
                },
                journey__evaluation__re_entries={},
            ),
        )


def test_chances_beyond_certainty_are_refused(policy: Policy) -> None:
    with pytest.raises(WorldError, match="more than 1"):
        chances_of(replace(default_world(), distress_factor=4.9), policy)
