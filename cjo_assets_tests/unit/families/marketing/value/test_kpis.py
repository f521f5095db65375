"""Tests of the marketing KPIs: each value from its rows, and no substitute for a missing one."""

import math
from datetime import datetime
from typing import Any

import pytest

from cjo_assets.families.marketing.experiments.experiment_arms import ExperimentArms
from cjo_assets.families.marketing.experiments.experiment_evaluations import ExperimentEvaluations
from cjo_assets.families.marketing.governance.budget_governance import BudgetGovernance
from cjo_assets.families.marketing.inputs.campaign_risk_signals import CampaignRiskSignals
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.orchestrator_decisions import OrchestratorDecisions
from cjo_assets.families.marketing.inputs.segment_rollups import SegmentRollups
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance
from cjo_assets.families.marketing.measurement.metric_definitions import metric_definitions
from cjo_assets.families.marketing.value._kpi_measures import DEFINITIONS
from cjo_assets.families.marketing.value.kpi_status import KpiStatus, kpi_status
from cjo_assets.families.marketing.value.kpis import FAMILIES, Kpis, kpis, kpis_that_are_not_their_quotient
from cjo_assets.families.marketing.value.roi_analysis import RoiAnalysis
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import DAY, POLICY, Row, Rows, as_of, by, day, kept, policy_with, rows_of, table_of

NOON, TOMORROW = datetime(2025, 1, 20, 12), datetime(2025, 1, 21)
CONTRACTS: dict[str, Any] = {
    "campaigns": Campaigns,
    "creative_assets": CreativeAssets,
    "experiments": Experiments,
    "orchestrator_decisions": OrchestratorDecisions,
    "campaign_risk_signals": CampaignRiskSignals,
    "segment_rollups": SegmentRollups,
    "asset_performance": AssetPerformance,
    "experiment_arms": ExperimentArms,
    "experiment_evaluations": ExperimentEvaluations,
    "budget_governance": BudgetGovernance,
    "roi_analysis": RoiAnalysis,
}


def rollup(start: int, end: int, clicks: int, conversions: int, spend: float, worth: float, **cells: Any) -> Row:
    """Return a window of one audience."""
    said = {"campaign_id": "A", "segment_id": "S", "clicks": clicks, "conversions": conversions}
    return said | {"window_start": day(start), "window_end": day(end), "spend": spend, "revenue_proxy": worth} | cells


def concluded(name: str, metric: str, effect: float, radius: float, relative: float, **cells: Any) -> Row:
    """Return an experiment that ended and can be read, with 1,000 exposures of its variant."""
    said = {"experiment_id": name, "metric": metric, "phase": "ended", "verdict": "inconclusive"}
    said |= {"reading": "always_valid", "design_effect": 1.5}
    said |= {"variant_exposures": 1000, "absolute_effect": effect, "relative_effect": relative}
    return said | {"absolute_effect_low": effect - radius, "absolute_effect_high": effect + radius} | cells


WORLD: dict[str, Rows] = {
    "campaigns": [
        # Runs for 20 of its days so far, and was last seen at noon.
        {"campaign_id": "A", "start_date": day(-19), "end_date": day(10), "status": "active"},
        # Over after 10 days; it was shown.
        {"campaign_id": "B", "start_date": day(-40), "end_date": day(-31), "status": "completed"},
        # Its day has come: a draft has failed to run, and so has one without exposures.
        {"campaign_id": "draft", "start_date": day(-3), "end_date": day(9), "status": "draft"},
        {"campaign_id": "unseen", "start_date": DAY, "end_date": day(9), "status": "active"},
        {"campaign_id": "later", "start_date": day(1), "end_date": day(9), "status": "active"},
        {"campaign_id": "unknown yet", "start_date": DAY, "end_date": day(9), "created_at": TOMORROW},
    ],
    "asset_performance": [
        {"asset_id": "a", "campaign_id": "A", "snapshots": 3, "impressions": 10, "last_snapshot_at": NOON},
        {"asset_id": "b", "campaign_id": "B", "snapshots": 1, "impressions": 10},
        {"asset_id": "bad", "campaign_id": "A", "snapshots": 1, "impressions": 1},
        {"asset_id": "hidden", "campaign_id": "A", "snapshots": 1, "impressions": 0},
    ],
    "creative_assets": [
        {"asset_id": "a", "approved_by_human": True},
        {"asset_id": "bad", "approved_by_human": False},
        {"asset_id": "hidden", "approved_by_human": False},
        # One audience hears the same on two channels, another does not, a third has one channel alone.
        {
            "segment_id": "S",
            "channel_id": "mail",
            "variant": "A",
            "message_theme": "Saves money",
            "approved_by_human": True,
        },
        {
            "segment_id": "S",
            "channel_id": "ads",
            "variant": "A",
            "message_theme": " saves MONEY ",
            "approved_by_human": True,
        },
        {"segment_id": "T", "channel_id": "mail", "variant": "A", "message_theme": "Fast", "approved_by_human": True},
        {"segment_id": "T", "channel_id": "ads", "variant": "A", "message_theme": "Safe", "approved_by_human": True},
        {"segment_id": "T", "channel_id": "ads", "variant": "B", "message_theme": "New", "approved_by_human": True},
    ],
    "experiments": [
        {"start_date": day(-9), "status": "running"},
        {"start_date": day(-9), "status": "completed"},
        {"start_date": day(-9), "status": "planned"},
        {"start_date": day(1), "status": "running"},
    ],
    "experiment_evaluations": [
        concluded("won", "conversion_rate", 0.010, 0.006, 0.50),
        concluded("lost", "demo_request_rate", -0.004, 0.008, -0.20),
        concluded("clicks", "click_through_rate", 0.2, 0.1, 0.30),
        # Trap M2: no zero for a metric without a definition, and nothing of one that cannot be read or is not over.
        concluded("unknown", "brand_recall", 0.0, 0.1, 0.0, verdict="invalid"),
        concluded("broken", "conversion_rate", 0.9, 0.1, 9.0, verdict="invalid"),
        # Trap M6: nothing is read of what is below the smallest sample, however large its lift.
        concluded("tiny", "conversion_rate", 0.9, 0.1, 9.0, reading=None),
        concluded("running", "conversion_rate", 0.9, 0.1, 9.0, phase="running"),
        concluded("planned", "conversion_rate", 0.9, 0.1, 9.0, phase="not_started"),
    ],
    "experiment_arms": [
        {"experiment_id": name, "arm": arm, "cost": cost, "conversions": conversions}
        for name, arm, cost, conversions in (
            # 10 a conversion; at that price the variant's 20 would have cost 200.
            ("won", "control", 100.0, 10),
            ("won", "variant", 120.0, 20),
            # 5 a conversion, 40 of them: 200, and they cost 260.
            ("lost", "control", 250.0, 50),
            ("lost", "variant", 260.0, 40),
            # Without a conversion there is no price.
            ("clicks", "control", 1e6, 0),
            ("clicks", "variant", 1.0, 5),
            ("broken", "control", 1e6, 1),
            ("broken", "variant", 1.0, 1),
            ("tiny", "control", 1e6, 1),
            ("tiny", "variant", 1.0, 1),
        )
    ],
    "orchestrator_decisions": [
        {
            "human_override": True,
            "timestamp": NOON,
            "insight_at": datetime(2025, 1, 20, 6),
            "evaluation_latency_seconds": 2.0,
        },
        {"timestamp": NOON, "insight_at": datetime(2025, 1, 20, 2), "evaluation_latency_seconds": 4.0},
        {"timestamp": NOON},
        {"timestamp": TOMORROW, "human_override": True, "evaluation_latency_seconds": 9e9},
    ],
    "budget_governance": [
        {"proposed_by": "orchestrator", "approval_state": "approved", "amount": 1.0, "violations": ["executed"]},
        {"proposed_by": "orchestrator", "approval_state": "pending", "amount": 1.0},
        {"proposed_by": "human", "approval_state": "approved", "amount": 1.0},
    ],
    "campaign_risk_signals": [
        # The creative is counted already; the campaign as such is not.
        {"risk_type": "policy_violation", "asset_ids": ["bad"], "status": "open", "timestamp": NOON},
        {"risk_type": "policy_violation", "asset_ids": [], "status": "mitigated", "timestamp": NOON},
        {"risk_type": "policy_violation", "asset_ids": ["x"], "status": "dismissed", "timestamp": NOON},
        {"risk_type": "policy_violation", "asset_ids": ["y"], "status": "open", "timestamp": TOMORROW},
        {"risk_type": "brand_safety", "asset_ids": ["z"], "status": "open", "timestamp": NOON},
    ],
    "segment_rollups": [
        rollup(-29, -20, 1, 1, 9.0, 0.0),
        rollup(-19, -10, 100, 10, 200.0, 100.0),
        rollup(-9, 0, 100, 12, 100.0, 200.0),
        # Not over yet; overlapping; without a window before it.
        rollup(1, 9, 9, 9, 9.0, 0.0),
        rollup(-19, -5, 50, 5, 50.0, 60.0, segment_id="T"),
        rollup(-9, 0, 50, 5, 50.0, 40.0, segment_id="T"),
        rollup(-9, 0, 50, 5, 50.0, 40.0, segment_id="U"),
    ],
    "roi_analysis": [
        {"total_estimated_value": 1500.0, "value_assumption": 1000.0, "total_net_roi": 500.0, "total_cost": 1000.0}
        | {"roi_status": "positive"}
    ],
}
# value, numerator, denominator, n, status, basis
BY_HAND: dict[str, tuple[float, float, float | None, int, str, str]] = {
    "campaign_execution_success_rate": (0.5, 2, 4, 4, "at_risk", "measured"),
    "average_latency_seconds": (3, 6, 2, 2, "not_distinguishable", "measured"),
    # One decision of three overridden, one proposal of two answered.
    "human_review_frequency": (0.4, 2, 5, 5, "at_risk", "measured"),
    # A move, a shown creative without approval, and a signal about a campaign.
    "policy_violation_count": (3, 3, None, 3 + 2 + 4, "critical", "measured"),
    "experiment_setup_errors": (2, 2, None, 7, "critical", "measured"),
    "data_freshness_hours": (12, 12, 1, 1, "critical", "measured"),
    # Two begun; 20 + 10 + 1 days.
    "experiment_velocity": (2 / (31 / 30), 2, 31 / 30, 31, "exceeded", "measured"),
    "average_lift_percentage": (20, 60, 3, 3, "not_distinguishable", "measured"),
    "messaging_consistency_score": (0.5, 1, 2, 2, "at_risk", "proxy"),
    "insight_to_action_time_hours": (8, 16, 2, 2, "not_distinguishable", "measured"),
    "targeting_precision_improvement": (0.2, 0.02, 0.1, 1, "not_distinguishable", "proxy"),
    # (10 - 4) conversions of 2,000 exposures.
    "conversion_rate_delta": (0.003, 6, 2000, 2, "not_distinguishable", "measured"),
    "cpa_reduction_percentage": (0.05, 20, 400, 2, "not_distinguishable", "measured"),
    "marketing_attributed_revenue": (1500, 1500, None, 6, "not_distinguishable", "assumption"),
    "wasted_spend_reduction": (1, 1, 1, 1, "not_distinguishable", "assumption"),
    "roi_estimate": (0.5, 500, 1000, 6, "not_distinguishable", "assumption"),
}


def measured(world: dict[str, Rows], policy: Policy = POLICY) -> dict[str, Row]:
    """Return the KPIs of a world; what it does not name is empty."""
    tables = {name: table_of(contract, world.get(name, [])) for name, contract in CONTRACTS.items()}
    found = kpis(**tables, metric_definitions=metric_definitions(policy), as_of=as_of(), policy=policy)
    rows = kept(Kpis, found, policy=policy)
    return by("kpi", rows)


def without_day(rows: Rows) -> Rows:
    """Return rows as a transform sees them."""
    return [{name: value for name, value in row.items() if name != "as_of"} for row in rows]


def families(rows: Rows, policy: Policy = POLICY) -> dict[str, Row]:
    """Return the status of each family."""
    return by("family", kept(KpiStatus, kpi_status(table_of(Kpis, without_day(rows)), policy), policy=policy))


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    """Return the KPIs of the world."""
    return measured(WORLD)


def test_every_kpi_by_hand(found: dict[str, Row]) -> None:
    names = ("value", "numerator", "denominator", "n", "status", "basis")
    for kpi, expected in BY_HAND.items():
        for name, value in zip(names, expected, strict=True):
            is_number = isinstance(value, (int, float))
            assert found[kpi][name] == (pytest.approx(value, abs=1e-6) if is_number else value), (kpi, name)
    assert found.keys() == BY_HAND.keys()


def test_every_target_is_of_a_kpi_and_every_kpi_has_one(found: dict[str, Row]) -> None:
    rules = POLICY.marketing.kpis
    targets = {name: target for group in FAMILIES.values() for name, target in getattr(rules, group)}
    assert targets.keys() == DEFINITIONS.keys() == found.keys()
    # The revenue to be reached is the one target that is calculated: what it cost.
    assert {kpi: row["target"] for kpi, row in found.items()} == targets | {"marketing_attributed_revenue": 1000.0}
    assert all(row["definition"] and row["note"] and row["status"] for row in found.values())


def test_values_are_quotients_within_their_intervals(found: dict[str, Row]) -> None:
    rows = without_day(list(found.values()))
    assert not rows_of(kpis_that_are_not_their_quotient(table_of(Kpis, rows)))
    wrong = [row | ({"value": 9.0} if row["kpi"] == "roi_estimate" else {}) for row in rows]
    wrong = [row | ({"interval_high": 0.0} if row["kpi"] == "human_review_frequency" else {}) for row in wrong]
    offenders = rows_of(kpis_that_are_not_their_quotient(table_of(Kpis, wrong)))
    assert {row["kpi"] for row in offenders} == {"roi_estimate", "human_review_frequency"}


def test_intervals_by_hand(found: dict[str, Row]) -> None:
    z = 1.6448536269514722
    low, high = found["conversion_rate_delta"]["interval_low"], found["conversion_rate_delta"]["interval_high"]
    # Radii of 6 and 8 conversions at 95 % make one of 10, on 2,000 exposures, at 90 %.
    assert (high - low) / 2 == pytest.approx(10 / 2000 * z / 1.959963984540054, abs=1e-6)
    # Conversions vary half as much again as counts do; each experiment is weighed with what it would have cost.
    doubt = math.sqrt(200**2 * 1.5 * (1 / 10 + 1 / 20) + 200**2 * 1.5 * (1 / 50 + 1 / 40)) / 400
    cost = found["cpa_reduction_percentage"]
    assert cost["interval_low"] == pytest.approx(1 - 0.95 * math.exp(z * doubt), abs=1e-6)
    assert cost["interval_high"] == pytest.approx(1 - 0.95 * math.exp(-z * doubt), abs=1e-6)
    precision = found["targeting_precision_improvement"]
    reach = z * math.sqrt(0.88 / 12 + 0.9 / 10)
    assert precision["interval_high"] == pytest.approx(1.2 * math.exp(reach) - 1, abs=1e-6)
    lift = found["average_lift_percentage"]
    assert lift["interval_low"] < 0
    assert lift["interval_high"] > 20
    assert found["roi_estimate"]["interval_low"] is None


def test_on_no_data_nothing_is_on_track() -> None:
    """Trap M14: what cannot be measured is reported with the missing input; so are the families."""
    empty = measured({})
    assert {row["status"] for row in empty.values()} == {"not_measurable"}
    assert {(row["value"], row["numerator"], row["attainment"], row["n"]) for row in empty.values()} == {
        (None, None, None, 0)
    }
    assert {kpi: row["note"] for kpi, row in empty.items()} == {kpi: said.missing for kpi, said in DEFINITIONS.items()}
    assert "insight_at" in empty["insight_to_action_time_hours"]["note"]
    assert "evaluation_latency_seconds" in empty["average_latency_seconds"]["note"]
    judged = families(list(empty.values()))
    assert {name: (row["status"], row["worst_kpi"]) for name, row in judged.items()} == dict.fromkeys(
        FAMILIES, ("not_measurable", None)
    )


def test_families_name_their_worst_member(found: dict[str, Row]) -> None:
    judged = families(list(found.values()))
    picked = ("status", "worst_kpi", "worst_status", "kpis", "measured", "critical", "at_risk", "exceeded")
    picked += ("not_distinguishable",)
    assert {name: tuple(row[column] for column in picked) for name, row in judged.items()} == {
        "operational_health": ("critical", "experiment_setup_errors", "critical", 6, 6, 3, 5, 0, 1),
        # A proxy does not count for its family. Velocity is counted and exceeds; the rest may be chance.
        "campaign_impact": (
            *("not_distinguishable", "insight_to_action_time_hours", "not_distinguishable"),
            *(5, 3, 0, 0, 1, 2),
        ),
        "business_value": ("not_distinguishable", "cpa_reduction_percentage", "not_distinguishable", 5, 2, 0, 0, 0, 2),
    }
    assert judged["campaign_impact"]["worst_attainment"] == 0.75
    assert {(row["warning_threshold"], row["critical_threshold"]) for row in judged.values()} == {(0.8, 0.5)}


def test_no_target_is_exceeded_on_an_inconclusive_experiment() -> None:
    """One experiment, p = 0.215: an effect of 0.002 in [-0.0012, 0.0052], a lift of 28.7 % and a cheaper conversion."""
    world = {
        "experiment_evaluations": [concluded("one", "conversion_rate", 0.002, 0.0032, 0.287)],
        "experiment_arms": [
            {"experiment_id": "one", "arm": arm, "cost": 181.0, "conversions": conversions}
            for arm, conversions in (("control", 28), ("variant", 36))
        ],
    }
    rows = measured(world)
    found = {name: rows[name]["status"] for name in BY_HAND if rows[name]["basis"] == "measured"}
    assert found == {
        "experiment_setup_errors": "on_track",
        "average_lift_percentage": "not_distinguishable",
        "conversion_rate_delta": "not_distinguishable",
        "cpa_reduction_percentage": "not_distinguishable",
    }
    # Conversions of both arms are 64: 1 - 28/36 = 0.22, and the interval of its logarithm reaches 0.
    reach = 1.6448536269514722 * math.sqrt(1.5 * (1 / 28 + 1 / 36))
    cost = rows["cpa_reduction_percentage"]
    assert (cost["value"], cost["interval_low"]) == pytest.approx(
        (1 - 28 / 36, 1 - 28 / 36 * math.exp(reach)), abs=1e-6
    )
    assert cost["interval_low"] < 0
    judged = families(list(rows.values()))
    assert judged["business_value"]["status"] == "not_distinguishable"
    assert judged["campaign_impact"]["status"] == "not_measurable"


def test_few_conversions_are_no_reduction_of_their_price() -> None:
    """Of an arm, or of a window, with fewer than five conversions nothing is measured; at five it is."""

    def found(conversions: int) -> tuple[float | None, float | None]:
        world = {
            "experiment_evaluations": [concluded("one", "conversion_rate", 0.002, 0.0032, 0.287)],
            "experiment_arms": [
                {"experiment_id": "one", "arm": "control", "cost": 100.0, "conversions": conversions},
                {"experiment_id": "one", "arm": "variant", "cost": 100.0, "conversions": 10},
            ],
            "segment_rollups": [
                rollup(-19, -10, 100, 10, 10.0, 10.0),
                rollup(-9, 0, 100, conversions, 10.0, 10.0),
            ],
        }
        rows = measured(world)
        return rows["cpa_reduction_percentage"]["value"], rows["targeting_precision_improvement"]["value"]

    assert found(4) == (None, None)
    # Ten conversions for the price of five; half as many per click as before.
    assert found(5) == (0.5, -0.5)


def test_of_two_at_risk_the_one_without_any_attainment_is_worse() -> None:
    family = next(iter(FAMILIES))
    rows = [
        {"family": family, "kpi": kpi, "status": "at_risk", "basis": "measured", "attainment": attainment}
        for kpi, attainment in (("a", 0.6), ("b", None), ("c", 0.7))
    ]
    [row] = families(rows).values()
    assert (row["worst_kpi"], row["worst_attainment"]) == ("b", None)


def test_the_policy_decides(found: dict[str, Row]) -> None:
    """Every target, both thresholds, the share that must be measured, the level and the words of violations."""
    rules = POLICY.marketing.kpis
    changes: dict[str, Any] = {
        f"marketing__kpis__{group}__{name}": target + 7.0
        for group in FAMILIES.values()
        for name, target in getattr(rules, group)
    }
    fewest = measured(WORLD, policy_with(marketing__kpis__minimum_events=11))
    assert fewest["targeting_precision_improvement"]["status"] == "not_measurable"
    # Of the two experiments the one with 50 and 40 conversions is left: 200 became 260.
    assert fewest["cpa_reduction_percentage"]["value"] == pytest.approx(-0.3)
    changes |= {"marketing__kpis__interval_level": 0.5, "marketing__kpis__violation_risk_types": ["brand_safety"]}
    changes |= {"marketing__kpis__kpi_warning_threshold": 0.95, "marketing__kpis__kpi_critical_threshold": 0.2}
    others = measured(WORLD, policy_with(**changes))
    # 20 percent may as well be 22; 1.9 of 8.5 experiments are counted.
    assert (others["average_lift_percentage"]["status"], others["experiment_velocity"]["status"]) == (
        "not_distinguishable",
        "at_risk",
    )
    targets = {name: target + 7.0 for group in FAMILIES.values() for name, target in getattr(rules, group)}
    assert {kpi: row["target"] for kpi, row in others.items()} == targets
    # The signal about brand safety, instead of the one about a campaign and the one about the creative.
    assert others["policy_violation_count"]["value"] == 3
    before, after = (rows["conversion_rate_delta"] for rows in (found, others))
    assert before["interval_low"] < after["interval_low"] < after["interval_high"] < before["interval_high"]
    strict = policy_with(marketing__kpis__kpi_warning_threshold=0.9, marketing__kpis__kpi_critical_threshold=0.85)
    missed = [{"family": "business_value", "kpi": "x", "attainment": 0.8, "status": "at_risk", "basis": "measured"}]
    assert families(missed, strict)["business_value"]["warning_threshold"] == 0.9
    dark = [
        {"family": "business_value", "kpi": kpi, "status": "on_track", "basis": basis}
        for kpi, basis in (("x", "measured"), ("y", "proxy"))
    ]
    for least, status in ((0.5, "on_track"), (0.6, "not_measurable")):
        policy = policy_with(marketing__kpis__minimum_measured_share=least)
        assert families(dark, policy)["business_value"]["status"] == status
    assert measured(WORLD, policy_with(marketing__kpis__enable_kpi_tracking=False)) == {}
