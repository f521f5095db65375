"""Every field of the seeds' states is served, and by a column that exists."""

import re

import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.contract import columns_of
from cjo_assets.core.settings import PROJECT
from cjo_assets.families.journey.value._roi_components import COMPONENTS
from cjo_assets.families.marketing import family as marketing
from cjo_assets.policy.marketing import (
    MarketingBusinessTargets,
    MarketingEffectivenessTargets,
    MarketingOperationalTargets,
)

KPI_GROUPS = (MarketingOperationalTargets, MarketingEffectivenessTargets, MarketingBusinessTargets)
PAGE = PROJECT / "docs" / "reference" / "state_contract.md"
JOURNEY_FIELDS = [
    "customer_id",
    "goal",
    "plan",
    "customers",
    "journey_state_log",
    "signals",
    "interventions",
    "outcomes",
    "customers_lookup",
    "journey_states_lookup",
    "signals_lookup",
    "interventions_lookup",
    "outcomes_lookup",
    "journey_evaluations",
    "aggregated_signals",
    "risk_scores",
    "recommended_interventions",
    "pending_approvals",
    "approval_history",
    "outcome_analyses",
    "operational_kpis",
    "effectiveness_kpis",
    "business_kpis",
    "kpi_status",
    "roi_estimate",
    "roi_breakdown",
    "journey_summary",
    "journey_report",
    "report_file_path",
    "errors",
    "processing_time",
]
MARKETING_FIELDS = [
    "campaign_id",
    "goal",
    "plan",
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
    "campaigns_lookup",
    "segments_lookup",
    "channels_lookup",
    "assets_lookup",
    "experiments_lookup",
    "metrics_by_asset",
    "metrics_by_experiment",
    "decisions_by_campaign",
    "risks_by_campaign",
    "budget_actions_by_campaign",
    "segment_rollups_by_campaign",
    "campaign_analysis",
    "experiment_evaluations",
    "performance_assessment",
    "operational_kpis",
    "effectiveness_kpis",
    "business_kpis",
    "kpi_status",
    "roi_analysis",
    "decision_insights",
    "recommendations",
    "campaign_report",
    "report_file_path",
    "executive_summary",
    "summary_file_path",
    "errors",
    "processing_time",
]
SEEDS = PROJECT / "cjo_assets_tests" / "support" / "seeds"
FAMILIES = {"journey": JOURNEY_FIELDS, "marketing": MARKETING_FIELDS}


def served(family: str) -> dict[str, str]:
    """Return what the page says serves each field of a family's state."""
    _, journey, marketing = PAGE.read_text(encoding="utf-8").split("\n## ")
    assert journey.startswith("Journey")
    assert marketing.startswith("Marketing")
    text = {"journey": journey, "marketing": marketing}[family]
    return dict(re.findall(r"^\| ([\w.]+) \| (.+) \|$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_of_the_seed_is_on_the_page(family: str) -> None:
    assert list(dict.fromkeys(field.partition(".")[0] for field in served(family))) == FAMILIES[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_column_on_the_page_exists(family: str) -> None:
    tables = {table.full_name: table for each in families_about(family) for table in each.tables}
    datasets = {dataset.name for each in families_about(family) for dataset in each.datasets}
    for field, text in served(family).items():
        for name in re.findall(r"`((?:raw|journey|marketing|audit)\.[\w.]+)`", text):
            schema, table, *column = name.split(".")
            if schema == "raw":
                assert table in datasets, field
                continue
            names = [spec.name for spec in columns_of(tables[f"{schema}.{table}"].contract)]
            assert not column or column[0] in names, field


def test_the_list_of_marketing_fields_is_the_seeds() -> None:
    """Every field of the seed's state, and every part of what it holds, is on the page, in a file or in the policy."""
    state = (SEEDS / "marketing_state.txt").read_text(encoding="utf-8")
    assert re.findall(r"^    (\w+): ", state, flags=re.MULTILINE) == MARKETING_FIELDS
    parts = {field.rpartition(".")[2] for field in served("marketing")}
    files = {spec.name for dataset in marketing.FAMILY.datasets for spec in columns_of(dataset.contract)}
    kpis = {name for group in KPI_GROUPS for name in group.model_fields}
    families = {"operational_health", "campaign_impact", "business_value"}
    nested = {"expected_impact", "implementation_details"}
    structures = set(re.findall(r'^    #   +"(\w+)":', state, flags=re.MULTILINE))
    assert len(structures) > 80
    assert structures - parts - files - kpis - families - nested == set()


def test_the_list_of_fields_is_the_seeds() -> None:
    state = (SEEDS / "journey_state.txt").read_text(encoding="utf-8")
    assert re.findall(r"^    (\w+): ", state, flags=re.MULTILINE) == JOURNEY_FIELDS
    structures = re.findall(r'^    #   +"(\w+)":', state, flags=re.MULTILINE)
    fields = set(served("journey"))
    kpi_names = set(
        re.findall(r"^\s+(\w+): ", (PROJECT / "cjo_assets/policy/policy.yaml").read_text(), flags=re.MULTILINE)
    )
    families = {"operational_health", "journey_impact", "business_value"}
    components = set(COMPONENTS)
    renamed = {"churn_risk_reduction"}
    lookups = {
        name
        for table in families_about("journey")[0].tables
        for name in (spec.name for spec in columns_of(table.contract))
    }
    for name in structures:
        is_served = any(field.endswith(f".{name}") for field in fields)
        assert is_served or name in kpi_names | families | components | renamed | lookups, name
