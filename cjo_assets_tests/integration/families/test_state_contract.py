"""Tests that every field of the seeds' states is served by an existing column."""

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
SEEDS = PROJECT / "cjo_assets_tests" / "support" / "seeds"


def state_of(family: str) -> str:
    """Return the seed's state of a family."""
    return (SEEDS / f"{family}_state.txt").read_text(encoding="utf-8")


def served(family: str) -> dict[str, str]:
    """Return which column the page names for each field of a family's state."""
    _, journey, marketing = PAGE.read_text(encoding="utf-8").split("\n## ")
    assert journey.startswith("Journey")
    assert marketing.startswith("Marketing")
    text = {"journey": journey, "marketing": marketing}[family]
    return dict(re.findall(r"^\| ([\w.]+) \| (.+) \|$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("family", ["journey", "marketing"])
def test_every_field_of_the_seed_is_on_the_page(family: str) -> None:
    fields = re.findall(r"^    (\w+): ", state_of(family), flags=re.MULTILINE)
    assert len(fields) > 30
    assert list(dict.fromkeys(field.partition(".")[0] for field in served(family))) == fields


@pytest.mark.parametrize("family", ["journey", "marketing"])
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


def test_every_part_of_a_marketing_field_is_served() -> None:
    """On the page, in a file or in the policy."""
    parts = {field.rpartition(".")[2] for field in served("marketing")}
    files = {spec.name for dataset in marketing.FAMILY.datasets for spec in columns_of(dataset.contract)}
    kpis = {name for group in KPI_GROUPS for name in group.model_fields}
    families = {"operational_health", "campaign_impact", "business_value"}
    nested = {"expected_impact", "implementation_details"}
    structures = set(re.findall(r'^    #   +"(\w+)":', state_of("marketing"), flags=re.MULTILINE))
    assert len(structures) > 80
    assert structures - parts - files - kpis - families - nested == set()


def test_every_part_of_a_journey_field_is_served() -> None:
    structures = re.findall(r'^    #   +"(\w+)":', state_of("journey"), flags=re.MULTILINE)
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
