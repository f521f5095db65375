"""The rooms of DESIGN section 2, kept by reading the code: who may import what.

Belongs here: rules about where code lives. Does not belong here: what the code does.
"""

import ast
from pathlib import Path

import pytest

from cjo_assets.catalog import data_families
from cjo_assets.core.family import Family
from cjo_assets.core.settings import PROJECT

PACKAGE = PROJECT / "cjo_assets"
PURE_ROOMS = ("families", "policy", "synth")
MODULES = sorted(PACKAGE.rglob("*.py"))
CLOCK_AND_CHANCE = {"random", "secrets", "time", "uuid", "os", "sys", "subprocess", "socket"}


def room(path: Path) -> str:
    """Return the folder under the package, or the file itself at its top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.name


def imports(path: Path) -> set[str]:
    """Return the full names a module imports, those in its functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    """Return the top-level packages a module imports."""
    return {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_opens_with_a_charter_and_keeps_to_its_room(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "every module says what belongs in it"
    if room(path) not in ("definitions.py", "defs", "orchestration", "warehouse", "cli"):
        assert "dagster" not in tops(path), path
    if room(path) in ("families", "core", "policy", "reporting", "synth", "language", "defs"):
        assert not tops(path) & {"duckdb"}, path
    if room(path) in PURE_ROOMS:
        assert not tops(path) & CLOCK_AND_CHANCE, "no clock, chance, environment or process in a pure room"
    assert not any(name.startswith("dagster._") for name in imports(path)), "no private part of Dagster"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_neither_guesses_nor_swallows(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"today", "utcnow", "drop_invalid_rows"}, node.attr
        if isinstance(node, ast.ExceptHandler):
            is_broad = node.type is None or (isinstance(node.type, ast.Name) and "Exception" in node.type.id)
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert not (is_broad and node.type is None), "no bare except"
            assert not is_broad or raises or getattr(node.type, "id", "") not in {"Exception", "BaseException"}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert "read_json_auto" not in node.value
            assert "read_csv_auto" not in node.value
            assert "ignore_errors" not in node.value


@pytest.mark.parametrize("family", data_families(), ids=lambda family: family.name)
def test_each_table_stands_in_a_file_of_its_name(family: Family) -> None:
    tables = [table for table in family.tables if table.schema == family.name and table.transform is not None]
    files = {dataset.lookup for dataset in family.datasets}
    tables = [table for table in tables if table.name not in files]
    assert len(tables) > 20
    for table in tables:
        assert table.computation.__name__ == table.name
        package, _, module = table.computation.__module__.rpartition(".")
        assert module == table.name
        assert package.startswith(f"cjo_assets.families.{family.name}.")
        assert table.contract.__module__ == table.computation.__module__
