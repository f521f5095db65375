"""Every value of an optional column that was discarded.

One row per dataset, file, row and set of broken rules. Rows are only added, as to `rejected_records`. The row itself
was accepted, without the value that broke the rule.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, TextList, column, key


class DiscardedValues(Contract):
    """Rows that were accepted without a value, of all files ever read. One row per dataset, file, row and rules."""

    dataset: str = key("Dataset.")
    source_file: str = column("Name of the file.")
    file_sha256: str = key("Hash of the file's bytes; the file itself is archived under it.")
    source_row: int = key("Number of the row in the file, from 1, the header of a CSV not counted.", ge=1)
    record_key: str = column("Key of the record as written; null where the row has none.", nullable=True)
    broken_rules: TextList = key("Every rule that a discarded value broke, sorted; each begins with its column.")
    raw_record: str = column("The row as it was read, as JSON.", personal="record")


CONFIG = TableConfig(is_appended=True)


def discarded_values(discarded_values: ir.Table, **discarded: ir.Table) -> ir.Table:
    """Add what is discarded now and is not on record yet."""
    columns = list(DiscardedValues.to_schema().columns)
    present = ibis.union(*(rows.select(columns) for rows in discarded.values()))
    return present.anti_join(discarded_values, ["dataset", "file_sha256", "source_row", "broken_rules"])
