"""Tests of budget proposals: source, target, value net of cost, and no cent moved twice."""

import math
import random
from typing import Any

import pytest

from cjo_assets.families.marketing.analysis.campaign_analysis import CampaignAnalysis
from cjo_assets.families.marketing.governance.risk_register import RiskRegister
from cjo_assets.families.marketing.recommendations.budget_proposals import (
    BudgetProposals,
    budget_proposals,
    money_moved_into_risk,
    money_moved_twice,
)
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

PAIR = ("from_campaign_id", "to_campaign_id")
RESERVE = "(reserve)"


def campaign(name: str, performance: str, pacing: float, roas: float | None, **cells: Any) -> Row:
    """Return an active campaign with ten days left, a budget of 10,000 of which 1,000 is spent."""
    status = "ahead" if pacing > 1.15 else "behind" if pacing < 0.85 else "on_pace"
    said = {
        "campaign_id": name,
        "name": name,
        "status": "active",
        "end_date": day(10),
        "budget": 10_000.0,
        "recorded_spend": 1000.0,
    }
    said |= {"overall_performance": performance, "pacing": pacing, "pacing_status": status, "roas": roas}
    return said | {"primary_kpi": "conversion_rate", "conversions": 600, "design_effect": 1.5} | cells


def risk(name: str, is_open: bool = True, is_blocking: bool = False) -> Row:
    """Return a risk of a campaign."""
    return {"campaign_id": name, "is_open": is_open, "is_blocking": is_blocking, "rank": 1, "severity": "low"}


def proposed(campaigns: Rows, risks: Rows = [], policy: Policy = POLICY) -> dict[tuple[str, str], Row]:  # noqa: B006
    """Return the proposals by source and target, after their checks."""
    analysis, register = table_of(CampaignAnalysis, campaigns), table_of(RiskRegister, risks)
    rows = kept(BudgetProposals, budget_proposals(analysis, register, as_of(), policy), policy=policy)
    if not rows:
        return {}
    stored = table_of(BudgetProposals, [{name: row[name] for name in row if name != "as_of"} for row in rows])
    assert not rows_of(money_moved_twice(stored, analysis, policy))
    assert not rows_of(money_moved_into_risk(stored, analysis, register))
    return by(PAIR, rows)


# A fifth of 5,000 is the most it gives; it would spend all of it.
WASTER = campaign("waster", "below_expectations", 1.5, 0.5, budget=5000.0, recorded_spend=3000.0)
# A fifth of 10,000; 8,000 would stay unspent at its pace.
SLOW = campaign("slow", "meeting_expectations", 0.2, 2.0)
BEST = campaign("best", "exceeding_expectations", 1.0, 4.0, budget=4000.0)
GOOD = campaign("good", "exceeding_expectations", 1.3, 3.0, budget=12_000.0)


def test_money_goes_from_the_worst_to_the_best_once() -> None:
    """Trap M12: what is lost at the source, spent again and reviewed by a person is in the impact."""
    found = proposed([SLOW, GOOD, WASTER, BEST])
    assert {pair: row["amount"] for pair, row in found.items()} == {
        ("waster", "best"): 800.0,
        ("waster", "good"): 200.0,
        ("slow", "good"): 2000.0,
        (RESERVE, "good"): 200.0,
    }
    parts = ("revenue_impact", "cost_savings", "cost")
    # 0.7 of the average return; half an hour at 60 an hour for the answer.
    assert {pair: tuple(row[part] for part in parts) for pair, row in found.items()} == {
        ("waster", "best"): (pytest.approx(800 * 0.7 * 4 - 800 * 0.5), 0.0, 30.0),
        ("waster", "good"): (pytest.approx(200 * 0.7 * 3 - 200 * 0.5), 0.0, 30.0),
        # It would not have been spent: nothing is lost there, and all of it is new cost here.
        ("slow", "good"): (pytest.approx(2000 * 0.7 * 3), 0.0, 2030.0),
        (RESERVE, "good"): (pytest.approx(200 * 0.7 * 3), 0.0, 230.0),
    }
    row = found["waster", "best"]
    # 600 conversions, 1.5 times as uncertain as counts: 1.6449 x sqrt(1.5 / 600) is 8.2 % of each return.
    assert row["revenue_low"] == pytest.approx(800 * (0.7 * 4 / 1.085718 - 0.5 * 1.085718), abs=0.01)
    assert row["revenue_high"] == pytest.approx(800 * (0.7 * 4 * 1.085718 - 0.5 / 1.085718), abs=0.01)


def test_untaken_budget_is_cut_only_where_it_would_be_lost() -> None:
    """Trap M12: spend to come that is avoided is a saving; what stays unspent anyway is none."""
    found = proposed([WASTER, SLOW])
    assert found.keys() == {("waster", RESERVE)}
    row = found["waster", RESERVE]
    assert (row["revenue_impact"], row["cost_savings"], row["cost"]) == (-500.0, 1000.0, 30.0)
    # Below its target and worth its money all the same: taking the money away would lose more than it saves.
    assert proposed([WASTER | {"roas": 1.2}]) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "completed", "pacing_status": "under_spent"},
        {"end_date": DAY, "pacing_status": "under_spent"},
        {"end_date": None, "pacing": None, "pacing_status": "not_measurable"},
    ],
)
def test_only_campaigns_behind_plan_give_budget(changes: Row) -> None:
    assert ("slow", "best") in proposed([SLOW, BEST])
    assert proposed([SLOW | changes, BEST]).keys() == {(RESERVE, "best")}


def test_a_source_without_conversions_may_have_brought_some() -> None:
    """Nothing converted of 3,000 spent: at most -ln 0.05 x 1.5 conversions, at what one is worth elsewhere."""
    barren = WASTER | {"conversions": 0, "roas": 0.0, "value": 0.0}
    other = campaign("other", "meeting_expectations", 1.0, 2.0, conversions=600, value=6000.0)
    row = proposed([barren, other])["waster", RESERVE]
    assert (row["revenue_impact"], row["revenue_high"]) == (0.0, 0.0)
    assert row["revenue_low"] == pytest.approx(-1000 * -math.log(0.05) * 1.5 * 10 / 3000, abs=0.01)


@pytest.mark.parametrize(
    ("campaigns", "risks"),
    [
        # A campaign on pace gives nothing, however it performs; nor does one that performs well, or is too early.
        ([campaign("fine", "below_expectations", 1.0, 0.1), BEST | {"roas": 1.0}], []),
        ([campaign("well", "exceeding_expectations", 0.2, 1.0), campaign("early", "too_early", 0.2, 0.1)], []),
        ([campaign("dark", "not_measurable", 1.9, 0.0)], []),
        # What has ended, on its day or before it, spends nothing any more; what is open-ended has no pace.
        ([WASTER | {"status": "completed", "pacing_status": "over_spent"}], []),
        ([WASTER | {"end_date": DAY, "pacing_status": "over_spent"}], []),
        ([WASTER | {"end_date": None, "pacing": None, "pacing_status": "not_measurable"}], []),
        # Nothing for a paused campaign, one that is over tonight, one that cannot spend what it has, or any open risk.
        ([SLOW, BEST | {"status": "paused"}, GOOD | {"end_date": DAY}], []),
        ([SLOW, BEST | {"pacing": 0.5, "pacing_status": "behind"}], []),
        ([SLOW, BEST, GOOD], [risk("best"), risk("good")]),
        # A frozen budget gives nothing.
        ([WASTER], [risk("waster", is_blocking=True)]),
        # The next unit would not bring itself back: 0.7 x 1.4.
        ([SLOW, BEST | {"roas": 1.4}], []),
        # Nothing left to give, and less than is worth the paperwork.
        ([WASTER | {"recorded_spend": 5000.0}], []),
        ([WASTER | {"recorded_spend": 4900.01}], []),
        ([], []),
    ],
)
def test_money_stays(campaigns: Rows, risks: Rows) -> None:
    """Trap M20: open risks and paused campaigns are heard."""
    assert proposed(campaigns, risks) == {}


def test_a_settled_risk_does_not_block_a_move() -> None:
    assert ("slow", "best") in proposed([SLOW, BEST], [risk("best", is_open=False)])


def test_the_policy_decides() -> None:
    world = [SLOW, GOOD, WASTER, BEST]
    rules = "marketing__recommendations__"
    before = proposed(world)
    share = proposed(world, policy=policy_with(**{f"{rules}reallocation_share": 0.1}))
    assert sum(row["amount"] for row in share.values()) == sum(row["amount"] for row in before.values()) / 2
    assert len(proposed(world, policy=policy_with(**{f"{rules}smallest_move": 201.0}))) == 2
    margin = proposed(world, policy=policy_with(**{f"{rules}marginal_return": 0.5}))
    assert margin["slow", "good"]["revenue_impact"] == 3000.0
    level = proposed(world, policy=policy_with(**{f"{rules}interval_level": 0.5}))
    assert level["waster", "best"]["revenue_low"] > before["waster", "best"]["revenue_low"]


def test_no_cent_moves_twice_whatever_the_campaigns() -> None:
    """Three hundred campaigns drawn by chance: the audits within `proposed` hold, and every cent has two sides."""
    draw = random.Random(6)
    performances = ["below_expectations", "meeting_expectations", "exceeding_expectations", "too_early"]
    for _ in range(3):
        campaigns = [
            campaign(
                f"C{number}",
                draw.choice(performances),
                draw.uniform(0, 2),
                draw.choice([None, draw.uniform(0, 6)]),
                budget=round(draw.uniform(0, 9000), 2),
                spend=draw.choice([None, round(draw.uniform(0, 9000), 2)]),
                conversions=draw.choice([0, draw.randint(1, 500)]),
                status=draw.choice(["active", "active", "active", "paused"]),
            )
            for number in range(300)
        ]
        risks = [risk(f"C{draw.randint(0, 299)}", draw.random() < 0.7, draw.random() < 0.2) for _ in range(20)]
        found = proposed(campaigns, risks)
        assert len(found) > 5
        assert {row["kind"] for row in found.values()} >= {"reallocation"}
        for (giver, taker), row in found.items():
            assert giver != taker
            assert round(row["amount"] * 100) == pytest.approx(row["amount"] * 100)
            assert row["revenue_low"] <= row["revenue_impact"] <= row["revenue_high"]
            assert row["revenue_impact"] + row["cost_savings"] > row["cost"]
        draw.shuffle(campaigns)
        assert proposed(campaigns, risks) == found


def test_the_checks_find_planted_faults() -> None:
    analysis = table_of(
        CampaignAnalysis, [campaign("a", "below_expectations", 1.5, 1.0), campaign("b", "too_early", 1.0, 1.0)]
    )
    register = table_of(RiskRegister, [risk("b"), risk("a", is_blocking=True)])

    def twice(*moves: tuple[str, str, float]) -> set[str]:
        rows = [dict(zip((*PAIR, "amount"), move, strict=True)) for move in moves]
        stored = table_of(BudgetProposals, rows)
        assert len(rows_of(money_moved_into_risk(stored, analysis, register))) == len(moves)
        return {row["campaign_id"] for row in rows_of(money_moved_twice(stored, analysis, POLICY))}

    assert twice(("a", "b", 2000.0)) == set()
    assert twice(("a", "b", 1500.0), ("a", RESERVE, 600.0)) == {"a"}
    assert twice(("a", "b", 10.0), (RESERVE, "b", 2000.0)) == {"b"}
