"""What came in.

One row per dataset: the file it was read from and what became of its rows.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.shared.contract import Contract, column


class DatasetLoads(Contract):
    """The present files and what became of their rows. One row per dataset."""

    dataset: str = column("Dataset.")
    source_file: str = column("Name of its file, or of its files; null where there is none.", nullable=True)
    file_sha256: str = column("Hash of the file's bytes, of several over all; null where there is none.", nullable=True)
    rows_read: int = column("Rows read.", ge=0)
    rows_accepted: int = column("Of these, published.", ge=0)
    rows_rejected: int = column("Of these, turned away.", ge=0)
    note: str = column("What a person should know about the file; null where all is as expected.", nullable=True)

    class Config:
        """A dataset stands once."""

        unique = ["dataset"]


def dataset_loads(manifest: ir.Table, **tables: ir.Table) -> ir.Table:
    """Count what became of every row.

    Args:
        manifest: one row per dataset as it was read.
        tables: `accepted_<dataset>` and `rejected_<dataset>` of every dataset.
    """
    counts = ibis.union(
        *(
            rows.agg(rows=rows.count()).mutate(
                fate=ibis.literal(name.partition("_")[0]), dataset=ibis.literal(name.partition("_")[2])
            )
            for name, rows in tables.items()
        )
    )
    per_dataset = counts.group_by("dataset").agg(
        rows_accepted=counts.rows.sum(where=counts.fate == "accepted"),
        rows_rejected=counts.rows.sum(where=counts.fate == "rejected"),
    )
    return manifest.join(per_dataset, "dataset")
