"""Code versions of tables: hashes over the modules that a transform depends on.

The version of a table covers the module of its transform, that of its contract, and all modules of the package that
these import, directly or indirectly. The policy and its types are left out: their values are covered by `policy_hash`.
Checks do not change rows, so they count only if they are in the same file.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from cjo_assets.core.table import BoundQuery, Table

PACKAGE = "cjo_assets"
ROOT = Path(__file__).resolve().parents[2]
# The types of the policy; the policy in force is recorded with its own hash.
POLICY_MODULES = f"{PACKAGE}.policy"
# A regular expression is much faster than parsing every file; formatted imports have no other shape.
_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+({PACKAGE}[\w.]*)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n]+))|import[ \t]+({PACKAGE}[\w.]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"(\w+)(?:[ \t]+as[ \t]+\w+)?")


def table_version(table: Table, read: Callable[[str], str] | None = None) -> str:
    """Return a hash over the code of a table.

    Args:
        table: a table with a transform.
        read: returns the source of a module by name; reads the file by default.
    """
    return _hashed(table.full_name, modules_behind(table), read or source_of)


def version_of(name: str, *places: Callable[..., object]) -> str:
    """Return a hash over the code of these functions and classes."""
    return _hashed(name, _behind(places), source_of)


def modules_behind(table: Table) -> frozenset[str]:
    """Return the modules of the package that the rows of a table depend on."""
    return _behind([table.contract, inspect.unwrap(table.computation), *written_in(table)])


def _behind(places: Iterable[Callable[..., object]]) -> frozenset[str]:
    starts = {place.__module__ for place in places}
    return frozenset().union(*(_closure(name) for name in starts if name.startswith(f"{PACKAGE}.")))


def _hashed(name: str, modules: Iterable[str], read: Callable[[str], str]) -> str:
    parts = [name]
    for module in sorted(modules):
        parts += [module, read(module)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def written_in(table: Table) -> tuple[Callable[..., object], ...]:
    """Return the functions and classes that compute a table, the most specific first."""
    transform = table.computation
    if isinstance(transform, BoundQuery) and transform.written_in:
        return transform.written_in
    return (inspect.unwrap(transform),)


@functools.cache
def source_of(module: str) -> str:
    """Return the source of a module of the package."""
    path = _file(module)
    if path is None:
        raise LookupError(f"{module} is not a module of {PACKAGE}.")
    return path.read_text(encoding="utf-8")


@functools.cache
def imported_by(module: str) -> frozenset[str]:
    """Return the modules of the package that a module imports, also inside functions."""
    found: set[str] = set()
    for whole, several, line, plain in _IMPORT.findall(source_of(module)):
        names = _NAME.findall((several or line).partition("#")[0] if line else several)
        found |= {whole, plain} | {f"{whole}.{name}" for name in names}
    return frozenset(name for name in found if name and _file(name) is not None)


@functools.cache
def _closure(start: str) -> frozenset[str]:
    found, waiting = set[str](), [start]
    while waiting:
        module = waiting.pop()
        if module not in found and not module.startswith(POLICY_MODULES):
            found.add(module)
            waiting += imported_by(module)
    return frozenset(found)


@functools.cache
def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.exists():
            return path
    return None
