"""Tests of changes between policies, with one customer for each kind of change."""

import pytest

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.forecast.journey_forecasts import JourneyForecasts
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.questions.policy_changes import PolicyChanges, policy_changes
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.rows import DAY, Row, by, days_of, kept, table_of

MADE: Row = {
    "intervention_id": "I",
    "playbook_id": "P",
    "recommended_action": "call",
    "approval_regime": "asked",
    "approval_role": "csm",
    "requires_human_approval": True,
}
# Before, after, and the expected change; None: no decision.
DECISIONS: dict[str, tuple[Row | None, Row | None, str | None]] = {
    "stays": (MADE, MADE, None),
    "new": (None, MADE, "new"),
    "gone": (MADE, None, "gone"),
    "other playbook": (MADE, MADE | {"playbook_id": "Q", "recommended_action": "mail"}, "other_playbook"),
    "other action": (
        MADE | {"playbook_id": None},
        MADE | {"playbook_id": None, "recommended_action": "x"},
        "other_action",
    ),
    "held out": (MADE, MADE | {"is_held_out": True}, "held_out"),
    "released": (MADE | {"is_held_out": True}, MADE, "released"),
    "other id": (MADE, MADE | {"intervention_id": "J"}, None),
    "other route": (MADE, MADE | {"approval_role": "manager"}, None),
    "two people": (MADE, MADE | {"needs_two_people": True}, None),
    "no approval any more": (
        MADE,
        MADE | {"approval_regime": "not_required", "approval_role": None, "requires_human_approval": False},
        None,
    ),
    "other tier": (None, None, None),
    "known to one": (None, None, None),
}


@pytest.fixture(scope="module")
def changes() -> dict[str, Row]:
    """Return the changes by customer."""
    sides = []
    for side in (0, 1):
        made = [{"customer_id": name} | row for name, pair in DECISIONS.items() if (row := pair[side]) is not None]
        tiers = {"other tier": "high"} if side else {}
        scores = [
            {"customer_id": name, "risk_tier": tiers.get(name, "low"), "overall_risk_score": 0.2}
            for name in DECISIONS
            if name != "known to one" or side
        ]
        forecasts = [{"customer_id": name, "revenue_at_risk": 10.0 + side} for name in DECISIONS]
        sides.append(
            (
                days_of(RecommendedInterventions, _of_day(made)),
                days_of(RiskScores, _of_day(scores)),
                days_of(JourneyForecasts, _of_day(forecasts)),
            )
        )
    customers = table_of(Customers, [{"customer_id": name, "account_value": 100.0} for name in DECISIONS])
    paired = [table for pair in zip(*sides, strict=True) for table in pair]
    return by("customer_id", kept(PolicyChanges, policy_changes(*paired, customers)))


def _of_day(rows: list[Row]) -> list[Row]:
    return [{"as_of": DAY} | row for row in rows]


def test_each_decision_has_the_kind_of_its_change(changes: dict[str, Row]) -> None:
    said = {name: changes[name]["decision_change"] for name in DECISIONS if name in changes}
    assert said == {name: what for name, (_, _, what) in DECISIONS.items() if name not in ("stays", "other id")}


def test_what_stays_is_not_listed(changes: dict[str, Row]) -> None:
    """Revenue at risk changed for all customers, but no decision did."""
    assert changes.keys() == DECISIONS.keys() - {"stays", "other id"}


def test_tiers_and_routes(changes: dict[str, Row]) -> None:
    routed = {name for name, row in changes.items() if row["is_route_changed"]}
    assert routed == {"other route", "two people", "no approval any more"}
    assert {name for name, row in changes.items() if row["is_tier_changed"]} == {"other tier", "known to one"}
    assert (changes["other tier"]["risk_tier_before"], changes["other tier"]["risk_tier_after"]) == ("low", "high")
    assert (changes["known to one"]["overall_risk_score_before"], changes["known to one"]["risk_tier_after"]) == (
        None,
        "low",
    )


def test_account_value_and_revenue_are_included(changes: dict[str, Row]) -> None:
    row = changes["new"]
    assert (row["account_value"], row["revenue_at_risk_before"], row["revenue_at_risk_after"]) == (100.0, 10.0, 11.0)
    assert row["expected_cost_before"] is None
