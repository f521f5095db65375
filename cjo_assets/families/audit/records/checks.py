"""What the checks of each run found.

One row per run, as-of date, table and check. Rows are only added, when a run has published.
"""

from datetime import date

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, column


class Checks(Contract):
    """Checks and what they found. One row per run, as-of date, table and check."""

    run_id: str = column("Run, as Dagster names it.")
    as_of: date = column("As-of date; null where the table has no date.", nullable=True)
    table_name: str = column("Table the check is about.")
    check_name: str = column("Check.")
    is_blocking: bool = column("Whether nothing would have been stored had it found anything.")
    rows: int = column("Rows it judged; of an audit, those it found [rows].", ge=0)
    found: int = column("Rows that broke a rule [rows].", ge=0)

    class Config:
        """A run asks each check once a day."""

        unique = ["run_id", "as_of", "table_name", "check_name"]


CONFIG = TableConfig(is_appended=True)
