"""Files of the home that are input: records to which commands append, and files that one family writes for another."""

from __future__ import annotations

from pathlib import Path

from cjo_assets.core.dataset import Dataset
from cjo_assets.core.settings import EXCHANGE
from cjo_assets.ingest.files import archived
from cjo_assets.ingest.raw_tables import Content, SourceFile
from cjo_assets.ingest.records import locked


def exchange_file(dataset: Dataset, home: Path) -> Path | None:
    """Return the file that another family wrote for a dataset; None if there is none."""
    path = home / EXCHANGE / dataset.exchange
    return path if dataset.exchange and path.exists() else None


def exchange_contents(dataset: Dataset, home: Path, archive: Path) -> list[Content]:
    """Return the archived file that another family wrote for a dataset; empty if there is none."""
    path = exchange_file(dataset, home)
    return [Content(SourceFile(path.name, path), *archived(path, archive, dataset.name))] if path else []


def home_contents(dataset: Dataset, home: Path, archive: Path) -> list[Content]:
    """Return the archived files of the home that a dataset has: records, and a file of another family."""
    contents = exchange_contents(dataset, home, archive)
    if dataset.records and (home / dataset.records).exists():
        with locked(home / dataset.records, for_reading=True) as records:
            contents.append(Content(SourceFile(records.name, records), *archived(records, archive, dataset.name)))
    return contents
