"""Every field of the seed's state is served, and by a column that exists.

Belongs here: `docs/state_contract.md` against the seed's list of fields and our contracts. Does not belong here:
values.
"""

import re

import pytest

from cjo_assets.journey.roi_components import COMPONENTS
from cjo_assets.shared.contract import columns_of
from cjo_assets.wiring.families import families_about
from cjo_assets.wiring.settings import PROJECT

PAGE = PROJECT / "docs" / "state_contract.md"
SEED_FIELDS = [
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
SEED = PROJECT.parent / "shared" / "seeds" / "cjo_state_and_config.md"


def served() -> dict[str, str]:
    """Return what the page says serves each field."""
    rows = re.findall(r"^\| ([\w.]+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(rows)


def test_every_field_of_the_seed_is_on_the_page() -> None:
    assert {field.partition(".")[0] for field in served()} == set(SEED_FIELDS)


def test_every_column_on_the_page_exists() -> None:
    tables = {table.full_name: table for family in families_about("journey") for table in family.tables}
    datasets = {dataset.name for family in families_about("journey") for dataset in family.datasets}
    for field, text in served().items():
        for name in re.findall(r"`((?:raw|journey|audit)\.[\w.]+)`", text):
            schema, table, *column = name.split(".")
            if schema == "raw":
                assert table in datasets, field
                continue
            names = [spec.name for spec in columns_of(tables[f"{schema}.{table}"].contract)]
            assert not column or column[0] in names, field


def test_the_list_of_fields_is_the_seeds() -> None:
    if not SEED.exists():
        pytest.skip("the seed documents are not beside this checkout")
    text = SEED.read_text(encoding="utf-8")
    state = text[text.index("class CustomerJourneyOrchestratorState(TypedDict") : text.index("@dataclass")]
    assert re.findall(r"^    (\w+): ", state, flags=re.MULTILINE) == SEED_FIELDS
    structures = re.findall(r'^    #   +"(\w+)":', state, flags=re.MULTILINE)
    fields = set(served())
    kpi_names = set(re.findall(r"^\s+(\w+): ", (PROJECT / "cjo_assets/policy.yaml").read_text(), flags=re.MULTILINE))
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
