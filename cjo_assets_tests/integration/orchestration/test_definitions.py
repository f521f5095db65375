"""The code location as Dagster sees it: it loads, it holds these assets, it keeps our conventions."""

from datetime import date

import dagster as dg
import pytest

from cjo_assets.catalog import all_families, data_families
from cjo_assets.cli import erd
from cjo_assets.cli.catalogue import PAGE, tables_page
from cjo_assets.core.family import Family
from cjo_assets.core.settings import SENSOR_SECONDS
from cjo_assets.definitions import defs

DATASETS = {
    "customers": "customers",
    "journey_state_log": "state_entries",
    "signals": "signals",
    "interventions": "interventions",
    "outcomes": "outcomes",
    "playbooks": "playbooks",
    "approval_decisions": "approval_decisions",
    "playbook_performance_log": "playbook_performance_log",
    "baseline_metrics": "baseline_metrics",
    "signal_labels": "signal_labels",
    "derived_signals": "derived_signals",
}
COMPUTED = {
    "journey_states",
    "journey_evaluations",
    "known_signals",
    "aggregated_signals",
    "intervention_ledger",
    "fused_signals",
    "transition_model",
    "journey_forecasts",
    "forecast_backtest",
    "risk_scores",
    "risk_contributions",
    "customer_needs",
    "holdout_assignments",
    "treatment_effects",
    "playbook_performance",
    "signal_effectiveness",
    "threshold_advice",
    "playbook_candidates",
    "recommended_interventions",
    "coverage_gaps",
    "approval_requests",
    "pending_approvals",
    "approval_history",
    "outcome_analyses",
    "baseline_comparisons",
    "kpis",
    "kpi_status",
    "roi_breakdown",
    "kpi_evidence",
    "roi_by_grade",
    "roi_estimate",
    "portfolio_cells",
    "portfolio_by_segment",
    "portfolio_by_stage",
    "portfolio_snapshots",
    "visits",
    "path_variants",
    "conformance",
    "stage_throughput",
    "stage_flows",
    "playbook_activity",
    "rejections_by_rule",
    "next_steps",
    "roi_sensitivity",
    "journey_summary",
}
WITH_OPTIONAL_COLUMNS = {
    "experiment_metrics",
    "touchpoints",
    "conversations",
    "lifecycle_approvals",
    "marketing_approvals",
    "organizations",
    "approval_decisions",
    "baseline_metrics",
    "interventions",
    "journey_state_log",
    "outcomes",
    "playbook_performance_log",
    "playbooks",
    "signals",
    "budget_actions",
    "campaign_risk_signals",
    "campaigns",
    "channels",
    "creative_assets",
    "experiments",
    "orchestrator_decisions",
    "performance_metrics",
    "roi_ledger",
    "segment_rollups",
}
MARKETING_DATASETS = {
    "campaigns",
    "audience_segments",
    "channels",
    "creative_assets",
    "experiments",
    "performance_metrics",
    "orchestrator_decisions",
    "roi_ledger",
    "funnel_events",
    "budget_actions",
    "campaign_risk_signals",
    "segment_rollups",
    "attribution_hints",
    "touchpoints",
    "experiment_metrics",
    "marketing_approvals",
}
LIFECYCLE_DATASETS = {
    "organizations",
    "people",
    "lifecycle_events",
    "plans",
    "sla_terms",
    "usage_daily",
    "conversations",
    "tickets",
    "config_versions",
    "service_windows",
    "model_calls",
    "variant_results",
    "knowledge_searches",
    "lifecycle_approvals",
}
LIFECYCLE = {
    "subscriptions",
    "accounts",
    "mrr_movements",
    "mrr_bridge",
    "plan_usage",
    "invoices",
    "client_pipeline",
    "pipeline_funnel",
    "ticket_sla",
    "escalations",
    "daily_metrics",
    "health_contributions",
    "health_scores",
    "health_backtest",
    "lifecycle_stages",
    "lifecycle_messages",
    "opportunities",
    "journey_signals",
    "crm_drift",
    "village_patterns",
    "timeline",
    "assignments",
    "agent_scorecard",
    "assignment_decisions",
    "lifecycle_summary",
    "sla_compliance",
    "variant_posteriors",
    "variant_decisions",
    "personalization",
    "outbox",
    "approval_answers",
    "approval_queue",
    "action_plan",
    "model_costs",
    "config_changes",
    "incidents",
    "automation_rates",
    "kpis",
    "kpi_status",
    "quarterly_review",
    "health_by_band",
    "sla_by_priority",
}
MARKETING = {
    "metric_definitions",
    "asset_performance",
    "campaign_analysis",
    "performance_assessment",
    "funnel_analysis",
    "funnel_by_segment",
    "cpa_by_channel",
    "segment_portfolio",
    "touch_credits",
    "attribution",
    "reconciliation",
    "risk_register",
    "budget_governance",
    "budget_balances",
    "decision_insights",
    "experiment_arms",
    "experiment_evaluations",
    "experiment_plans",
    "experiment_weeks",
    "experiment_consistency",
    "experiment_metric_effects",
    "roi_components",
    "roi_analysis",
    "kpis",
    "kpi_status",
    "budget_proposals",
    "recommendations",
    "approval_answers",
    "approval_queue",
}
UNDATED = {"known_signals", "visits", "approval_requests", "pending_approvals", "approval_history"}


@pytest.fixture(scope="module")
def location() -> dg.Definitions:
    """Return the code location."""
    return defs()


@pytest.fixture(scope="module")
def specs(location: dg.Definitions) -> dict[str, dg.AssetSpec]:
    """Every asset by its key."""
    return {spec.key.to_user_string(): spec for spec in location.resolve_all_asset_specs()}


def test_the_location_loads(location: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(location)


def test_the_set_of_assets(specs: dict[str, dg.AssetSpec]) -> None:
    expected = {f"raw/{name}" for name in DATASETS} | {f"quarantine/{name}" for name in DATASETS}
    expected |= {f"journey/{name}" for name in DATASETS.values()} | {f"journey/{name}" for name in COMPUTED}
    expected |= {
        "audit/dataset_loads",
        "audit/rejected_records",
        "audit/discarded_values",
        "audit/policies",
        "audit/runs",
        "audit/decision_ledger",
        "audit/lifecycle_ledger",
        "audit/marketing_ledger",
        "audit/checks",
        "audit/erasures",
        "latest/campaign_360",
        "latest/customer_360",
        "latest/account_360",
        "latest/work_queue",
        "latest/kpis_all",
        "latest/roi_all",
    }
    expected |= {"audit/language_model_calls", "journey/phrased_texts", "audit/column_lineage"}
    expected |= {f"{schema}/{name}" for schema in ("raw", "quarantine", "marketing") for name in MARKETING_DATASETS}
    expected |= {f"marketing/{name}" for name in MARKETING}
    lifecycle = {f"{schema}/{name}" for schema in ("raw", "quarantine", "lifecycle") for name in LIFECYCLE_DATASETS}
    expected |= lifecycle | {f"lifecycle/{name}" for name in LIFECYCLE}
    expected |= {f"quarantine/{name}_discarded_values" for name in WITH_OPTIONAL_COLUMNS}
    assert set(specs) == expected | {f"reports/{name}_report" for name in ("journey", "marketing", "lifecycle")} | {
        "published"
    }


def test_conventions(specs: dict[str, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        assert spec.description, key
        assert spec.owners, key
        assert all(owner.startswith("team:") for owner in spec.owners), key
        assert spec.group_name != "default", key
        assert spec.kinds, key
        assert len(spec.key.path) == 2 or key == "published"
        if key.split("/")[0] in ("journey", "quarantine", "audit"):
            assert "dagster/column_schema" in spec.metadata, key


def test_decision_tables_are_partitioned_by_day(specs: dict[str, dg.AssetSpec]) -> None:
    for name in COMPUTED:
        is_dated = specs[f"journey/{name}"].partitions_def is not None
        assert is_dated == (name not in UNDATED), name
    for name in DATASETS.values():
        assert specs[f"journey/{name}"].partitions_def is None


def test_every_table_has_a_blocking_contract_check(location: dg.Definitions) -> None:
    checks = {
        (key.asset_key.to_user_string(), key.name): check.get_spec_for_check_key(key)
        for check in location.resolve_asset_graph().assets_defs
        for key in check.check_keys
    }
    for family in all_families():
        for table in family.tables:
            if table.transform is not None:
                assert checks[f"{table.schema}/{table.name}", "contract"].blocking
    for dataset, lookup in DATASETS.items():
        assert checks[f"journey/{lookup}", "conservation"].blocking, dataset
        assert not checks[f"journey/{lookup}", "contract_before_quarantine"].blocking, dataset


@pytest.mark.parametrize("family", data_families(), ids=lambda family: family.name)
def test_every_step_of_a_family_is_in_its_plan(family: Family) -> None:
    assert family.goal_of(date(2025, 1, 20))["objective"]
    planned = {group for step in family.plan for group in step.groups}
    assert {table.group for table in family.tables} <= planned


def test_what_starts_runs_and_records_answers(location: dg.Definitions) -> None:
    sensor = location.resolve_sensor_def("approval_decisions_sensor")
    assert (sensor.job_name, sensor.default_status) == ("daily_journey", dg.DefaultSensorStatus.RUNNING)
    assert sensor.minimum_interval_seconds == SENSOR_SECONDS
    assert location.resolve_job_def("record_approval_decision").description


def test_published_is_downstream_of_everything(location: dg.Definitions) -> None:
    graph = location.resolve_asset_graph()
    upstream = graph.get_ancestor_asset_keys(dg.AssetKey("published"))
    ledgers = ("decision_ledger", "lifecycle_ledger", "marketing_ledger")
    names = ("runs", "checks", *ledgers, "erasures", "column_lineage")
    records = {dg.AssetKey(["audit", name]) for name in names}
    assert upstream >= graph.get_all_asset_keys() - {dg.AssetKey("published")} - records


def test_groups_are_few_and_in_pipeline_order(specs: dict[str, dg.AssetSpec]) -> None:
    groups = {str(spec.group_name) for spec in specs.values()}
    for family in data_families():
        stages = [stage for group in family.groups for stage in group]
        assert stages == list(dict.fromkeys(table.group for table in family.tables if table.schema == family.name))
        assert len([group for group in groups if group.startswith(f"{family.name}_")]) == 8
    assert {"journey_1_raw", "journey_2_quarantine", "journey_5_risk_learning", "audit", "latest", "publish"} <= groups
    assert len(groups) == 3 * 8 + 3


def test_kinds_name_what_a_table_is(specs: dict[str, dg.AssetSpec]) -> None:
    kinds = {
        "raw/signals": "file",
        "quarantine/signals": "quarantine",
        "journey/signals": "lookup",
        "journey/risk_scores": "table",
        "journey/kpis": "kpi",
        "journey/pending_approvals": "view",
        "lifecycle/outbox": "decision",
        "audit/runs": "record",
        "reports/journey_report": "report",
    }
    assert {name: set(specs[name].kinds) for name in kinds} == {name: {kind} for name, kind in kinds.items()}


def test_the_published_database_depends_on_the_last_tables(location: dg.Definitions) -> None:
    graph = location.resolve_asset_graph()
    published = graph.get(dg.AssetKey("published"))
    parents = {key.to_user_string() for key in published.parent_keys}
    assert {"journey/conformance", "reports/journey_report", "latest/account_360"} <= parents
    assert parents.isdisjoint({"journey/risk_scores", "journey/customers", "lifecycle/accounts"})
    assert [key.to_user_string() for key in graph.get(dg.AssetKey(["audit", "runs"])).parent_keys] == ["published"]


def test_the_page_of_tables_is_the_contracts() -> None:
    assert PAGE.read_text(encoding="utf-8") == tables_page(), "run `make docs`"
    assert erd.PAGE.read_text(encoding="utf-8") == erd.erd_page(), "run `make docs`"


def test_the_page_of_keys_names_what_can_be_joined() -> None:
    page = erd.erd_page()
    assert "    customers ||--o{ signals : customer_id" in page
    assert "    organizations ||--o{ tickets : customer_id" in page
    assert "| `journey.risk_scores` | `as_of`, `customer_id` | `customer_id`: `customers` |" in page
    assert page.count("erDiagram") == 3
