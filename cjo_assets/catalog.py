"""The families of tables, found in `defs/` when they are needed.

Belongs here: which families there are, and what comes with each. Does not belong here: their tables; `defs/` declares
them.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from cjo_assets.core.table import Family


@functools.cache
def data_families() -> tuple[Family, ...]:
    """Return every family that reads files, by name."""
    import cjo_assets.defs as declarations

    modules = (
        importlib.import_module(f"{declarations.__name__}.{found.name}")
        for found in pkgutil.iter_modules(declarations.__path__)
    )
    families = [family for module in modules if isinstance(family := getattr(module, "FAMILY", None), Family)]
    return tuple(sorted((family for family in families if family.datasets), key=lambda family: family.name))


@functools.cache
def families_about(*names: str) -> tuple[Family, ...]:
    """Return families by name, with the records and the views that there are of them."""
    from cjo_assets.defs.audit import audit_family
    from cjo_assets.defs.latest import latest_family

    chosen = tuple(family for family in data_families() if family.name in names)
    return (*chosen, audit_family(chosen), latest_family(chosen))


def all_families() -> tuple[Family, ...]:
    """Return every family, with the records and the views that there are of them."""
    return families_about(*(family.name for family in data_families()))
