"""Names of families in the platform: only families, policy and catalog may have them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cjo_assets.catalog import FAMILIES
from cjo_assets.core.settings import PROJECT

PACKAGE = PROJECT / "cjo_assets"
MAY_NAME_FAMILIES = ("families", "policy", "catalog.py", "demo")
NAMES = tuple(family.name for family in FAMILIES)


def words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return identifiers, imported modules and texts of a module with their lines; docstrings are left out."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield node.lineno, text
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                yield node.lineno, text
            case ast.alias(name=text, asname=other):
                yield node.lineno, f"{text} {other or ''}"
            case ast.ImportFrom(module=str(text)) | ast.keyword(arg=str(text)):
                yield node.lineno, text


def named_in(source: str) -> list[tuple[int, str]]:
    """Return the words of a module that contain the name of a family."""
    return [(line, text) for line, text in words(ast.parse(source)) if any(name in text.lower() for name in NAMES)]


def platform_modules() -> list[Path]:
    """Return the modules of the package that may not name a family."""
    paths = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))
    return [path for path in paths if path.parts[0] not in MAY_NAME_FAMILIES]


def test_platform_modules_name_no_family() -> None:
    found = {
        path.as_posix(): named
        for path in platform_modules()
        if (named := named_in((PACKAGE / path).read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "from cjo_assets.families.{name}.family import FAMILY",
        "import cjo_assets.families.{name}",
        "rules = policy.{name}",
        "{name}_rows = 1",
        "def read_{name}(): ...",
        "class {name}Rules: ...",
        "def read({name}): ...",
        "read({name}=1)",
        'QUERY = "FROM {name}.customers"',
        'QUERY = f"FROM {name}.{{table}}"',
        "{name}: int = 1",
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_family_is_found_wherever_code_may_have_it(line: str, name: str) -> None:
    assert named_in(line.format(name=name))
    assert named_in(line.format(name=name.upper()))


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_and_comments_may_name_a_family(name: str) -> None:
    assert not named_in(f'"""Rows, for example of {name}."""\n\n\ndef read():\n    """Read {name}."""  # {name}\n')
