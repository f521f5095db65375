"""All rejected rows of all files.

One row per dataset, file, row and set of broken rules. Rows are only added: the same file under the same rules adds
nothing, and a row that is accepted one day keeps the record of the day it was not.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, TextList, column, key


class RejectedRecords(Contract):
    """Rejected rows of all files ever read. One row per dataset, file, row and set of broken rules."""

    dataset: str = key("Dataset.")
    source_file: str = column("Name of the file.")
    file_sha256: str = key("Hash of the file's bytes; the file itself is archived under it.")
    source_row: int = key("Number of the row in the file, from 1, the header of a CSV not counted.", ge=1)
    record_key: str = column("Key of the record as written; null where the row has none.", nullable=True)
    broken_rules: TextList = key("Every rule the row broke, sorted.")
    raw_record: str = column("The row as it was read, as JSON.", personal="record")


CONFIG = TableConfig(is_appended=True)


def rejected_records(rejected_records: ir.Table, **quarantined: ir.Table) -> ir.Table:
    """Add the rows that are rejected now and are not on record yet."""
    columns = list(RejectedRecords.to_schema().columns)
    present = ibis.union(*(rows.select(columns) for rows in quarantined.values()))
    return present.anti_join(rejected_records, ["dataset", "file_sha256", "source_row", "broken_rules"])
