"""Queries for accepted rows of datasets, each with its key, date, file, row and content."""

from __future__ import annotations

from collections.abc import Sequence

from cjo_assets.core.contract import columns_of, key_of
from cjo_assets.core.dataset import Dataset

SEPARATOR = " | "


def accepted_records(dataset: Dataset, family: str, where: str) -> str:
    """Return a query for accepted rows of a dataset of a family that satisfy a condition."""
    names = [spec.name for spec in columns_of(dataset.contract)]
    dated = record_date(dataset)
    packed = ", ".join(f"{name} := {name}" for name in names)
    return (
        f"SELECT '{dataset.name}' AS dataset, {key_text(key_of(dataset.contract))} AS record_key, "
        f"{dated} AS record_date, source_file, source_row, "
        f"to_json(struct_pack({packed}))::VARCHAR AS content FROM {family}.{dataset.lookup} WHERE {where}"
    )


def with_files(queries: Sequence[str]) -> str:
    """Return a query for the rows of several queries of accepted rows, in order, with the hashes of file and content.

    The rows are those of the present files: where a file has changed since, the one that a past day read is archived
    under its hash.
    """
    return f"""SELECT dataset, record_key, record_date, source_file, source_row, file_sha256,
            sha256(content) AS content_hash, content
        FROM ({" UNION ALL ".join(queries)}) AS accepted
        LEFT JOIN audit.dataset_loads AS loads USING (dataset, source_file)
        ORDER BY dataset, record_date, record_key"""


def record_date(dataset: Dataset) -> str:
    """Return the SQL expression for the day of a record."""
    return f"{dataset.record_date}::DATE" if dataset.record_date else "NULL::DATE"


def key_text(names: Sequence[str]) -> str:
    """Return the SQL expression for a key as one text."""
    return f" || '{SEPARATOR}' || ".join(f"{name}::VARCHAR" for name in names)
