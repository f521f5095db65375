"""Tests of the contact policy: each rule at its limit, and cases that satisfy all of them."""

from typing import Any

from cjo_assets_tests.support.journey.deciding import (
    answer,
    consider,
    decided,
    failures,
    need,
    outcome,
    past,
    playbook,
    rules_against,
    rules_with,
)
from cjo_assets_tests.support.rows import Row, Rows, day

OPEN, REFUSED, LIMIT, REPEATED = (
    "open_intervention",
    "refused_recently",
    "contacts_limit_reached",
    "playbook_used_recently",
)
ASKED: Row = {"requires_human_approval": True}
# A row of our own decisions states the regime under which they were made.
WE_ASKED: Row = ASKED | {"approval_regime": "asked", "approval_timeout_minutes": 2880.0}


def against_new(names: Any, **known: Any) -> dict[str, str | None]:
    """Return the rule that rejects the only playbook of customers with other, earlier interventions."""
    return failures(consider([need(name) for name in names], [playbook("new")], **known), "new")


def test_what_is_open_blocks_what_is_new() -> None:
    """An intervention is open until it is measured or refused, its request lapses, or 30 days are over."""
    expected = {
        "history": OPEN,
        "history of today": OPEN,
        "history of tomorrow": None,
        "history, 29 days": OPEN,
        "history, 30 days": None,
        "measured today": None,
        "measured tomorrow": OPEN,
        "watched": None,
        "history waits": OPEN,
        # Requested at the end of D - 4, for two days.
        "history lapsed": None,
        "ours": OPEN,
        "ours approved": OPEN,
        "ours held out": OPEN,
        # Its playbook is no longer among the candidates: it would not be decided today.
        "ours waits": None,
        "called only": None,
        "called and taken over": OPEN,
        "nothing": None,
    }
    history = [
        past("H1", "history", -3),
        past("H2", "history of today", 0),
        past("H3", "history of tomorrow", 1),
        past("H4", "history, 29 days", -29),
        past("H5", "history, 30 days", -30),
        past("H6", "measured today", -3),
        past("H7", "measured tomorrow", -3),
        past("H8", "watched", -3, recommended_action="monitor_only"),
        past("H9", "history waits", -1, **ASKED),
        past("H10", "history lapsed", -4, **ASKED),
    ]
    call: Row = {"recommended_action": "escalate_to_person", "expected_cost": 0.0} | WE_ASKED
    earlier = [
        decided("I1", "ours", "old", -3),
        decided("I2", "ours approved", "old", -3, **WE_ASKED),
        decided("I3", "ours held out", "old", -3, is_held_out=True),
        decided("I4", "ours waits", "old", -1, **WE_ASKED),
        decided("I5", "called only", None, -1, **call),
        decided("I6", "called and taken over", None, -1, **call),
    ]
    found = consider(
        [need(name) for name in expected],
        [playbook("new")],
        history=history,
        earlier=earlier,
        outcomes=[outcome("O1", "H6", 0), outcome("O2", "H7", 1)],
        answers=[answer("I2", "approved", -2), answer("I6", "approved", 0)],
    )
    assert failures(found, "new") == expected
    assert found["history", "new"]["open_intervention_id"] == "H1"
    assert found["ours held out", "new"]["open_intervention_id"] == "I3"
    assert {key[0] for key, row in found.items() if row["open_intervention_id"]} == {
        name for name, rule in expected.items() if rule == OPEN
    }


def test_the_latest_open_intervention_is_named() -> None:
    history = [past("H1", "one", -3), past("H2", "one", -2), past("Ha", "two", -2), past("Hb", "two", -2)]
    found = consider([need("one"), need("two")], [playbook("new")], history=history)
    assert {key[0]: row["open_intervention_id"] for key, row in found.items()} == {"one": "H2", "two": "Hb"}


def test_pending_request_blocks_others_while_still_decided() -> None:
    names = ["still wanted", "no longer triggered", "no longer sure", "lapsed", "refused"]
    playbooks = [playbook("waiting", trigger_signals=["usage_drop"]), playbook("better", avg_cost_estimate=1.0)]
    earlier = [decided(f"I {name}", name, "waiting", -4 if name == "lapsed" else -1, **WE_ASKED) for name in names]
    found = consider(
        [
            need("still wanted"),
            need("no longer triggered", counted_signal_types=[]),
            need("no longer sure", 0.2),
            need("lapsed"),
            need("refused"),
        ],
        playbooks,
        earlier=earlier,
        answers=[answer("I refused", "rejected", 0)],
    )
    assert rules_against(found, "still wanted") == {"waiting": None, "better": OPEN}
    assert found["still wanted", "waiting"]["standing_intervention_id"] == "I still wanted"
    assert found["still wanted", "better"]["open_intervention_id"] == "I still wanted"
    assert rules_against(found, "no longer triggered") == {"waiting": "no_trigger_signal", "better": None}
    assert set(rules_against(found, "no longer sure").values()) == {"confidence_below_threshold"}
    # Requested again, but only as the second best.
    assert rules_against(found, "lapsed") == {"waiting": "outranked", "better": None}
    assert found["lapsed", "waiting"]["standing_intervention_id"] is None
    assert set(rules_against(found, "refused").values()) == {REFUSED}


def test_a_refusal_is_respected_for_fourteen_days() -> None:
    expected = {"13 days": REFUSED, "14 days": None, "after its request lapsed": None}
    history = [past(f"H {name}", name, -20, **ASKED) for name in expected]
    history[0] |= {"generated_at": day(-14)}
    history[1] |= {"generated_at": day(-15)}
    answers = [answer(f"H {name}", "rejected", offset) for name, offset in zip(expected, (-13, -14, -1), strict=True)]
    assert against_new(expected, history=history, answers=answers) == expected
    # A segment may be more patient.
    rules = rules_with(segment_overrides={"SMB": {"contact": {"rejection_cool_down_days": 15}}})
    patient = against_new(expected, history=history, answers=answers, policy=rules)
    assert patient == expected | {"14 days": REFUSED}


def test_three_contacts_in_thirty_days_are_enough() -> None:
    offsets = {
        "three": (-29, -10, -5),
        "two": (-29, -10),
        # The oldest of the three has left the window.
        "three, one of them old": (-30, -10, -5),
    }
    history = [past(f"H {name} {offset}", name, offset) for name, own in offsets.items() for offset in own]
    measured = [outcome(f"O {row['intervention_id']}", row["intervention_id"], -1) for row in history]
    expected = {"three": LIMIT, "two": None, "three, one of them old": None}
    assert against_new(expected, history=history, outcomes=measured) == expected


def test_only_what_was_carried_out_is_a_contact() -> None:
    names = ("watched", "refused long ago", "lapsed", "held out")
    rules = rules_with(journey__contact__contacts_limit=1)
    history = [
        past("H1", "watched", -5, recommended_action="monitor_only"),
        past("H2", "refused long ago", -20, **ASKED),
        past("H3", "lapsed", -20, **ASKED),
    ]
    earlier = [decided("I1", "held out", "old", -5, is_held_out=True)]
    known = {"history": history, "earlier": earlier, "outcomes": [outcome("O1", "I1", -1)]}
    known |= {"answers": [answer("H2", "rejected", -20)]}
    assert against_new(names, **known, policy=rules) == dict.fromkeys(names)


def test_a_playbook_is_not_repeated_within_thirty_days() -> None:
    expected = {"29 days": REPEATED, "30 days": None, "another": None, "history": REPEATED, "held out": None}
    earlier: Rows = [
        decided("I1", "29 days", "new", -29),
        decided("I2", "30 days", "new", -30),
        decided("I3", "another", "old", -5),
        decided("I4", "held out", "new", -5, is_held_out=True),
    ]
    # The history knows the action, and the stage and segment name the playbook.
    history = [past("H1", "history", -5, recommended_action="action of new")]
    measured = [outcome(f"O {name}", name, -1) for name in ("I1", "I2", "I3", "I4", "H1")]
    assert against_new(expected, earlier=earlier, history=history, outcomes=measured) == expected


def test_a_standing_decision_passes_the_contact_policy() -> None:
    """It was carried out, is a contact, is a repeat of itself, and a refusal of something else came since."""
    earlier = [decided("I1", "anybody", "new", -2)]
    history = [past("H1", "anybody", -5, **ASKED)]
    rules = rules_with(journey__contact__contacts_limit=1)
    known = {"earlier": earlier, "history": history, "answers": [answer("H1", "rejected", -4)]}
    playbooks = [playbook("new"), playbook("other", avg_cost_estimate=1.0)]
    found = consider([need("anybody")], playbooks, **known, policy=rules)
    assert rules_against(found, "anybody") == {"new": None, "other": OPEN}
    assert found["anybody", "new"]["standing_intervention_id"] == "I1"
    assert found["anybody", "new"]["open_intervention_id"] is None
    # Once measured it is not open any more, and the first rule against the same playbook is the rejection.
    found = consider([need("anybody")], playbooks, **known, policy=rules, outcomes=[outcome("O1", "I1", 0)])
    assert rules_against(found, "anybody") == {"new": REFUSED, "other": REFUSED}
