"""Tests of the lifecycle KPIs: each value from its rows, and no substitute for a missing one."""

import math
from typing import Any

import ibis
import pytest
from scipy import stats

from cjo_assets.families.lifecycle.experiments.variant_decisions import VariantDecisions
from cjo_assets.families.lifecycle.experiments.variant_posteriors import VariantPosteriors
from cjo_assets.families.lifecycle.inputs.conversations import Conversations
from cjo_assets.families.lifecycle.money.mrr_bridge import MrrBridge
from cjo_assets.families.lifecycle.operation.config_changes import ConfigChanges
from cjo_assets.families.lifecycle.operation.model_costs import ModelCosts
from cjo_assets.families.lifecycle.operation.sla_compliance import SlaCompliance
from cjo_assets.families.lifecycle.people.agent_scorecard import AgentScorecard
from cjo_assets.families.lifecycle.pipeline.client_pipeline import ClientPipeline
from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics
from cjo_assets.families.lifecycle.value.automation_rates import AutomationRates
from cjo_assets.families.lifecycle.value.kpi_status import KpiStatus, kpi_status
from cjo_assets.families.lifecycle.value.kpis import (
    Kpis,
    kpis,
    kpis_that_are_not_their_quotient,
    measured_values_without_records,
)
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import DAY, Row, Rows, as_of, by, instant, kept, policy_with, rows_of, table_of

CONTRACTS: dict[str, Any] = {
    "conversations": Conversations,
    "daily_metrics": DailyMetrics,
    "automation_rates": AutomationRates,
    "sla_compliance": SlaCompliance,
    "config_changes": ConfigChanges,
    "client_pipeline": ClientPipeline,
    "model_costs": ModelCosts,
    "mrr_bridge": MrrBridge,
    "variant_decisions": VariantDecisions,
    "variant_posteriors": VariantPosteriors,
    "agent_scorecard": AgentScorecard,
}
Z = 1.6448536269514722
NAMES = {
    "downtime", "chat_in_time", "voice_in_time", "ticket_autonomy", "first_contact", "pinned_conversations",
    "workflow_gain", "call_gain", "sales_automation", "onboarding_automation", "support_automation",
    "success_automation", "self_service_automation", "config_self_service", "config_success", "deploy_time_reduction",
    "cost_per_interaction", "cost_reduction", "model_saving", "clients_per_agent_gain", "engagement_gain",
    "conversion_gain", "churn_reduction", "nrr", "grr", "capacity_gain",
}  # fmt: skip
WITHOUT_RECORDS = {"workflow_gain", "call_gain", "capacity_gain"}


def of(rules: Any = RULES, **rows: Rows) -> dict[str, Row]:
    """Return the KPIs of a day with so many rows."""
    tables = {name: table_of(contract, rows.get(name, [])) for name, contract in CONTRACTS.items()}
    return by("kpi", kept(Kpis, kpis(**tables, as_of=as_of(), policy=rules)))


def rules_with(**changes: Any) -> Any:
    """Return the section of a policy with changes, by their path under `lifecycle`."""
    return policy_with(**{f"lifecycle__{path}": value for path, value in changes.items()}).lifecycle  # type: ignore[attr-defined]


def metric(name: str, numerator: float, denominator: float | None = None, n: int = 1, days_ago: int = 0) -> Row:
    """Return a daily metric."""
    return {
        "customer_id": "C1",
        "metric": name,
        "metric_day": DAY.fromordinal(DAY.toordinal() - days_ago),
        "numerator": numerator,
        "denominator": denominator,
        "n": n,
    }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's interval at 0.90."""
    share = successes / trials
    centre = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    radius = Z / (1 + Z**2 / trials) * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return centre - radius, centre + radius


def test_without_records_nothing_is_measurable() -> None:
    found = of()
    assert found.keys() == NAMES
    assert {(row["status"], row["basis"], row["value"], row["n"]) for row in found.values()} == {
        ("not_measurable", "not_measurable", None, 0)
    }
    assert all(row["note"].startswith(("Missing: ", "Not testable: ")) for row in found.values())


def test_what_no_record_can_prove_is_named_as_such() -> None:
    found = of()
    assert {name for name, row in found.items() if not row["is_testable"]} == WITHOUT_RECORDS
    assert {row["target"] for name, row in found.items() if name in WITHOUT_RECORDS} == {None}
    assert found["capacity_gain"]["note"] == found["capacity_gain"]["definition"]


def test_a_share_has_its_interval_and_its_words_follow_from_it() -> None:
    """3 of 8 tickets: even the upper end is below 0.90. 19 of 20: the target is inside."""
    row = of(daily_metrics=[metric("resolved_by_ai", 3, 8)])["ticket_autonomy"]
    assert (row["value"], row["n"], row["status"]) == (0.375, 8, "critical")
    assert (row["interval_low"], row["interval_high"]) == pytest.approx(wilson(3, 8), abs=1e-6)
    open_row = of(daily_metrics=[metric("resolved_by_ai", 19, 20)])["ticket_autonomy"]
    assert wilson(19, 20)[0] < RULES.kpis.targets.service.ticket_autonomy
    assert open_row["status"] == "not_distinguishable"
    assert of(daily_metrics=[metric("resolved_by_ai", 199, 200)])["ticket_autonomy"]["status"] == "exceeded"


def test_the_window_of_daily_metrics() -> None:
    rows = [metric("resolved_by_ai", 1, 1, days_ago=days) for days in (0, 27, 28)]
    assert of(daily_metrics=rows)["ticket_autonomy"]["n"] == 2


def test_a_value_without_a_target_has_no_status() -> None:
    row = of(daily_metrics=[metric("first_contact", 9, 10)])["first_contact"]
    assert (row["value"], row["status"], row["target"], row["attainment"]) == (0.9, None, None, None)


def test_downtime_is_compared_as_it_is() -> None:
    """2 minutes of 1,000 are twice what 0.999 allows; waiting for no row of another metric."""
    rows: Rows = [
        {"customer_id": "C1", "metric": "uptime", "measured": 600, "missed": 2},
        {"customer_id": "C2", "metric": "uptime", "measured": 400, "missed": 0},
        {"customer_id": "C1", "metric": "in_time", "measured": 10, "missed": 10},
    ]
    row = of(sla_compliance=rows)["downtime"]
    assert (row["value"], row["target"], row["attainment"], row["status"]) == (0.002, 0.001, 0.5, "at_risk")
    assert (row["interval_low"], row["is_estimate"], row["n"]) == (None, False, 1000)


def test_response_times_by_product() -> None:
    """2,000 ms of a chat and 500 ms of a call are in time; what runs, was not measured or ended before is not there."""
    talk = {"status": "completed", "started_at": instant("2025-01-10 10:00"), "product": "chatbot"}
    rows: Rows = [
        talk | {"p95_ms": 2000.0},
        talk | {"p95_ms": 2001.0},
        talk | {"p95_ms": None},
        talk | {"p95_ms": 1.0, "status": "active"},
        talk | {"p95_ms": 1.0, "started_at": instant("2024-12-23 10:00")},
        talk | {"p95_ms": 1.0, "ended_at": instant("2025-01-21 00:00")},
        talk | {"p95_ms": 500.0, "product": "voicebot"},
    ]
    found = of(conversations=rows)
    assert (found["chat_in_time"]["numerator"], found["chat_in_time"]["denominator"]) == (1, 2)
    assert (found["voice_in_time"]["numerator"], found["voice_in_time"]["denominator"]) == (1, 1)


def test_rates_of_automation_are_those_of_the_table() -> None:
    rows: Rows = [
        {"phase": "sales", "task": "all", "automated": 30, "tasks": 40, "target": 0.6},
        {"phase": "sales", "task": "demo_delivered", "automated": 30, "tasks": 40, "target": 0.6},
        {"phase": "support", "task": "all", "automated": 0, "tasks": 0, "target": 0.9},
    ]
    found = of(automation_rates=rows)
    assert (found["sales_automation"]["value"], found["sales_automation"]["status"]) == (0.75, "exceeded")
    assert found["sales_automation"]["target"] == 0.6
    assert found["support_automation"]["status"] == "not_measurable"


def test_changes_of_the_last_ninety_days() -> None:
    """From 2024-10-23 on; a version that is too early has neither succeeded nor failed."""
    rows: Rows = [
        {"config_version": place, "outcome": outcome, "deployed_at": instant(at), "requested_at": instant(at)}
        | {"is_self_service": is_self_service}
        for place, (outcome, at, is_self_service) in enumerate(
            [
                ("succeeded", "2024-10-23 00:00", True),
                ("succeeded", "2024-10-22 23:59", True),
                ("rolled_back", "2025-01-02 09:00", False),
                ("too_early", "2025-01-19 09:00", None),
            ],
            1,
        )
    ]
    found = of(config_changes=rows)
    assert (found["config_success"]["numerator"], found["config_success"]["n"]) == (1, 2)
    assert (found["config_self_service"]["numerator"], found["config_self_service"]["n"]) == (1, 2)


def test_deployments_against_the_baseline() -> None:
    """A mean of 15 days against 40, with Student's t of three deals."""
    days = [10.0, 15.0, 20.0]
    deals: Rows = [
        {"deal_id": f"D{place}", "deploy_days": value, "config_deployed_at": instant("2025-01-10 10:00")}
        for place, value in enumerate(days)
    ]
    deals.append({"deal_id": "OLD", "deploy_days": 99.0, "config_deployed_at": instant("2024-10-22 10:00")})
    assert of(client_pipeline=deals)["deploy_time_reduction"]["status"] == "not_measurable"
    row = of(rules_with(baselines__deploy_days=40.0), client_pipeline=deals)["deploy_time_reduction"]
    assert (row["value"], row["n"]) == (0.625, 3)
    radius = stats.t.ppf(0.95, 2) * 5 / math.sqrt(3)
    expected = (1 - (15 + radius) / 40, 1 - (15 - radius) / 40)
    assert (row["interval_low"], row["interval_high"]) == pytest.approx(expected, abs=1e-6)
    assert row["status"] == "not_distinguishable"


COSTS = [metric("model_cost", 2.0), metric("conversations", 36), metric("tickets", 4), metric("resolved_by_ai", 1, 4)]


def test_the_cost_of_an_interaction_is_an_assumption() -> None:
    """2 for models and 3 tickets of 12 minutes at 50 an hour: 32 for 40 interactions, 0.80 instead of 13."""
    found = of(daily_metrics=COSTS)
    row = found["cost_per_interaction"]
    assert (row["value"], row["basis"], row["status"]) == (0.8, "assumption", "not_distinguishable")
    assert found["cost_reduction"]["value"] == pytest.approx(1 - 0.8 / 13, abs=1e-6)
    dear = of(rules_with(value__cost_per_person_hour=5000.0), daily_metrics=COSTS)
    assert (dear["cost_per_interaction"]["value"], dear["cost_per_interaction"]["status"]) == (75.05, "critical")


@pytest.mark.parametrize("missing", [0, 1])
def test_costs_without_models_or_interactions_are_not_measurable(missing: int) -> None:
    rows = COSTS[1:] if missing == 0 else COSTS[:1]
    found = of(daily_metrics=rows)
    assert found["cost_per_interaction"]["status"] == found["cost_reduction"]["status"] == "not_measurable"


def test_no_baseline_no_reduction() -> None:
    found = of(rules_with(baselines__cost_per_interaction=None), daily_metrics=COSTS)
    assert found["cost_per_interaction"]["value"] == 0.8
    assert found["cost_reduction"]["status"] == "not_measurable"


def test_what_the_cache_spared() -> None:
    rows: Rows = [
        {"workflow": "a", "calls": 6, "cache_hits": 2, "cost": 1.0, "avoided": 0.5},
        {"workflow": "b", "calls": 1, "cache_hits": 0, "cost": 1.0, "avoided": 0.0},
    ]
    row = of(model_costs=rows)["model_saving"]
    assert (row["value"], row["n"], row["status"]) == (0.2, 7, "at_risk")


def month(at: str, start: int, churned: int, **more: Any) -> Row:
    """Return a month of the bridge."""
    return {"month": instant(at).date(), "start_customers": start, "churned_customers": churned} | more


def test_churn_of_whole_months_and_retention_of_the_running_one() -> None:
    """3 of 100 in two whole months against 0.05 a month; 900 of 1,000 kept, 950 with expansion."""
    rows = [
        month("2024-11-01", 50, 1),
        month("2024-12-01", 50, 2),
        month("2025-01-01", 40, 40, start_mrr=1000.0, expansion_mrr=50.0, contraction_mrr=60.0, churn_mrr=40.0),
    ]
    found = of(rules_with(baselines__churn_rate=0.05), mrr_bridge=rows)
    row = found["churn_reduction"]
    assert (row["value"], row["n"]) == (pytest.approx(0.4), 100)
    low, high = wilson(3, 100)
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((1 - high / 0.05, 1 - low / 0.05), abs=1e-6)
    assert (found["nrr"]["value"], found["grr"]["value"], found["nrr"]["n"]) == (0.95, 0.9, 40)
    assert found["nrr"]["status"] is None
    one = of(rules_with(baselines__churn_rate=0.05, kpis__churn_months=1), mrr_bridge=rows)
    assert one["churn_reduction"]["n"] == 50


def experiment(name: str, decision: str, rate: float, control: float) -> tuple[Row, Rows]:
    """Return an experiment with 1,000 exposures of its leader, whose lift has an interval of 0.04 at 0.95."""
    lift = rate - control
    arm = {"experiment_id": name, "exposures": 1000}
    leader = {"variant_id": "A", "is_control": False, "rate": rate, "lift": lift, "session_seconds": 130.0}
    leader |= {"lift_low": lift - 0.02, "lift_high": lift + 0.02}
    other = {"variant_id": "B", "is_control": True, "rate": control, "session_seconds": 100.0}
    return {"experiment_id": name, "decision": decision, "leader": "A"}, [arm | leader, arm | other]


def test_only_promoted_variants_are_gains() -> None:
    """130 instead of 100 successes, and 130 seconds instead of 100; the experiment that collects does not count."""
    decided, arms = experiment("E1", "promote", 0.13, 0.10)
    collecting, others = experiment("E2", "collect", 0.9, 0.1)
    found = of(variant_decisions=[decided, collecting], variant_posteriors=[*arms, *others])
    row = found["conversion_gain"]
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (pytest.approx(0.3), 30.0, 100.0, 1)
    # The reach of 20 successes at 0.95 is 20 * 1.644854 / 1.959964 at 0.90.
    reach = 0.2 * Z / 1.959963984540054
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((0.3 - reach, 0.3 + reach), abs=1e-6)
    assert row["status"] == "not_distinguishable"
    gain = found["engagement_gain"]
    assert (gain["value"], gain["interval_low"], gain["status"]) == (0.3, None, "not_distinguishable")
    alone = of(variant_decisions=[collecting], variant_posteriors=others)
    assert alone["conversion_gain"]["status"] == alone["engagement_gain"]["status"] == "not_measurable"


def test_no_kpis_where_the_policy_tracks_none() -> None:
    assert of(rules_with(kpis__enable_kpi_tracking=False)) == {}


def of_status(*rows: Row) -> dict[str, Row]:
    """Return the status of families from KPIs that are measured, with a target, unless given."""
    filled = [
        {"kpi": f"K{place}", "basis": "measured", "is_testable": True, "target": 1.0, "value": 1.0} | row
        for place, row in enumerate(rows)
    ]
    return by("family", kept(KpiStatus, kpi_status(table_of(Kpis, filled), RULES)))


def test_the_worst_kpi_decides_its_family() -> None:
    """Without a target, or not testable, a KPI does not count; one of four measured is too little."""
    found = of_status(
        {"family": "service", "status": "exceeded", "attainment": 1.2},
        {"family": "service", "status": "at_risk", "attainment": 0.7},
        {"family": "service", "status": "at_risk", "attainment": 0.6, "kpi": "worst"},
        {"family": "service", "status": None, "target": None},
        {"family": "service", "status": "not_measurable", "basis": "not_measurable", "is_testable": False},
        {"family": "business_value", "status": "exceeded", "attainment": 1.1},
        *({"family": "business_value", "status": "not_measurable", "basis": "not_measurable"} for _ in range(3)),
    )
    row = found["service"]
    assert (row["status"], row["worst_kpi"], row["worst_attainment"]) == ("at_risk", "worst", 0.6)
    assert (row["kpis"], row["measured"], row["at_risk"], row["exceeded"]) == (3, 3, 2, 1)
    assert (found["business_value"]["status"], found["business_value"]["kpis"]) == ("not_measurable", 4)


def test_checks_find_a_wrong_quotient_and_a_value_without_records() -> None:
    good: Row = {"kpi": "K1", "value": 0.5, "numerator": 1.0, "denominator": 2.0, "n": 2, "is_testable": True}
    rows: ibis.Table = table_of(
        Kpis,
        [
            good,
            good | {"kpi": "K2", "value": 0.6},
            good | {"kpi": "K3", "n": 0},
            good | {"kpi": "K4", "is_testable": False},
        ],
    )
    assert [row["kpi"] for row in rows_of(kpis_that_are_not_their_quotient(rows))] == ["K2"]
    assert sorted(row["kpi"] for row in rows_of(measured_values_without_records(rows))) == ["K3", "K4"]


def test_costs_are_those_of_clients_whose_model_costs_are_known() -> None:
    others = [metric("conversations", 900) | {"customer_id": "C2"}]
    assert of(daily_metrics=[*COSTS, *others])["cost_per_interaction"]["value"] == 0.8


def test_clients_per_agent_against_the_baseline() -> None:
    """15 clients of two people, against 3 each; people without clients and the AI do not count."""
    rows: Rows = [
        {"person_id": name, "clients": clients} for name, clients in (("A", 10), ("B", 5), ("C", 0), ("ai", None))
    ]
    assert of(agent_scorecard=rows)["clients_per_agent_gain"]["status"] == "not_measurable"
    row = of(rules_with(baselines__clients_per_agent=3.0), agent_scorecard=rows)["clients_per_agent_gain"]
    assert (row["value"], row["n"], row["status"]) == (2.5, 2, "on_track")
