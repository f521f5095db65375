"""Tests of decisions over several days: which keep their id, which needs get a new one, and invariants of any day."""

import random

from cjo_assets_tests.support.journey.deciding import answer, decide, need, outcome, playbook, rules_with
from cjo_assets_tests.support.rows import DAY, Row, day

ONE = [playbook("one", trigger_signals=["usage_drop"]), playbook("two", avg_cost_estimate=500.0)]


def signal(customer: str, offset: int) -> Row:
    """Return a usage drop, so many days from D."""
    shared = {"customer_id": customer, "signal_type": "usage_drop", "signal_strength": 0.5, "source": "automated"}
    return shared | {"signal_id": f"{customer} {offset}", "detected_at": day(offset)}


def test_standing_decision_keeps_id_first_day_and_triggers() -> None:
    waiting = ["waits", "answered", "refused", "lapses"]
    names = ["stands", "new signal", "measured", "measured later", "watched", *waiting]
    people = [
        need(name, 0.2 if name == "watched" else 0.5, urgency="high" if name in waiting else "medium") for name in names
    ]
    log = [signal(name, -1) for name in names]
    first = decide(people, ONE, signals=log)
    assert all(first[name]["requires_human_approval"] == (name in waiting) for name in names)
    ids = {name: row["intervention_id"] for name, row in first.items()}

    def later(offset: int) -> dict[str, Row]:
        return decide(
            people,
            ONE,
            signals=[*log, signal("new signal", 1), signal("waits", 1)],
            earlier=[row | {"as_of": day(past)} for past in range(offset) for row in first.values()],
            decided_on=range(offset),
            outcomes=[outcome("O1", ids["measured"], 2), outcome("O2", ids["measured later"], 4)],
            answers=[answer(ids["answered"], "approved", 1), answer(ids["refused"], "rejected", 1)],
            offset=offset,
        )

    # Requested at the end of D, for two days: at the end of D + 2 the requests have just not lapsed.
    second, third = later(2), later(3)
    for name in ("stands", "new signal", "measured later", "watched", "waits", "answered", "lapses"):
        assert second[name]["intervention_id"] == ids[name], name
        kept = (second[name]["generated_at"], second[name]["triggered_by_signals"])
        assert kept == (DAY, [f"{name} -1"]), name
        assert second[name]["open_intervention_id"] is None
    # Measured, the same playbook is a repeat; the second best is chosen. Refused, there is no new request.
    assert (second["measured"]["playbook_id"], second["measured"]["generated_at"]) == ("two", day(2))
    assert second["measured"]["intervention_id"] != ids["measured"]
    assert "refused" not in second
    # There is a new request when one has lapsed.
    assert third["lapses"]["need_id"] == first["lapses"]["need_id"]
    assert third["lapses"]["intervention_id"] != ids["lapses"]
    assert third["lapses"]["generated_at"] == day(3)
    assert third["answered"]["intervention_id"] == ids["answered"]


def test_monitoring_that_was_interrupted_gets_a_new_id() -> None:
    people = [need("watched", 0.2)]
    first = decide(people, ONE, signals=[signal("watched", -1)])["watched"]
    assert first["recommended_action"] == "monitor_only"
    # There were decisions on D + 1, and this was none of them.
    again = decide(people, ONE, signals=[signal("watched", -1)], earlier=[first], decided_on=[0, 1], offset=2)
    assert again["watched"]["need_id"] == first["need_id"]
    assert again["watched"]["intervention_id"] != first["intervention_id"]


def test_a_call_for_a_person_stays_one_call() -> None:
    """While it is not answered, once a person has taken over, and whichever playbook comes nearest."""
    people = [need(name, 0.25, account_value=500000.0, risk_tier="high") for name in ("waits", "taken over")]
    first = decide(people, ONE)
    assert {row["recommended_action"] for row in first.values()} == {"escalate_to_person"}
    assert {row["withheld_playbook_id"] for row in first.values()} == {"one"}
    changed = [row | {"counted_signal_types": []} for row in people]
    second = decide(
        changed,
        ONE,
        earlier=list(first.values()),
        decided_on=[0],
        answers=[answer(first["taken over"]["intervention_id"], "approved", 1)],
        offset=1,
    )
    assert {name: row["intervention_id"] for name, row in second.items()} == {
        name: row["intervention_id"] for name, row in first.items()
    }
    assert {row["withheld_playbook_id"] for row in second.values()} == {"two"}
    assert {row["open_intervention_id"] for row in second.values()} == {None}


def test_answered_call_ends_after_contact_policy_days() -> None:
    """Trap 19: an approved call does not prevent later requests for ever."""
    people = [need("taken over", 0.25, account_value=100000.0, risk_tier="high")]
    first = decide(people, ONE)["taken over"]
    known = {"earlier": [first], "decided_on": [0], "answers": [answer(first["intervention_id"], "approved", 1)]}
    assert decide(people, ONE, offset=29, **known)["taken over"]["intervention_id"] == first["intervention_id"]
    after = decide(people, ONE, offset=30, **known)["taken over"]
    assert (after["recommended_action"], after["generated_at"]) == ("escalate_to_person", day(30))
    assert after["intervention_id"] != first["intervention_id"]


def test_any_day_keeps_to_its_limits_whatever_the_order_of_rows() -> None:
    chance = random.Random(20250120)
    people = [
        need(
            f"C{number:02d}",
            chance.random(),
            overall_risk_score=chance.choice([0.2, 0.5, 0.9]),
            account_value=chance.choice([100.0, 40000.0, 120000.0]),
            counted_signal_types=chance.sample(["usage_drop", "renewal_intent", "negative_sentiment"], 2),
            segment=chance.choice(["SMB", "Enterprise"]),
        )
        for number in range(40)
    ]
    playbooks = [
        playbook("a", trigger_signals=["usage_drop"], risk_threshold=0.3, fallback_playbook_id="c"),
        playbook("b", avg_cost_estimate=77.7, eligible_segments=["SMB"], trigger_signals=["renewal_intent"]),
        playbook("c", "retention", avg_cost_estimate=33.3),
    ]
    log = [signal(row["customer_id"], -1) for row in people]
    rules = rules_with(
        journey__contact__budget_per_run=600,
        journey__contact__review_capacity_per_day=4,
        journey__holdout__holdout_share=0.2,
    )
    first = decide(people, playbooks, signals=log, policy=rules)
    treated = [row for row in first.values() if row["playbook_id"] and not row["is_held_out"]]
    assert treated
    assert sum(row["expected_cost"] for row in treated) <= 600
    assert sum(row["requires_human_approval"] for row in treated) <= 4
    outcomes = [outcome("O1", treated[0]["intervention_id"], 1)]
    assert (
        decide(people[::-1], playbooks[::-1], signals=[*log[::-1], signal("C00", 1)], outcomes=outcomes, policy=rules)
        == first
    )
