"""Asset keys of tables, texts and reports, and the families of a run."""

from __future__ import annotations

import dagster as dg

from cjo_assets.catalog import all_families, data_families, families_about, views_across_families
from cjo_assets.core.family import Family
from cjo_assets.core.table import LATEST, RAW
from cjo_assets.language.memory import CALLS

FAMILY_TAG = "cjo/family"
# Its value is the command that started the run and reports its failure on the terminal.
COMMAND_TAG = "cjo/command"
PUBLISHED = dg.AssetKey("published")
# Group of the tables without a transform, which runs and commands write.
RECORDS = "records"


def key_of_table(schema: str, name: str) -> dg.AssetKey:
    """Return the asset key of a table: its schema and its name."""
    return dg.AssetKey([schema, name])


def last_tables(families: tuple[Family, ...]) -> list[dg.AssetKey]:
    """Return the computed tables of families that no other of them reads; every other is upstream of one of these."""
    tables = [table for family in families for table in family.tables if table.transform is not None]
    read = {name for table in tables for name in table.upstream()}
    return [key_of_table(table.schema, table.name) for table in tables if (table.schema, table.name) not in read]


def last_stored(family: str) -> list[dg.AssetKey]:
    """Return the last tables of a family and its records, apart from the views of the newest day."""
    return last_tables(tuple(found for found in families_about(family) if found.name != LATEST))


def reports_of(family: Family) -> list[dg.AssetKey]:
    """Return the asset key of the report of a family, if it has one."""
    return [dg.AssetKey(["reports", f"{family.name}_report"])] if family.report else []


def texts_of(family: Family) -> list[dg.AssetKey]:
    """Return the asset keys of the texts of a family and of the language model calls for them, if it has any."""
    return [key_of_table(*CALLS), key_of_table(family.name, family.texts.table)] if family.texts else []


def keys_of_day(family: str) -> list[dg.AssetKey]:
    """Return the assets of a day of a family."""
    families = families_about(family)
    raw = [key_of_table(RAW, dataset.name) for found in families for dataset in found.datasets]
    tables = [
        key_of_table(table.schema, table.name)
        for found in families
        for table in found.tables
        if table.transform is not None
    ]
    # A publish writes all records, the ledgers of other families too.
    records = [
        key_of_table(table.schema, table.name)
        for found in all_families()
        for table in found.tables
        if table.transform is None and table.group == RECORDS
    ]
    views = [key_of_table(view.schema, view.name) for view in views_across_families(family)]
    own = next(found for found in families if found.name == family)
    return [*raw, *tables, *records, *views, *texts_of(own), *reports_of(own), PUBLISHED]


def families_of_run(run: dg.DagsterRun) -> tuple[str, ...]:
    """Return the families that a run computes: that of its job, else those of its selected assets, else all."""
    names = tuple(family.name for family in data_families())
    if FAMILY_TAG in run.tags:
        return (run.tags[FAMILY_TAG],)
    asked = run.asset_selection or set()
    return tuple(name for name in names if asked & set(keys_of_day(name)) - _shared_keys()) or names


def _shared_keys() -> set[dg.AssetKey]:
    keys = [set(keys_of_day(family.name)) for family in data_families()]
    return set.intersection(*keys) if len(keys) > 1 else set()
