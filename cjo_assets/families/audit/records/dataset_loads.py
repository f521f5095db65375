"""Files of the datasets, and their accepted and rejected rows.

One row per dataset and file it was read from.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, column, key


class DatasetLoads(Contract):
    """The present files and how many of their rows were accepted. One row per dataset and file."""

    dataset: str = key("Dataset.")
    source_file: str = key("Name of its file; null where there is none.", nullable=True)
    file_sha256: str = column("Hash of the file's bytes; null where there is none.", nullable=True)
    rows_read: int = column("Rows of the file.", ge=0)
    rows_accepted: int = column("Of these, published.", ge=0)
    rows_rejected: int = column("Of these, rejected.", ge=0)
    note: str = column("What a person should know about the file; null where all is as expected.", nullable=True)


def dataset_loads(raw_manifest: ir.Table, **quarantined: ir.Table) -> ir.Table:
    """Count read, accepted and rejected rows.

    Args:
        raw_manifest: one row per dataset and file as it was read.
        quarantined: the rejected rows of every dataset.
    """
    rejected = ibis.union(*(rows.select("dataset", "source_file") for rows in quarantined.values()))
    counts = rejected.group_by("dataset", "source_file").agg(rows_rejected=rejected.count())
    rows = raw_manifest.left_join(counts, ["dataset", "source_file"], rname="rejected_{name}")
    rows = rows.mutate(rows_rejected=rows.rows_rejected.fill_null(0))
    return rows.mutate(rows_accepted=rows.rows_read - rows.rows_rejected).drop(
        "rejected_dataset", "rejected_source_file"
    )
