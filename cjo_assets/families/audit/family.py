"""The audit family: records of what the other families read, decide and do."""

from cjo_assets.core.discovery import tables_in
from cjo_assets.core.family import Family
from cjo_assets.core.ledger import Ledger
from cjo_assets.core.table import AUDIT, LATEST, Table

RECORDS = "records"
STAGES = (RECORDS, "language")


def audit_family(families: tuple[Family, ...]) -> Family:
    """Return the records of families."""
    datasets = tuple(dataset for family in families for dataset in family.datasets)
    ledgers = tuple(ledger_table(family.ledger) for family in families if family.ledger is not None)
    tables = (*tables_in(__package__, AUDIT, STAGES, datasets), *ledgers)
    return Family(name=AUDIT, datasets=(), tables=tables, owner="team:audit", latest_schema=LATEST)


def ledger_table(ledger: Ledger) -> Table:
    """Return the table of a decision ledger, to which each publish of a run adds."""
    return Table(
        schema=AUDIT,
        name=ledger.name,
        contract=ledger.contract,
        transform=None,
        group=RECORDS,
        is_appended=True,
        is_added_by_publish=True,
    )
