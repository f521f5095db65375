"""Tests of the holdout: its share, its salt, its segments, and the stability of the draw."""

from math import sqrt

import pytest

from cjo_assets.families.journey.decision.holdout_assignments import HoldoutAssignments, holdout_assignments
from cjo_assets.families.journey.decision.playbook_candidates import PlaybookCandidates
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.deciding import consider, decided, ledger_of, need, playbook
from cjo_assets_tests.support.rows import POLICY, Row, by, kept, policy_with, rows_of, table_of

MANY = 20_000
PEOPLE = table_of(Customers, [{"customer_id": f"C{number}"} for number in range(MANY)], segment="SMB")
ELIGIBLE = table_of(
    PlaybookCandidates, [{"customer_id": f"C{number}"} for number in range(MANY)], is_eligible=True, playbook_id="P"
)


def assigned(policy: Policy = POLICY) -> dict[str, Row]:
    """Return the arms of all."""
    found = holdout_assignments(ELIGIBLE, PEOPLE, policy)
    return by("customer_id", kept(HoldoutAssignments, found, policy=policy))


def held_out(arms: dict[str, Row]) -> set[str]:
    """Return who is held out."""
    return {name for name, row in arms.items() if row["arm"] == "held_out"}


def test_the_holdout_has_its_share_and_depends_on_the_salt() -> None:
    arms = assigned()
    share = POLICY.journey.holdout.holdout_share
    deviation = sqrt(MANY * share * (1 - share))
    first = held_out(arms)
    assert abs(len(first) - MANY * share) < 4 * deviation
    assert {name for name, row in arms.items() if row["draw"] < share} == first
    # Draws are spread evenly: a quarter in each quarter.
    for quarter in range(4):
        inside = sum(quarter / 4 <= row["draw"] < (quarter + 1) / 4 for row in arms.values())
        assert abs(inside - MANY / 4) < 4 * sqrt(MANY * 3 / 16)
    second = held_out(assigned(policy_with(journey__holdout__holdout_salt="another")))
    # Of the second draw a share was held out in the first one too, by chance.
    common = len(second) * share
    assert abs(len(first & second) - common) < 4 * sqrt(common)
    # A larger share adds people and lets none go.
    assert first < held_out(assigned(policy_with(journey__holdout__holdout_share=2 * share)))


@pytest.mark.parametrize(("share", "size"), [(0.0, 0), (1.0, MANY)])
def test_a_share_of_zero_or_one_takes_no_or_all_customers(share: float, size: int) -> None:
    assert len(held_out(assigned(policy_with(journey__holdout__holdout_share=share)))) == size


def test_eligible_customers_are_drawn_by_segment_share() -> None:
    people = [{"customer_id": name, "segment": segment} for name, segment in (("A", "SMB"), ("B", "Enterprise"))]
    tried = [
        {"customer_id": "A", "playbook_id": "P1", "is_eligible": True},
        {"customer_id": "A", "playbook_id": "P2", "is_eligible": False},
        {"customer_id": "B", "playbook_id": "P1", "is_eligible": True, "first_failed_rule": "open_intervention"},
        {"customer_id": "C", "playbook_id": "P1", "is_eligible": False},
    ]
    rules = policy_with(
        journey__holdout__holdout_share=0.0, segment_overrides={"Enterprise": {"holdout": {"holdout_share": 1.0}}}
    )
    inputs = table_of(PlaybookCandidates, tried), table_of(Customers, [*people, {"customer_id": "C"}])
    found = by("customer_id", kept(HoldoutAssignments, holdout_assignments(*inputs, rules)))
    assert {name: (row["arm"], row["holdout_share"]) for name, row in found.items()} == {
        "A": ("treated", 0.0),
        "B": ("held_out", 1.0),
    }


def test_the_draw_is_the_same_on_every_day_and_in_the_candidates() -> None:
    names = [f"C{number}" for number in range(100)]
    arms = held_out(assigned())
    for offset in (0, 40):
        found = consider([need(name) for name in names], [playbook("any")], offset=offset, policy=POLICY)
        assert {key[0] for key, row in found.items() if row["is_held_out"]} == arms & set(names) != set()


def test_a_held_out_decision_is_never_carried_out() -> None:
    decisions = [decided("I1", "A", "any", -3, is_held_out=True), decided("I2", "B", "any", -3)]
    rows = rows_of(ledger_of([], people=[{"customer_id": "A"}, {"customer_id": "B"}], earlier=decisions))
    assert {row["intervention_id"]: row["is_executed"] for row in rows} == {"I1": False, "I2": True}
