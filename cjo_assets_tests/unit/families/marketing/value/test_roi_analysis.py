"""Tests of cost and value of marketing: each part by hand, one return on investment, and proved value apart."""

import math
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pytest

from cjo_assets.families.marketing.experiments.experiment_arms import ExperimentArms
from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.governance.budget_governance import BudgetGovernance
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets.families.marketing.inputs.orchestrator_decisions import OrchestratorDecisions
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.inputs.roi_ledger import RoiLedger
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance, asset_performance
from cjo_assets.families.marketing.measurement.metric_definitions import MetricDefinitions, metric_definitions
from cjo_assets.families.marketing.value.roi_analysis import RoiAnalysis, roi_analysis, totals_that_do_not_sum
from cjo_assets.families.marketing.value.roi_components import (
    RoiComponents,
    amounts_that_are_not_their_product,
    roi_components,
    values_that_miss_the_estimate,
    verdicts_without_proof,
)
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    days_of,
    kept,
    policy_with,
    rows_of,
    table_of,
)

NOW, TOMORROW = datetime(2025, 1, 20, 23, 59), datetime(2025, 1, 21)
CONTRACTS = {
    "asset_performance": AssetPerformance,
    "campaigns": Campaigns,
    "roi_ledger": RoiLedger,
    "orchestrator_decisions": OrchestratorDecisions,
    "funnel_events": FunnelEvents,
    "budget_governance": BudgetGovernance,
    "experiment_arms": ExperimentArms,
    "experiment_evaluations": ExperimentEvaluations,
}
# A is in the ledger, B is not; F is set up tomorrow and its entry is not known yet.
WORLD: dict[str, Rows] = {
    "campaigns": [
        {"campaign_id": "A", "start_date": day(-29), "end_date": day(10), "status": "active"},
        {"campaign_id": "B", "start_date": day(-5), "end_date": day(5), "status": "active"},
        {"campaign_id": "F", "created_at": TOMORROW, "start_date": day(1), "end_date": day(9), "status": "active"},
        {"campaign_id": "draft", "start_date": day(-99), "end_date": day(9), "status": "draft"},
    ],
    "roi_ledger": [
        {"campaign_id": "A", "llm_cost": 10.0, "human_review_cost": 60.0, "media_spend": 252.0}
        | {"estimated_value": 1234.0},
        {"campaign_id": "F", "llm_cost": 999.0, "human_review_cost": 999.0},
    ],
    "asset_performance": [
        {"asset_id": "control", "experiment_id": "X", "campaign_id": "A", "snapshots": 4}
        | {"cost": 100.0, "revenue_proxy": 500.0, "conversions": 10, "impressions": 1000}
        | {"first_snapshot_at": datetime(2025, 1, 5), "last_snapshot_at": NOW},
        {"asset_id": "variant", "experiment_id": "X", "campaign_id": "A", "snapshots": 4}
        | {"cost": 150.0, "revenue_proxy": 1000.0, "conversions": 20, "impressions": 1000}
        | {"first_snapshot_at": datetime(2025, 1, 5), "last_snapshot_at": NOW},
        {"asset_id": "other", "experiment_id": "Y", "campaign_id": "B", "snapshots": 1, "cost": 50.0}
        | {"first_snapshot_at": datetime(2025, 1, 16), "last_snapshot_at": NOW},
    ],
    "orchestrator_decisions": [
        {"campaign_id": "A", "human_override": True, "timestamp": NOW},
        {"campaign_id": "B", "human_override": True, "timestamp": NOW},
        {"campaign_id": "B", "timestamp": NOW},
        {"campaign_id": "B", "timestamp": NOW},
        {"campaign_id": "B", "timestamp": TOMORROW},
    ],
    "budget_governance": [
        {"campaign_id": "B", "amount": 9.0, "approval_state": "approved", "is_executed": True},
        {"campaign_id": "B", "amount": 9.0, "approval_state": "pending"},
        {"campaign_id": "A", "amount": 9.0, "approval_state": "rejected"},
    ],
    "funnel_events": [{"timestamp": NOW}, {"timestamp": NOW}, {"timestamp": TOMORROW}],
    "experiment_arms": [
        {"experiment_id": name, "arm": arm, "conversions": conversions, "revenue_proxy": revenue}
        for name in ("X", "Y", "Z", "open")
        for arm, conversions, revenue in (("control", 10, 500.0), ("variant", 20, 1000.0))
    ],
    "experiment_evaluations": [
        {"experiment_id": "X", "metric": "conversion_rate", "verdict": "scale_variant", "reading": "fixed_horizon"}
        | {"variant_exposures": 1000, "absolute_effect": 0.01, "absolute_effect_low": 0.004}
        | {"absolute_effect_high": 0.016, "always_valid_low": -0.5, "always_valid_high": 0.5},
        # A loss is as much our doing; it was read every day.
        {"experiment_id": "Z", "metric": "demo_request_rate", "verdict": "stop", "reading": "always_valid"}
        | {"variant_exposures": 500, "absolute_effect": -0.002, "absolute_effect_low": -0.9}
        | {"absolute_effect_high": 0.9, "always_valid_low": -0.003, "always_valid_high": -0.001},
        # Clicks are no conversions, and what is still open proves nothing.
        {"experiment_id": "Y", "metric": "click_through_rate", "verdict": "scale_variant", "reading": "fixed_horizon"}
        | {"variant_exposures": 1000, "absolute_effect": 0.5},
        {"experiment_id": "open", "metric": "conversion_rate", "verdict": "continue", "reading": "always_valid"}
        | {"variant_exposures": 1000, "absolute_effect": 0.5},
    ],
}
# quantity, unit price, amount, records; interval of what was compared
BY_HAND: dict[tuple[str, str], tuple[float | None, float, float | None, int]] = {
    ("media_spend", "measured"): (300.0, 1.0, 300.0, 9),
    # 252 against 250 is within tolerance.
    ("media_spend", "booked"): (0.0, 1.0, 0.0, 0),
    ("llm_cost", "booked"): (10.0, 1.0, 10.0, 1),
    ("llm_cost", "assumption"): (3.0, 0.01, 0.03, 3),
    ("human_review_cost", "booked"): (60.0, 1.0, 60.0, 1),
    # One override and one answer on B, half an hour each.
    ("human_review_cost", "assumption"): (1.0, 60.0, 60.0, 2),
    ("infrastructure", "assumption"): (1.0, 500.0, 500.0, 30),
    # 9 snapshots, 2 events, 1 executed move.
    ("api_calls", "assumption"): (12.0, 0.001, 0.01, 12),
    # 1000 x 0.01 x 50 - 500 x 0.002 x 50: what is left of 1,500 was compared with nothing.
    ("estimated_value", "randomised"): (450.0, 1.0, 450.0, 2),
    ("estimated_value", "assumption"): (1050.0, 1.0, 1050.0, 9),
}


def components(world: dict[str, Rows], policy: Policy = POLICY) -> Rows:
    """Return the components of a world."""
    tables = {name: table_of(contract, world.get(name, [])) for name, contract in CONTRACTS.items()}
    found = roi_components(
        **tables,
        metric_definitions=table_of(MetricDefinitions, rows_of(metric_definitions(policy))),
        as_of=as_of(),
        policy=policy,
    )
    rows = kept(RoiComponents, found, policy=policy)
    table = table_of(RoiComponents, [{name: value for name, value in row.items() if name != "as_of"} for row in rows])
    assert not rows_of(amounts_that_are_not_their_product(table))
    assert not rows_of(missed(table, world, policy))
    return rows


def missed(parts: ir.Table, world: dict[str, Rows], policy: Policy = POLICY) -> ir.Table:
    """Return what the check finds that adds up snapshots and ledger again, with one snapshot per asset."""
    shown = world.get("asset_performance", [])
    snapshots = [
        {name: row[name] for name in ("asset_id", "experiment_id", "cost", "revenue_proxy") if name in row}
        | {"timestamp": row.get("last_snapshot_at", NOW)}
        for row in shown
    ]
    return values_that_miss_the_estimate(
        parts,
        table_of(PerformanceMetrics, snapshots),
        table_of(CreativeAssets, [{name: row[name] for name in ("asset_id", "campaign_id")} for row in shown]),
        table_of(Campaigns, world.get("campaigns", [])),
        table_of(RoiLedger, world.get("roi_ledger", [])),
        as_of(),
        policy,
    )


def totals(parts: Rows, world: dict[str, Rows]) -> Row:
    """Return the totals of components."""
    table = days_of(RoiComponents, parts).drop("as_of")
    names = ("asset_performance", "campaigns", "roi_ledger", "experiment_evaluations")
    found = roi_analysis(
        table,
        **{name: table_of(CONTRACTS[name], world.get(name, [])) for name in names},
        metric_definitions=table_of(MetricDefinitions, rows_of(metric_definitions(POLICY))),
        as_of=as_of(),
        policy=POLICY,
    )
    [row] = kept(RoiAnalysis, found)
    again = days_of(RoiAnalysis, [row]).drop("as_of")
    assert not rows_of(totals_that_do_not_sum(again, table))
    return row


def test_parts_and_totals_by_hand() -> None:
    """Trap M10: one return on investment over all cost; the return on media spend is a separate figure."""
    parts = components(WORLD)
    found = by(("component", "evidence_grade"), parts)
    assert {
        key: (row["quantity"], row["unit_price"], row["amount"], row["records"]) for key, row in found.items()
    } == BY_HAND
    proved = found["estimated_value", "randomised"]
    # 500 reaches 300 to either side, -50 reaches 25: together the root of the sum of their squares.
    reach = math.sqrt(300**2 + 25**2)
    assert (proved["amount_low"], proved["amount_high"]) == (round(450 - reach, 2), round(450 + reach, 2))
    assert {row["assumption"] != "" and row["rests_on"] != "" for row in parts} == {True}
    total = totals(parts, WORLD)
    cost = 300 + 10.03 + 120 + 500 + 0.01
    assert (
        total
        | {
            "total_media_spend": 300.0,
            "total_llm_cost": 10.03,
            "total_human_review_cost": 120.0,
            "total_infrastructure_cost": 500.0,
            "total_api_cost": 0.01,
            "total_cost": cost,
            "total_estimated_value": 1500.0,
            "value_randomised": 450.0,
            "value_assumption": 1050.0,
            "total_net_roi": 569.96,
            "net_without_assumption": -480.04,
            "net_without_assumption_low": round(-480.04 - reach, 2),
            "net_without_assumption_high": round(-480.04 + reach, 2),
            "net_without_assumption_status": "negative",
            "media_spend_measured": 300.0,
            "media_spend_booked": 252.0,
            "media_spend_residual": 2.0,
            "value_residual": -266.0,
            "campaigns_by_ledger": 0,
            "unproved_experiments": [],
            "roas": 5.0,
            "roi_status": "positive",
            "value_evidence_grade": "assumption",
            "window_start": day(-29),
            "window_end": DAY,
        }
        == total
    )
    assert total["roi_percentage"] == pytest.approx(100 * 569.96 / 930.04, abs=1e-6)


def test_a_proof_needs_an_interval_that_leaves_out_0() -> None:
    """5,100 of 100,000 against 5,000 of 100,000, p = 0.40: stopped as too small, and nothing is proved."""
    verdict: Row = {"metric": "conversion_rate", "variant_exposures": 100_000, "absolute_effect": 0.001}
    fixed = {"reading": "fixed_horizon", "absolute_effect_low": -0.00135, "absolute_effect_high": 0.00335}
    daily = {"reading": "always_valid", "absolute_effect_low": 0.0001, "absolute_effect_high": 0.0019}
    tests: Rows = [
        verdict | fixed | {"experiment_id": "SMALL", "verdict": "stop", "rule": "lift_too_small"},
        # The interval for one look leaves out 0, the one that decides does not.
        verdict | daily | {"experiment_id": "LOOKED", "verdict": "stop", "rule": "guardrail_harmed"}
        | {"always_valid_low": -0.0001, "always_valid_high": 0.0021},
    ]  # fmt: skip
    arms: Rows = [
        {"experiment_id": name, "arm": arm, "conversions": conversions, "revenue_proxy": 50.0 * conversions}
        for name in ("SMALL", "LOOKED")
        for arm, conversions in (("control", 5000), ("variant", 5100))
    ]
    world = {**WORLD, "experiment_evaluations": tests, "experiment_arms": arms}
    total = totals(components(world), world)
    assert (total["value_randomised"], total["value_randomised_low"], total["value_assumption"]) == (0.0, None, 1500.0)
    assert total["net_without_assumption"] == -total["total_cost"]
    assert total["net_without_assumption_status"] == "nothing_proved"
    assert total["unproved_experiments"] == ["LOOKED", "SMALL"]
    given = table_of(ExperimentEvaluations, tests), table_of(MetricDefinitions, rows_of(metric_definitions(POLICY)))
    assert {row["experiment_id"] for row in rows_of(verdicts_without_proof(*given))} == {"SMALL", "LOOKED"}


def test_a_proof_that_may_not_cover_its_cost_is_no_verdict() -> None:
    """1,000 [600, 1,400] is proved; of a cost of 930.04 it leaves something or not, and the status shows it."""
    test: Row = {"experiment_id": "X", "metric": "conversion_rate", "verdict": "scale_variant"}
    test |= {"reading": "fixed_horizon", "variant_exposures": 1000, "absolute_effect": 0.02}
    test |= {"absolute_effect_low": 0.012, "absolute_effect_high": 0.028}
    world = {**WORLD, "experiment_evaluations": [test]}
    total = totals(components(world), world)
    ends = ("value_randomised", "value_randomised_low", "value_randomised_high")
    assert tuple(total[name] for name in ends) == (1000.0, 600.0, 1400.0)
    assert (total["net_without_assumption_low"], total["net_without_assumption_high"]) == (-330.04, 469.96)
    assert total["net_without_assumption_status"] == "not_distinguishable"


def test_all_cost_has_the_media_that_the_ledger_books() -> None:
    """5,000 booked, of which the snapshots of one experiment show 362: one record gives both spend and value."""
    shown: Rows = [
        {"asset_id": name, "experiment_id": "E", "campaign_id": "A", "snapshots": 1, "cost": cost}
        | {"revenue_proxy": worth, "first_snapshot_at": NOW, "last_snapshot_at": NOW}
        for name, cost, worth in (("A1", 180.0, 3150.0), ("A2", 182.0, 4100.0))
    ]
    booked: Row = {"campaign_id": "A", "llm_cost": 42.75, "human_review_cost": 180.0, "media_spend": 5000.0}
    run: Row = {"campaign_id": "A", "start_date": day(-14), "end_date": day(15), "status": "active"}
    # Nothing was measured of B: the ledger has all that is known, and belongs to both sides.
    other: Row = {"campaign_id": "B", "llm_cost": 0.0, "human_review_cost": 0.0, "media_spend": 100.0}
    world: dict[str, Rows] = {
        "campaigns": [run, run | {"campaign_id": "B"}],
        "asset_performance": shown,
        "roi_ledger": [booked | {"estimated_value": 7000.0}, other | {"estimated_value": 30.0}],
    }
    parts = components(world)
    amounts = {(row["component"], row["evidence_grade"]): row["amount"] for row in parts}
    assert (amounts["media_spend", "measured"], amounts["media_spend", "booked"]) == (362.0, 4738.0)
    total = totals(parts, world)
    # 15 of 30 days of 500, and two snapshots read.
    cost = 5000 + 100 + 42.75 + 180 + 250
    assert (total["total_media_spend"], total["total_cost"]) == (5100.0, cost)
    assert (total["total_estimated_value"], total["roas"]) == (7030.0, pytest.approx(7030 / 5100, abs=1e-6))
    assert total["roi_percentage"] == pytest.approx(100 * (7030 - cost) / cost, abs=1e-6)
    records = ("media_spend_measured", "media_spend_booked", "media_spend_residual", "value_residual")
    assert tuple(total[name] for name in records) == (362.0, 5100.0, 4638.0, -250.0)
    assert total["campaigns_by_ledger"] == 2


@pytest.mark.parametrize(("cost", "right"), [(0.004, 1.92), (0.006, 2.88)])
def test_amounts_below_a_cent_are_not_lost(cost: float, right: float) -> None:
    """480 hourly snapshots: each rounded by itself would make 0.00 or 4.80."""
    snapshots = [
        {"asset_id": "A", "experiment_id": "E", "timestamp": datetime(2025, 1, 1) + timedelta(hours=hour)}
        | {"cost": cost, "revenue_proxy": cost}
        for hour in range(466)
    ]
    snapshots += [row | {"experiment_id": "F"} for row in snapshots[:14]]
    metrics, assets = table_of(PerformanceMetrics, snapshots), table_of(CreativeAssets, [{"asset_id": "A"}])
    found = kept(AssetPerformance, asset_performance(metrics, assets, as_of(), POLICY))
    campaign_id = found[0]["campaign_id"]
    assert sum(row["cost"] for row in found) == pytest.approx(right)
    campaigns = table_of(Campaigns, [{"campaign_id": campaign_id, "status": "active"}])

    def check(spend: float) -> Rows:
        parts = [
            {"component": "media_spend", "kind": "cost", "evidence_grade": "measured", "amount": spend},
            {"component": "estimated_value", "kind": "value", "evidence_grade": "assumption", "amount": spend},
        ]
        table, ledger = table_of(RoiComponents, parts), table_of(RoiLedger, [])
        return rows_of(values_that_miss_the_estimate(table, metrics, assets, campaigns, ledger, as_of(), POLICY))

    assert not check(right)
    assert check(0.0)
    assert check(4.80)


def test_prices_are_the_policys() -> None:
    """Every price of the section changes the part that it is the price of."""
    prices = {
        "cost_per_human_review_hour": 120.0,
        "review_minutes_per_answer": 60.0,
        "cost_per_llm_call": 0.02,
        "cost_per_api_call": 1.0,
        "infrastructure_cost_per_month": 900.0,
    }
    found = by(
        ("component", "evidence_grade"),
        components(WORLD, policy_with(**{f"marketing__roi__{name}": value for name, value in prices.items()})),
    )
    amounts = {
        component: row["amount"]
        for (component, grade), row in found.items()
        if row["kind"] == "cost" and grade == "assumption"
    }
    assert amounts == {"llm_cost": 0.06, "human_review_cost": 240.0, "infrastructure": 900.0, "api_calls": 12.0}


def test_infrastructure_is_paid_while_campaigns_run() -> None:
    over: Row = {"campaign_id": "A", "start_date": day(-100), "end_date": day(-41), "status": "completed"}
    [row] = [row for row in components({"campaigns": [over]}) if row["component"] == "infrastructure"]
    assert (row["records"], row["amount"]) == (60, 1000.0)


def test_what_was_not_measured_is_not_nothing() -> None:
    """Trap M14: without any snapshot there is neither spend nor value, and no status that looks like one."""
    parts = components({"campaigns": WORLD["campaigns"]})
    amounts = {(row["component"], row["evidence_grade"]): row["amount"] for row in parts}
    assert amounts["media_spend", "measured"] is None
    assert amounts["estimated_value", "assumption"] is None
    total = totals(parts, {"campaigns": WORLD["campaigns"]})
    assert (total["roi_status"], total["roi_percentage"], total["total_cost"], total["roas"]) == (
        "not_measurable",
        None,
        None,
        None,
    )
    assert total["total_infrastructure_cost"] == 500.0


@pytest.mark.parametrize(
    ("spend", "worth", "status", "grade"),
    [
        (100.0, 100.0, "neutral", "assumption"),
        (100.0, 100.01, "positive", "assumption"),
        (100.0, 99.99, "negative", "assumption"),
        (100.0, 0.0, "negative", None),
        (0.0, 5.0, "not_measurable", "assumption"),
    ],
)
def test_the_status_is_the_sign_of_the_net(spend: float, worth: float, status: str, grade: str | None) -> None:
    def part(component: str, kind: str, evidence: str, amount: float) -> dict[str, Any]:
        return {"as_of": DAY, "component": component, "kind": kind, "evidence_grade": evidence, "amount": amount}

    parts = [
        part("media_spend", "cost", "measured", spend),
        part("estimated_value", "value", "randomised", 0.0),
        part("estimated_value", "value", "assumption", worth),
    ]
    total = totals(parts, {})
    assert (total["roi_status"], total["value_evidence_grade"]) == (status, grade)
    assert (total["roi_percentage"] is None) == (spend == 0)
