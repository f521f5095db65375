"""Tests of the sensitivity of the net benefit: one assumption at a time, at both ends of its range."""

import pytest

from cjo_assets.families.journey.value._roi_components import COMPONENTS, prices
from cjo_assets.families.journey.value.roi_breakdown import RoiBreakdown
from cjo_assets.families.journey.value.roi_estimate import RoiEstimate
from cjo_assets.families.journey.value.roi_sensitivity import (
    ASSUMPTIONS,
    RoiSensitivity,
    bases_that_are_not_the_estimate,
    roi_sensitivity,
)
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, Rows, by, kept, policy_with, rows_of, table_of

VALUE_PRICES = {
    "credited_revenue_share",
    "cost_per_support_day",
    "cost_per_escalation_day",
    "value_share_in_trouble",
}
# What was counted: prices make it money.
QUANTITIES = {
    "playbook_cost": 695.0,
    "human_review_time": 2.0,
    "api_calls": 6.0,
    "llm_usage": 0.0,
    "infrastructure": 1.0,
    "retained_revenue": 4800.0,
    "escalation_prevention": None,
}
PARTS: Rows = [
    {"component": name, "kind": COMPONENTS[name].kind, "quantity": quantity, "evidence_grade": "assumption"}
    for name, quantity in QUANTITIES.items()
]


def sensitivity(parts: Rows, policy: Policy = POLICY) -> dict[str, Row]:
    """Return the assumptions."""
    return by("assumption", kept(RoiSensitivity, roi_sensitivity(table_of(RoiBreakdown, parts), policy)))


def test_one_assumption_moves_at_a_time() -> None:
    """4,800 - 695 - 2 x 25 - 0.01 - 500 = 3,554.99 is the sample's net benefit."""
    rows = sensitivity(PARTS)
    assert {row["net_benefit_base"] for row in rows.values()} == {3554.99}
    ends = {
        name: (row["value_low"], row["value_high"], row["net_benefit_low"], row["net_benefit_high"], row["swing"])
        for name, row in rows.items()
    }
    # A quarter of the revenue is credited: 3,600 less; all of it is the base.
    assert ends["credited_revenue_share"] == (0.25, 1.0, -45.01, 3554.99, 3600.0)
    # 695 at 0.8 and at 2 times the estimates.
    assert ends["playbook_cost_multiple"] == (0.8, 2.0, 3693.99, 2859.99, 834.0)
    assert ends["infrastructure_cost_per_month"] == (250.0, 1000.0, 3804.99, 3054.99, 750.0)
    # 2 reviews of half an hour at 30 and at 120 an hour.
    assert ends["cost_per_human_review_hour"] == (30.0, 120.0, 3574.99, 3484.99, 90.0)
    # 2 reviews of 9.9 and of 60 minutes at 50 an hour.
    assert ends["review_minutes_per_approval"] == (9.9, 60.0, 3588.49, 3504.99, 83.5)
    assert [name for name, row in sorted(rows.items(), key=lambda item: item[1]["rank"])] == [
        "credited_revenue_share",
        "playbook_cost_multiple",
        "infrastructure_cost_per_month",
        "cost_per_human_review_hour",
        "review_minutes_per_approval",
        # Equal swings are ordered by name.
        "api_calls_per_intervention",
        "cost_per_api_call",
        "cost_per_escalation_day",
        "cost_per_llm_call",
        "cost_per_support_day",
        "value_share_in_trouble",
    ]


def test_every_assumption_moves_what_it_is_the_price_of() -> None:
    """With one of each component every assumption has a swing, and its sign is that of cost or value."""
    parts: Rows = [
        {"component": name, "kind": component.kind, "quantity": 1000.0, "evidence_grade": "assumption"}
        for name, component in COMPONENTS.items()
    ]
    rows = sensitivity(parts)
    assert set(rows) == set(ASSUMPTIONS)
    for name, row in rows.items():
        assert (row["net_benefit_high"] > row["net_benefit_low"]) == (name in VALUE_PRICES), name
        assert row["swing"] == pytest.approx(abs(row["net_benefit_high"] - row["net_benefit_low"]), abs=0.005)


def test_ranges_are_the_policys() -> None:
    wider = policy_with(
        journey__roi__sensitivity_ranges__playbook_cost_multiple={"low": 0.0, "high": 3.0},
        journey__roi__playbook_cost_multiple=2.0,
    )
    row = sensitivity(PARTS, wider)["playbook_cost_multiple"]
    assert (row["value_low"], row["value_base"], row["value_high"]) == (0.0, 2.0, 6.0)
    assert (row["net_benefit_low"], row["net_benefit_high"]) == (4249.99, pytest.approx(4249.99 - 6 * 695))


def test_every_component_has_a_price() -> None:
    assert set(prices(POLICY.journey.roi)) == set(COMPONENTS)


def test_a_base_that_is_not_the_estimate_is_found() -> None:
    rows = table_of(RoiSensitivity, list(sensitivity(PARTS).values()))
    right, wrong = ([{"net_benefit": amount}] for amount in (3554.99, 3555.0))
    assert rows_of(bases_that_are_not_the_estimate(rows, table_of(RoiEstimate, right))) == []
    assert len(rows_of(bases_that_are_not_the_estimate(rows, table_of(RoiEstimate, wrong)))) == len(ASSUMPTIONS)
