"""Groups and kinds of assets: where a table is in its family, and what it is."""

from __future__ import annotations

from cjo_assets.core.family import Family
from cjo_assets.core.table import QUARANTINE, RAW, Table

KPI_TABLES = ("kpis", "kpi_status")


def group_of(family: Family, stage: str) -> str:
    """Return the asset group of a stage; groups are numbered in pipeline order, so that lists of them are, too.

    A stage that the family names in no group is a group of its own, after those named.

    Args:
        family: the family; one without files is a group of its own.
        stage: the stage, or RAW or QUARANTINE.
    """
    if not family.datasets:
        return family.name
    declared = ((RAW,), (QUARANTINE,), *family.groups)
    named = {stage for stages in declared for stage in stages}
    others = dict.fromkeys(table.group for table in family.tables if table.group not in named)
    groups = (*declared, *((other,) for other in others))
    number, stages = next((number, stages) for number, stages in enumerate(groups, start=1) if stage in stages)
    return f"{family.name}_{number}_{'_'.join(stages)}"


def group_of_table(family: Family, table: Table) -> str:
    """Return the asset group of a table."""
    return group_of(family, QUARANTINE if table.schema == QUARANTINE else table.group)


def kind_of(family: Family, table: Table) -> str:
    """Return what a table is: quarantine, lookup, view, kpi, record, decision, or else table."""
    if table.schema == QUARANTINE:
        return QUARANTINE
    if table.name in {dataset.lookup for dataset in family.datasets}:
        return "lookup"
    if table.is_view:
        return "view"
    if table.name in KPI_TABLES:
        return "kpi"
    if not family.datasets:
        return "record"
    return "decision" if table.is_decision else "table"
