"""Tests of treatment effects: both sides evaluated by the state log, random or matched, without look-ahead."""

import math
from typing import Any

import pytest

from cjo_assets.core.expressions.intervals import two_sided_quantile
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.learning.treatment_effects import TreatmentEffects, treatment_effects
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.experience import Experience, decision, playbook
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, policy_with, table_of

RULES = policy_with(journey__learning__minimum_per_arm=2)
FIGURES = ("treated_rate", "control_rate", "difference", "difference_low", "difference_high", "always_valid_low")
SINCE = day(-40)


def entered(customer: str, stage: str, offset: int) -> Row:
    """Return an entry so many days after the decisions."""
    return {"customer_id": customer, "journey_stage": stage, "state_entered_at": day(-40 + offset)}


def effects_of(known: Experience, registry: Rows, entries: Rows, policy: Policy = RULES) -> dict[Any, Row]:
    """Return the table by playbook, segment and control."""
    ledger = known.ledger(registry, policy)
    found = treatment_effects(ledger, table_of(Playbooks, registry), table_of(StateEntries, entries), as_of(), policy)
    return by(("playbook_id", "segment", "control"), kept(TreatmentEffects, found, policy=policy))


def test_who_counts_on_which_side_and_who_recovered() -> None:
    known = Experience()
    ask: Row = {"approval_regime": "asked", "approval_timeout_minutes": 1440.0}
    known.decisions = [
        decision("I1", "P", "free", SINCE),
        decision("I2", "P", "approved", SINCE, **ask),
        decision("I3", "P", "refused", SINCE, **ask),
        decision("I4", "P", "lapsed", SINCE, **ask),
        decision("I5", "P", "held out", SINCE, is_held_out=True),
        decision("I6", "P", "held out too", SINCE, is_held_out=True, segment="Enterprise"),
        decision("I7", "P", "large", SINCE, segment="Enterprise"),
        # The window of 30 days ends on D, and a day later.
        decision("I8", "P", "just over", day(-30)),
        decision("I9", "P", "not over", day(-29)),
        # A customer counts once for a playbook, from the first time; and a decision from its first day.
        decision("J1", "P", "free", day(-35), is_held_out=True),
        decision("I1", "P", "free", SINCE, as_of=day(-39)),
        # Still wanted when its time was over: it lapsed, it did not go stale.
        decision("I4", "P", "lapsed", SINCE, as_of=day(-39), **ask),
        # Another playbook, one that does not exist yet, and monitoring.
        decision("J2", "Q", "free", SINCE),
        decision("J3", "later", "free", SINCE),
        decision("J4", "P", "watched", SINCE) | {"playbook_id": None, "recommended_action": "monitor_only"},
    ]
    known.run("P", generated_at=SINCE)  # the history knows no control
    for name, answer in (("I2", "approved"), ("I3", "rejected")):
        known.answer(name, answer)
        known.answers[-1]["decided_at"] = instant("2024-12-12T09:00:00")
    entries = [
        entered("free", "engagement", 30),
        entered("approved", "retention", 31),  # too late
        entered("refused", "engagement", 1),
        entered("refused", "churned", 2),  # and left
        entered("lapsed", "engagement", 0),  # before the request
        entered("lapsed", "escalation", 3),
        entered("held out", "retention", 1),
        entered("large", "support", 5),
        entered("large", "retention", 9),
        entered("just over", "engagement", 40),  # on D itself
    ]
    registry = [playbook("P"), playbook("Q"), playbook("later", created_at=day(1))]
    rows = effects_of(known, registry, entries)
    names = ("treated_count", "treated_rate", "control_count", "control_rate", "status")
    found = {key: tuple(row[name] for name in names) for key, row in rows.items() if key[0] == "P"}
    none = (None, None)
    assert found == {
        # Held out: by chance, so all who were not are the other side, refused and lapsed included.
        ("P", "All", "held_out"): (6, 0.5, 2, 0.5, "measured"),
        ("P", "SMB", "held_out"): (5, none[0], 1, none[1], "not_measurable"),
        ("P", "Mid-Market", "held_out"): (0, None, 0, None, "not_measurable"),
        ("P", "Enterprise", "held_out"): (1, None, 1, None, "not_measurable"),
        # Untreated: what was not carried out against what was.
        ("P", "All", "untreated"): (4, 0.75, 2, 0.0, "measured"),
        ("P", "SMB", "untreated"): (3, 0.666667, 2, 0.0, "measured"),
        ("P", "Mid-Market", "untreated"): (0, None, 0, None, "not_measurable"),
        ("P", "Enterprise", "untreated"): (1, None, 0, None, "not_measurable"),
    }
    assert {key[0] for key in rows} == {"P", "Q"}
    assert {row["comparisons"] for row in rows.values()} == {2 * 4}
    assert {row["control"]: row["evidence_grade"] for row in rows.values()} == {
        "held_out": "randomised",
        "untreated": "matched",
    }
    for row in rows.values():
        assert all((row[name] is None) == (row["status"] == "not_measurable") for name in FIGURES)


def many(sides: dict[tuple[bool, bool], int]) -> tuple[Experience, Rows]:
    """Return decisions for playbook P by whether held out and whether the customer recovered, and the entries."""
    known, entries = Experience(), []
    for (is_held_out, is_recovered), times in sides.items():
        for number in range(times):
            customer = f"{is_held_out}{is_recovered}{number}"
            known.decisions.append(decision(f"I{customer}", "P", customer, SINCE, is_held_out=is_held_out))
            entries += [entered(customer, "engagement", 5)] if is_recovered else []
    return known, entries


def test_the_difference_and_its_intervals_by_hand() -> None:
    known, entries = many({(False, True): 240, (False, False): 160, (True, True): 140, (True, False): 260})
    policy = policy_with(journey__learning__promotion_error_rate=0.04)
    row = effects_of(known, [playbook("P")], entries, policy)["P", "All", "held_out"]
    assert (row["treated_rate"], row["control_rate"], row["difference"]) == (0.6, 0.35, 0.25)
    # The pooled variance, 381 of 802, is the greater one.
    error = math.sqrt(381 / 802 * 421 / 802 * 2 / 400)
    assert error**2 > (0.6 * 0.4 + 0.35 * 0.65) / 400
    radius = two_sided_quantile(0.90) * error
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((0.25 - radius, 0.25 + radius), abs=1e-6)
    # One playbook in four segments: each comparison may err at 0.01. Two sides of 400 know as much as t = 200.
    rho_squared = (-2 * math.log(0.01) + math.log(-2 * math.log(0.01) + 1)) / 30
    spread = 200 * rho_squared + 1
    multiplier = math.sqrt(2 * spread / (spread - 1) * math.log(math.sqrt(spread) / 0.01))
    expected = (0.25 - multiplier * error, 0.25 + multiplier * error)
    assert (row["always_valid_low"], row["always_valid_high"]) == pytest.approx(expected, abs=1e-6)
    # A true gain of this size on 400 customers a side is detected, even so.
    assert row["always_valid_low"] > 0
    assert row["comparisons"] == 4


def test_intervals_stay_between_minus_one_and_one() -> None:
    known, entries = many({(False, True): 3, (False, False): 0, (True, True): 0, (True, False): 3})
    row = effects_of(known, [playbook("P")], entries)["P", "All", "held_out"]
    assert (row["difference"], row["difference_high"], row["always_valid_high"]) == (1.0, 1.0, 1.0)
    assert row["always_valid_low"] >= -1.0
    assert row["difference_low"] < 1.0
