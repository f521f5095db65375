"""Tests of recommendations: every rule has a row, nothing is left out, and money is counted net and once."""

import math
import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.marketing.analysis.campaign_analysis import CampaignAnalysis
from cjo_assets.families.marketing.analysis.funnel_analysis import FunnelAnalysis
from cjo_assets.families.marketing.analysis.reconciliation import Reconciliation
from cjo_assets.families.marketing.analysis.segment_portfolio import SegmentPortfolio
from cjo_assets.families.marketing.experiments.experiment_arms import ExperimentArms
from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.governance.budget_governance import BudgetGovernance
from cjo_assets.families.marketing.governance.risk_register import RiskRegister
from cjo_assets.families.marketing.inputs.audience_segments import AudienceSegments
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance
from cjo_assets.families.marketing.measurement.metric_definitions import metric_definitions
from cjo_assets.families.marketing.recommendations._recommending import ACTIONS
from cjo_assets.families.marketing.recommendations.budget_proposals import BudgetProposals
from cjo_assets.families.marketing.recommendations.recommendations import (
    LEVELS,
    RULES,
    Recommendations,
    impacts_that_are_not_net,
    money_recommended_otherwise,
    recommendations,
)
from cjo_assets.families.marketing.value.roi_analysis import RoiAnalysis
from cjo_assets.policy import Policy
from cjo_assets.policy.marketing import Action
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

TOMORROW = datetime(2025, 1, 21)
CONTRACTS: dict[str, Any] = {
    "campaigns": Campaigns,
    "creative_assets": CreativeAssets,
    "audience_segments": AudienceSegments,
    "experiments": Experiments,
    "asset_performance": AssetPerformance,
    "performance_metrics": PerformanceMetrics,
    "campaign_analysis": CampaignAnalysis,
    "segment_portfolio": SegmentPortfolio,
    "funnel_analysis": FunnelAnalysis,
    "reconciliation": Reconciliation,
    "risk_register": RiskRegister,
    "budget_governance": BudgetGovernance,
    "budget_proposals": BudgetProposals,
    "experiment_arms": ExperimentArms,
    "experiment_evaluations": ExperimentEvaluations,
    "roi_analysis": RoiAnalysis,
}
# Name, status, first and last day. Ten days of each have passed, but for those that are over or to come.
CAMPAIGNS = [
    ("live", "active", -9, 20),
    ("short", "active", -9, 5),
    ("blocked", "active", -9, 20),
    ("resting", "paused", -9, 20),
    ("blocked resting", "paused", -9, 20),
    ("over", "active", -9, -1),
    ("due", "draft", 0, 20),
    ("to come", "draft", 1, 20),
    ("done", "completed", -9, -1),
]
RISKS: Rows = [
    {"risk_id": "critical", "campaign_id": "blocked", "is_open": True, "is_blocking": True, "severity": "critical"},
    {"risk_id": "late", "campaign_id": "blocked resting", "is_open": True, "is_blocking": True, "is_overdue": True}
    | {"severity": "critical", "due_date": day(-1), "channel_ids": ["ads"]},
    {"risk_id": "low", "campaign_id": "live", "is_open": True, "severity": "low", "exposure": 9.0},
    {"risk_id": "hot", "campaign_id": "short", "is_open": True, "severity": "high", "channel_ids": ["ads"]},
    {"risk_id": "settled", "campaign_id": "live", "is_open": False, "severity": "critical"},
]


def trial(name: str, verdict: str, effect: float | None, **cells: Any) -> Row:
    """Return an experiment of the live campaign with 1,000 exposures in each arm, read once at its end."""
    said = {"experiment_id": name, "campaign_id": "live", "metric": "conversion_rate", "verdict": verdict}
    said |= {"phase": "ended", "status": "completed", "reading": "fixed_horizon", "rule": "better_than_control"}
    said |= {"control_exposures": 1000, "variant_exposures": 1000, "control_asset": "old", "variant_asset": "new"}
    if effect is not None:
        said |= {
            "absolute_effect": effect,
            "absolute_effect_low": effect - 0.004,
            "absolute_effect_high": effect + 0.004,
        }
    return said | cells


TRIALS = [
    trial("wins", "scale_variant", 0.01),
    # Read every day: the wider interval decides; the campaign has five days left.
    trial("loses", "stop", -0.01, campaign_id="short", phase="running", status="running", reading="always_valid")
    | {"always_valid_low": -0.02, "always_valid_high": -0.001},
    trial("lost", "stop", -0.01),
    trial("clicks", "scale_variant", 0.01, metric="click_through_rate"),
    trial("wins in a segment that stops", "scale_variant", 0.01),
    trial("wins in a blocked campaign", "scale_variant", 0.01, campaign_id="blocked"),
    trial("wins too late", "scale_variant", 0.01, campaign_id="over"),
    trial("won when all was done", "scale_variant", 0.01, campaign_id="done"),
    trial("wins into a risk", "scale_variant", 0.01, campaign_id="short"),
    trial("broken", "invalid", None, reading=None),
    trial("nothing", "inconclusive", 0.0, required_exposures=5000),
    trial("waits", "inconclusive", None, phase="not_started", status="planned"),
    trial("continues", "continue", 0.01, phase="running", status="running"),
]


def arms(trial_row: Row) -> Rows:
    """Return both arms: 30 conversions or 60 clicks worth 300, the variant's exposures dearer by a tenth."""
    successes = 60 if trial_row["metric"] == "click_through_rate" else 30
    place = {"wins in a segment that stops": "stopping", "loses": "others"}.get(trial_row["experiment_id"], "people")
    channel = "ads" if "risk" in trial_row["experiment_id"] else "mail"
    return [
        {
            "experiment_id": trial_row["experiment_id"],
            "channel_id": channel,
            "arm": arm,
            "segment_id": place,
            "successes": part,
            "cost": cost,
        }
        | {"revenue_proxy": 150.0, "conversions": 15, "exposures": 1000}
        for arm, part, cost in (("control", successes // 2, 100.0), ("variant", successes // 2, 110.0))
    ]


def audience(segment: str, action: str | None, campaign: str = "live", **cells: Any) -> Row:
    """Return an audience that cost 1,000 in ten days and brought 400 by 100 conversions."""
    said = {"campaign_id": campaign, "segment_id": segment, "action": action, "rule": "as_expected"}
    said |= {"spend": 1000.0, "roas": 0.4, "roi": -0.6, "conversions": 100, "primary_kpi": "conversion_rate"}
    said |= {"design_effect": 1.5}
    return said | cells


def move(name: str, campaign: str = "live", **cells: Any) -> Row:
    """Return a move that waits for an answer and that no rule refuses."""
    said = {"budget_action_id": name, "campaign_id": campaign, "from_channel_id": "mail", "to_channel_id": "ads"}
    said |= {"amount": 50.0, "currency": "USD", "status": "proposed", "approval_state": "pending"}
    return said | cells


EXECUTED = {"status": "executed", "approval_state": "approved", "is_executed": True, "is_effective": True}
REFUSED = {"is_refused": True, "refusal_reasons": ["channel_at_risk"]}
BROKEN = {"violations": ["executed_although_refused"]}
WORLD: dict[str, Rows] = {
    "campaigns": [
        {"campaign_id": name, "name": name, "status": status, "start_date": day(start), "end_date": day(end)}
        | {"budget": 5000.0}
        for name, status, start, end in CAMPAIGNS
    ]
    + [{"campaign_id": "unknown yet", "status": "paused", "created_at": TOMORROW}],
    "campaign_analysis": [
        {"campaign_id": name, "name": name, "status": status, "start_date": day(start), "end_date": day(end)}
        | {"budget": 5000.0, "spend": 1000.0}
        for name, status, start, end in CAMPAIGNS
    ],
    "risk_register": [{"rank": 1} | row for row in RISKS],
    "experiments": [
        {"experiment_id": row["experiment_id"], "start_date": day(-9), "status": row["status"]} for row in TRIALS
    ],
    "performance_metrics": [
        # 100 a day in the last week; before it more was spent, and in an experiment that is over, and tomorrow.
        {"asset_id": "stopping ad", "experiment_id": experiment, "cost": cost}
        | {"timestamp": datetime(2025, 1, 20, 12) + timedelta(days=offset)}
        for experiment, offset, cost in (
            *(("continues", -offset, 100.0) for offset in range(7)),
            *(("continues", -7, 9999.0), ("wins", 0, 9999.0), ("continues", 1, 9999.0)),
        )
    ],
    "experiment_evaluations": TRIALS,
    "experiment_arms": [arm for row in TRIALS for arm in arms(row)],
    "audience_segments": [{"segment_id": name, "name": f"the {name}"} for name in ("people", "stopping", "growing")],
    "segment_portfolio": [
        audience("people", "hold"),
        audience("stopping", "stop"),
        audience("growing", "scale", roas=4.0),
        audience("puzzled", "revise"),
        audience("dark", None),
        audience("people", "stop", "resting"),
        audience("people", "stop", "blocked"),
        audience("people", "stop", "short"),
        audience("people", "stop", "done"),
    ],
    "creative_assets": [
        {"asset_id": "shown", "campaign_id": "live", "approved_by_human": False},
        {"asset_id": "unseen", "campaign_id": "live", "approved_by_human": False},
        {"asset_id": "flagged", "campaign_id": "live", "approved_by_human": True, "risk_flags": ["claim", "tone"]},
        {"asset_id": "good", "campaign_id": "live", "approved_by_human": True},
        {"asset_id": "stopping ad", "campaign_id": "live", "segment_id": "stopping", "approved_by_human": True},
        {"asset_id": "gone", "campaign_id": "done", "approved_by_human": False},
        {"asset_id": "unmade", "campaign_id": "live", "approved_by_human": False, "created_at": TOMORROW},
    ],
    "asset_performance": [
        {"asset_id": "shown", "experiment_id": "wins", "campaign_id": "live", "snapshots": 1, "impressions": 5}
    ],
    "budget_governance": [
        move("pending"),
        move("refused", **REFUSED),
        move("executed", **EXECUTED, **REFUSED, **BROKEN),
        move("undone", **EXECUTED, **REFUSED, **BROKEN) | {"status": "rolled_back", "is_effective": False},
        # It left the channel at risk, though it should not have moved: it is not sent back.
        move("fled", "short", **EXECUTED, **REFUSED, **BROKEN) | {"from_channel_id": "ads", "to_channel_id": "mail"},
        move("spent", "done", **EXECUTED, **REFUSED, **BROKEN),
        move("fine", **EXECUTED),
    ],
    "budget_proposals": [
        {"from_campaign_id": "short", "to_campaign_id": "due", "kind": "reallocation", "amount": 100.0, "cost": 30.0}
        | {"revenue_impact": 230.0, "revenue_low": 40.0, "revenue_high": 500.0, "is_spent_anyway": True},
        {"from_campaign_id": "over", "to_campaign_id": "(reserve)", "kind": "budget_cut", "amount": 70.0, "cost": 30.0}
        | {
            "revenue_impact": -10.0,
            "revenue_low": -80.0,
            "revenue_high": 0.0,
            "cost_savings": 70.0,
            "is_spent_anyway": True,
        },
        {"from_campaign_id": "(reserve)", "to_campaign_id": "to come", "kind": "budget_rise", "amount": 60.0}
        | {"revenue_impact": 240.0, "revenue_low": 200.0, "revenue_high": 300.0, "cost": 90.0},
    ],
    "funnel_analysis": [
        {"campaign_id": "live", "path": path, "step": step, "from_stage": start, "to_stage": end, "state": state}
        | {"from_count": left, "to_count": arrived}
        for path, step, start, end, state, left, arrived in (
            # The same dark stage on two paths, and as the start of a step, is one gap.
            ("first", 1, "click", "visit", "not_tracked", 5, None),
            ("second", 1, "visit", "signup", "not_tracked", None, 7),
            ("first", 2, "signup", "purchase", "exceeds", 7, 9),
            ("first", 3, "click", "signup", "measured", 9, 7),
            ("second", 2, "click", "signup", "no_events", 0, 0),
        )
    ]
    + [{"campaign_id": "done", "path": "first", "step": 1, "to_stage": "visit", "state": "not_tracked"}],
    "reconciliation": [
        {
            "campaign_id": "live",
            "scope": "campaign",
            "figure": figure,
            "one_source": "ledger",
            "other_source": "metrics",
        }
        | {"one_value": 1.0, "other_value": 2.0, "state": state}
        for figure, state in (
            ("spend", "beyond_tolerance"),
            ("value", "beyond_tolerance"),
            ("clicks", "within_tolerance"),
        )
    ],
    "roi_analysis": [{"total_estimated_value": 3000.0, "total_cost": 2000.0, "roi_status": "positive"}],
}
IMPACT = ("revenue_impact", "cost_savings", "cost", "net_impact", "net_impact_low", "net_impact_high", "confidence")


def recommended(world: dict[str, Rows], policy: Policy = POLICY) -> Rows:
    """Return the recommendations of a world in their order, after their checks."""
    tables = {name: table_of(contract, world.get(name, [])) for name, contract in CONTRACTS.items()}
    found = recommendations(**tables, metric_definitions=metric_definitions(policy), as_of=as_of(), policy=policy)
    rows = kept(Recommendations, found, policy=policy)
    stored = table_of(Recommendations, [{name: row[name] for name in row if name != "as_of"} for row in rows])
    assert not rows_of(impacts_that_are_not_net(stored))
    assert not rows_of(money_recommended_otherwise(stored, tables["budget_proposals"]))
    return sorted(rows, key=lambda row: int(row["rank"]))


@pytest.fixture(scope="module")
def found() -> Rows:
    """Return the recommendations of the world."""
    return recommended(WORLD)


def of(rows: Rows, rule: str) -> dict[str, Row]:
    """Return the recommendations of a rule by what they are about."""
    return by("target_id", [row for row in rows if row["rule"] == rule])


def stopped(rows: Rows) -> Row:
    """Return the recommendation on the audience of the live campaign that stops."""
    [row] = [row for row in rows if (row["rule"], row["target_id"]) == ("segment_stop", "stopping")]
    return row


def test_every_rule_has_a_row_and_nothing_is_left_out(found: Rows) -> None:
    """Trap M19, Trap M20: all of them, one row each; paused campaigns and every open risk among them."""
    assert {rule: {row["target_id"] for row in found if row["rule"] == rule} for rule in RULES} == {
        "critical_risk": {"blocked"},
        "frozen_budget": {"blocked", "blocked resting"},
        "refused_move_executed": {"executed", "undone", "fled", "spent"},
        "unapproved_creative": {"shown", "unseen", "flagged"},
        "winning_variant": {"wins", "clicks"}
        | {row["experiment_id"] for row in TRIALS if "wins " in row["experiment_id"]},
        "losing_variant": {"loses", "lost"},
        "overdue_risk": {"late"},
        "refused_move": {"refused"},
        "pending_move": {"pending"},
        "reallocation": {"due"},
        "budget_cut": {"over"},
        "budget_rise": {"to come"},
        "segment_scale": {"growing"},
        "segment_stop": {"stopping", "people"},
        "open_risk": {"critical", "low", "hot"},
        "paused_campaign": {"resting", "blocked resting"},
        "status_out_of_date": {"over", "due"},
        "invalid_experiment": {"broken"},
        "inconclusive_experiment": {"nothing"},
        "segment_revise": {"puzzled"},
        "untracked_funnel": {"live"},
        "irreconcilable_figures": {"live"},
    }
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    assert len({row["recommendation_id"] for row in found}) == len(found)
    assert sum(row["rule"] == "untracked_funnel" for row in found) == 2
    assert sum(row["rule"] == "segment_stop" for row in found) == 4
    for row in found:
        texts = ("description", "rationale", "current_value", "recommended_value", "target_name")
        assert all(row[text] for text in texts), row
        assert len(row["steps"]) >= 2, row
        assert row["evidence"], row
        assert None not in (*row["steps"], *row["evidence"]), row
    many = [{"asset_id": f"{number:03}", "campaign_id": "live", "approved_by_human": False} for number in range(60)]
    assert len(recommended(WORLD | {"creative_assets": many})) == len(found) - 3 + 60


def test_impacts_are_net_and_in_the_future(found: Rows) -> None:
    """Trap M12: what comes, less what it costs; nothing for what is over, frozen, paused or counted elsewhere."""
    impacts = {
        (row["rule"], row["target_id"], row["campaign_id"]): tuple(row[name] for name in IMPACT) for row in found
    }
    # 100 exposures a day for 20 days, 0.01 conversions more each, worth 10, at 0.01 more cost an exposure.
    assert impacts["winning_variant", "wins", "live"] == (200.0, 0.0, 50.0, 150.0, 70.0, 230.0, "high")
    # A click is worth half of that, and that a further one is worth as much is an assumption.
    assert impacts["winning_variant", "clicks", "live"] == (100.0, 0.0, 50.0, 50.0, 10.0, 90.0, "medium")
    # Five days are left; the variant's exposures are dearer.
    assert impacts["losing_variant", "loses", "short"] == (50.0, 5.0, 30.0, 25.0, -20.0, 75.0, "low")
    # 100 a day for 20 days, and 40 of value lost; 100 conversions are known to 20 % at 90 %.
    stop = impacts["segment_stop", "stopping", "live"]
    assert stop[:4] == (-800.0, 2000.0, 30.0, 1170.0)
    assert stop[4:6] == (pytest.approx(1970 - 800 * 1.2232, abs=0.1), pytest.approx(1970 - 800 / 1.2232, abs=0.1))
    assert impacts["reallocation", "due", "due"] == (230.0, 0.0, 30.0, 200.0, 10.0, 470.0, "medium")
    assert impacts["budget_cut", "over", "over"] == (-10.0, 70.0, 30.0, 30.0, -40.0, 40.0, "low")
    assert impacts["budget_rise", "to come", "to come"] == (240.0, 0.0, 90.0, 150.0, 110.0, 210.0, "medium")
    claiming = {key[:2] for key, impact in impacts.items() if impact[3] is not None}
    assert claiming == {
        ("winning_variant", "wins"),
        ("winning_variant", "clicks"),
        ("losing_variant", "loses"),
        ("segment_stop", "stopping"),
        ("reallocation", "due"),
        ("budget_cut", "over"),
        ("budget_rise", "to come"),
    }
    assert all(impact == (None,) * 7 for impact in impacts.values() if impact[3] is None)
    rise = of(found, "budget_rise")["to come"]
    assert rise["roi_lift_percentage"] == pytest.approx(100 * (3240 / 2090 - 1.5), abs=1e-6)


def test_a_stopped_audience_saves_what_would_still_be_spent() -> None:
    """Nothing where its experiments are over, whatever they cost; and the week, not the whole past, sets the pace."""
    over = [row | {"status": "completed"} for row in WORLD["experiments"]]
    ended = [row | {"end_date": DAY} for row in WORLD["experiments"]]
    for experiments in (over, ended):
        stop = stopped(recommended(WORLD | {"experiments": experiments}))
        assert (stop["cost_savings"], stop["net_impact"]) == (None, None)
    longer = policy_with(marketing__recommendations__pace_days=8)
    stop = stopped(recommended(WORLD, longer))
    # Eight days with 10,699, of which 20 are to come.
    assert stop["cost_savings"] == round(10_699 / 8 * 20, 2)


def test_an_audience_without_conversions_may_have_brought_some() -> None:
    """0 of 28,500 is not 0 for certain: at most three, times the design effect, at what one is worth elsewhere."""
    audiences = [audience("stopping", "stop", roas=0.0, roi=-1.0, conversions=0)]
    campaigns = [
        row | ({"value": 24_000.0, "conversions": 200} if row["campaign_id"] == "live" else {})
        for row in WORLD["campaign_analysis"]
    ]
    world = WORLD | {"segment_portfolio": audiences, "campaign_analysis": campaigns}
    stop = stopped(recommended(world))
    # 1,000 was spent without a conversion, 2,000 would be: up to twice -ln 0.05 x 1.5 of them, worth 120 each.
    most = 2 * -math.log(0.05) * 1.5 * 120
    assert (stop["cost_savings"], stop["net_impact"], stop["net_impact_high"]) == (2000.0, 1970.0, 1970.0)
    assert stop["net_impact_low"] == pytest.approx(1970 - most, abs=0.01)
    # Where a conversion is worth ten times as much, it may be a loss.
    campaigns = [row | {"value": 240_000.0} if row.get("conversions") else row for row in campaigns]
    stop = stopped(recommended(world | {"campaign_analysis": campaigns}))
    assert stop["net_impact_low"] == pytest.approx(1970 - 10 * most, abs=0.01)
    assert stop["net_impact_low"] < 0
    # And where the worth of one is unknown, nothing is claimed.
    stop = stopped(recommended(WORLD | {"segment_portfolio": audiences}))
    assert (stop["net_impact"], stop["net_impact_low"], stop["cost_savings"]) == (None, None, None)


@pytest.mark.parametrize("end", [None, date(9999, 12, 31)])
def test_a_campaign_without_an_end_is_recommended_for(end: date | None) -> None:
    """Impacts are counted for the policy's days, and every text has its words."""
    world = dict(WORLD)
    world["campaigns"] = [row | {"end_date": end} for row in WORLD["campaigns"]]
    world["campaign_analysis"] = [row | {"end_date": None} for row in WORLD["campaign_analysis"]]
    found = recommended(world)
    stop = stopped(found)
    assert stop["cost_savings"] == 3000.0
    assert "planned until further notice" in of(found, "paused_campaign")["resting"]["current_value"]
    # An open end is never over.
    assert "over" not in of(found, "status_out_of_date")


def test_money_moves_between_the_accounts_that_were_proposed(found: Rows) -> None:
    moved = {
        (row["action"], row["from_campaign_id"], row["to_campaign_id"]): row["amount"]
        for row in found
        if row["amount"] is not None
    }
    assert moved == {
        ("reallocate", "short", "due"): 100.0,
        ("decrease_budget", "over", "(reserve)"): 70.0,
        ("increase_budget", "(reserve)", "to come"): 60.0,
    }
    row = of(found, "reallocation")["due"]
    assert (row["current_value"], row["recommended_value"]) == (
        "short (short) 5000.00; due (due) 5000.00",
        "short (short) 100.00 less; due (due) 100.00 more",
    )
    twice = table_of(
        Recommendations, [{"amount": 100.0, "from_campaign_id": "short", "to_campaign_id": "due", "rank": 1}] * 2
    )
    proposals = table_of(BudgetProposals, WORLD["budget_proposals"][:1])
    assert rows_of(money_recommended_otherwise(twice, proposals)) == [{"recommended": 200.0, "proposed": 100.0}]


def test_what_is_undone_and_what_is_looked_into(found: Rows) -> None:
    moves = of(found, "refused_move_executed")
    assert {name: row["action"] for name, row in moves.items()} == {
        "executed": "roll_back",
        "undone": "review",
        "fled": "review",
        "spent": "review",
    }
    assert "should not go back" in moves["fled"]["rationale"]
    assert {name: row["action"] for name, row in of(found, "unapproved_creative").items()} == {
        "shown": "pause",
        "unseen": "review",
        "flagged": "review",
    }
    assert "claim, tone" in of(found, "unapproved_creative")["flagged"]["rationale"]
    assert "critical" in of(found, "critical_risk")["blocked"]["description"]
    assert of(found, "frozen_budget")["blocked resting"]["evidence"] == ["risk_register late"]
    assert "late" in of(found, "paused_campaign")["blocked resting"]["rationale"]
    assert of(found, "irreconcilable_figures")["live"]["evidence"] == [
        "reconciliation live | campaign | spend | ledger | metrics",
        "reconciliation live | campaign | value | ledger | metrics",
    ]


def test_the_order_and_the_ids_are_those_of_the_content(found: Rows) -> None:
    """Rows in another order, and a day later, give the same ids; a risk that falls due keeps its own."""
    shuffled = {name: random.Random(3).sample(rows, len(rows)) for name, rows in WORLD.items()}
    late = [row | ({"is_overdue": True} if row["risk_id"] == "low" else {}) for row in shuffled["risk_register"]]
    again = recommended(shuffled | {"risk_register": late})
    assert {row["recommendation_id"] for row in again} == {row["recommendation_id"] for row in found}
    assert of(again, "overdue_risk")["low"]["recommendation_id"] == of(found, "open_risk")["low"]["recommendation_id"]
    places = [(LEVELS.index(row["priority"]), RULES.index(row["rule"])) for row in found]
    assert places == sorted(places)
    for rule in ("winning_variant", "segment_stop"):
        nets = [row["net_impact"] for row in found if row["rule"] == rule]
        known = [net for net in nets if net is not None]
        assert nets == [*sorted(known, reverse=True), *[None] * (len(nets) - len(known))]


def test_the_policy_decides(found: Rows) -> None:
    """Every priority, the days ahead, the level, the actions that people approve, and what their time costs."""
    assert {row["requires_human_approval"] for row in found if row["action"] in ("pause", "scale", "stop")} == {True}
    assert {row["requires_human_approval"] for row in found if row["action"] in ("review", "mend_tracking")} == {False}
    turned = {"high": "low", "medium": "high", "low": "medium"}
    before = POLICY.marketing.recommendations.priorities.model_dump()
    rules = "marketing__recommendations__"
    changes: dict[str, Any] = {f"{rules}priorities__{rule}": turned[level] for rule, level in before.items()}
    changes |= {f"{rules}approval_needed": ["review"], f"{rules}impact_days": 2, f"{rules}interval_level": 0.5}
    changes |= {"marketing__roi__review_minutes_per_answer": 0.0}
    others = recommended(WORLD, policy_with(**changes))
    assert {row["rule"]: row["priority"] for row in others} == {rule: turned[level] for rule, level in before.items()}
    assert {row["action"] for row in others if row["requires_human_approval"]} == {"review"}
    # Two days instead of twenty, and no review time: 20 of value at 2 of media cost.
    assert of(others, "winning_variant")["wins"]["net_impact"] == 18.0
    stop = next(row for row in others if row["target_id"] == "stopping")
    assert stop["net_impact_low"] == pytest.approx(200 - 80 * 1.0861, abs=0.1)


def test_actions_are_one_list() -> None:
    assert set(ACTIONS) == set(Action.__args__)  # type: ignore[attr-defined]


def test_without_data_there_are_no_recommendations() -> None:
    assert recommended({}) == []
