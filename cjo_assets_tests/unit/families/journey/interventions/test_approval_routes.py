"""Tests of approval routes: role, number of people, deadline, regime, and the content hash."""

from typing import Any

import ibis
import pytest

from cjo_assets.families.journey.interventions._approval_routes import approval_reasons, decision_hash, with_route
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, made_of, policy_with, rows_of

QUIET: Row = {
    "segment": "SMB",
    "approval_required": False,
    "risk_tier": "low",
    "urgency": "low",
    "account_value": 1000.0,
    "confidence": 0.7,
    "recommended_action": "call",
    "expected_cost": 10.0,
}
TYPES = {
    "segment": "string",
    "approval_required": "boolean",
    "risk_tier": "string",
    "urgency": "string",
    "account_value": "float64",
    "confidence": "float64",
    "recommended_action": "string",
    "expected_cost": "float64",
}


def routes(cases: dict[str, Row], policy: Policy = POLICY) -> dict[str, Row]:
    """Return the route of each case; a case needs no approval unless its cells require one."""
    rows = made_of(
        [{"case": name} | QUIET | cells for name, cells in cases.items()], ibis.schema({"case": "string"} | TYPES)
    )
    rows = with_route(rows.mutate(approval_reasons=approval_reasons(rows, policy)), policy)
    return {row["case"]: row for row in rows_of(rows)}


ASKS: Row = {"approval_required": True}
# what is special, role, whether two people
ROUTES: dict[str, tuple[Row, str | None, bool]] = {
    "nobody": ({}, None, False),
    "csm": (ASKS, "csm", False),
    "high tier": ({"risk_tier": "high"}, "manager", False),
    "no tier": (ASKS | {"risk_tier": None}, "csm", False),
    "value below a manager's": ({"account_value": 49_999.99}, "csm", False),
    "a manager's value": ({"account_value": 50_000.0}, "manager", False),
    "cost below a manager's": (ASKS | {"expected_cost": 249.99}, "csm", False),
    # A cost that needs a manager needs approval, whatever the playbook requires.
    "a manager's cost": ({"expected_cost": 250.0}, "manager", False),
    "an executive's value": ({"account_value": 150_000.0}, "executive", True),
    "an executive's cost": ({"expected_cost": 1_000.0}, "executive", True),
    "sensitive": ({"recommended_action": "executive_sponsor_call"}, "executive", False),
}


def test_tier_value_cost_and_sensitivity_decide_the_role() -> None:
    found = routes({name: cells for name, (cells, _, _) in ROUTES.items()})
    assert {name: (row["approval_role"], row["needs_two_people"]) for name, row in found.items()} == {
        name: (role, two) for name, (_, role, two) in ROUTES.items()
    }
    for row in found.values():
        asks = row["approval_role"] is not None
        assert row["requires_human_approval"] == asks == bool(row["approval_reasons"])
        assert row["approval_regime"] == ("asked" if asks else "not_required")
        assert row["approval_timeout_minutes"] == (2880.0 if asks else None)
        assert row["entitled_approvers"] == []
    assert found["a manager's cost"]["approval_reasons"] == ["high_cost"]
    assert found["sensitive"]["approval_reasons"] == ["sensitive_action"]


def test_two_people_are_a_question_of_their_own() -> None:
    rules = policy_with(journey__approval__two_people_value=2_000.0, journey__approval__two_people_cost=20.0)
    cases = {"plain": ASKS, "value": ASKS | {"account_value": 2_000.0}, "cost": ASKS | {"expected_cost": 20.0}}
    found = routes(cases | {"nobody": {"account_value": 2_000.0}}, rules)
    assert {name for name, row in found.items() if row["needs_two_people"]} == {"value", "cost"}


@pytest.mark.parametrize(
    ("switches", "regime", "asks"),
    [
        ({"enable_hitl": False}, "waived_by_policy", False),
        ({"auto_approve_for_testing": True}, "auto_approved", True),
        ({"enable_hitl": False, "auto_approve_for_testing": True}, "waived_by_policy", False),
    ],
)
def test_the_row_has_the_regime_of_the_day(switches: dict[str, bool], regime: str, asks: bool) -> None:
    """Trap 11: a switch is named where it decided."""
    rules = policy_with(**{f"journey__approval__{name}": value for name, value in switches.items()})
    row = routes({"asked": ASKS}, rules)["asked"]
    assert (row["approval_regime"], row["requires_human_approval"]) == (regime, asks)
    assert (row["approval_role"], row["approval_reasons"]) == (
        ("csm", ["playbook_requires_approval"]) if asks else (None, ["waived_by_policy"])
    )


def test_a_role_may_be_answered_for_by_those_above_it() -> None:
    cases = {"csm": ASKS, "manager": {"risk_tier": "high"}, "executive": {"expected_cost": 1_000.0}, "nobody": {}}

    def entitled(**named: list[str]) -> dict[str, list[str]]:
        rules = policy_with(journey__approval__approvers=named)
        return {name: row["entitled_approvers"] for name, row in routes(cases, rules).items()}

    assert entitled(csm=["zoe", "ann"], manager=["mia"], executive=["eva", "mia"]) == {
        "csm": ["ann", "eva", "mia", "zoe"],
        "manager": ["eva", "mia"],
        "executive": ["eva", "mia"],
        "nobody": [],
    }
    # Who answers for executives answers for all; a role of its own is not needed.
    both = ["eva", "mia"]
    assert entitled(executive=both) == {"csm": both, "manager": both, "executive": both, "nobody": []}


def test_a_segment_may_have_a_route_of_its_own() -> None:
    own = {
        "manager_tiers": ["low"],
        "sensitive_actions": ["call"],
        "executive_cost": 15.0,
        "approval_timeout_minutes": 60,
    }
    rules = policy_with(segment_overrides={"Enterprise": {"approval": own}})
    cases = {
        "ours": ASKS | {"segment": "Enterprise", "recommended_action": "mail"},
        "sensitive": {"segment": "Enterprise"},
        "dear": ASKS | {"segment": "Enterprise", "recommended_action": "mail", "expected_cost": 15.0},
        "others": ASKS | {"expected_cost": 15.0},
    }
    found = {name: row["approval_role"] for name, row in routes(cases, rules).items()}
    assert found == {"ours": "manager", "sensitive": "executive", "dear": "executive", "others": "csm"}
    assert routes(cases, rules)["ours"]["approval_timeout_minutes"] == 60.0


CONTENT: dict[str, tuple[str, Any, Any]] = {
    "customer_id": ("string", "C1", "C2"),
    "playbook_id": ("string", "P1", None),
    "triggered_by_signals": ("array<string>", ["S1", "S2"], ["S1"]),
    "recommended_action": ("string", "call", "mail"),
    "expected_cost": ("float64", 100.0, 100.01),
    "journey_stage": ("string", "support", "retention"),
    "approval_role": ("string", "csm", "manager"),
    "needs_two_people": ("boolean", False, True),
}


def test_decision_hash_covers_what_is_approved_only() -> None:
    same = {name: value for name, (_, value, _) in CONTENT.items()}
    rows = [{"confidence": 0.5} | same, {"confidence": 0.9} | same]
    rows += [{"confidence": 0.5} | same | {name: other} for name, (_, _, other) in CONTENT.items()]
    table = made_of(
        rows, ibis.schema({"confidence": "float64"} | {name: kind for name, (kind, _, _) in CONTENT.items()})
    )
    hashes = [row["hash"] for row in rows_of(table.mutate(hash=decision_hash(table)).select("hash"))]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 1 + len(CONTENT)
