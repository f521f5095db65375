"""Check results of each run.

One row per run, as-of date, table and check. Rows are only added, when a run has published.
"""

from datetime import date

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column, key


class Checks(Contract):
    """Checks and what they found. One row per run, as-of date, table and check."""

    run_id: str = key("Run, as Dagster names it.")
    as_of: date = key("As-of date; null where the table has no date.", nullable=True)
    table_name: str = key("Table the check is about.")
    check_name: str = key("Check.")
    is_blocking: bool = column("Whether nothing would have been stored had it found anything.")
    rows: int = column("Rows it tested; of an audit, those it found [rows].", ge=0)
    found: int = column("Rows that broke a rule [rows].", ge=0)


CONFIG = TableConfig(is_appended=True)
