"""Tests of code versions of tables, and of code references in Dagster."""

import ast
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from cjo_assets.catalog import all_families
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import RAW
from cjo_assets.definitions import defs
from cjo_assets.engine.code_versions import PACKAGE, imported_by, modules_behind, source_of, table_version

TABLES = {table.full_name: table for family in all_families() for table in family.tables if table.transform is not None}
VISITS = {"journey.visits", "journey.path_variants", "journey.stage_flows", "journey.stage_throughput"}
FORECASTS = {"journey.transition_model", "journey.journey_forecasts", "journey.forecast_backtest"}


def changed(*modules: str) -> Callable[[str], str]:
    """Return the sources, with a line more in some modules."""
    return lambda module: source_of(module) + ("\nADDED = True\n" if module in modules else "")


def touched_by(*modules: str) -> set[str]:
    """Return the tables whose version another state of some modules changes."""
    return {name for name, table in TABLES.items() if table_version(table) != table_version(table, changed(*modules))}


@pytest.mark.parametrize(
    ("module", "tables"),
    [
        ("families.journey.process.visits", VISITS),
        ("families.journey.value.kpi_status", {"journey.kpi_status"}),
        ("families.journey.value.kpis", {"journey.kpis", "journey.kpi_status"}),
        (
            "families.journey.inputs.signals",
            {
                "journey.signals",
                "journey.known_signals",
                "quarantine.signals",
                "quarantine.signals_discarded_values",
            },
        ),
        ("families.journey.decision._decision_identity", {"journey.recommended_interventions"}),
        ("core.contract", set(TABLES)),
        ("policy", set()),
        ("policy.journey", set()),
        ("policy.marketing", set()),
        ("warehouse.publish", set()),
        ("families.journey.report.report", set()),
    ],
)
def test_a_change_of_a_file_affects_the_tables_that_use_it(module: str, tables: set[str]) -> None:
    assert touched_by(f"{PACKAGE}.{module}") == tables


def test_ledger_touches_only_what_follows_decisions() -> None:
    touched = touched_by(f"{PACKAGE}.families.journey.interventions._ledger")
    assert {"journey.intervention_ledger", "journey.outcome_analyses", "journey.approval_requests"} <= touched
    assert not touched & ({"journey.customers", "journey.aggregated_signals", "journey.risk_scores"} | FORECASTS)


def test_versions_stay_as_they_are_and_differ() -> None:
    versions = [table_version(table) for table in TABLES.values()]
    assert versions == [table_version(table) for table in TABLES.values()]
    assert len(set(versions)) == len(versions)


def modules_of(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, read with a parser."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith(PACKAGE) and is_module(name)}


def is_module(name: str) -> bool:
    place = PROJECT.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def test_imports_are_read_as_a_parser_reads_them() -> None:
    for path in sorted((PROJECT / PACKAGE).rglob("*.py")):
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        assert imported_by(name) == modules_of(path), path


@pytest.fixture(scope="module")
def specs() -> dict[str, dg.AssetSpec]:
    """Every asset by its key."""
    return {spec.key.to_user_string().replace("/", "."): spec for spec in defs().resolve_all_asset_specs()}


def test_code_references_lead_to_the_transform(specs: dict[str, dg.AssetSpec]) -> None:
    for table in TABLES.values():
        spec = specs[table.full_name]
        assert spec.code_version == table_version(table)
        references = spec.metadata["dagster/code_references"].code_references
        for reference in references:
            path = Path(reference.file_path)
            assert path.relative_to(PROJECT / PACKAGE).parts[0] in ("families", "core"), table.full_name
            line = path.read_text(encoding="utf-8").splitlines()[reference.line_number - 1]
            assert line.startswith((f"def {reference.label}(", f"class {reference.label}(")), table.full_name
        if table.schema not in ("quarantine", RAW) and table.computation.__module__ == table.contract.__module__:
            assert (Path(references[0].file_path).stem, references[0].label) == (table.name, table.name)


def test_rules_of_a_dataset_are_named_beside_what_applies_them(specs: dict[str, dg.AssetSpec]) -> None:
    shown = {
        name: [
            (Path(reference.file_path).stem, reference.label)
            for reference in specs[name].metadata["dagster/code_references"].code_references
        ]
        for name in ("quarantine.signals", "journey.signals")
    }
    assert shown == {
        "quarantine.signals": [("signals", "Signals"), ("rules", "quarantined_rows")],
        "journey.signals": [("signals", "Signals"), ("rules", "accepted_rows")],
    }
    assert f"{PACKAGE}.core.quarantine.dataset_tables" in modules_behind(TABLES["journey.signals"])
