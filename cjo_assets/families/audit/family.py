"""The audit family: records of what the other families read, decide and do."""

from cjo_assets.core.discovery import tables_in
from cjo_assets.core.family import Family
from cjo_assets.core.table import AUDIT, LATEST

STAGES = ("records", "language")


def audit_family(families: tuple[Family, ...]) -> Family:
    """Return the records of families."""
    datasets = tuple(dataset for family in families for dataset in family.datasets)
    tables = tables_in(__package__, AUDIT, STAGES, datasets)
    return Family(name=AUDIT, datasets=(), tables=tables, owner="team:audit", latest_schema=LATEST)
