"""Layout of the package: sizes of folders, modules and functions, readers that guess, and the order of stages.

Imports between layers are checked by import-linter, with the contracts of `pyproject.toml`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from cjo_assets.catalog import FAMILIES, data_families
from cjo_assets.core.settings import PROJECT
from cjo_assets.core.table import Days

PACKAGE = PROJECT / "cjo_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_MODULES, MOST_LINES, MOST_LINES_OF_FUNCTION = 25, 400, 60
GUESSING = ("read_json_auto", "read_csv_auto", "ignore_errors")
DROPPING = {"drop_invalid_rows"}


def parsed() -> Iterator[tuple[Path, ast.Module]]:
    """Return every module of the package with its syntax tree."""
    for path in MODULES:
        yield path.relative_to(PROJECT), ast.parse(path.read_text(encoding="utf-8"))


def test_folders_modules_and_functions_stay_small() -> None:
    crowded = {
        str(folder): len(list(folder.glob("*.py")))
        for folder in {path.parent for path in MODULES}
        if len(list(folder.glob("*.py"))) > MOST_MODULES
    }
    long_modules = {
        str(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    long_functions = {
        f"{path}:{node.name}": lines
        for path, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_FUNCTION
    }
    assert crowded == {}
    assert long_modules == {}
    assert long_functions == {}


def test_no_reader_guesses_types_or_drops_rows() -> None:
    for path, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in DROPPING, path
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not any(word in node.value for word in GUESSING), path


def test_each_table_has_the_name_of_its_module_and_the_group_of_its_folder() -> None:
    for family in data_families():
        lookups = {dataset.lookup for dataset in family.datasets}
        tables = [table for table in family.tables if table.schema == family.name and table.name not in lookups]
        assert len(tables) > 20
        for table in tables:
            module = f"cjo_assets.families.{family.name}.{table.group}.{table.name}"
            assert table.contract.__module__ == module
            if table.transform is not None:
                assert (table.computation.__module__, table.computation.__name__) == (module, table.name)


def test_tables_read_stages_before_their_own() -> None:
    for family in FAMILIES:
        place = {stage: number for number, stage in enumerate(dict.fromkeys(table.group for table in family.tables))}
        group_of = {(table.schema, table.name): table.group for table in family.tables}
        for table in family.tables:
            for reference in table.inputs().values():
                source = group_of.get((reference.schema, reference.name))
                # The days before, and decisions already issued, are known whatever the stage that computes them.
                if source is not None and reference.days is Days.TODAY:
                    assert place[source] <= place[table.group], f"{table.full_name} reads {reference.name}"
