"""The families of the platform."""

from __future__ import annotations

import functools
from dataclasses import replace

from cjo_assets.core.family import Family, families_read, register
from cjo_assets.core.table import LATEST, Table
from cjo_assets.families.audit.family import audit_family
from cjo_assets.families.journey.family import FAMILY as JOURNEY
from cjo_assets.families.lifecycle.family import FAMILY as LIFECYCLE
from cjo_assets.families.marketing.family import FAMILY as MARKETING

FAMILIES = (JOURNEY, MARKETING, LIFECYCLE)


@functools.cache
def data_families() -> tuple[Family, ...]:
    """Return every family that reads files, without its views of the newest day."""
    return tuple(
        replace(family, tables=tuple(table for table in family.tables if table.schema != LATEST)) for family in FAMILIES
    )


@functools.cache
def families_about(*names: str) -> tuple[Family, ...]:
    """Return families by name, with the records and the views of the newest day that belong to them."""
    chosen = tuple(family for family in data_families() if family.name in names)
    return (*chosen, audit_family(chosen), _views_of(names))


@functools.cache
def views_across_families(name: str) -> tuple[Table, ...]:
    """Return the views of the newest day that a family declares and that also read tables of others."""
    [declaring] = [family for family in FAMILIES if family.name == name]
    others = {family.name for family in FAMILIES} - {name}
    return tuple(table for table in declaring.tables if table.schema == LATEST and families_read(table, others))


def all_families() -> tuple[Family, ...]:
    """Return every family, with the records and the views of the newest day."""
    return families_about(*(family.name for family in FAMILIES))


def _views_of(names: tuple[str, ...]) -> Family:
    """Return the views of the newest day whose families are all among these."""
    tables = [table for family in FAMILIES if family.name in names for table in family.tables]
    others = {family.name for family in FAMILIES} - set(names)
    return Family(
        name=LATEST,
        datasets=(),
        tables=tuple(table for table in tables if table.schema == LATEST and not families_read(table, others)),
        owner="team:journey",
    )


register(all_families())
